// SPDX-License-Identifier: Apache-2.0
// The name of an object: its kind, and its id within the kind.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "perdure/base/result.hpp"

namespace perdure {

/// The place of a record in its object's journal: dense, from 1; 0 means "no record".
using Seq = std::uint64_t;

struct ObjectId {
  std::string kind;
  std::string id;

  auto operator<=>(const ObjectId&) const = default;
  bool operator==(const ObjectId&) const = default;
};

namespace limits {
inline constexpr std::size_t kind_bytes_max = 64;
inline constexpr std::size_t object_id_bytes_max = 200;
}  // namespace limits

/// Checks both parts.
///
/// Shape   kind: `[a-z][a-z0-9_]*`, at most 64 bytes; id: 1 to 200 bytes of UTF-8 without control
///         characters that is no dot segment (uri.hpp). Neither holds a NUL byte, so that storage
///         can use it as a terminator.
/// Errors  invalid, with the field `kind` or `id`.
[[nodiscard]] Result<void> validate(const ObjectId& object);

/// `kind:id`.
[[nodiscard]] std::string to_string(const ObjectId& object);

/// `/kind/id` with the id percent-encoded: a URI-reference (RFC 3986), as the member `source` of a
/// CloudEvent has to be.
[[nodiscard]] std::string to_uri_reference(const ObjectId& object);
/// What such a reference names; none when it is of another form.
[[nodiscard]] std::optional<ObjectId> from_uri_reference(std::string_view text);

}  // namespace perdure

template <>
struct std::hash<perdure::ObjectId> {
  std::size_t operator()(const perdure::ObjectId& object) const noexcept {
    const auto kind = std::hash<std::string_view>{}(object.kind);
    return std::hash<std::string_view>{}(object.id) ^ (kind * 0x9E3779B97F4A7C15ULL);
  }
};
