// SPDX-License-Identifier: Apache-2.0
// The real server with its WebSockets, as tests see it: a server that can be killed and started
// again on the same data, and sockets whose frames can be waited for.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import WebSocket from "ws";

export const adminKey = "an-admin-key-for-live-tests";
const waitMs = 20_000;

export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** `promise`, or a failure that says what was waited for. */
export function soon(promise, what) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} did not come`)), waitMs);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

export async function until(condition, what) {
  for (const deadline = Date.now() + waitMs; !(await condition());) {
    assert.ok(Date.now() < deadline, `${what} did not come true`);
    await pause(10);
  }
}

export class Server {
  /** Starts one for a test, and ends it after. */
  static async start(t, ...flags) {
    const server = new Server();
    server.folder = mkdtempSync(join(tmpdir(), "perdure-live-"));
    server.flags = flags;
    t.after(async () => {
      await server.kill();
      rmSync(server.folder, { recursive: true });
    });
    await server.run();
    return server;
  }

  async run() {
    this.child = spawn(process.env.TEST_PROGRAM,
      ["serve", "--data-dir", join(this.folder, "data"), "--listen", "127.0.0.1:0", ...this.flags],
      {
        env: { ...process.env, PERDURE_ADMIN_KEY: adminKey },
        stdio: ["ignore", "pipe", "ignore"],
      });
    this.exited = once(this.child, "exit");
    for await (const line of createInterface({ input: this.child.stdout })) {
      const place = /^listening on http:\/\/127\.0\.0\.1:(\d+)$/.exec(line);
      if (place) return void (this.port = Number(place[1]));
    }
    throw new Error("the server did not start");
  }

  async kill(signal = "SIGKILL") {
    this.child.kill(signal);
    return (await this.exited)[0];
  }

  async api(method, path, body, key = adminKey, headers = {}) {
    const answer = await fetch(`http://127.0.0.1:${this.port}/api/v1${path}`, {
      method,
      headers: { Authorization: `Bearer ${key}`, "Content-Type": "application/json", ...headers },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const text = await answer.text();
    return { status: answer.status, json: text ? JSON.parse(text) : undefined };
  }

  async make(path, body, key) {
    const made = await this.api("POST", path, body, key);
    assert.ok(made.status < 300, JSON.stringify(made));
    return made.json;
  }

  /** A key of the admin's. */
  async key(fields = {}) {
    const key = await this.make("/api-keys", { name: "k", ...fields });
    return { key: key.secret, keyId: key.id };
  }

  /** The status of an upgrade that is refused. */
  async refusal(path, options = {}) {
    const socket = new WebSocket(`ws://127.0.0.1:${this.port}${path}`, options);
    const [, answer] = await soon(once(socket, "unexpected-response"), "a refusal");
    socket.on("error", () => {});
    socket.terminate();
    return answer.statusCode;
  }

  async socket(t, path, { key = adminKey, ...options } = {}) {
    const headers = key ? { Authorization: `Bearer ${key}` } : {};
    const socket = new Socket(`ws://127.0.0.1:${this.port}${path}`, { headers, ...options });
    t.after(() => socket.ws.terminate());
    await soon(once(socket.ws, "open"), "the upgrade");
    return socket;
  }

  async chat(t, conversation, { query = "", ...options } = {}) {
    const socket = await this.socket(t, `/chat/${conversation}${query}`, options);
    socket.welcome = await socket.next((frame) => frame.event === "list");
    return socket;
  }
}

/** A socket with all frames that it has heard. */
export class Socket {
  constructor(url, options) {
    this.ws = new WebSocket(url, options);
    this.frames = [];
    this.taken = 0;
    this.closed = new Promise((resolve) => {
      this.ws.on("close", (code, reason) => resolve([code, reason.toString()]));
    });
    this.ws.on("error", () => {});
    this.ws.on("message", (data) => {
      this.frames.push(JSON.parse(data.toString()));
      this.ws.emit("frame");
    });
  }

  send(frame) { this.ws.send(JSON.stringify(frame)); }

  /** The next frame that fits; those before it are passed over. */
  async next(fits = () => true) {
    for (;;) {
      while (this.taken < this.frames.length) {
        const frame = this.frames[this.taken++];
        if (fits(frame)) return frame;
      }
      await soon(once(this.ws, "frame"), `a frame that is ${fits}`);
    }
  }

  of(type) { return this.frames.filter((frame) => frame.type === type); }
  messages() { return this.of("message"); }

  /** Waits until `count` frames of a type have come. */
  has(count, type = "message") {
    return until(() => this.of(type).length >= count, `${count} frames "${type}"`);
  }

  /** Sends a message and waits for its ack. */
  async say(content, clientId) {
    const name = clientId ?? `${Math.random()}`;
    this.send({ type: "message", content, client_id: name });
    for (;;) {
      const ack = this.of("ack").find((frame) => frame.client_id === name);
      if (ack) return ack;
      await soon(once(this.ws, "frame"), "an ack");
    }
  }
}
