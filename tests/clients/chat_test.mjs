// SPDX-License-Identifier: Apache-2.0
// Live conversations on the real server: order, once, resuming, acks, presence, closing.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Server, adminKey, pause, soon, until } from "./live.mjs";

const authorization = { Authorization: `Bearer ${adminKey}` };
const seqsUpTo = (count, from = 1) => Array.from({ length: count }, (_, i) => from + i);
const seqs = (socket) => socket.messages().map((message) => message.seq);

async function conversationOf(server, key) {
  return (await server.make("/conversations", { title: "c" }, key)).id;
}

/** What REST gives, in the form of frames. */
async function stored(server, conversation) {
  const all = [];
  for (let cursor = ""; cursor !== null;) {
    const { json } = await server.api("GET",
      `/conversations/${conversation}/messages?limit=500${cursor && `&cursor=${cursor}`}`);
    all.push(...json.items);
    cursor = json.next_cursor;
  }
  return all;
}

test("all members hear all messages in order and once, whoever sends them", async (t) => {
  const server = await Server.start(t);
  const conversation = await conversationOf(server);
  const members = [await server.chat(t, conversation), await server.chat(t, conversation)];
  const senders = [];
  for (let i = 0; i < 3; ++i) senders.push(await server.chat(t, conversation));
  const each = 100;
  const posts = async () => {
    for (let i = 0; i < each; ++i) {
      await server.make(`/conversations/${conversation}/messages`, { content: `rest ${i}` });
    }
  };
  const says = async (socket, name) => {
    for (let i = 0; i < each; ++i) {
      socket.send({ type: "message", content: `${name} ${i}`, client_id: `${name}-${i}` });
      if (i % 10 === 9) await socket.has(i + 1, "ack");
    }
    await socket.has(each, "ack");
  };
  await Promise.all([posts(), ...senders.map((socket, i) => says(socket, `s${i}`))]);
  const all = await stored(server, conversation);
  assert.equal(all.length, 4 * each);
  for (const socket of [...members, ...senders]) {
    await socket.has(all.length);
    assert.deepEqual(seqs(socket), seqsUpTo(all.length));
    socket.messages().forEach((message, i) => {
      for (const name of ["id", "seq", "role", "content", "created_at", "client_id"]) {
        assert.equal(message[name], all[i][name], name);
      }
    });
  }
  for (const [i, socket] of senders.entries()) {
    const own = socket.messages().filter((message) => message.content.startsWith(`s${i} `));
    assert.deepEqual(own.map((message) => message.content),
      seqsUpTo(each, 0).map((n) => `s${i} ${n}`));
    const places = new Map(socket.of("ack").map((ack) => [ack.client_id, ack.seq]));
    for (const message of own) assert.equal(places.get(message.client_id), message.seq);
  }
});

test("a member goes on where it was after the server was killed", async (t) => {
  const server = await Server.start(t);
  const conversation = await conversationOf(server);
  const first = await server.chat(t, conversation, { query: "?after=0" });
  for (let i = 0; i < 10; ++i) await first.say(`before ${i}`);
  await first.has(10);
  await server.kill();
  assert.equal((await first.closed)[0], 1006);
  await server.run();
  const sender = await server.chat(t, conversation);
  for (let i = 0; i < 250; ++i) await sender.say(`after ${i}`);
  const second = await server.chat(t, conversation, { query: "?after=10" });
  assert.equal(second.welcome.after, 10);
  await sender.say("last");
  await second.has(251);
  assert.deepEqual(seqs(second), seqsUpTo(251, 11));
  const third = await server.chat(t, conversation);
  await sender.say("one more");
  await third.has(1);
  assert.deepEqual(seqs(third), [262]);
});

test("members that resume while others write miss nothing and hear nothing twice", async (t) => {
  const server = await Server.start(t);
  const conversation = await conversationOf(server);
  const sender = await server.chat(t, conversation);
  const count = 3_000;
  const writing = (async () => {
    for (let i = 0; i < count; ++i) {
      sender.send({ type: "message", content: `m ${i}` });
      if (i % 100 === 99) await sender.has(i + 1, "ack");
    }
  })();
  const members = [];
  for (let i = 0; i < 40; ++i) {
    const after = Math.max(0, sender.messages().length - (i % 4) * 100);
    members.push([after, await server.chat(t, conversation, { query: `?after=${after}` })]);
    await pause(10);
  }
  await writing;
  for (const [after, member] of members) {
    await member.has(count - after);
    assert.deepEqual(seqs(member), seqsUpTo(count - after, after + 1));
  }
});

