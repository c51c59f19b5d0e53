// SPDX-License-Identifier: Apache-2.0
#include "perdure/actors/sent_back.hpp"

#include <algorithm>

#include "errors.hpp"
#include "perdure/actors/resource.hpp"
#include "perdure/base/random.hpp"
#include "perdure/base/time.hpp"
#include "perdure/schemas/pointer.hpp"
#include "perdure/schemas/schema.hpp"

namespace perdure::actors {

namespace {

/// Version and variant stand at fixed places of the text form.
bool is_uuid_v7(std::string_view text) {
  constexpr std::size_t version_at = 14;
  constexpr std::size_t variant_at = 19;
  const bool is_lower = std::ranges::none_of(text, [](char c) { return c >= 'A' && c <= 'Z'; });
  return is_uuid(text) && is_lower && text[version_at] == '7' &&
         std::string_view{"89ab"}.find(text[variant_at]) != std::string_view::npos;
}

const Json* sent_back_in(const Json& payload) {
  if (!payload.is_object()) return nullptr;
  const auto found = payload.find(sent_back_member);
  return found != payload.end() && found->is_object() ? &*found : nullptr;
}

/// The same moment may be written in several ways.
bool is_same(const Json& present, const Json& sent) {
  if (present == sent) return true;
  if (!present.is_string() || !sent.is_string()) return false;
  const auto left = parse_rfc3339(present.get_ref<const std::string&>());
  const auto right = parse_rfc3339(sent.get_ref<const std::string&>());
  return left && right && *left == *right;
}

}  // namespace

Json gather_sent_back(Json payload, const Json& fields) {
  if (!payload.is_object()) return payload;
  for (const auto name : sent_back_names) {
    const auto found = payload.find(name);
    if (found == payload.end() || fields.contains(name)) continue;
    auto& sent_back = payload[std::string{sent_back_member}];
    if (!sent_back.is_object()) sent_back = Json::object();
    sent_back[std::string{name}] = *found;
    payload.erase(std::string{name});
  }
  return payload;
}

Json fields_of(Json payload) {
  if (payload.is_object()) payload.erase(std::string{sent_back_member});
  return payload;
}

Result<std::optional<std::string>> chosen_id(const Json& payload) {
  const Json* sent = sent_back_in(payload);
  const auto id = sent == nullptr ? Json() : sent->value("id", Json());
  if (id.is_null()) return std::optional<std::string>{};
  if (id.is_string() && is_uuid_v7(id.get_ref<const std::string&>())) {
    return std::optional{id.get<std::string>()};
  }
  return fail(invalid_field("/id", "format", "must be a UUID of version 7, in lower case"));
}

Result<void> check_sent_back(const ObjectMeta& meta, const Json& body, const Json& payload,
                             SentIn sent, const std::string& parent_member) {
  const Json* members = sent_back_in(payload);
  if (members == nullptr) return {};
  const Json common = resource_body(meta, Json::object());
  std::vector<FieldError> wrong;
  for (const auto& [name, value] : members->items()) {
    if (sent == SentIn::create && value.is_null()) continue;
    const auto own = body.find(name);
    const auto present = name == parent_member ? Json(meta.origin->object.id)
                         : own != body.end()   ? *own
                                               : common.value(name, Json());
    if (is_same(present, value)) continue;
    wrong.push_back({pointer_to(name), "read_only", "is set by the server, and is another value"});
  }
  if (!wrong.empty()) return fail(invalid_value(std::move(wrong)));
  return {};
}

}  // namespace perdure::actors
