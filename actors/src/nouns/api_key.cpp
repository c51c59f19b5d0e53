// SPDX-License-Identifier: Apache-2.0
#include "perdure/actors/api_key.hpp"

#include <algorithm>

#include "errors.hpp"
#include "key_bounds.hpp"
#include "nouns/nouns.hpp"
#include "operator_mark.hpp"
#include "perdure/base/crypto.hpp"
#include "resource_kind.hpp"

namespace perdure::actors {

namespace {

constexpr const char* secret_hash = "secret_hash";
constexpr const char* hash_field = "internal.secret_hash";  // empty once revoked
constexpr const char* within = "within";
constexpr std::size_t prefix_bytes_max = 64;

Result<std::string> read_hash(const Json& payload) {
  PERDURE_TRY(hash, required_text(payload, secret_hash));
  const bool is_hex = std::ranges::all_of(
      hash, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
  if (hash.size() != 64 || !is_hex) {
    return fail(invalid_field("/secret_hash", "format", "must be a SHA-256 in lower-case hex"));
  }
  return hash;
}

/// Takes the payload's secret, in place of the one before it if there is any.
Result<void> take_secret(Json& state, const Json& payload) {
  PERDURE_TRY(hash, read_hash(payload));
  PERDURE_TRY(prefix, required_text(payload, "prefix"));
  if (prefix.empty() || prefix.size() > prefix_bytes_max) {
    return fail(invalid_field("/prefix", "length", "must have 1 to 64 bytes"));
  }
  Json& inside = state[std::string{internal_member}];
  if (inside.at(secret_hash) == hash) {
    return fail(invalid_field("/secret_hash", "unchanged", "is the hash of the present secret"));
  }
  inside[secret_hash] = hash;
  state["prefix"] = prefix;
  return {};
}

/// A date-time in a member of the state, or none.
std::optional<Timestamp> time_in(const Json& state, const std::string& member) {
  const auto found = state.find(member);
  if (found == state.end() || !found->is_string()) return {};
  const auto time = parse_rfc3339(found->get<std::string>());
  if (!time) return Timestamp{};  // unreadable: long ago, so that an expiry fails closed
  return *time;
}

Result<void> settle(Turn& turn, const Json& before, Json& next, const Json& payload) {
  if (payload.contains("scopes") && payload["scopes"].is_null()) {
    // To clear would mean the default, and that is every scope there is.
    return fail(invalid_field("/scopes", "type", "must be an array"));
  }
  const auto expires_at = time_in(next, "expires_at");
  if (expires_at) {
    const bool is_new = before.value("expires_at", Json()) != next.at("expires_at");
    if (is_new && *expires_at <= turn.now()) {
      return fail(invalid_field("/expires_at", "past", "must be in the future"));
    }
    next["expires_at"] = format_rfc3339(*expires_at);
  }
  const bool is_create = before.empty();
  if (!is_create) PERDURE_TRY_VOID(check_within(turn.principal(), payload, before));
  PERDURE_TRY_VOID(check_within(turn.principal(), payload, next));
  if (is_create) return take_secret(next, payload);
  return {};
}

Result<Json> rotate(const Turn& turn, ResourceState& self, const Json& payload) {
  PERDURE_TRY_VOID(check_within(turn.principal(), payload, self.json));
  if (!self.json.at("revoked_at").is_null()) {
    return fail(ErrorCode::conflict, "the key has been revoked");
  }
  PERDURE_TRY_VOID(take_secret(self.json, payload));
  return public_state(self.json);
}

Result<Json> revoke(Turn& turn, ResourceState& self, const Json& payload) {
  PERDURE_TRY_VOID(check_within(turn.principal(), payload, self.json));
  if (self.json.at("revoked_at").is_null()) {
    self.json["revoked_at"] = format_rfc3339(turn.now());
    self.internal()[secret_hash] = "";
  } else {
    turn.change_nothing();
  }
  return public_state(self.json);
}

/// Also when the clock was set back: the use before lies ahead then.
bool is_due_after(Timestamp last, Timestamp now) {
  return now - last >= api_key::touch_interval || last - now >= api_key::touch_interval;
}

void touch(Turn& turn, ResourceState& self) {
  const auto last = time_in(self.json, "last_used_at");
  if (last && !is_due_after(*last, turn.now())) return turn.change_nothing();
  self.json["last_used_at"] = format_rfc3339(turn.now());
}

/// No way of changing a state brings a revoked key back: neither a restore nor an operator's patch.
std::vector<FieldError> check_change(const Json& before, const Json& after) {
  const auto revoked_at = before.value("revoked_at", Json());
  if (revoked_at.is_null()) return {};
  if (after.value("revoked_at", Json()) == revoked_at &&
      after.at(std::string{internal_member}).at(secret_hash) == "") {
    return {};
  }
  return {{"/revoked_at", "revoked", "is for good: the key cannot come back"}};
}

Result<Json> verify(const Json& state, std::string_view hash) {
  const auto& internal = state.at(std::string{internal_member});
  const auto& own = internal.at(secret_hash).get_ref<const std::string&>();
  const bool is_usable = !own.empty() && state.at("revoked_at").is_null();
  if (!is_usable || !equal_in_constant_time(own, hash)) {
    return fail(ErrorCode::unauthenticated, "the key is not valid");
  }
  return Json{{"scopes", state.value("scopes", Json::array())},
              {"rate_limit", state.value("rate_limit", Json())},
              {"expires_at", state.value("expires_at", Json())},
              {"last_used_at", state.at("last_used_at")}};
}

Result<Json> verify(const ResourceState& self, const Json& payload) {
  PERDURE_TRY(hash, required_text(payload, secret_hash));
  return verify(self.json, hash);
}

}  // namespace

namespace api_key {

bool Grant::is_due_for_touch(Timestamp now) const {
  return !last_used_at || is_due_after(*last_used_at, now);
}

namespace {

Result<Grant> accept(const ObjectMeta& meta, const Json& value, Timestamp now) {
  const auto expires_at = time_in(value, "expires_at");
  if (!meta.exists() || (expires_at && *expires_at <= now)) {
    return fail(ErrorCode::unauthenticated, "the key is not valid");
  }
  Grant grant{.key_id = meta.object().id,
              .user_id = meta.origin->owner.text(),
              .scopes = value.at("scopes").get<std::vector<std::string>>(),
              .rate_limit = {},
              .expires_at = expires_at,
              .last_used_at = time_in(value, "last_used_at")};
  if (const Json& limit = value.at("rate_limit"); !limit.is_null()) {
    grant.rate_limit = RateLimit{.requests = limit.at("requests").get<std::int64_t>(),
                                 .window = std::chrono::seconds{limit.at("window_s").get<int>()}};
  }
  return grant;
}

}  // namespace

Result<Grant> accept(const Reply& verified, Timestamp now) {
  return accept(verified.meta, verified.value, now);
}

Result<Grant> grant_of(const ObjectView& key, std::string_view secret_hash, Timestamp now) {
  PERDURE_TRY(value, verify(key.state, secret_hash));
  return accept(key.meta, value, now);
}

}  // namespace api_key

namespace {

Kind make(const Noun& noun) {
  auto rules = rules_of(noun);
  rules.internal = {{secret_hash, ""}};
  rules.create_only = {"prefix", secret_hash, within};
  rules.update_only = {within};
  rules.settle = settle;
  auto builder = resource_kind(noun, std::move(rules), {"last_used_at"});
  add_operator_mark(builder);
  return std::move(builder)
      .command("rotate", [](Turn& turn, ResourceState& self,
                            const Json& payload) { return rotate(turn, self, payload); })
      .command("revoke", [](Turn& turn, ResourceState& self,
                            const Json& payload) { return revoke(turn, self, payload); })
      .command("touch", [](Turn& turn, ResourceState& self) { touch(turn, self); },
               {.callers = Callers::host})
      .query("verify",
             [](const ResourceState& self, const Json& payload) { return verify(self, payload); },
             {.callers = Callers::host})
      .unique({.space = std::string{api_key::hash_space}, .field = hash_field})
      .secret(hash_field)
      .check_change(check_change)
      .reach(Reach::system);
}

}  // namespace

Noun api_key_noun() {
  return {.kind = "api_key",
          .tag = "API keys",
          .about = "Secrets that let programs act as a user, within scopes.",
          .lists = {.sorts = {{.field = "$updated_at"}}},
          .server_set = {{"prefix", ""}, {"last_used_at", nullptr}, {"revoked_at", nullptr}},
          .examples = {.create = R"({"name":"laptop","scopes":["notebooks:write"]})",
                       .change = R"({"name":"old laptop"})"},
          .make = [](const Noun& noun, const DomainOptions&) { return make(noun); }};
}

}  // namespace perdure::actors
