// SPDX-License-Identifier: Apache-2.0
// Tickets, and the event log through WebSockets, on the real server.
import assert from "node:assert/strict";
import { test } from "node:test";
import { EventSource } from "eventsource";
import { Server, adminKey, soon } from "./live.mjs";

const notebooks = "/events?topics=notebook.*";
const ids = (frames) => frames.map((frame) => frame.data.id);

async function take(socket, count) {
  const frames = [];
  while (frames.length < count) frames.push(await socket.next((frame) => frame.specversion));
  return frames;
}

test("a ticket opens one connection, and no other path", async (t) => {
  const server = await Server.start(t);
  const { ticket, expires_in } = await server.make("/auth/tickets");
  assert.equal(expires_in, 30);
  assert.match(ticket, /^pdt_[\w-]{43}$/);
  const other = await server.make("/auth/tickets");
  assert.notEqual(other.ticket, ticket);
  const plain = await fetch(`http://127.0.0.1:${server.port}/notebooks?ticket=${ticket}`);
  assert.equal(plain.status, 401);
  const socket = await server.socket(t, `${notebooks}&ticket=${ticket}`, { key: "" });
  const { id } = await server.make("/notebooks", { title: "n" });
  assert.deepEqual(ids(await take(socket, 1)), [id]);
  assert.equal(await server.refusal(`${notebooks}&ticket=${ticket}`), 401);
  assert.equal(await server.refusal(`${notebooks}&ticket=pdt_wrong`), 401);
  assert.equal(await server.refusal(notebooks), 401);
});

test("a ticket opens an event stream as a browser does", async (t) => {
  const server = await Server.start(t);
  const { ticket } = await server.make("/auth/tickets");
  const source = new EventSource(
    `http://127.0.0.1:${server.port}/events?topics=notebook.*&ticket=${ticket}`);
  t.after(() => source.close());
  const heard = new Promise((resolve) =>
    source.addEventListener("notebook.created", (event) => resolve(JSON.parse(event.data))));
  await soon(new Promise((resolve) => source.addEventListener("open", resolve)), "the stream");
  const { id } = await server.make("/notebooks", { title: "n" });
  assert.equal((await soon(heard, "the event")).data.id, id);
});

test("a ticket has the scopes of its key, and ends with it", async (t) => {
  const server = await Server.start(t);
  const { key, keyId } = await server.key({ scopes: ["notebooks:write"] });
  const first = await server.make("/auth/tickets", undefined, key);
  assert.equal(await server.refusal(`${notebooks}&ticket=${first.ticket}`), 403);
  const second = await server.make("/auth/tickets", undefined, key);
  assert.equal((await server.api("DELETE", `/api-keys/${keyId}`)).status, 204);
  assert.equal(await server.refusal(`${notebooks}&ticket=${second.ticket}`), 401);
});

test("a key has a bounded number of tickets", async (t) => {
  const server = await Server.start(t);
  const { key } = await server.key();
  const statuses = new Map();
  for (let i = 0; i < 1_010; ++i) {
    const { status } = await server.api("POST", "/auth/tickets", undefined, key);
    statuses.set(status, (statuses.get(status) ?? 0) + 1);
  }
  assert.deepEqual([...statuses], [[200, 1_000], [429, 10]]);
  await server.make("/auth/tickets");
});

test("events come in order through a socket and resume by their cursor", async (t) => {
  const server = await Server.start(t);
  const first = await server.socket(t, notebooks);
  const place = await first.next();
  assert.equal(place.type, "perdure.events.place");
  const made = [];
  for (let i = 0; i < 250; ++i) made.push((await server.make("/notebooks", { title: "n" })).id);
  const seen = await take(first, 100);
  first.ws.terminate();
  assert.equal(seen[0].type, "notebook.created");
  const second = await server.socket(t, `${notebooks}&after=${seen[99].cursor}`);
  seen.push(...await take(second, 150));
  assert.deepEqual(ids(seen), made);
  const third = await server.socket(t, `${notebooks}&after=${place.cursor}`);
  assert.deepEqual(ids(await take(third, 250)), made);
});

test("a client of events that reads slowly gets all and holds up nobody", async (t) => {
  const server = await Server.start(t);
  const conversation = (await server.make("/conversations", {})).id;
  const slow = await server.socket(t, "/events?topics=message.created");
  const quick = await server.socket(t, "/events?topics=message.created");
  slow.ws.pause();
  const socket = await server.chat(t, conversation);
  const count = 6_000;
  for (let sent = 0; sent < count; sent += 200) {
    for (let i = 0; i < 200; ++i) socket.send({ type: "message", content: "x" });
    await socket.has(sent + 200, "ack");
  }
  const wanted = Array.from({ length: count }, (_, i) => i + 1);
  const seqs = (frames) => frames.map((frame) => frame.data.seq);
  assert.deepEqual(seqs(await take(quick, count)), wanted);
  slow.ws.resume();
  assert.deepEqual(seqs(await take(slow, count)), wanted);
});

test("events that are gone are told of, and a bad cursor is refused", async (t) => {
  const server = await Server.start(t);
  const socket = await server.socket(t, "/events?after=another_history-7");
  const lost = await socket.next((frame) => frame.type === "perdure.events.lost");
  assert.deepEqual([lost.after, typeof lost.cursor], ["another_history-7", "string"]);
  const headers = { Authorization: `Bearer ${adminKey}` };
  assert.equal(await server.refusal("/events?after=nonsense", { headers }), 422);
});

test("a socket of events is closed with 4401 when its key is revoked", async (t) => {
  const server = await Server.start(t);
  const { key, keyId } = await server.key();
  const socket = await server.socket(t, notebooks, { key });
  assert.equal((await server.api("DELETE", `/api-keys/${keyId}`)).status, 204);
  assert.equal((await soon(socket.closed, "the close"))[0], 4401);
});

test("pages of other origins open no socket unless they are listed", async (t) => {
  const server = await Server.start(t, "--cors-origins", "https://app.example");
  const authorization = { Authorization: `Bearer ${adminKey}` };
  for (const origin of ["https://evil.example", "null", `http://127.0.0.1:${server.port + 1}`]) {
    assert.equal(await server.refusal("/events", { origin, headers: authorization }), 403);
  }
  await server.socket(t, "/events", { origin: "https://app.example" });
  await server.socket(t, "/events", { origin: `http://127.0.0.1:${server.port}` });
});
