// SPDX-License-Identifier: Apache-2.0
// A durable counter in ten lines: define it, call it, stop, start again, and it is still there.
#include <cstdint>
#include <iostream>
#include <string>
#include <utility>

#include "perdure/runtime/runtime.hpp"

namespace {

// [define]
struct Counter {
  std::int64_t value = 0;  // the durable state
};
struct Add {
  std::int64_t by = 1;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Counter, value)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Add, by)

const perdure::Kind counter =
    perdure::kind<Counter>("counter")
        .command("add",
                 [](perdure::Turn&, Counter& self, const Add& add) {
                   return self.value += add.by;  // durable before the caller hears of it
                 })
        .query("value", [](const Counter& self) { return self.value; });
// [/define]

/// Opens the directory, adds 2 to alice's counter, and closes it. Gives what the counter says then.
perdure::Result<std::int64_t> add_two(const std::string& directory) {
  // [call]
  PERDURE_TRY(runtime, perdure::Runtime::open({.data_dir = directory}, {counter}));
  const auto alice = runtime->object("counter", "alice");
  PERDURE_TRY(added, alice.call("add", Add{.by = 2}).get());
  // [/call]
  PERDURE_TRY(asked, alice.ask("value").get());
  if (asked.value != added.value) {
    return perdure::fail(perdure::ErrorCode::internal, "two answers to one question");
  }
  return asked.value.get<std::int64_t>();
}

}  // namespace

int main(int argc, char** argv) {
  const std::string directory = argc > 1 ? argv[1] : "data";
  const auto first = add_two(directory);
  const auto second = first ? add_two(directory) : first;
  if (!second) {
    std::cerr << to_string(second.error()) << '\n';
    return 1;
  }
  std::cout << "alice had " << *first << ", and after a restart and 2 more " << *second << '\n';
  return *second == *first + 2 ? 0 : 1;
}
