// SPDX-License-Identifier: Apache-2.0
// Webhooks as a receiver sees them that uses the library of the standard's authors.
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { Webhook } from "standardwebhooks";
import { start } from "./harness.mjs";

const key = "pdk_clients-0123456789abcdefghijklmnopqrstuvwxyz";

/** Listens, and gives the next request as { headers, body }. */
async function receiver(t) {
  const waiting = [];
  const server = createServer(async (request, response) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    response.writeHead(204).end();
    waiting.shift()?.({ headers: request.headers, body: Buffer.concat(chunks).toString() });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  const url = `http://127.0.0.1:${server.address().port}/`;
  return { url, next: () => new Promise((resolve) => waiting.push(resolve)) };
}

test("a receiver verifies what was sent, also while the secret is rotated", async (t) => {
  const directory = await mkdtemp(join(tmpdir(), "perdure-clients-"));
  const { port } = await start(t, process.env.TEST_PROGRAM,
    ["serve", "--data-dir", directory, "--listen", "127.0.0.1:0",
      "--http-client-allow-networks", "127.0.0.0/8"], { PERDURE_ADMIN_KEY: key });
  t.after(() => rm(directory, { recursive: true, force: true }));
  const post = async (path, body) => {
    const reply = await fetch(`http://127.0.0.1:${port}/api/v1${path}`, {
      method: "POST",
      headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
      body: body && JSON.stringify(body),
    });
    assert.ok(reply.ok, `${path}: ${reply.status}`);
    return reply.json();
  };
  const { url, next } = await receiver(t);
  const webhook = await post("/webhooks", { url, topics: ["notebook.*"] });

  let coming = next();
  const notebook = await post("/notebooks", { title: "n" });
  const first = await coming;
  const event = new Webhook(webhook.secret).verify(first.body, first.headers);
  assert.equal(event.type, "notebook.created");
  assert.equal(event.data.id, notebook.id);

  const rotated = await post(`/webhooks/${webhook.id}/rotate-secret`);
  coming = next();
  await post("/notebooks", { title: "n" });
  const second = await coming;
  for (const secret of [webhook.secret, rotated.secret]) {
    new Webhook(secret).verify(second.body, second.headers);
  }
  const changed = second.body.replace("notebook", "notebooks");
  assert.throws(() => new Webhook(rotated.secret).verify(changed, second.headers));
});
