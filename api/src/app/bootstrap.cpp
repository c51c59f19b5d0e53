// SPDX-License-Identifier: Apache-2.0
#include "perdure/api/app/bootstrap.hpp"

#include <algorithm>
#include <functional>

#include "app/secrets.hpp"
#include "perdure/actors/api_key.hpp"
#include "perdure/actors/resource.hpp"
#include "perdure/actors/user.hpp"

namespace perdure::api {

namespace {

constexpr const char* admin_name = "admin";
constexpr std::size_t keys_at_once = 100;

// A key must fit into one field of a request's header, and not be guessed.
Result<void> check_key(const std::string& key) {
  const bool printable = std::ranges::all_of(key, [](char c) { return c > ' ' && c < '\x7f'; });
  if (printable && key.size() >= limits::admin_key_bytes_min &&
      key.size() <= limits::admin_key_bytes_max) {
    return {};
  }
  return fail(ErrorCode::invalid,
              "admin_key (PERDURE_ADMIN_KEY, or the file that admin_key_file names) must have 24 "
              "to 512 characters of printable ASCII, without spaces");
}

Result<Reply> tell(Runtime& runtime, ObjectId target, std::string command, Json payload = nullptr,
                   std::optional<std::string> owner = {}) {
  return runtime
      .call({.target = std::move(target),
             .name = std::move(command),
             .payload = std::move(payload),
             .owner = std::move(owner)})
      .get();
}

/// The user is there and active; whether it is an administrator is not for a start to change.
Result<void> mend_user(Runtime& runtime, const ObjectId& user, AdminKey& key) {
  auto found = runtime.inspect(user);
  if (!found && found.error().code == ErrorCode::not_found) {
    PERDURE_TRY_VOID(tell(runtime, user, std::string{builtin::undelete}));
    key.mended.emplace_back("the user had been deleted");
    found = runtime.inspect(user);
  }
  if (!found) return fail(std::move(found).error());
  if (!found->state.value("is_active", false)) {
    PERDURE_TRY_VOID(tell(runtime, user, "activate"));
    key.mended.emplace_back("the user had been deactivated");
  }
  if (found->state.value("role", "") != "admin") {
    key.trouble = "its user is no administrator any more";
  }
  return {};
}

/// The administrator's id.
Result<std::string> ensure_user(Runtime& runtime, const Clock& clock, Random& random,
                                AdminKey& key) {
  PERDURE_TRY(holder, runtime.holder(std::string{actors::user::username_space}, admin_name));
  if (holder) {
    PERDURE_TRY_VOID(mend_user(runtime, *holder, key));
    // A key of the operator's must not become a key of whoever took the name.
    if (key.trouble.empty()) return holder->id;
    return fail(ErrorCode::conflict, "the user named admin is no administrator");
  }
  auto id = make_uuid_v7(clock.now(), random);
  // An address of a domain that cannot exist (RFC 2606): the admin may set a real one.
  PERDURE_TRY_VOID(tell(runtime, {"user", id}, std::string{actors::command::create},
                        {{"email", "admin@perdure.invalid"},
                         {"username", admin_name},
                         {"full_name", "Administrator"},
                         {"role", "admin"}},
                        id));
  return id;
}

Result<std::string> create_key(Runtime& runtime, const Clock& clock, Random& random,
                               const std::string& owner, const std::string& secret) {
  auto id = make_uuid_v7(clock.now(), random);
  PERDURE_TRY_VOID(tell(runtime, {"api_key", id}, std::string{actors::command::create},
                        {{"name", admin_name},
                         {"scopes", Json::array({"*"})},
                         {"prefix", secret_label(secret)},
                         {"secret_hash", secret_hash(secret)}},
                        owner));
  return id;
}

/// Gives the key back what it needs to open everything.
Result<void> mend_key(Runtime& runtime, const ObjectId& object, AdminKey& key) {
  auto found = runtime.inspect(object);
  if (!found && found.error().code == ErrorCode::not_found) {
    PERDURE_TRY_VOID(tell(runtime, object, std::string{builtin::undelete}));
    key.mended.emplace_back("the key had been deleted");
    found = runtime.inspect(object);
  }
  if (!found) return fail(std::move(found).error());
  Json changes = Json::object();
  const auto mend = [&](const char* member, Json whole, const char* what) {
    if (found->state.value(member, Json()) == whole) return;
    changes[member] = std::move(whole);
    key.mended.emplace_back(what);
  };
  mend("expires_at", nullptr, "the key was to expire, or had expired");
  mend("scopes", Json::array({"*"}), "the key's scopes were not all there are");
  mend("rate_limit", nullptr, "the key had a rate limit of its own");
  if (!changes.empty()) {
    PERDURE_TRY_VOID(tell(runtime, object, std::string{actors::command::update}, changes));
  }
  return mend_user(runtime, {"user", found->meta.origin->owner.text()}, key);
}

using Visit = std::function<Result<void>(const ObjectView& key)>;

Result<void> each_key_of(Runtime& runtime, const std::string& owner, const Visit& visit) {
  ListRequest request{.kind = "api_key", .index = "$owner", .owner = owner, .limit = keys_at_once};
  do {
    PERDURE_TRY(page, runtime.list(request));
    for (const auto& key : page.items) PERDURE_TRY_VOID(visit(key));
    request.cursor = std::move(page.next_cursor);
  } while (!request.cursor.empty());
  return {};
}

bool was_made_by_a_start(const ObjectView& key) {
  return key.meta.origin->created_by == actor_name(Principal{});
}

bool is_usable(const ObjectView& key, Timestamp now) {
  if (!key.state.value("revoked_at", Json()).is_null()) return false;
  const Json expires_at = key.state.value("expires_at", Json());
  if (!expires_at.is_string()) return true;
  const auto time = parse_rfc3339(expires_at.get<std::string>());
  return time && *time > now;
}

/// The keys that starts have made before this one. Repeated at each start, as one may have been cut
/// off after it made the new key.
Result<void> revoke_others(Runtime& runtime, const std::string& owner, const std::string& kept,
                           AdminKey& result) {
  return each_key_of(runtime, owner, [&](const ObjectView& key) -> Result<void> {
    const auto& object = key.meta.object();
    const bool is_over = !key.state.value("revoked_at", Json()).is_null();
    if (object.id == kept || is_over || !was_made_by_a_start(key)) return {};
    PERDURE_TRY_VOID(tell(runtime, object, "revoke"));
    result.mended.emplace_back("the key before it (" + key.state.value("prefix", "") +
                               ") is revoked");
    return {};
  });
}

Result<AdminKey> take_chosen(Runtime& runtime, const Clock& clock, Random& random,
                             const std::string& chosen) {
  AdminKey key{.prefix = secret_label(chosen)};
  PERDURE_TRY(holder,
              runtime.holder(std::string{actors::api_key::hash_space}, secret_hash(chosen)));
  if (!holder) {
    PERDURE_TRY(admin, ensure_user(runtime, clock, random, key));
    PERDURE_TRY(id, create_key(runtime, clock, random, admin, chosen));
    PERDURE_TRY_VOID(revoke_others(runtime, admin, id, key));
    return key;
  }
  PERDURE_TRY_VOID(mend_key(runtime, *holder, key));
  PERDURE_TRY(found, runtime.inspect(*holder));
  PERDURE_TRY_VOID(revoke_others(runtime, found.meta.origin->owner.text(), holder->id, key));
  return key;
}

/// Looks, and changes nothing: a key that a start has made goes before others.
Result<AdminKey> find_key(Runtime& runtime, const Clock& clock) {
  AdminKey found;
  PERDURE_TRY(admin, runtime.holder(std::string{actors::user::username_space}, admin_name));
  if (!admin) return found;  // it has another name by now
  bool is_of_a_start = false;
  PERDURE_TRY_VOID(each_key_of(runtime, admin->id, [&](const ObjectView& key) -> Result<void> {
    if (!is_usable(key, clock.now()) || is_of_a_start) return {};
    found.prefix = key.state.value("prefix", "");
    is_of_a_start = was_made_by_a_start(key);
    return {};
  }));
  const auto user = runtime.inspect(*admin);
  if (found.prefix.empty()) {
    found.trouble = "all keys of the user admin are revoked or have expired";
  } else if (!user || !user->state.value("is_active", false)) {
    found.trouble = "the user admin is deactivated or deleted";
  }
  return found;
}

Result<bool> has_any_key(const Runtime& runtime) {
  PERDURE_TRY(page, runtime.list({.kind = "api_key", .limit = 1}));
  return !page.items.empty();
}

}  // namespace

Result<AdminKey> ensure_admin(Runtime& runtime, const Clock& clock, Random& random,
                              const std::string& chosen) {
  if (!chosen.empty()) {
    PERDURE_TRY_VOID(check_key(chosen));
    return take_chosen(runtime, clock, random, chosen);
  }
  PERDURE_TRY(has_key, has_any_key(runtime));
  if (has_key) return find_key(runtime, clock);
  AdminKey key{.made = make_secret(random)};
  key.prefix = secret_label(key.made);
  PERDURE_TRY(admin, ensure_user(runtime, clock, random, key));
  PERDURE_TRY_VOID(create_key(runtime, clock, random, admin, key.made));
  return key;
}

}  // namespace perdure::api
