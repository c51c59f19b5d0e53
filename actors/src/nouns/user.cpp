// SPDX-License-Identifier: Apache-2.0
#include "perdure/actors/user.hpp"

#include "errors.hpp"
#include "nouns/nouns.hpp"
#include "operator_mark.hpp"
#include "perdure/base/unicode.hpp"
#include "perdure/runtime/access.hpp"
#include "perdure/runtime/schedule.hpp"
#include "perdure/schemas/email.hpp"
#include "resource_kind.hpp"

namespace perdure::actors {

std::string user::time_zone_of(const Json& preferences) {
  if (preferences.is_object()) {
    const auto found = preferences.find("time_zone");
    if (found != preferences.end() && found->is_string()) return found->get<std::string>();
  }
  return "UTC";
}

namespace {

constexpr const char* hashed_password = "hashed_password";

Result<void> check_time_zone(const Json& preferences, const std::string& pointer) {
  if (is_time_zone(user::time_zone_of(preferences))) return {};
  return fail(invalid_field(pointer + "/time_zone", "unknown_time_zone",
                            "is not a time zone of the IANA database"));
}

/// Role and activity are for administrators; sent back unchanged they do no harm.
Result<void> check_privileges(const Turn& turn, const Json& allowed, const Json& next) {
  if (is_privileged(turn.principal())) return {};
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

/// Another case of the same address is no other address.
bool is_other_email(const Json& before, const Json& next) {
  const auto folded = [](const Json& body) {
    return fold_case(body.value("email", Json("")).get<std::string>());
  };
  return folded(before) != folded(next);
}

Result<void> settle(Turn& turn, const Json& allowed, const Json& before, Json& next) {
  PERDURE_TRY_VOID(check_privileges(turn, allowed, next));
  PERDURE_TRY_VOID(check_time_zone(next.at("preferences"), "/preferences"));
  auto& email = next.at("email").get_ref<std::string&>();
  email = normal_email(email).value_or(email);
  if (!before.empty() && is_other_email(before, next)) next["email_verified"] = false;
  next["is_superuser"] = next.at("role") == "admin";
  return {};
}

/// The rules of `settle` that an operator's patch or an import must keep.
std::vector<FieldError> check_derived(const Json& state) {
  const bool is_admin = state.value("role", "user") == "admin";
  if (state.at("is_superuser") != is_admin) {
    return {{"/is_superuser", "derived", "must be whether the role is admin"}};
  }
  const Json preferences = state.value("preferences", Json::object());
  if (auto checked = check_time_zone(preferences, "/preferences"); !checked) {
    return std::move(checked).error().fields;
  }
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

Result<Json> set_active(Turn& turn, ResourceState& self, bool is_active) {
  if (is_active && !self.internal().at("erased_at").is_null()) {
    return fail(ErrorCode::conflict, "the user has been erased");
  }
  if (self.json.at("is_active") == is_active) turn.change_nothing();
  self.json["is_active"] = is_active;
  return public_state(self.json);
}

Result<Json> erase(const Fields& fields, Turn& turn, ResourceState& self) {
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
          {"email_verified", self.json.at("email_verified")}};
}

/// Takes the view, as the root alone does not say who asks.
Json password(const ResourceState& self) {
  return Json{{hashed_password, self.internal().at(hashed_password)}};
}

constexpr ErrorType<> last_admin{
    "last_admin", 409, "The change would leave the server without an active administrator."};

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
      .command("deactivate",
               [](Turn& turn, ResourceState& self) { return set_active(turn, self, false); })
      .command("activate",
               [](Turn& turn, ResourceState& self) { return set_active(turn, self, true); })
      .command("erase",
               [fields](Turn& turn, ResourceState& self) { return erase(fields, turn, self); })
      .query("preferences", [](const ResourceState& self) { return preferences_of(self); })
      .query("account", [](const ResourceState& self) { return account(self); },
             {.callers = Callers::host})
      .query("password", [](const ResourceState& self) { return password(self); },
             {.callers = Callers::host})
      .unique({.space = std::string{user::email_space},
               .field = "email",
               .compare = UniqueDefinition::Compare::ignoring_case})
      .unique({.space = std::string{user::username_space},
               .field = "username",
               .compare = UniqueDefinition::Compare::ignoring_case})
      .error(last_admin)
      .quorum({.name = "active_administrators",
               .where = {{"role", "admin"}, {"is_active", true}},
               .code = std::string{last_admin.name},
               .refusal = "this would leave the server without an active administrator: make "
                          "another user one first"})
      .secret("internal.hashed_password")
      .reach(Reach::system);
}

Kind make(const Noun& noun) {
  const Fields fields = Fields::of(noun.schema(), {"password", hashed_password});
  const Schema hash_schema = schema_of_member("UserCreate", hashed_password);
  auto builder = resource_kind(
      noun, {.kind = noun.kind,
             .fields = fields,
             .server_set = noun.server_set,
             .internal = {{hashed_password, nullptr}, {"erased_at", nullptr}},
             .create_only = {hashed_password, "email_verified"},
             .settle = [fields, hash_schema](Turn& turn, const Json& before, Json& next,
                                             const Json& payload) -> Result<void> {
               const bool is_create = before.empty();
               if (is_create) PERDURE_TRY_VOID(begin(next, payload, hash_schema));
               return settle(turn, is_create ? fields.defaults() : before, before, next);
             },
             .check = check_derived});
  add_commands(builder, fields, hash_schema);
  add_operator_mark(builder);
  return builder;
}

}  // namespace

Noun user_noun() {
  return {.kind = "user",
          .about = "Who may act, and what they prefer.",
          .lists = {.sorts = {{.field = "$created_at"}}, .across = ListRules::Across::everybody},
          .server_set = {{"is_superuser", false}, {"email_verified", false}},
          .examples = {.create = R"({"email":"ada@example.org",)"
                                 R"("full_name":"Ada Lovelace","role":"user"})",
                       .change = R"({"full_name":"Ada King"})"},
          .make = [](const Noun& noun, const DomainOptions&) { return make(noun); }};
}

}  // namespace perdure::actors
