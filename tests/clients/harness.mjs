// SPDX-License-Identifier: Apache-2.0
// Starts a server for a test and stops it after; fails the test when it did not stop in order.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

/** Starts `program`; gives its port and process. `options` become flags of the test server. */
export async function start(test, program, args, environment = {}) {
  const child = spawn(program, args, {
    env: { ...process.env, ...environment },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exited = once(child, "exit");
  test.after(async () => {
    child.kill("SIGTERM");
    const [code] = await exited;
    assert.equal(code, 0, "the server did not stop in order");
  });
  for await (const line of createInterface({ input: child.stdout })) {
    const place = /^listening on (?:http:\/\/127\.0\.0\.1:)?(\d+)$/.exec(line);
    if (place) return { port: Number(place[1]), child };
  }
  throw new Error("the server did not start");
}

/** Starts the small server of tests/http: { websocketEcho: "on" } is --websocket-echo on. */
export function startTestServer(test, options = {}) {
  const flags = Object.entries(options).flatMap(([name, value]) =>
    ["--" + name.replace(/[A-Z]/g, (letter) => "-" + letter.toLowerCase()), String(value)]);
  return start(test, process.env.PERDURE_HTTP_TEST_SERVER, flags);
}
