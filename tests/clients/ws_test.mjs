// SPDX-License-Identifier: Apache-2.0
// WebSockets of an application through the client that Node programs use.
import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import WebSocket from "ws";
import { startTestServer } from "./harness.mjs";

async function open(t, port, options = {}) {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/sockets`, options);
  t.after(() => socket.terminate());
  await once(socket, "open");
  return socket;
}

const post = (port, path, body) =>
  fetch(`http://127.0.0.1:${port}/sockets/${path}`, { method: "POST", body });

async function waitFor(port, wanted) {
  for (const deadline = Date.now() + 10_000; ;) {
    const text = await (await fetch(`http://127.0.0.1:${port}/sockets/report`)).text();
    if (wanted.test(text)) return text;
    assert.ok(Date.now() < deadline, text);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** The first `count` messages. */
function collect(socket, count) {
  const texts = [];
  return new Promise((resolve) => socket.on("message", (data) => {
    texts.push(data.toString());
    if (texts.length === count) resolve(texts);
  }));
}

test("one text sent from another thread reaches every socket, in order", async (t) => {
  const { port } = await startTestServer(t);
  const sockets = await Promise.all(Array.from({ length: 50 }, () => open(t, port)));
  await waitFor(port, /^open 50\n/);
  const heard = sockets.map((socket) => collect(socket, 21));
  await post(port, "publish?20", "grüße");
  const long = "x".repeat(100_000);
  await post(port, "publish?1", long);
  for (const texts of await Promise.all(heard)) {
    // Two publishers are two threads: the order between them is theirs.
    assert.equal(texts.filter((text) => text === "grüße").length, 20);
    assert.equal(texts.filter((text) => text === long).length, 1);
  }
});

test("messages that leave together arrive whole and in order, pongs between them", async (t) => {
  const { port } = await startTestServer(t, { socketQueueBytes: 1 << 26 });
  const socket = await open(t, port);
  await waitFor(port, /^open 1\n/);
  const sizes = [0, 1, 125, 126, 300, 32_768, 32_769, 65_535, 65_536, 200_000];
  const texts = sizes.map((size, at) => String(at).repeat(size));
  const heard = collect(socket, 50 * texts.length);
  let pongs = 0;
  socket.on("pong", (data) => {
    assert.equal(data.toString(), `ping ${pongs}`);
    ++pongs;
  });
  socket.pause();
  const posted = Promise.all(texts.map((text) => post(port, "publish?50", text)));
  for (let i = 0; i < 50; ++i) socket.ping(`ping ${i}`);
  await posted;
  socket.resume();
  const counts = new Map();
  for (const text of await heard) counts.set(text, (counts.get(text) ?? 0) + 1);
  for (const text of texts) assert.equal(counts.get(text), 50, `of ${text.length} bytes`);
  while (pongs < 50) await once(socket, "pong");
});

test("compression is not offered unless it is asked for", async (t) => {
  const { port } = await startTestServer(t);
  assert.equal((await open(t, port)).extensions, "");
});

test("a socket that is closed by the application hears its code and reason", async (t) => {
  const { port } = await startTestServer(t);
  const socket = await open(t, port);
  await waitFor(port, /^open 1\n/);
  const closed = once(socket, "close");
  await post(port, "close?4001");
  const [code, reason] = await closed;
  assert.deepEqual([code, reason.toString()], [4001, "as asked"]);
  await waitFor(port, /^open 0\n4001\n$/);
});

test("a slow reader is refused more, and hears all that was taken", async (t) => {
  const { port } = await startTestServer(t, { socketQueueBytes: 65536 });
  const socket = await open(t, port);
  await waitFor(port, /^open 1\n/);
  socket.pause();
  let count = 0;
  socket.on("message", () => { ++count; });
  await post(port, "publish?20000", "y".repeat(1000));
  socket.resume();
  for (let before = -1; count === 0 || count !== before;) {
    before = count;
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
  assert.ok(count > 60 && count < 20_000, String(count));
  assert.match(await waitFor(port, /./), /^open 1\n$/);
});

test("a slow reader is closed with 1013 where the application wants that", async (t) => {
  const { port } = await startTestServer(t,
    { socketQueueBytes: 65536, socketOverflow: "close" });
  const [slow, quick] = [await open(t, port), await open(t, port)];
  await waitFor(port, /^open 2\n/);
  const closed = once(slow, "close");
  slow.pause();
  // In steps that the quick one keeps up with.
  for (let step = 0; step < 400; ++step) {
    const heard = collect(quick, 20);
    await post(port, "publish?20", "y".repeat(1000));
    await heard;
    quick.removeAllListeners("message");
  }
  slow.resume();
  assert.equal((await closed)[0], 1013);
  await waitFor(port, /^open 1\n1013\n$/);
});

test("a silent client is pinged and stays, one that answers nothing is dropped", async (t) => {
  const { port } = await startTestServer(t, { socketIdleMs: 600 });
  const alive = await open(t, port);
  const dead = await open(t, port, { autoPong: false });
  let pings = 0;
  alive.on("ping", () => { ++pings; });
  const [code] = await once(dead, "close");
  assert.equal(code, 1006);
  assert.equal(await waitFor(port, /1006/), "open 1\n1006\n");
  while (pings < 3) await once(alive, "ping");
  assert.equal(alive.readyState, WebSocket.OPEN);
});

test("a message past the bound closes with 1009", async (t) => {
  const { port } = await startTestServer(t, { socketMessageBytes: 1000 });
  const socket = await open(t, port);
  const closed = once(socket, "close");
  socket.send("x".repeat(1000));
  socket.send("x".repeat(1001));
  assert.equal((await closed)[0], 1009);
  await waitFor(port, /^open 0\n1009\n$/);
});

test("everybody hears 1001 when the server stops", async (t) => {
  const { port, child } = await startTestServer(t);
  const sockets = await Promise.all(Array.from({ length: 20 }, () => open(t, port)));
  const closed = sockets.map((socket) => once(socket, "close"));
  child.kill("SIGTERM");
  for (const [code] of await Promise.all(closed)) assert.equal(code, 1001);
});
