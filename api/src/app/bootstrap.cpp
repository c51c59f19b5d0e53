// SPDX-License-Identifier: Apache-2.0
#include "perdure/api/app/bootstrap.hpp"

#include <algorithm>

#include "app/secrets.hpp"
#include "perdure/actors/api_key.hpp"
#include "perdure/actors/user.hpp"
#include "perdure/base/time.hpp"

namespace perdure::api {

namespace {

constexpr const char* admin_email = "admin@localhost.localdomain";

Result<void> check_key(const std::string& key) {
  const bool printable = std::ranges::all_of(key, [](char c) { return c > ' ' && c < '\x7f'; });
  if (printable && key.size() >= limits::admin_key_bytes_min &&
      key.size() <= limits::admin_key_bytes_max) {
    return {};
  }
  return fail(ErrorCode::invalid,
              "the admin key must have 16 to 512 characters of printable ASCII, without spaces");
}

// The first administrator's id, and whether it was made just now.
struct Admin {
  std::string id;
  bool is_new = false;
};

Result<Admin> ensure_user(Runtime& runtime, Random& random) {
  const std::string space{actors::user::email_space};
  PERDURE_TRY(holder, runtime.holder(space, actors::user::fold(admin_email)));
  if (holder) return Admin{.id = holder->id};
  Admin admin{.id = make_uuid_v7(SystemClock{}.now(), random), .is_new = true};
  auto made = runtime
                  .call({.target = {"user", admin.id},
                         .name = "create",
                         .payload = {{"email", admin_email},
                                     {"full_name", "Administrator"},
                                     {"role", "admin"}},
                         .owner = admin.id})
                  .get();
  if (!made) return fail(std::move(made).error());
  return admin;
}

Result<void> make_key(Runtime& runtime, Random& random, const std::string& user_id,
                      const std::string& secret) {
  auto made = runtime
                  .call({.target = {"api_key", make_uuid_v7(SystemClock{}.now(), random)},
                         .name = "create",
                         .payload = {{"name", "First administrator"},
                                     {"scopes", {"*"}},
                                     {"prefix", secret_label(secret)},
                                     {"secret_hash", secret_hash(secret)}},
                         .owner = user_id})
                  .get();
  if (!made) return fail(std::move(made).error());
  return {};
}

}  // namespace

Result<AdminReport> ensure_admin(Runtime& runtime, Random& random,
                                 const std::optional<std::string>& admin_key) {
  using Made = AdminReport::Made;
  if (admin_key) PERDURE_TRY_VOID(check_key(*admin_key));
  PERDURE_TRY(admin, ensure_user(runtime, random));
  AdminReport report{.made = admin.is_new ? Made::user_and_key : Made::nothing, .secret = {}};
  if (admin_key) {
    const std::string space{actors::api_key::hash_space};
    PERDURE_TRY(holder, runtime.holder(space, secret_hash(*admin_key)));
    if (holder) return report;
    PERDURE_TRY_VOID(make_key(runtime, random, admin.id, *admin_key));
    if (!admin.is_new) report.made = Made::key;
    return report;
  }
  if (!admin.is_new) return report;
  report.secret = make_secret(random);
  PERDURE_TRY_VOID(make_key(runtime, random, admin.id, report.secret));
  return report;
}

}  // namespace perdure::api