test("what was acknowledged is there after a kill", async (t) => {
  const server = await Server.start(t);
  const conversation = await conversationOf(server);
  const acked = [];
  for (let round = 0; round < 5; ++round) {
    const socket = await server.chat(t, conversation);
    for (let i = 0; i < 20; ++i) {
      socket.send({ type: "message", content: "x", client_id: `${round}-${i}` });
    }
    acked.push(await socket.next((frame) => frame.type === "ack"));
    await server.kill();
    await socket.closed;
    acked.push(...socket.of("ack").slice(1));
    await server.run();
  }
  const all = new Map((await stored(server, conversation)).map((m) => [m.client_id, m]));
  assert.ok(acked.length >= 5);
  for (const ack of acked) {
    assert.deepEqual([all.get(ack.client_id).id, all.get(ack.client_id).seq], [ack.id, ack.seq]);
  }
});

test("a client_id that is sent again acks the first message", async (t) => {
  const server = await Server.start(t);
  const conversation = await conversationOf(server);
  const one = await server.chat(t, conversation);
  const first = await one.say("once", "mine");
  const other = await server.chat(t, conversation);
  assert.deepEqual(await other.say("once", "mine"), first);
  const next = await other.say("end", "end");
  assert.equal(next.seq, first.seq + 1);
  await one.has(2);
  assert.deepEqual(one.messages().map((message) => message.content), ["once", "end"]);
});

test("typing and presence reach the others, and are not stored", async (t) => {
  const server = await Server.start(t);
  const conversation = await conversationOf(server);
  const one = await server.chat(t, conversation);
  assert.equal(one.welcome.members.length, 1);
  assert.equal(one.welcome.connection_id, one.welcome.members[0].connection_id);
  const two = await server.chat(t, conversation);
  assert.deepEqual([two.welcome.members.length, two.welcome.online], [2, 2]);
  const came = await one.next((frame) => frame.event === "change");
  assert.deepEqual(came.joined.map((who) => who.connection_id), [two.welcome.connection_id]);
  one.send({ type: "typing" });
  const typing = await two.next((frame) => frame.type === "typing");
  assert.deepEqual([typing.connection_id, typing.typing], [one.welcome.connection_id, true]);
  one.send({ type: "presence", status: "away" });
  const away = await two.next((frame) => frame.event === "change");
  assert.deepEqual([away.updated[0].status, away.updated[0].connection_id],
    ["away", one.welcome.connection_id]);
  two.ws.close();
  const left = await one.next((frame) => frame.event === "change" && frame.left.length > 0);
  assert.deepEqual([left.left[0].connection_id, left.online], [two.welcome.connection_id, 1]);
  assert.equal(one.of("typing").length, 0);
  assert.deepEqual(await stored(server, conversation), []);
});

test("typing is bounded, messages are not held up by it", async (t) => {
  const server = await Server.start(t);
  const conversation = await conversationOf(server);
  const one = await server.chat(t, conversation);
  const two = await server.chat(t, conversation);
  for (let i = 0; i < 1_000; ++i) one.send({ type: "typing", typing: i % 2 === 0 });
  await one.say("done");
  await two.has(1);
  const heard = two.of("typing").length;
  assert.ok(heard >= 10 && heard < 50, `${heard}`);
});

test("a conversation hibernates with its sockets open, and pings do not wake it", async (t) => {
  const server = await Server.start(t);
  const conversation = await conversationOf(server);
  const path = `/durable-objects/conversation/${conversation}`;
  const status = async () => (await server.api("GET", path)).json.status;
  const socket = await server.chat(t, conversation);
  await socket.say("first");
  assert.equal(await status(), "active");
  await until(async () => (await server.api("POST", `${path}/hibernate`)).status < 300, "sleep");
  socket.ws.ping();
  socket.send({ type: "ping" });
  await socket.has(1, "pong");
  socket.send({ type: "typing" });
  const other = await server.chat(t, conversation, { query: "?after=0" });
  await other.has(1);
  await pause(1_500); // the gateway has looked at it meanwhile
  assert.equal(await status(), "hibernated");
  await other.say("second");
  await socket.has(2);
  assert.deepEqual(seqs(socket), [1, 2]);
  assert.equal(await status(), "active");
});

