// SPDX-License-Identifier: Apache-2.0
#include "perdure/base/object_id.hpp"

#include <algorithm>

#include "perdure/base/uri.hpp"
#include "perdure/base/utf8.hpp"

namespace perdure {

namespace {

Unexpected refuse(std::string pointer, std::string message) {
  Error error{.code = ErrorCode::invalid, .detail = message};
  error.fields.push_back({std::move(pointer), "format", std::move(message)});
  return fail(std::move(error));
}

bool is_kind_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; }

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

}  // namespace

Result<void> validate(const ObjectId& object) {
  const auto& [kind, id] = object;
  if (kind.empty() || kind.size() > limits::kind_bytes_max || kind[0] < 'a' || kind[0] > 'z' ||
      !std::ranges::all_of(kind, is_kind_letter)) {
    return refuse("kind", "a kind is 1 to 64 characters: a-z first, then a-z, 0-9 or _");
  }
  if (id.empty() || id.size() > limits::object_id_bytes_max) {
    return refuse("id", "an id is 1 to 200 bytes");
  }
  if (std::ranges::any_of(id, is_control) || !is_valid_utf8(id)) {
    return refuse("id", "an id is valid UTF-8 without control characters");
  }
  if (is_dot_segment(id)) {
    return refuse("id", "no id is . or .., with dots encoded or not: URLs cannot name them");
  }
  return {};
}

std::string to_string(const ObjectId& object) { return object.kind + ":" + object.id; }

std::string to_uri_reference(const ObjectId& object) {
  return "/" + object.kind + "/" + percent_encode(object.id);
}

std::optional<ObjectId> from_uri_reference(std::string_view text) {
  const auto slash = text.find('/', 1);
  if (!text.starts_with('/') || slash == std::string_view::npos) return {};
  const auto id = text.substr(slash + 1);
  // Events of earlier versions have the id as it is.
  return ObjectId{std::string{text.substr(1, slash - 1)},
                  percent_decode(id).value_or(std::string{id})};
}

}  // namespace perdure
