// SPDX-License-Identifier: Apache-2.0
// Resources: objects that clients know as JSON bodies with named fields.
//
// A resource's state is one JSON object: the fields that clients set, those that the server sets,
// and one member `internal` that no client ever sees (counts, hashes). All resource kinds have
//
//   create  {field: value, …}  begins the life; fields left out have their defaults
//   update  {field: value, …}  JSON Merge Patch: absent keeps, null clears
//   get     (query)
//
// and reply with the state without `internal`. A member that the server sets is ignored, one that
// nobody knows is `invalid`; the result is always checked as a whole against the kind's schema.
// Deleting and bringing back are the runtime's own $remove and $undelete.
#pragma once

#include <array>
#include <string_view>

#include "perdure/runtime/inspect.hpp"
#include "perdure/schemas/json.hpp"

namespace perdure::actors {

namespace command {
inline constexpr std::string_view create = "create";
inline constexpr std::string_view update = "update";
}  // namespace command

namespace query {
inline constexpr std::string_view get = "get";
}  // namespace query

/// The member of a state that stays inside.
inline constexpr std::string_view internal_member = "internal";
/// Of the payload of an update: ids by their fields that the client reads as null, since what they
/// name is gone. A null in such a field leaves the id, if it is still that one.
inline constexpr std::string_view dead_member = "$dead";

/// What every resource's body has beside its own fields. Set by the server, ignored when sent.
inline constexpr std::array<std::string_view, 7> common_members{
    "id", "user_id", "organization_id", "created_at", "updated_at", "created_by", "updated_by"};

/// A resource as clients see it: `state` (with or without `internal`) and the common members.
[[nodiscard]] Json resource_body(const ObjectMeta& meta, Json state);
[[nodiscard]] inline Json resource_body(const ObjectView& view) {
  return resource_body(view.meta, view.state);
}

}  // namespace perdure::actors