test("a conversation that is deleted closes its sockets with 4404", async (t) => {
  const server = await Server.start(t);
  const conversation = await conversationOf(server);
  const sockets = [await server.chat(t, conversation), await server.chat(t, conversation)];
  const other = await server.chat(t, await conversationOf(server));
  // One that does not read its close stays a member for a while: nobody else may notice.
  (await server.chat(t, conversation)).ws.pause();
  assert.equal((await server.api("DELETE", `/conversations/${conversation}`)).status, 204);
  for (const socket of sockets) assert.equal((await soon(socket.closed, "the close"))[0], 4404);
  assert.equal(await server.refusal(`/chat/${conversation}`, { headers: authorization }), 404);
  await other.say("still here");
});

test("a conversation whose past was put back closes its sockets with 4409", async (t) => {
  const server = await Server.start(t);
  const conversation = await conversationOf(server);
  const socket = await server.chat(t, conversation);
  for (let i = 0; i < 5; ++i) await socket.say(`${i}`);
  const { status } = await server.api("POST",
    `/durable-objects/conversation/${conversation}/snapshots/3/restore`);
  assert.ok(status < 300, `${status}`);
  await server.make(`/conversations/${conversation}/messages`, { content: "another third" });
  assert.equal((await soon(socket.closed, "the close"))[0], 4409);
  const late = await server.socket(t, `/chat/${conversation}?after=5`);
  assert.equal((await soon(late.closed, "the close"))[0], 4409);
  const again = await server.chat(t, conversation, { query: "?after=0" });
  await again.has(3);
  assert.deepEqual(again.messages().map((message) => message.content), ["0", "1", "another third"]);
});

test("only who may read a conversation gets in", async (t) => {
  const server = await Server.start(t);
  const conversation = await conversationOf(server);
  const { key } = await server.key({ scopes: ["notebooks:write"] });
  const path = `/chat/${conversation}`;
  assert.equal(await server.refusal(path), 401);
  assert.equal(await server.refusal(path, { headers: { "X-API-Key": key } }), 403);
  for (const nobody of ["nobody", "018f0000-0000-7000-8000-000000000000"]) {
    assert.equal(await server.refusal(`/chat/${nobody}`, { headers: authorization }), 404);
  }
  for (const query of ["after=-1", "after=x", "after=1&after=2", "what=1"]) {
    assert.equal(await server.refusal(`${path}?${query}`, { headers: authorization }), 422, query);
  }
  assert.equal((await server.api("GET", path)).status, 426);
  assert.equal(await server.refusal(path, { headers: authorization, origin: "http://evil" }), 403);
  const { ticket } = await server.make("/auth/tickets");
  const socket = await server.chat(t, conversation, { key: "", query: `?ticket=${ticket}` });
  await socket.say("by ticket");
});

test("a key that may only read hears but does not speak", async (t) => {
  const server = await Server.start(t);
  const conversation = await conversationOf(server);
  const { key } = await server.key({ scopes: ["conversations:read"] });
  const socket = await server.chat(t, conversation, { key });
  socket.send({ type: "message", content: "no", client_id: "c" });
  const error = await socket.next((frame) => frame.type === "error");
  assert.deepEqual([error.code, error.client_id], ["forbidden", "c"]);
  await server.make(`/conversations/${conversation}/messages`, { content: "yes" });
  await socket.has(1);
});

test("sockets are closed with 4401 when their key is revoked, others stay", async (t) => {
  const server = await Server.start(t);
  const conversation = await conversationOf(server);
  const { key, keyId } = await server.key();
  const revoked = await server.chat(t, conversation, { key });
  const stays = await server.chat(t, conversation);
  await revoked.say("hello");
  assert.equal((await server.api("DELETE", `/api-keys/${keyId}`)).status, 204);
  assert.equal((await soon(revoked.closed, "the close"))[0], 4401);
  await stays.say("still here");
  assert.equal(revoked.messages().length, 1);
});

test("a socket outlives neither its key's time nor a change of its scopes", async (t) => {
  const server = await Server.start(t);
  const conversation = await conversationOf(server);
  const expires_at = new Date(Date.now() + 2_000).toISOString();
  const short = await server.key({ expires_at });
  const changed = await server.key();
  const expiring = await server.chat(t, conversation, { key: short.key });
  const losing = await server.chat(t, conversation, { key: changed.key });
  const { status } = await server.api("PATCH", `/api-keys/${changed.keyId}`,
    { scopes: ["notebooks:read"] });
  assert.equal(status, 200);
  assert.equal((await soon(losing.closed, "the close"))[0], 4403);
  assert.equal((await soon(expiring.closed, "the close"))[0], 4401);
});

