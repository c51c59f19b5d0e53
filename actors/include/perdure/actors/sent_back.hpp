// SPDX-License-Identifier: Apache-2.0
// What clients send back of what the server has set and never changes: the id, the owner, when and
// by whom a thing was made. A body may hold such members as they are; one that differs is refused.
//
// Whoever takes a body from a client moves them into the member `sent_back` of the payload of
// `create`, `update`, and the like of items: fields are the other members. What the server moves by
// itself (`updated_at`, counts) is not among them, and is dropped at the door.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "perdure/runtime/object_meta.hpp"
#include "perdure/schemas/json.hpp"

namespace perdure::actors {

inline constexpr std::string_view sent_back_member = "sent_back";

/// What clients may send back, where it is not theirs to set.
inline constexpr std::array sent_back_names{std::string_view{"id"},
                                            std::string_view{"user_id"},
                                            std::string_view{"organization_id"},
                                            std::string_view{"created_at"},
                                            std::string_view{"created_by"},
                                            std::string_view{"role"},
                                            std::string_view{"is_active"},
                                            std::string_view{"is_superuser"},
                                            std::string_view{"scopes"},
                                            std::string_view{"notebook_id"},
                                            std::string_view{"conversation_id"}};

/// The payload of a change as the door makes it, for one that came by another way (a command that
/// was called by its name): such members are moved into `sent_back`, but for those in `fields`.
[[nodiscard]] Json gather_sent_back(Json payload, const Json& fields);

/// The payload without that member.
[[nodiscard]] Json fields_of(Json payload);

/// The id that a create names itself, in the member `sent_back` of its payload; none: it does not.
/// Errors  invalid  (`/id`) it is no UUIDv7 in lower case (RFC 9562).
[[nodiscard]] Result<std::optional<std::string>> chosen_id(const Json& payload);

/// Compares the member `sent_back` of `payload` with a resource, or with an item in one: `body` has
/// its members, and `meta` those that all have. With `parent_member` the item names by it the
/// object that holds it. Null says nothing in a create, and is another value in a change.
/// Errors  invalid  rule `read_only`, for each member that differs.
enum class SentIn { create, change };
[[nodiscard]] Result<void> check_sent_back(const ObjectMeta& meta, const Json& body,
                                           const Json& payload, SentIn sent,
                                           const std::string& parent_member = {});

}  // namespace perdure::actors
