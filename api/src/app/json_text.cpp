// SPDX-License-Identifier: Apache-2.0
#include "app/json_text.hpp"

#include <array>
#include <charconv>

namespace perdure::api {

namespace {

template <class Number>
void append_number(std::string& out, Number number) {
  std::array<char, 24> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  out.append(digits.data(), end);
}

}  // namespace

void append_json(std::string& out, const Json& value) {
  switch (value.type()) {
    case Json::value_t::number_unsigned: return append_number(out, value.get<std::uint64_t>());
    case Json::value_t::number_integer: return append_number(out, value.get<std::int64_t>());
    case Json::value_t::null: out += "null"; return;
    case Json::value_t::boolean: out += value.get<bool>() ? "true" : "false"; return;
    default: out += dump_json(value);
  }
}

}  // namespace perdure::api
