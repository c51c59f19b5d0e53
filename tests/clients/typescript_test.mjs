// SPDX-License-Identifier: Apache-2.0
// A client of five calls in strict TypeScript, against the types that openapi-typescript makes of
// /openapi.json: it compiles, and it runs.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { copyFile, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import openapiTS, { astToString } from "openapi-typescript";
import { start } from "./harness.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const run = promisify(execFile);
const key = "pdk_clients-0123456789abcdefghijklmnopqrstuvwxyz";

/** A folder with the types, the client, and `tsc` at hand. */
async function project(t, document) {
  const folder = await mkdtemp(join(tmpdir(), "perdure-typescript-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  await writeFile(join(folder, "api.ts"), astToString(await openapiTS(document)));
  await copyFile(join(here, "typescript_client.ts"), join(folder, "client.ts"));
  await writeFile(join(folder, "package.json"), '{"type": "module"}');
  await writeFile(join(folder, "tsconfig.json"), JSON.stringify({
    compilerOptions: {
      strict: true, exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true,
      module: "nodenext", target: "es2022", lib: ["es2023", "dom"], types: [],
    },
  }));
  await symlink(join(here, "node_modules"), join(folder, "node_modules"));
  return folder;
}

const compile = (folder) =>
  run(process.execPath, [join(here, "node_modules/typescript/bin/tsc")], { cwd: folder })
    .catch((failed) => assert.fail(failed.stdout));

test("a strict client of five calls compiles and runs", async (t) => {
  const directory = await mkdtemp(join(tmpdir(), "perdure-clients-"));
  const { port } = await start(t, process.env.TEST_PROGRAM,
    ["serve", "--data-dir", directory, "--listen", "127.0.0.1:0"], { PERDURE_ADMIN_KEY: key });
  t.after(() => rm(directory, { recursive: true, force: true }));
  const url = `http://127.0.0.1:${port}`;
  const document = await (await fetch(`${url}/openapi.json`)).json();

  const folder = await project(t, document);
  await compile(folder);
  const words = ["client.js", `${url}/api/v1`, key];
  const { stdout } = await run(process.execPath, words, { cwd: folder });
  assert.deepEqual(JSON.parse(stdout), {
    title: "Travels", first: "Day one", counted: 5, job: "echo", refused: "/problems/not_found",
  });
});
