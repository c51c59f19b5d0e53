// SPDX-License-Identifier: Apache-2.0
// A durable counter in ten lines: define it and call it. It is still there when the program runs
// again. README.md shows all of it.
// [program]
#include <cstdint>
#include <iostream>

#include "perdure/runtime/runtime.hpp"

struct Counter {
  std::int64_t value = 0;  // the durable state
};
struct Add {
  std::int64_t by = 1;
};
// A member that an older state lacks has its default.
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Counter, value)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Add, by)

int main() {
  const perdure::Kind counter =
      perdure::kind<Counter>("counter")
          .command("add",
                   [](perdure::Turn&, Counter& self, const Add& add) {
                     return self.value += add.by;  // durable before the caller hears of it
                   })
          .query("value", [](const Counter& self) { return self.value; });

  const auto runtime = perdure::Runtime::open({.data_dir = "data"}, {counter}).value();
  const auto alice = runtime->object("counter", "alice");  // there as soon as it is named
  std::cout << alice.call("add", Add{.by = 2}).get().value().value << '\n';
}
// [/program]
