// SPDX-License-Identifier: Apache-2.0
#include "perdure/schemas/misfit.hpp"

#include <string_view>

#include "perdure/schemas/json.hpp"

namespace perdure {

namespace {

// The library's numbers for what it throws.
constexpr int other_type = 302;
constexpr int no_such_element = 401;
constexpr int no_such_member = 403;

// The member that is missing stands in the library's text between quotes.
std::string missing_member(std::string_view text) {
  const auto from = text.find('\'');
  const auto to = text.rfind('\'');
  if (from == std::string_view::npos || to <= from) return "a member is missing";
  return "the member " + std::string{text.substr(from + 1, to - from - 1)} + " is missing";
}

}  // namespace

std::string describe_misfit(const std::exception& thrown) {
  const auto* refused = dynamic_cast<const Json::exception*>(&thrown);
  if (refused == nullptr) return "a value is not allowed";
  switch (refused->id) {
    case other_type: return "a value is of another type";
    case no_such_element: return "an array is too short";
    case no_such_member: return missing_member(refused->what());
    default: return "a value is not allowed";
  }
}

}  // namespace perdure
