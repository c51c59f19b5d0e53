// SPDX-License-Identifier: Apache-2.0
// Server-Sent Events through the client that Node programs use.
import assert from "node:assert/strict";
import { test } from "node:test";
import { EventSource } from "eventsource";
import { startTestServer } from "./harness.mjs";

test("a client that comes again goes on after the last event it has seen", async (t) => {
  const { port } = await startTestServer(t);
  const source = new EventSource(`http://127.0.0.1:${port}/stream/events`);
  t.after(() => source.close());
  const seen = [];
  let opened = 0;
  source.addEventListener("open", () => { ++opened; });
  source.addEventListener("forged", () => assert.fail("data became a field"));
  await new Promise((resolve) => {
    source.addEventListener("tick", (event) => {
      seen.push([event.lastEventId, event.data]);
      if (seen.length === 8) resolve();
    });
  });
  const wanted = [1, 2, 3, 4, 5, 6, 7, 8].map((id) =>
    [String(id), `first ${id}\n\nevent: forged`]);
  assert.deepEqual(seen.slice(0, 8), wanted);
  assert.equal(opened, 3);
});
