// SPDX-License-Identifier: Apache-2.0
// Counters as keys. Commands of one tick go to Redis together.
import Fastify from "fastify";
import { Redis } from "ioredis";

const [port, redisPort] = process.argv.slice(2).map(Number);
const redis = new Redis({ host: "127.0.0.1", port: redisPort, enableAutoPipelining: true });
const body = {
  type: "object", required: ["by"], additionalProperties: false,
  properties: { by: { type: "integer" } },
};

const app = Fastify();
app.post("/counter/:id", { schema: { body } }, async (request) =>
  JSON.stringify(await redis.incrby(`counter:${request.params.id}`, request.body.by)));
app.get("/counter/:id", async (request) =>
  JSON.stringify(Number(await redis.get(`counter:${request.params.id}`))));
await app.listen({ host: "127.0.0.1", port });
