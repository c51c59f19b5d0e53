// SPDX-License-Identifier: Apache-2.0
#include <cstdint>
#include <limits>

#include "errors.hpp"
#include "own_kinds.hpp"

namespace perdure::actors {

namespace {

struct Counter {
  std::int64_t value = 0;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Counter, value)

Result<std::int64_t> step_of(const Json& payload) {
  if (payload.is_null()) return std::int64_t{1};
  PERDURE_TRY_VOID(require_object(payload));
  for (const auto& [name, value] : payload.items()) {
    if (name != "by")
      return fail(invalid_field(pointer_to(name), "unknown_member", "is not known"));
  }
  const auto by = payload.find("by");
  if (by == payload.end()) return std::int64_t{1};
  if (const auto number = whole_number(*by)) return *number;
  if (by->is_number_integer()) return fail(invalid_field("/by", "maximum", "must fit in 64 bits"));
  return fail(invalid_field("/by", "type", "must be an integer of 64 bits"));
}

Result<std::int64_t> add(Turn&, Counter& self, const Json& payload) {
  PERDURE_TRY(by, step_of(payload));
  std::int64_t sum = 0;
  if (__builtin_add_overflow(self.value, by, &sum)) {
    return fail(invalid_field("/by", "overflow", "makes a sum that does not fit in 64 bits"));
  }
  self.value = sum;
  return sum;
}

std::vector<FieldError> check(const Json& state) {
  if (state.is_object() && state.size() == 1 && state.contains("value") &&
      whole_number(state["value"])) {
    return {};
  }
  return {{"/value", "type", "a counter's state is {value: 64-bit integer}"}};
}

}  // namespace

Kind counter_kind() {
  return kind<Counter>("counter")
      .command("add", [](Turn& turn, Counter& self,
                         const Json& payload) { return add(turn, self, payload); })
      .query("value", [](const Counter& self) { return self.value; })
      .check_state(check);
}

}  // namespace perdure::actors
