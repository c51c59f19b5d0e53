// SPDX-License-Identifier: Apache-2.0
// Counters and rooms as Durable Objects. That a reply waits for its writes is workerd's doing.
import { DurableObject } from "cloudflare:workers";

export class Counter extends DurableObject {
  constructor(state, env) {
    super(state, env);
    this.value = state.storage.kv.get("value") ?? 0;
  }

  add(by) {
    this.value += by;
    this.ctx.storage.kv.put("value", this.value);
    return this.value;
  }

  read() {
    return this.value;
  }
}

// Speaks what bench_sockets does: a welcome, then every stored message to every socket.
export class Room extends DurableObject {
  constructor(state, env) {
    super(state, env);
    state.storage.sql.exec(
      "CREATE TABLE IF NOT EXISTS messages (seq INTEGER PRIMARY KEY, content TEXT NOT NULL)");
  }

  fetch() {
    const [client, server] = Object.values(new WebSocketPair());
    this.ctx.acceptWebSocket(server);
    server.send('{"type":"presence"}');
    return new Response(null, { status: 101, webSocket: client });
  }

  webSocketMessage(_, text) {
    const { content } = JSON.parse(text);
    const [{ seq }] = this.ctx.storage.sql.exec(
      "INSERT INTO messages (content) VALUES (?) RETURNING seq", content);
    const frame = JSON.stringify({ type: "message", seq, content });
    for (const socket of this.ctx.getWebSockets()) socket.send(frame);
  }

  webSocketClose(socket) {
    socket.close();
  }
}

export default {
  async fetch(request, env) {
    const [, what, id] = new URL(request.url).pathname.split("/");
    if (what === "chat") return env.rooms.get(env.rooms.idFromName(id)).fetch(request);
    const counter = env.counters.get(env.counters.idFromName(id));
    const value = request.method === "POST"
      ? await counter.add((await request.json()).by)
      : await counter.read();
    return Response.json(value);
  },
};
