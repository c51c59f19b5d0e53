// SPDX-License-Identifier: Apache-2.0
// Counters as rows. Named statements are prepared once for each connection of the pool.
import Fastify from "fastify";
import pg from "pg";

const [port, database] = process.argv.slice(2);
const pool = new pg.Pool({ connectionString: database, min: 32, max: 32 });

const add = {
  name: "add",
  text: `INSERT INTO counters (id, value) VALUES ($1, $2)
         ON CONFLICT (id) DO UPDATE SET value = counters.value + EXCLUDED.value RETURNING value`,
};
const read = { name: "read", text: "SELECT value FROM counters WHERE id = $1" };
const body = {
  type: "object", required: ["by"], additionalProperties: false,
  properties: { by: { type: "integer" } },
};

const app = Fastify();
app.post("/counter/:id", { schema: { body } }, async (request) => {
  const { rows } = await pool.query({ ...add, values: [request.params.id, request.body.by] });
  return JSON.stringify(Number(rows[0].value));
});
app.get("/counter/:id", async (request) => {
  const { rows } = await pool.query({ ...read, values: [request.params.id] });
  return JSON.stringify(rows.length ? Number(rows[0].value) : 0);
});
await app.listen({ host: "127.0.0.1", port: Number(port) });
