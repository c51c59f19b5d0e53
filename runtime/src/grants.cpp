// SPDX-License-Identifier: Apache-2.0
#include "grants.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "fields.hpp"
#include "perdure/runtime/access.hpp"
#include "perdure/runtime/options.hpp"

namespace perdure::runtime {

namespace {

using Role = ObjectGrant::Role;

constexpr std::string_view user_id = "user_id";
constexpr std::string_view organization_id = "organization_id";

Result<Owner> read_grantee(const Json& payload) {
  const auto found = payload.is_object() ? payload.find("grantee") : payload.end();
  const auto refuse = [] {
    return bad_member("/grantee", "type", "must be {user_id} or {organization_id}");
  };
  if (found == payload.end() || !found->is_object() || found->size() != 1) return refuse();
  const auto& name = found->begin().key();
  const auto& id = found->begin().value();
  if ((name != user_id && name != organization_id) || !id.is_string()) return refuse();
  const auto& text = id.get_ref<const std::string&>();
  auto grantee = name == user_id ? Owner::user(text) : Owner::organization(text);
  // An id that reads as another type's text is none.
  const bool is_id = validate(ObjectId{"grantee", text}) && grantee.id() == text;
  if (!is_id) return bad_member("/grantee/" + name, "format", "must be an id");
  return grantee;
}

Result<Role> read_role(const Json& payload) {
  const auto role = payload.value("role", Json());
  if (role == "viewer") return Role::viewer;
  if (role == "editor") return Role::editor;
  return bad_member("/role", "enum", "must be viewer or editor");
}

std::vector<ObjectGrant> copy_of(const Grants& grants) {
  return grants ? *grants : std::vector<ObjectGrant>{};
}

/// Where the grant of a grantee stands, or would.
auto place_of(auto& grants, const Owner& grantee) {
  return std::ranges::lower_bound(grants, grantee, {}, &ObjectGrant::grantee);
}

bool holds(const auto& grants, const auto& place, const Owner& grantee) {
  return place != grants.end() && place->grantee == grantee;
}

Grants shared(std::vector<ObjectGrant> grants) {
  if (grants.empty()) return nullptr;
  return std::make_shared<const std::vector<ObjectGrant>>(std::move(grants));
}

}  // namespace

Result<Grants> with_grant(const ObjectMeta& meta, const Json& payload) {
  PERDURE_TRY(grantee, read_grantee(payload));
  PERDURE_TRY(role, read_role(payload));
  if (grantee == meta.origin->owner) {
    return bad_member("/grantee", "owner", "owns the object already");
  }
  auto grants = copy_of(meta.grants);
  const auto place = place_of(grants, grantee);
  const bool is_there = holds(grants, place, grantee);
  if (is_there && place->role == role) return meta.grants;
  if (is_there) {
    place->role = role;
  } else if (grants.size() >= limits::object_grants_max) {
    return fail(ErrorCode::conflict,
                fmt::format("an object is shared with {} users and organizations at most",
                            limits::object_grants_max));
  } else {
    grants.insert(place, {std::move(grantee), role});
  }
  return shared(std::move(grants));
}

Result<Grants> without_grant(const ObjectMeta& meta, const Json& payload) {
  PERDURE_TRY(grantee, read_grantee(payload));
  auto grants = copy_of(meta.grants);
  const auto place = place_of(grants, grantee);
  if (!holds(grants, place, grantee)) {
    return fail(ErrorCode::not_found,
                fmt::format("{} is not shared with it", to_string(meta.object())));
  }
  grants.erase(place);
  return shared(std::move(grants));
}

bool is_granted(const ObjectMeta& meta, const std::string& grantee) {
  return meta.grants && holds(*meta.grants, place_of(*meta.grants, Owner::from_text(grantee)),
                              Owner::from_text(grantee));
}

}  // namespace perdure::runtime

namespace perdure {

void to_json(Json& json, const ObjectGrant& grant) {
  const bool is_user = grant.grantee.type() == Owner::Type::user;
  const auto name = std::string{is_user ? runtime::user_id : runtime::organization_id};
  json = {{"grantee", {{name, grant.grantee.id()}}},
          {"role", grant.role == runtime::Role::viewer ? "viewer" : "editor"}};
}

Json grants_json(const ObjectMeta& meta) {
  auto grants = Json::array();
  if (!meta.grants) return grants;
  for (const auto& grant : *meta.grants) grants.push_back(grant);
  return grants;
}

}  // namespace perdure
