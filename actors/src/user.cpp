// SPDX-License-Identifier: Apache-2.0
#include "perdure/actors/user.hpp"

#include "errors.hpp"
#include "own_kinds.hpp"
#include "resource_kind.hpp"

namespace perdure::actors {

namespace {

constexpr const char* hashed_password = "hashed_password";

/// The claimed form of a text field; empty when it is null or absent.
std::string folded(const Json& body, const std::string& member) {
  const auto found = body.find(member);
  if (found == body.end() || !found->is_string()) return {};
  return user::fold(found->get_ref<const std::string&>());
}

/// Moves the claim on a field's value along with it. True if the claimed value is another one.
bool move_claim(Turn& turn, std::string_view space, const std::string& before,
                const std::string& after) {
  if (before == after) return false;
  if (!before.empty()) turn.release(std::string{space}, before);
  if (!after.empty()) turn.claim(std::string{space}, after);
  return true;
}

Result<void> check_time_zone(const Json& preferences, const std::string& pointer) {
  if (user::is_time_zone(user::time_zone_of(preferences))) return {};
  return fail(invalid_field(pointer + "/time_zone", "unknown_time_zone",
                            "is not a time zone of the IANA database"));
}

/// Role and activity are for administrators; sent back unchanged they do no harm.
Result<void> check_privileges(const Turn& turn, const Json& allowed, const Json& next) {
  if (turn.principal().role != Principal::Role::user) return {};
  for (const char* member : {"role", "is_active"}) {
    if (next.at(member) != allowed.value(member, Json())) {
      return fail(ErrorCode::forbidden, std::string{member} + " is set by administrators only");
    }
  }
  return {};
}

Result<void> set_hash(Json& state, const Json& hash, const Schema& schema) {
  if (!hash.is_null()) {
    auto wrong = schema.validate(hash);
    for (auto& field : wrong) field.pointer = "/hashed_password" + field.pointer;
    if (!wrong.empty()) return fail(invalid_value(std::move(wrong)));
  }
  state[std::string{internal_member}][hashed_password] = hash;
  return {};
}

/// What a create has beside the fields.
Result<void> begin(Json& next, const Json& payload, const Schema& hash_schema) {
  PERDURE_TRY_VOID(set_hash(next, payload.value(hashed_password, Json()), hash_schema));
  const Json verified = payload.value("email_verified", Json(false));
  if (!verified.is_boolean()) {
    return fail(invalid_field("/email_verified", "type", "must be a boolean"));
  }
  next["email_verified"] = verified;
  return {};
}

Result<void> settle(Turn& turn, const Json& allowed, const Json& before, Json& next) {
  PERDURE_TRY_VOID(check_privileges(turn, allowed, next));
  PERDURE_TRY_VOID(check_time_zone(next.at("preferences"), "/preferences"));
  const bool is_other_email =
      move_claim(turn, user::email_space, folded(before, "email"), folded(next, "email"));
  if (is_other_email && !before.empty()) next["email_verified"] = false;
  move_claim(turn, user::username_space, folded(before, "username"), folded(next, "username"));
  next["is_superuser"] = next.at("role") == "admin";
  return {};
}

Result<Json> set_preferences(const Fields& fields, ResourceState& self, Json preferences) {
  PERDURE_TRY_VOID(require_object(preferences));
  PERDURE_TRY_VOID(check_time_zone(preferences, ""));
  Json next = self.json;
  next["preferences"] = std::move(preferences);
  auto wrong = fields.check(next);
  for (auto& field : wrong) {
    // The payload is the preferences themselves.
    constexpr std::string_view inside = "/preferences";
    if (field.pointer.starts_with(inside)) field.pointer.erase(0, inside.size());
  }
  if (!wrong.empty()) return fail(invalid_value(std::move(wrong)));
  self.json = std::move(next);
  return self.json.at("preferences");
}

Result<Json> set_active(ResourceState& self, bool is_active) {
  if (is_active && !self.internal().at("erased_at").is_null()) {
    return fail(ErrorCode::conflict, "the user has been erased");
  }
  self.json["is_active"] = is_active;
  return public_state(self.json);
}

Result<Json> erase(const Fields& fields, Turn& turn, ResourceState& self) {
  move_claim(turn, user::email_space, folded(self.json, "email"), {});
  move_claim(turn, user::username_space, folded(self.json, "username"), {});
  self.json.update(fields.defaults());
  self.json.update({{"is_active", false}, {"is_superuser", false}, {"email_verified", false}});
  self.internal() = {{hashed_password, nullptr}, {"erased_at", format_rfc3339(turn.now())}};
  return public_state(self.json);
}

/// A state from outside may lack it.
Json preferences_of(const ResourceState& self) {
  return self.json.value("preferences", Json::object());
}

Json account(const ResourceState& self) {
  return {{"is_active", self.json.value("is_active", false)},
          {"role", self.json.value("role", "user")},
          {"email_verified", self.json.at("email_verified")},
          {hashed_password, self.internal().at(hashed_password)}};
}

void add_commands(KindBuilder<ResourceState>& builder, const Fields& fields,
                  const Schema& hash_schema) {
  std::move(builder)
      .command("set_password",
               [hash_schema](Turn&, ResourceState& self, const Json& payload) -> Result<Json> {
                 PERDURE_TRY_VOID(require_object(payload));
                 if (!payload.contains(hashed_password)) {
                   return fail(invalid_field("/hashed_password", "required", "is required"));
                 }
                 PERDURE_TRY_VOID(set_hash(self.json, payload[hashed_password], hash_schema));
                 return Json(nullptr);
               })
      .command("set_preferences",
               [fields](Turn&, ResourceState& self, const Json& payload) {
                 return set_preferences(fields, self, payload);
               })
      .command("patch_preferences",
               [fields](Turn&, ResourceState& self, const Json& payload) -> Result<Json> {
                 PERDURE_TRY_VOID(require_object(payload));
                 Json preferences = preferences_of(self);
                 merge_patch(preferences, payload);
                 return set_preferences(fields, self, std::move(preferences));
               })
      .command("verify_email",
               [](Turn&, ResourceState& self) {
                 self.json["email_verified"] = true;
                 return public_state(self.json);
               })
      .command("deactivate", [](Turn&, ResourceState& self) { return set_active(self, false); })
      .command("activate", [](Turn&, ResourceState& self) { return set_active(self, true); })
      .command("erase",
               [fields](Turn& turn, ResourceState& self) { return erase(fields, turn, self); })
      .on_purge([](Turn& turn, const ResourceState& self) {
        move_claim(turn, user::email_space, folded(self.json, "email"), {});
        move_claim(turn, user::username_space, folded(self.json, "username"), {});
      })
      .query("preferences", [](const ResourceState& self) { return preferences_of(self); })
      .query("account", [](const ResourceState& self) { return account(self); })
      .index(
          {.name = "created_at", .fields = {"$created_at"}, .scope = IndexDefinition::Scope::all});
}

}  // namespace

namespace user {

std::string fold(std::string_view text) {
  std::string folded{text};
  for (char& c : folded) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return folded;
}

}  // namespace user

Kind user_kind() {
  const Fields fields = Fields::of("User", {"password", hashed_password});
  const Schema hash_schema = schema_of_member("UserCreate", hashed_password);
  auto builder =
      resource_kind({.kind = "user",
                     .fields = fields,
                     .server_set = {{"is_superuser", false}, {"email_verified", false}},
                     .internal = {{hashed_password, nullptr}, {"erased_at", nullptr}},
                     .create_only = {hashed_password, "email_verified"},
                     .settle = [fields, hash_schema](Turn& turn, const Json& before, Json& next,
                                                     const Json& payload) -> Result<void> {
                       const bool is_create = before.empty();
                       if (is_create) PERDURE_TRY_VOID(begin(next, payload, hash_schema));
                       return settle(turn, is_create ? fields.defaults() : before, before, next);
                     }});
  add_commands(builder, fields, hash_schema);
  return builder;
}

}  // namespace perdure::actors
