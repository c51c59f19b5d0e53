// SPDX-License-Identifier: Apache-2.0
#include "perdure/actors/webhook.hpp"
#include "perdure/runtime/runtime.hpp"

namespace perdure::actors {

namespace {

/// Asked when the attempt is made, so that every way to stop a user stops it.
Result<void> may_be_served(const Result<Reply>& account) {
  if (!account && account.error().code != ErrorCode::not_found) return fail(account.error());
  if (account && account->meta.exists() && account->value.at("is_active").get<bool>()) return {};
  return fail(ErrorCode::unauthenticated, "the owner of the webhook is not active");
}

}  // namespace

Performer webhook::for_active_owners(Runtime& runtime, Performer perform) {
  return [&runtime, perform = std::move(perform)](std::shared_ptr<Effect> effect) {
    const auto& object = effect->object();
    if (object.kind != "webhook") return perform(std::move(effect));
    const auto view = runtime.inspect(object);
    if (!view || view->meta.origin->owner.empty()) return perform(std::move(effect));
    runtime.call(
        {.target = {"user", view->meta.origin->owner}, .type = CallType::query, .name = "account"},
        [perform, effect = std::move(effect)](const Result<Reply>& account) {
          auto served = may_be_served(account);
          if (!served) return effect->finish(fail(std::move(served).error()));
          perform(effect);
        });
  };
}

}  // namespace perdure::actors
