// SPDX-License-Identifier: Apache-2.0
// Counters as virtual objects. `value` is shared: reads of one object run beside one another.
import * as restate from "@restatedev/restate-sdk";

const counter = restate.object({
  name: "counter",
  handlers: {
    add: async (context, { by }) => {
      const value = ((await context.get("value")) ?? 0) + by;
      context.set("value", value);
      return value;
    },
    value: restate.handlers.object.shared(async (context) => (await context.get("value")) ?? 0),
  },
});

restate.serve({ services: [counter], port: Number(process.argv[2]) });
