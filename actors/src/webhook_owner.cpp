// SPDX-License-Identifier: Apache-2.0
#include "perdure/actors/webhook.hpp"
#include "perdure/runtime/access.hpp"
#include "perdure/runtime/runtime.hpp"

namespace perdure::actors {

namespace {

/// Until the owner is asked about again.
constexpr std::chrono::seconds ask_again_after{5};

/// No attempt was made: it does not count as one.
Error cannot_tell(std::string_view what, const std::string& why) {
  Error later{.code = ErrorCode::overloaded,
              .detail = std::string{what} + " cannot be read: " + why};
  later.retry_after = ask_again_after;
  return later;
}

/// Asked when the attempt is made, so that every way to stop a user stops it. What cannot be told
/// is not served until it can.
Result<void> may_be_served(const Result<Reply>& account) {
  constexpr std::string_view owner = "the owner of the webhook";
  if (!account && account.error().code != ErrorCode::not_found) {
    return fail(cannot_tell(owner, account.error().detail));
  }
  if (account && account->meta.exists()) {
    const auto active =
        account->value.is_object() ? account->value.value("is_active", Json()) : Json();
    if (!active.is_boolean()) return fail(cannot_tell(owner, "it does not say if it is active"));
    if (active.get<bool>()) return {};
  }
  return fail(ErrorCode::unauthenticated, "the owner of the webhook is not active");
}

/// What was shared with the owner when the event was taken on may have been withdrawn since. Most
/// events are of the owner's own objects, and need no look at them.
Result<void> may_be_told(const Runtime& runtime, const std::string& owner, const Effect& effect) {
  const auto body = effect.payload().find("body");
  if (body == effect.payload().end()) return {};
  const auto event = parse_stored_json(body->get_ref<const std::string&>());
  if (!event || event->value("owner", owner) == owner) return {};
  const auto withdrawn = [] {
    return fail(ErrorCode::gone,
                "the object of the event is not shared with the owner of the webhook any more");
  };
  const auto source = from_uri_reference(event->value("source", std::string{}));
  if (!source) return withdrawn();
  const auto object = runtime.inspect(*source);
  if (!object && object.error().code == ErrorCode::not_found) return withdrawn();
  if (!object) return fail(cannot_tell("the object of the event", object.error().detail));
  const Principal reader{.role = Principal::Role::user, .user_id = owner};
  if (permits(reader, possession_of(object->meta), Action::read).allowed()) return {};
  return withdrawn();
}

/// The effect says whose it is, so that nothing has to be read that might be unreadable. One that
/// says nothing is the host's own, or older than the saying: then the webhook is looked at.
Result<std::string> owner_of(const Runtime& runtime, const Effect& effect) {
  if (!effect.owner().empty()) return effect.owner();
  const auto view = runtime.inspect(effect.object());
  if (!view && view.error().code == ErrorCode::not_found) return fail(view.error());
  if (!view) return fail(cannot_tell("the webhook", view.error().detail));
  return view->meta.origin->owner.text();
}

}  // namespace

Performer webhook::for_active_owners(Runtime& runtime, Performer perform) {
  return [&runtime, perform = std::move(perform)](std::shared_ptr<Effect> effect) {
    if (effect->object().kind != "webhook") return perform(std::move(effect));
    const auto owner = owner_of(runtime, *effect);
    if (!owner) return effect->finish(fail(owner.error()));
    if (owner->empty()) return perform(std::move(effect));
    runtime.call({.target = {"user", *owner}, .type = CallType::query, .name = "account"},
                 [&runtime, perform, owner = *owner,
                  effect = std::move(effect)](const Result<Reply>& account) {
                   auto may = may_be_served(account);
                   if (may) may = may_be_told(runtime, owner, *effect);
                   if (!may) return effect->finish(fail(std::move(may).error()));
                   perform(effect);
                 });
  };
}

}  // namespace perdure::actors
