// SPDX-License-Identifier: Apache-2.0
#include "perdure/api/app/bootstrap.hpp"

#include <algorithm>

#include "app/secrets.hpp"
#include "perdure/actors/api_key.hpp"
#include "perdure/actors/resource.hpp"
#include "perdure/actors/user.hpp"

namespace perdure::api {

namespace {

constexpr const char* admin_name = "admin";

// A key must fit into one field of a request's header.
Result<void> check_key(const std::string& key) {
  const bool printable = std::ranges::all_of(key, [](char c) { return c > ' ' && c < '\x7f'; });
  if (printable && key.size() <= limits::admin_key_bytes_max) return {};
  return fail(ErrorCode::invalid,
              "admin_key (PERDURE_ADMIN_KEY) must have at most 512 characters of printable ASCII, "
              "without spaces");
}

Result<Reply> create(Runtime& runtime, ObjectId target, std::string owner, Json fields) {
  return runtime
      .call({.target = std::move(target),
             .name = std::string{actors::command::create},
             .payload = std::move(fields),
             .owner = std::move(owner)})
      .get();
}

// The administrator's id.
Result<std::string> ensure_user(Runtime& runtime, const Clock& clock, Random& random) {
  PERDURE_TRY(holder, runtime.holder(std::string{actors::user::username_space}, admin_name));
  if (holder) {
    PERDURE_TRY(found, runtime.inspect(*holder));
    // A key of the operator's must not become a key of whoever took the name.
    if (found.state.value("role", "") == "admin") return holder->id;
    return fail(ErrorCode::conflict, "the user named admin is no administrator");
  }
  auto id = make_uuid_v7(clock.now(), random);
  // An address of a domain that cannot exist (RFC 2606): the admin may set a real one.
  PERDURE_TRY_VOID(create(runtime, {"user", id}, id,
                          {{"email", "admin@perdure.invalid"},
                           {"username", admin_name},
                           {"full_name", "Administrator"},
                           {"role", "admin"}}));
  return id;
}

Result<bool> has_any_key(const Runtime& runtime) {
  PERDURE_TRY(page, runtime.list({.kind = "api_key", .limit = 1}));
  return !page.items.empty();
}

}  // namespace

Result<std::string> ensure_admin(Runtime& runtime, const Clock& clock, Random& random,
                                 const std::string& chosen) {
  PERDURE_TRY_VOID(check_key(chosen));
  std::string made;
  if (chosen.empty()) {
    PERDURE_TRY(has_key, has_any_key(runtime));
    if (has_key) return std::string{};
    made = make_secret(random);
  }
  const auto& secret = chosen.empty() ? made : chosen;
  const auto hash = secret_hash(secret);
  PERDURE_TRY(holder, runtime.holder(std::string{actors::api_key::hash_space}, hash));
  if (holder) return std::string{};
  PERDURE_TRY(admin, ensure_user(runtime, clock, random));
  PERDURE_TRY_VOID(create(runtime, {"api_key", make_uuid_v7(clock.now(), random)}, admin,
                          {{"name", admin_name},
                           {"scopes", Json::array({"*"})},
                           {"prefix", secret_label(secret)},
                           {"secret_hash", hash}}));
  return made;
}

}  // namespace perdure::api
