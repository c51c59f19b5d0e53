// SPDX-License-Identifier: Apache-2.0
#include "app/authenticate.hpp"

#include <algorithm>

#include "app/batch/part.hpp"
#include "app/live_list.hpp"
#include "app/secrets.hpp"
#include "app/services.hpp"
#include "app/slow_work.hpp"
#include "perdure/actors/api_key.hpp"
#include "perdure/runtime/access.hpp"

namespace perdure::api {

namespace {

namespace api_key = actors::api_key;
using Next = void (*)(ContextPtr);

constexpr std::size_t secret_bytes_max = 512;

// RFC 6750, section 3.1: who sent no credentials is only told what is wanted.
enum class Credentialled { no, yes };

void refuse(Context& context, std::string detail, Credentialled sent = Credentialled::yes) {
  auto problem = problem_from({.code = ErrorCode::unauthenticated, .detail = std::move(detail)});
  if (sent == Credentialled::no) {
    problem.headers = {{"WWW-Authenticate", "Bearer realm=\"perdure\""}};
  }
  answer(context, problem);
}

// Splits `Bearer abc` at the blank.
std::string_view take_scheme(std::string_view& authorization) {
  authorization = trim(authorization);
  const auto end = std::min(authorization.find(' '), authorization.size());
  const auto scheme = authorization.substr(0, end);
  authorization = trim(authorization.substr(end));
  return scheme;
}

// The secret as it was sent; empty when there is none that could be one. Credentials of another
// scheme (`Basic`, which a proxy in front may ask for) are not for this server: beside them the
// API key counts.
std::string_view read_secret(const http::Headers& headers) {
  if (headers.count("Authorization") > 1 || headers.count("X-API-Key") > 1) return {};
  if (auto authorization = headers.find("Authorization")) {
    if (http::equals_ignoring_case(take_scheme(*authorization), "Bearer")) return *authorization;
  }
  return trim(headers.find("X-API-Key").value_or(std::string_view{}));
}

Call ask(ObjectId target, std::string name, Json payload) {
  return {.target = std::move(target),
          .type = CallType::query,
          .name = std::move(name),
          .payload = std::move(payload)};
}

// The key's own limit, or the server's for all keys. Kept while it does not change.
void take_token(Context& context, const std::optional<api_key::RateLimit>& own) {
  const auto& common = context.services.options.key_rate;
  const RatePolicy policy =
      own ? RatePolicy{.requests = static_cast<std::uint64_t>(own->requests), .window = own->window}
          : RatePolicy{.requests = common.requests, .window = common.window};
  auto bucket = context.key->bucket();
  if (!bucket || bucket->policy() != policy) {
    bucket = std::make_shared<RateBucket>("key", policy);
    context.key->set_bucket(bucket);
  }
  context.rate = bucket->take(context.services.clock);
}

// Notes the use, at most once a minute, and lets the request go on without waiting for it.
void touch(Context& context, const api_key::Grant& grant) {
  auto& services = context.services;
  if (!grant.is_due_for_touch(services.clock.now())) return;
  const auto now = services.clock.monotonic().count();
  const auto interval = std::chrono::milliseconds{api_key::touch_interval}.count();
  auto last = context.key->touched_ms.load(std::memory_order_relaxed);
  if (last != 0 && now - last < interval) return;  // one is on its way
  if (!context.key->touched_ms.compare_exchange_strong(last, now)) return;
  services.runtime.call({.target = context.key->object, .name = "touch"}, [](Result<Reply>) {
    // A use that could not be noted is no reason to refuse it.
  });
}

// The key stands: the last check, which no memory can answer. False when it has answered.
bool stands(Context& context, std::shared_ptr<const Standing> standing) {
  const auto& expires_at = standing->grant.expires_at;
  if (expires_at && *expires_at <= context.services.clock.now()) {
    refuse(context, "the API key is not valid");
    return false;
  }
  context.standing = std::move(standing);
  return true;
}

void admit(ContextPtr context, std::shared_ptr<const Standing> standing, Next next) {
  if (!stands(*context, std::move(standing))) return;
  const auto& grant = context->standing->grant;
  take_token(*context, grant.rate_limit);
  touch(*context, grant);
  if (!context->rate->taken) {
    return answer(*context, Error{.code = ErrorCode::rate_limited,
                                  .detail = "the key's rate limit is reached",
                                  .fields = {},
                                  .retry_after = context->rate->retry});
  }
  next(std::move(context));
}

using StandingHandler = std::function<void(Result<std::shared_ptr<const Standing>>)>;

Unexpected not_valid() { return fail(ErrorCode::unauthenticated, "the API key is not valid"); }

Unexpected not_active() { return fail(ErrorCode::unauthenticated, "the key's user is not active"); }

Principal::Role role_of(const Json& account) {
  return account.at("role") == "admin" ? Principal::Role::admin : Principal::Role::user;
}

// What the key grants as the steps of a transaction have left it and its user.
Result<std::shared_ptr<const Standing>> standing_left(const Context& context) {
  const auto& transaction = *context.part->transaction;
  const auto key = transaction.left(context.key->object);
  const auto user = transaction.left(context.standing->user);
  if (!key && !user) return context.standing;
  auto standing = *context.standing;
  if (key) {
    PERDURE_TRY(grant,
                api_key::grant_of(*key, context.key->hash_hex, context.services.clock.now()));
    standing.principal.scopes = join_scopes(grant.scopes);
    standing.grant = std::move(grant);
  }
  if (user) {
    if (!user->meta.exists() || user->state.at("is_active") != true) return not_active();
    standing.principal.role = role_of(user->state);
  }
  return std::make_shared<const Standing>(std::move(standing));
}

Result<std::shared_ptr<const Standing>> with_account(Application::Services& services,
                                                     KeyRecord& key, Standing standing,
                                                     Result<Reply> account) {
  if (!account && account.error().code != ErrorCode::not_found) {
    return fail(std::move(account).error());
  }
  if (!account || !account->meta.exists() || !account->value.at("is_active").get<bool>()) {
    return not_active();
  }
  standing.principal.role = role_of(account->value);
  standing.user_seq = account->meta.seq;
  standing.key_watch = services.runtime.watch(key.object);
  standing.user_watch = services.runtime.watch(standing.user);
  auto remembered = std::make_shared<const Standing>(std::move(standing));
  key.set_standing(remembered);
  return remembered;
}

void with_verified(Application::Services& services, std::shared_ptr<KeyRecord> key,
                   Result<Reply> verified, StandingHandler done) {
  if (!verified) {
    const auto code = verified.error().code;
    if (code != ErrorCode::unauthenticated && code != ErrorCode::not_found) {
      return done(fail(std::move(verified).error()));
    }
    return done(not_valid());
  }
  auto grant = api_key::accept(*verified, services.clock.now());
  if (!grant || grant->user_id.empty()) return done(not_valid());
  Standing standing{.key_seq = verified->meta.seq,
                    .user = {"user", grant->user_id},
                    .principal = {.role = Principal::Role::user,
                                  .user_id = grant->user_id,
                                  .key_id = grant->key_id,
                                  .scopes = join_scopes(grant->scopes)},
                    .owner = owner_key(grant->user_id),
                    .grant = std::move(*grant)};
  auto call = ask(standing.user, "account", nullptr);
  services.runtime.call(std::move(call), [&services, key = std::move(key), done = std::move(done),
                                          standing = std::move(standing)](Result<Reply> account) {
    done(with_account(services, *key, standing, std::move(account)));
  });
}

// The record of a secret, from memory or from the store.
Result<std::shared_ptr<KeyRecord>> find_key(Application::Services& services,
                                            std::string_view secret) {
  if (auto known = services.keys.find(secret)) return known;
  auto record = std::make_shared<KeyRecord>();
  record->hash_hex = secret_hash(secret);
  PERDURE_TRY(object, services.runtime.holder(std::string{api_key::hash_space}, record->hash_hex));
  if (!object) return std::shared_ptr<KeyRecord>{};
  record->object = std::move(*object);
  return services.keys.add(secret, std::move(record));
}

}  // namespace

namespace {

// The value of `?ticket=`, where a ticket may stand for a key and none was sent. Of a list it opens
// the stream alone: a page can be asked for with a header.
std::optional<std::string> read_ticket(const Context& context) {
  const auto& route = context.route->route;
  if (route.credentials != Credentials::key_or_ticket) return {};
  if (!route.also_produces.empty() && !wants_live(context)) return {};
  auto values = parse_query(context.request.query());
  if (!values) return {};
  const auto found = std::ranges::find(*values, ticket_parameter, &QueryValue::name);
  if (found == values->end()) return {};
  return std::move(found->value);
}

using Admit = void (*)(ContextPtr, std::shared_ptr<const Standing>, Next);

// What the key grants is remembered, or asked for.
void with_key(ContextPtr context, Admit admit, Next next) {
  if (auto standing = context->key->standing(); standing && standing->holds()) {
    return admit(std::move(context), std::move(standing), next);
  }
  auto& services = context->services;
  auto key = context->key;
  ask_standing(services, std::move(key),
               [context = std::move(context), admit, next](auto standing) {
                 if (standing) return admit(context, std::move(*standing), next);
                 if (standing.error().code != ErrorCode::unauthenticated) {
                   return answer(*context, std::move(standing).error());
                 }
                 context->services.keys.forget(context->secret);
                 refuse(*context, standing.error().detail);
               });
}

}  // namespace

namespace {

void with_secret(ContextPtr context, Next next) {
  auto found = find_key(context->services, context->secret);
  if (!found) return answer(*context, std::move(found).error());
  if (*found == nullptr) return refuse(*context, "the API key is not valid");
  context->key = std::move(*found);
  with_key(std::move(context), admit, next);
}

}  // namespace

void authenticate(ContextPtr context, Next next) {
  context->secret = read_secret(context->request.headers);
  if (context->secret.empty()) {
    if (const auto ticket = read_ticket(*context)) {
      context->key = context->services.tickets.redeem(*ticket);
      if (!context->key) {
        return refuse(*context, "the ticket is not valid: each opens one connection, within 30 s");
      }
      return with_key(std::move(context), admit, next);
    }
  }
  if (context->secret.empty() || context->secret.size() > secret_bytes_max) {
    return refuse(*context,
                  "send an API key as `Authorization: Bearer <key>` or `X-API-Key: <key>`",
                  context->secret.empty() ? Credentialled::no : Credentialled::yes);
  }
  auto& services = context->services;
  if (services.runtime.reads_are_slow() && !services.keys.find(context->secret)) {
    return run_slow(context, WorkClass::read, [context, next] { with_secret(context, next); });
  }
  with_secret(std::move(context), next);
}

void authenticate_again(ContextPtr context, Next next) {
  if (!context->part->is_atomic()) {
    // The batch has taken its tokens.
    return with_key(
        std::move(context),
        [](ContextPtr part, std::shared_ptr<const Standing> standing, Next go_on) {
          if (stands(*part, std::move(standing))) go_on(std::move(part));
        },
        next);
  }
  auto standing = standing_left(*context);
  if (!standing) return refuse(*context, standing.error().detail);
  if (stands(*context, std::move(*standing))) next(std::move(context));
}

void ask_standing(Application::Services& services, std::shared_ptr<KeyRecord> key,
                  StandingHandler done) {
  auto call = ask(key->object, "verify", {{"secret_hash", key->hash_hex}});
  services.runtime.call(std::move(call), [&services, key = std::move(key),
                                          done = std::move(done)](Result<Reply> verified) {
    with_verified(services, key, std::move(verified), done);
  });
}

}  // namespace perdure::api
