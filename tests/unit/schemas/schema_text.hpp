// SPDX-License-Identifier: Apache-2.0
// Schemas and values as tests write them.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "perdure/schemas/schema.hpp"

namespace perdure {

inline Json json(std::string_view text) {
  auto value = parse_json(text);
  EXPECT_TRUE(value) << text;
  return value ? std::move(value).value() : Json{};
}

inline Schema schema(std::string_view text) { return Schema::compile(json(text)).value(); }

/// "/pointer code" of each error, or "valid".
inline std::string verdict(const Schema& schema, const Json& value) {
  std::string text;
  for (const auto& error : schema.validate(value)) {
    if (!text.empty()) text += ", ";
    text += error.pointer + ' ' + error.code;
  }
  return text.empty() ? "valid" : text;
}

}  // namespace perdure
