// SPDX-License-Identifier: Apache-2.0
// A fuzz target: a parser, and what must hold of it whatever the bytes.
//
// `run` aborts (PERDURE_CHECK) where a property is broken; bytes that the parser refuses are a fine
// answer. It must not remember earlier inputs in a way that changes what it says.
#pragma once

#include <span>
#include <string_view>

#include "perdure/base/check.hpp"

namespace perdure::fuzz {

struct Target {
  std::string_view name;
  void (*run)(std::string_view input);
};

/// Each in byte order of their names: those that need the parsers alone, and those that need the
/// application around them, which takes longer to build.
[[nodiscard]] std::span<const Target> parser_targets();
[[nodiscard]] std::span<const Target> application_targets();

/// Takes the text up to `separator` off the front of `rest`, and the separator with it.
inline std::string_view take_part(std::string_view& rest, char separator) {
  const auto end = rest.find(separator);
  const auto part = rest.substr(0, end);
  rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  return part;
}

}  // namespace perdure::fuzz