test("wrong frames are answered with what is wrong, and too many end the socket", async (t) => {
  const server = await Server.start(t);
  const conversation = await conversationOf(server);
  const socket = await server.chat(t, conversation);
  const wrong = [
    ["{", "malformed"], ["[]", "validation_failed"], ["{}", "validation_failed", "type"],
    ['{"type":"shout"}', "validation_failed", "type"],
    ['{"type":"message"}', "validation_failed", "content"],
    ['{"type":"message","content":5}', "validation_failed", "content"],
    [`{"type":"message","content":"${"x".repeat(100_001)}"}`, "validation_failed", "content"],
    ['{"type":"message","content":"x","colour":"red"}', "validation_failed", "colour"],
    ['{"type":"presence"}', "validation_failed", "status"],
    ['{"type":"typing","typing":"yes"}', "validation_failed", "typing"],
  ];
  for (const [text, code, field] of wrong) {
    socket.ws.send(text);
    const error = await socket.next((frame) => frame.type === "error");
    assert.equal(error.code, code, text.slice(0, 80));
    if (field) assert.deepEqual(Object.keys(error.details), [field], text.slice(0, 80));
  }
  socket.send({ type: "message", content: 5, client_id: "mine" });
  assert.equal((await socket.next((frame) => frame.type === "error")).client_id, "mine");
  await socket.say("well again");
  for (let i = 0; i < 50; ++i) socket.ws.send("{");
  assert.deepEqual(await soon(socket.closed, "the close"), [1008, "too many errors"]);
});

test("frames that are no text, no UTF-8 or too long close the socket", async (t) => {
  const server = await Server.start(t, "--limits-body", "2KiB");
  const conversation = await conversationOf(server);
  const closed = async (send) => {
    const socket = await server.chat(t, conversation);
    send(socket.ws);
    return (await soon(socket.closed, "the close"))[0];
  };
  assert.equal(await closed((ws) => ws.send(Buffer.from("{}"))), 1003);
  assert.equal(await closed((ws) => ws.send(Buffer.from([0xff]), { binary: false })), 1007);
  assert.equal(await closed((ws) => ws.send("x".repeat(2049))), 1009);
});

test("a slow reader is closed with 1013, and slows nobody", async (t) => {
  const server = await Server.start(t);
  const conversation = await conversationOf(server);
  const slow = await server.chat(t, conversation);
  const quick = await server.chat(t, conversation);
  slow.ws.pause();
  const content = "y".repeat(50_000);
  let sent = 0;
  // More than its queue and the kernel's buffers take, until the server has closed it.
  for (; sent < 1_000 && quick.of("presence").every((frame) => !frame.left?.length); ++sent) {
    await quick.say(content);
    if (sent % 50 === 49) await pause(60);
  }
  assert.ok(sent > 20, `${sent}`);
  await quick.has(sent);
  assert.deepEqual(seqs(quick), seqsUpTo(sent));
  slow.ws.resume();
  assert.equal((await soon(slow.closed, "the close"))[0], 1013);
  // What it has heard is without a gap, and it can go on there.
  const heard = seqs(slow);
  assert.deepEqual(heard, seqsUpTo(heard.length));
  const again = await server.chat(t, conversation, { query: `?after=${heard.length}` });
  await again.has(sent - heard.length);
  assert.deepEqual(seqs(again), seqsUpTo(sent - heard.length, heard.length + 1));
});

test("everybody hears 1001 when the server stops", async (t) => {
  const server = await Server.start(t);
  const conversation = await conversationOf(server);
  const sockets = [];
  for (let i = 0; i < 20; ++i) sockets.push(await server.chat(t, conversation));
  const exit = server.kill("SIGTERM");
  for (const socket of sockets) assert.equal((await soon(socket.closed, "the close"))[0], 1001);
  assert.equal(await exit, 0);
});

test("a thousand sockets hear the same", async (t) => {
  const server = await Server.start(t);
  const conversation = await conversationOf(server);
  const sockets = [];
  for (let i = 0; i < 1_000; i += 50) {
    sockets.push(...await Promise.all(Array.from({ length: 50 }, () =>
      server.chat(t, conversation))));
  }
  assert.equal(sockets.at(-1).welcome.online >= 951, true);
  for (let i = 0; i < 20; ++i) await sockets[i].say(`${i}`);
  for (const socket of sockets) {
    await socket.has(20);
    assert.deepEqual(seqs(socket), seqsUpTo(20));
  }
});
