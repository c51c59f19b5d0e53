// SPDX-License-Identifier: Apache-2.0
// Five calls, each with no more than it needs; compiled by typescript_test.mjs.
import createClient from "openapi-fetch";
import type { components, paths } from "./api.js";

declare const process: { argv: string[] };
const [baseUrl, key] = process.argv.slice(2);
if (baseUrl === undefined || key === undefined) throw new Error("usage: client URL KEY");
// JSON alone: a list can be answered as an event stream, too, which is not for such a client.
const api = createClient<paths, `application/${string}`>({
  baseUrl, headers: { Authorization: `Bearer ${key}` },
});

function given<T>(answer: { data?: T; error?: unknown }): T {
  if (answer.data === undefined) throw new Error(JSON.stringify(answer.error));
  return answer.data;
}

// Whatever has a default may be left out.
const notebook = given(await api.POST("/notebooks", { body: { title: "Travels" } }));
const page: components["schemas"]["Page"] = given(
  await api.POST("/notebooks/{id}/pages", {
    params: { path: { id: notebook.id } },
    body: { title: "Day one" },
  }));
const pages = given(await api.GET("/notebooks/{id}/pages", {
  params: { path: { id: notebook.id }, query: { limit: 10 } },
}));
// What is free may have any members.
const counted: unknown = given(await api.POST("/durable-objects/{kind}/{id}/request", {
  params: { path: { kind: "counter", id: "visits" } },
  body: { command: "add", payload: { by: 5 } },
}));
const job = given(await api.POST("/jobs", { body: { type: "echo", payload: { hello: "world" } } }));
const metadata: Record<string, unknown> = page.metadata ?? {};
const missing = await api.GET("/notebooks/{id}", { params: { path: { id: page.id } } });

console.log(JSON.stringify({
  title: notebook.title,
  first: "none" in metadata ? undefined : pages.items[0]?.title,
  counted,
  job: job.type,
  refused: missing.error?.type,
}));
