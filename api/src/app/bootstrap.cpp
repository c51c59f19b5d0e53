// SPDX-License-Identifier: Apache-2.0
#include "perdure/api/app/bootstrap.hpp"

#include <algorithm>
#include <functional>
#include <limits>

#include "app/secrets.hpp"
#include "perdure/actors/api_key.hpp"
#include "perdure/actors/operator_mark.hpp"
#include "perdure/actors/resource.hpp"
#include "perdure/actors/user.hpp"

namespace perdure::api {

namespace operator_mark = actors::operator_mark;

namespace {

constexpr const char* admin_name = "admin";  // of a new one: it may have any other by now
constexpr const char* admin_role = "admin";
constexpr const char* internal = "internal";
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

/// The object, even if it is deleted; none when it was purged.
Result<std::optional<ObjectView>> look_at(const Runtime& runtime, const ObjectId& object) {
  auto found = runtime.inspect(object);
  if (found) return std::optional{std::move(found).value()};
  if (found.error().code != ErrorCode::not_found) return fail(std::move(found).error());
  PERDURE_TRY(last,
              runtime.journal(object, 1, std::numeric_limits<Seq>::max(), Order::descending, 1));
  if (last.empty()) return std::optional<ObjectView>{};
  PERDURE_TRY(before, runtime.inspect_at(object, last.front().seq));
  if (before.state.is_null()) return std::optional<ObjectView>{};
  return std::optional{std::move(before)};
}

/// Who holds a claim. While claims are made again those of before count, so that nobody is who is
/// not found, and a claim of two is refused at its commit.
Result<std::optional<ObjectId>> holder_of(const Runtime& runtime, const std::string& space,
                                          std::string_view key) {
  auto holder = runtime.holder(space, std::string{key});
  if (!holder && holder.error().code == ErrorCode::index_building) {
    return std::optional<ObjectId>{};
  }
  return holder;
}

Result<std::optional<ObjectId>> bearer_of_mark(const Runtime& runtime, const char* kind) {
  return holder_of(runtime, operator_mark::space(kind), operator_mark::key);
}

Result<void> give_mark(Runtime& runtime, const ObjectId& object) {
  PERDURE_TRY(bearer, bearer_of_mark(runtime, object.kind.c_str()));
  if (bearer == object) return {};
  PERDURE_TRY_VOID(tell(runtime, object, std::string{operator_mark::command}));
  return {};
}

/// Brings back what is deleted, and gives it as it is then.
Result<ObjectView> bring_back(Runtime& runtime, const ObjectId& object, const char* what,
                              AdminKey& key) {
  auto found = runtime.inspect(object);
  if (found || found.error().code != ErrorCode::not_found) return found;
  PERDURE_TRY_VOID(tell(runtime, object, std::string{builtin::undelete}));
  key.mended.emplace_back(what);
  return runtime.inspect(object);
}

/// The user is there and active; whether it is an administrator is not for a start to change.
Result<void> mend_user(Runtime& runtime, const ObjectId& user, AdminKey& key) {
  PERDURE_TRY(found, bring_back(runtime, user, "the user had been deleted", key));
  if (!found.state.value("is_active", false)) {
    PERDURE_TRY_VOID(tell(runtime, user, "activate"));
    key.mended.emplace_back("the user had been deactivated");
  }
  if (found.state.value("role", "") != admin_role) {
    key.trouble = "its user is no administrator any more";
  }
  return {};
}

ObjectId user_of(const ObjectView& key) { return {"user", key.meta.origin->owner.text()}; }

/// Gives the key back what it needs to open everything.
Result<void> mend_key(Runtime& runtime, const ObjectId& object, AdminKey& key) {
  PERDURE_TRY(found, bring_back(runtime, object, "the key had been deleted", key));
  Json changes = Json::object();
  const auto mend = [&](const char* member, Json whole, const char* what) {
    if (found.state.value(member, Json()) == whole) return;
    changes[member] = std::move(whole);
    key.mended.emplace_back(what);
  };
  mend("expires_at", nullptr, "the key was to expire, or had expired");
  mend("scopes", Json::array({"*"}), "the key's scopes were not all there are");
  mend("rate_limit", nullptr, "the key had a rate limit of its own");
  if (!changes.empty()) {
    PERDURE_TRY_VOID(tell(runtime, object, std::string{actors::command::update}, changes));
  }
  return mend_user(runtime, user_of(found), key);
}

// ------------------------------------------------------------------------- keys of starts before

using Visit = std::function<Result<void>(const ObjectView& key)>;

/// Of one owner, or without one of all.
Result<void> each_key_of(Runtime& runtime, const std::string& owner, const Visit& visit) {
  ListRequest request{.kind = "api_key",
                      .index = owner.empty() ? "$id" : "$owner",
                      .owner = owner,
                      .limit = keys_at_once};
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

bool is_over(const ObjectView& key) { return !key.state.value("revoked_at", Json()).is_null(); }

bool is_usable(const ObjectView& key, Timestamp now) {
  if (is_over(key)) return false;
  const Json expires_at = key.state.value("expires_at", Json());
  if (!expires_at.is_string()) return true;
  const auto time = parse_rfc3339(expires_at.get<std::string>());
  return time && *time > now;
}

bool is_administrator(const std::optional<ObjectView>& user) {
  return user && user->state.is_object() && user->state.value("role", "") == admin_role;
}

/// One whom a start made, and was cut off before it made the key.
Result<std::optional<ObjectId>> find_keyless(const Runtime& runtime) {
  PERDURE_TRY(named, holder_of(runtime, std::string{actors::user::username_space}, admin_name));
  if (!named) return named;
  PERDURE_TRY(user, look_at(runtime, *named));
  const bool is_ours =
      is_administrator(user) && user->meta.origin->created_by == actor_name(Principal{});
  return is_ours ? named : std::optional<ObjectId>{};
}

/// The administrator of a directory without marks, as versions up to 0.1.0 left it: whose key a
/// start has made last, of those that are in force.
Result<std::optional<ObjectId>> find_earlier_operator(Runtime& runtime) {
  std::optional<ObjectId> found;
  bool is_in_force = false;
  PERDURE_TRY_VOID(each_key_of(runtime, {}, [&](const ObjectView& key) -> Result<void> {
    if (!was_made_by_a_start(key) || (is_in_force && is_over(key))) return {};
    const auto owner = user_of(key);
    PERDURE_TRY(user, look_at(runtime, owner));
    if (!is_administrator(user)) return {};
    found = owner;  // ids rise: the last one is the newest
    is_in_force = !is_over(key);
    return {};
  }));
  return found ? Result<std::optional<ObjectId>>{found} : find_keyless(runtime);
}

/// The operator's administrator, deleted or not, and whatever its name is by now. None: there is
/// none yet, or it is one no more.
Result<std::optional<ObjectId>> find_operator(Runtime& runtime) {
  PERDURE_TRY(bearer, bearer_of_mark(runtime, "user"));
  if (!bearer) return find_earlier_operator(runtime);
  PERDURE_TRY(user, look_at(runtime, *bearer));
  const bool is_erased = user && user->state.contains(internal) &&
                         !user->state.at(internal).value("erased_at", Json()).is_null();
  if (!is_administrator(user) || is_erased) return std::optional<ObjectId>{};
  return bearer;
}

/// Ends all keys of the operator but one: those that starts have made, and the one with the mark.
/// Repeated at each start, as one may have been cut off after it made the new key.
Result<void> revoke_others(Runtime& runtime, const std::string& owner, const ObjectId& kept,
                           AdminKey& result) {
  const auto revoke = [&](const ObjectView& key) -> Result<void> {
    const auto& object = key.meta.object();
    if (object == kept || is_over(key)) return {};
    PERDURE_TRY_VOID(tell(runtime, object, "revoke"));
    result.mended.emplace_back("the key before it (" + key.state.value("prefix", "") +
                               ") is revoked");
    return {};
  };
  PERDURE_TRY(bearer, bearer_of_mark(runtime, "api_key"));
  if (bearer) {
    auto before = runtime.inspect(*bearer);  // a deleted one is of no use to anybody
    if (before) PERDURE_TRY_VOID(revoke(*before));
  }
  // Without a mark the keys of starts may be of several users: of each that was named admin.
  const auto end_key = [&](const ObjectView& key) -> Result<void> {
    if (!was_made_by_a_start(key)) return {};
    const auto user = user_of(key);
    if (user.id != owner) {
      PERDURE_TRY(found, look_at(runtime, user));
      if (!is_administrator(found)) return {};
    }
    return revoke(key);
  };
  return each_key_of(runtime, bearer ? owner : std::string{}, end_key);
}

// ------------------------------------------------------------------------------------- a new one

Json new_administrator(const std::string& name) {
  // An address of a domain that cannot exist (RFC 2606): the admin may set a real one.
  return {{"email", name + "@perdure.invalid"},
          {"username", name},
          {"full_name", "Administrator"},
          {"role", admin_role}};
}

/// Somebody else may have the name that it is to have: it gets another one then.
Result<std::string> create_user(Runtime& runtime, const Clock& clock, Random& random) {
  auto id = make_uuid_v7(clock.now(), random);
  const auto create = [&](const std::string& name) {
    return tell(runtime, {"user", id}, std::string{actors::command::create},
                new_administrator(name), id);
  };
  auto made = create(admin_name);
  if (!made && made.error().code == ErrorCode::conflict) made = create(admin_name + ("-" + id));
  if (!made) return fail(std::move(made).error());
  return id;
}

/// The administrator's id, and it has the mark.
Result<std::string> ensure_user(Runtime& runtime, const Clock& clock, Random& random,
                                AdminKey& key) {
  PERDURE_TRY(known, find_operator(runtime));
  if (known) {
    PERDURE_TRY_VOID(mend_user(runtime, *known, key));
    PERDURE_TRY_VOID(give_mark(runtime, *known));
    return known->id;
  }
  PERDURE_TRY(id, create_user(runtime, clock, random));
  PERDURE_TRY_VOID(give_mark(runtime, {"user", id}));
  return id;
}

Result<ObjectId> create_key(Runtime& runtime, const Clock& clock, Random& random,
                            const std::string& owner, const std::string& secret) {
  ObjectId key{"api_key", make_uuid_v7(clock.now(), random)};
  PERDURE_TRY_VOID(tell(runtime, key, std::string{actors::command::create},
                        {{"name", admin_name},
                         {"scopes", Json::array({"*"})},
                         {"prefix", secret_label(secret)},
                         {"secret_hash", secret_hash(secret)}},
                        owner));
  return key;
}

// ---------------------------------------------------------------------------------- both of them

Unexpected refuse_own_key(const ObjectView& key) {
  return fail(ErrorCode::invalid,
              "admin_key (PERDURE_ADMIN_KEY, or the file that admin_key_file names) is the secret "
              "of the API key " +
                  key.meta.object().id + " of the user " + key.meta.origin->owner.text() +
                  ", not the operator's: set another one (24 characters or more that nobody uses)");
}

/// The chosen secret is a key's already: the operator's, of this start or one before, or one that
/// the operator's administrator has made.
Result<void> take_known(Runtime& runtime, const ObjectId& object, AdminKey& key) {
  PERDURE_TRY(found, look_at(runtime, object));
  if (!found) return fail(ErrorCode::conflict, "the administrator's key was purged");
  const auto owner = user_of(*found);
  PERDURE_TRY(bearer, bearer_of_mark(runtime, "api_key"));
  PERDURE_TRY(known, find_operator(runtime));
  const bool is_operators =
      bearer == object || known == owner || (!bearer && was_made_by_a_start(*found));
  if (!is_operators) return refuse_own_key(*found);
  PERDURE_TRY_VOID(mend_key(runtime, object, key));
  PERDURE_TRY_VOID(revoke_others(runtime, owner.id, object, key));
  if (!known || known == owner) PERDURE_TRY_VOID(give_mark(runtime, owner));
  return give_mark(runtime, object);
}

Result<AdminKey> take_chosen(Runtime& runtime, const Clock& clock, Random& random,
                             const std::string& chosen) {
  AdminKey key{.prefix = secret_label(chosen)};
  PERDURE_TRY(holder,
              holder_of(runtime, std::string{actors::api_key::hash_space}, secret_hash(chosen)));
  if (holder) {
    PERDURE_TRY_VOID(take_known(runtime, *holder, key));
    return key;
  }
  PERDURE_TRY(admin, ensure_user(runtime, clock, random, key));
  PERDURE_TRY(made, create_key(runtime, clock, random, admin, chosen));
  // The mark of the key before it says which one that is: it moves when that is at its end.
  PERDURE_TRY_VOID(revoke_others(runtime, admin, made, key));
  PERDURE_TRY_VOID(give_mark(runtime, made));
  return key;
}

/// Looks, and changes nothing: a key that a start has made goes before others.
Result<AdminKey> find_key(Runtime& runtime, const Clock& clock) {
  AdminKey found;
  PERDURE_TRY(admin, find_operator(runtime));
  if (!admin) return found;
  bool is_of_a_start = false;
  PERDURE_TRY_VOID(each_key_of(runtime, admin->id, [&](const ObjectView& key) -> Result<void> {
    if (!is_usable(key, clock.now()) || is_of_a_start) return {};
    found.prefix = key.state.value("prefix", "");
    is_of_a_start = was_made_by_a_start(key);
    return {};
  }));
  const auto user = runtime.inspect(*admin);
  if (found.prefix.empty()) {
    found.trouble = "all keys of the operator's administrator are revoked or have expired";
  } else if (!user || !user->state.value("is_active", false)) {
    found.trouble = "the operator's administrator is deactivated or deleted";
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
  PERDURE_TRY(made, create_key(runtime, clock, random, admin, key.made));
  PERDURE_TRY_VOID(give_mark(runtime, made));
  return key;
}

}  // namespace perdure::api
