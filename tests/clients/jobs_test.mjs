// SPDX-License-Identifier: Apache-2.0
// A job of the real server followed through the client that Node programs use.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { EventSource } from "eventsource";
import { start } from "./harness.mjs";

const key = "an-admin-key-for-the-tests";
const folder = mkdtempSync(join(tmpdir(), "perdure-jobs-"));

after(() => rmSync(folder, { recursive: true }));

test("a job is followed to its end, and the client is told not to come again", async (t) => {
  const { port } = await start(t, process.env.TEST_PROGRAM,
    ["serve", "--data-dir", folder, "--listen", "127.0.0.1:0"], { PERDURE_ADMIN_KEY: key });
  const url = `http://127.0.0.1:${port}`;
  const headers = { "Authorization": `Bearer ${key}`, "Content-Type": "application/json" };
  const made = await fetch(`${url}/jobs`, {
    method: "POST", headers, body: JSON.stringify({ type: "sleep", payload: { ms: 700 } }),
  });
  assert.equal(made.status, 201);
  const { id } = await made.json();
  const statuses = [];
  const source = new EventSource(`${url}/jobs/${id}/events`, {
    fetch: async (input, init) => {
      const response = await fetch(input, {
        ...init, headers: { ...init.headers, "Authorization": headers.Authorization },
      });
      statuses.push(response.status);
      return response;
    },
  });
  t.after(() => source.close());
  const seen = [];
  const ended = new Promise((resolve) => {
    source.addEventListener("job.succeeded", (event) => resolve(JSON.parse(event.data)));
  });
  source.addEventListener("job", (event) => seen.push(JSON.parse(event.data).id));
  source.addEventListener("job.progress", () => seen.push("progress"));
  const last = await ended;
  assert.equal(last.data.status, "succeeded");
  assert.equal(seen[0], id);
  assert.ok(seen.includes("progress"));
  // The server ended the stream; the client comes again with the last id, and gets 204.
  while (source.readyState !== EventSource.CLOSED) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  assert.deepEqual(statuses, [200, 204]);
});
