// SPDX-License-Identifier: Apache-2.0
// JSON as the product takes it in and gives it out: RFC 8259, UTF-8, bounded in depth.
#pragma once

#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "perdure/base/result.hpp"

namespace perdure {

using Json = nlohmann::json;

namespace limits {
inline constexpr std::size_t json_depth_max = 64;
/// Of texts that were written here: what was taken in stands within something there.
inline constexpr std::size_t stored_json_depth_max = 256;
}  // namespace limits

/// Reads exactly one JSON text.
///
/// Errors  malformed  not RFC 8259, not valid UTF-8, something (a NUL byte, too) after the text,
///                    or nested deeper than `depth_max`; `detail` gives the byte offset and why.
[[nodiscard]] Result<Json> parse_json(std::string_view text,
                                      std::size_t depth_max = limits::json_depth_max);

/// Reads a text that `dump_json` has written. Errors as `parse_json`.
[[nodiscard]] inline Result<Json> parse_stored_json(std::string_view text) {
  return parse_json(text, limits::stored_json_depth_max);
}

/// The whole number that a value is; none for what is no number, has a fraction or is beyond 64
/// bits. To JSON Schema 60000.0 is an integer, so it is one wherever a client gives one.
[[nodiscard]] std::optional<std::int64_t> whole_number(const Json& value);

/// Whether it is nested deeper than `depth`: a number is not nested, `[1]` once.
[[nodiscard]] bool is_nested_deeper(const Json& value, std::size_t depth);

/// The shortest text, keys in byte order: equal values give equal texts.
[[nodiscard]] std::string dump_json(const Json& value);

/// The length of `dump_json(value)`, without writing it. Stops counting above `enough` and returns
/// some number above it. Does not allocate.
///
/// Shape  strings are valid UTF-8.
[[nodiscard]] std::size_t serialized_size(
    const Json& value, std::size_t enough = std::numeric_limits<std::size_t>::max());

/// Applies a JSON Merge Patch (RFC 7396).
void merge_patch(Json& target, const Json& patch);

}  // namespace perdure
