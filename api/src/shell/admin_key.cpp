// SPDX-License-Identifier: Apache-2.0
#include "shell/admin_key.hpp"

#include "app/secrets.hpp"
#include "perdure/actors/api_key.hpp"
#include "perdure/actors/resource.hpp"
#include "perdure/actors/user.hpp"

namespace perdure::shell {
namespace {

constexpr const char* admin_name = "admin";

Result<Reply> create(Runtime& runtime, ObjectId target, std::string owner, Json fields) {
  return runtime
      .call({.target = std::move(target),
             .name = std::string{actors::command::create},
             .payload = std::move(fields),
             .owner = std::move(owner)})
      .get();
}

Result<std::string> ensure_admin(Runtime& runtime, const Clock& clock, Random& random) {
  PERDURE_TRY(holder, runtime.holder(std::string{actors::user::username_space}, admin_name));
  if (holder) return holder->id;
  auto id = make_uuid_v7(clock.now(), random);
  // An address of a domain that cannot exist (RFC 2606): the admin may set a real one.
  PERDURE_TRY(created, create(runtime, {"user", id}, id,
                              {{"email", "admin@perdure.invalid"},
                               {"username", admin_name},
                               {"full_name", "Administrator"},
                               {"role", "admin"}}));
  static_cast<void>(created);
  return id;
}

Result<bool> has_any_key(const Runtime& runtime) {
  PERDURE_TRY(page, runtime.list({.kind = "api_key", .limit = 1}));
  return !page.items.empty();
}

}  // namespace

Result<std::string> ensure_admin_key(Runtime& runtime, const Clock& clock, Random& random,
                                     const std::string& chosen) {
  std::string made;
  if (chosen.empty()) {
    PERDURE_TRY(has_key, has_any_key(runtime));
    if (has_key) return std::string{};
    made = api::make_secret(random);
  }
  const auto& secret = chosen.empty() ? made : chosen;
  const auto hash = api::secret_hash(secret);
  PERDURE_TRY(holder, runtime.holder(std::string{actors::api_key::hash_space}, hash));
  if (holder) return std::string{};
  PERDURE_TRY(admin, ensure_admin(runtime, clock, random));
  PERDURE_TRY(created, create(runtime, {"api_key", make_uuid_v7(clock.now(), random)}, admin,
                              {{"name", admin_name},
                               {"scopes", Json::array({"*"})},
                               {"prefix", api::secret_label(secret)},
                               {"secret_hash", hash}}));
  static_cast<void>(created);
  return made;
}

}  // namespace perdure::shell
