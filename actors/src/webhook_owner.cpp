// SPDX-License-Identifier: Apache-2.0
#include "perdure/actors/webhook.hpp"
#include "perdure/runtime/runtime.hpp"

namespace perdure::actors {

namespace {

/// Until the owner is asked about again.
constexpr std::chrono::seconds ask_again_after{5};

/// Asked when the attempt is made, so that every way to stop a user stops it.
Result<void> may_be_served(const Result<Reply>& account) {
  if (!account && account.error().code != ErrorCode::not_found) {
    // No attempt was made: it does not count as one.
    Error later{.code = ErrorCode::overloaded,
                .detail = "the owner of the webhook cannot be read: " + account.error().detail};
    later.retry_after = ask_again_after;
    return fail(std::move(later));
  }
  if (account && account->meta.exists() && account->value.at("is_active").get<bool>()) return {};
  return fail(ErrorCode::unauthenticated, "the owner of the webhook is not active");
}

}  // namespace

Performer webhook::for_active_owners(Runtime& runtime, Performer perform) {
  return [&runtime, perform = std::move(perform)](std::shared_ptr<Effect> effect) {
    // The effect says whose it is: nothing has to be read that might be unreadable.
    const ObjectId owner{"user", effect->owner()};
    if (effect->object().kind != "webhook" || owner.id.empty()) return perform(std::move(effect));
    runtime.call({.target = owner, .type = CallType::query, .name = "account"},
                 [perform, effect = std::move(effect)](const Result<Reply>& account) {
                   auto served = may_be_served(account);
                   if (!served) return effect->finish(fail(std::move(served).error()));
                   perform(effect);
                 });
  };
}

}  // namespace perdure::actors
