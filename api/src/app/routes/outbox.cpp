// SPDX-License-Identifier: Apache-2.0
// /outbox and /dead-letters: what objects asked for beside themselves and is still to be done, and
// what was given up.
#include "app/checks.hpp"
#include "app/dispatch.hpp"
#include "app/list_text.hpp"
#include "app/live_list.hpp"
#include "app/operating.hpp"
#include "app/routes/resources.hpp"
#include "app/routes/tables.hpp"
#include "app/services.hpp"
#include "perdure/schemas/write_json.hpp"

namespace perdure::api {

namespace {

using http::Method;

constexpr std::string_view dead_letter_kind = "dead_letter";
/// Copied of the outbox under its lock: each may have a payload of 192 KiB.
constexpr std::size_t items_at_once = 8;

void list_outbox(const ContextPtr& context) {
  const auto from = position_cursor(*context);
  if (!from) return answer(*context, Error{from.error()});
  ListText page{*context};
  for (auto position = *from;;) {
    const auto found = context->services.runtime.outbox(position, items_at_once);
    for (const auto& item : found) {
      if (!may_see_sent(*context, to_string(item.from), item.to)) continue;
      if (page.add(item) == Shown::taken) continue;
      return std::move(page).send(*context, std::to_string(item.position));
    }
    if (found.size() < items_at_once) return std::move(page).send(*context, {});
    position = found.back().position + 1;
  }
}

Json letter_json(const ObjectView& letter) {
  // One from before such states were refused is shown as it is.
  Json json = letter.state.is_object() ? letter.state : Json{{"state", letter.state}};
  json["id"] = letter.meta.object().id;
  json["created_at"] = format_rfc3339(letter.meta.origin->created_at);
  return json;
}

bool may_see(const Runtime& runtime, const Principal& principal, const Json& letter) {
  const auto text = [&](const char* member) {
    const auto found = letter.is_object() ? letter.find(member) : letter.end();
    return found != letter.end() && found->is_string() ? found->get<std::string>() : std::string{};
  };
  return may_see_sent(runtime, principal, text("from"), text("to"));
}

bool may_see(const Context& context, const Json& letter) {
  return may_see(context.services.runtime, context.principal(), letter);
}

void follow_dead_letters(const ContextPtr& context, ListRequest request) {
  const auto is_hidden = [&runtime = context->services.runtime,
                          reader = context->principal()](const ObjectView& letter) {
    return !may_see(runtime, reader, letter.state);
  };
  open_live_list(context, {.request = std::move(request),
                           .is_in = [](const ObjectView& letter) { return letter.meta.exists(); },
                           .shown = [](const ObjectView& letter) -> Result<Json> {
                             return letter_json(letter);
                           },
                           .is_hidden = is_hidden});
}

void list_dead_letters(const ContextPtr& context) {
  ListText page{*context};
  ListRequest request{
      .kind = std::string{dead_letter_kind}, .index = "created_at", .limit = page.left()};
  if (const auto* cursor = context->find_query("cursor")) request.cursor = *cursor;
  if (wants_live(*context)) return follow_dead_letters(context, std::move(request));
  const auto end = context->services.runtime.list(
      request, [&](const ObjectId& object, const Result<ObjectView>& letter) {
        if (letter && !may_see(*context, letter->state)) return Shown::passed_over;
        return letter ? page.add(letter_json(*letter)) : page.add_unreadable(object);
      });
  if (!end) return answer(*context, Error{end.error()});
  std::move(page).send(*context, end->next_cursor);
}

ObjectId letter_of(const Context& context) {
  return {std::string{dead_letter_kind}, std::string{context.value("id")}};
}

Error not_seen() {
  return {.code = ErrorCode::forbidden,
          .detail = "letters of objects of this kind need a key with the scope *"};
}

/// Of one that is there. Errors: forbidden.
Result<void> check_seen(const Context& context) {
  const auto letter = look_at(context, letter_of(context));
  if (letter && !may_see(context, letter->state)) return fail(not_seen());
  return {};
}

void get_dead_letter(const ContextPtr& context) {
  const auto letter = context->services.runtime.inspect(letter_of(*context));
  if (!letter) return answer(*context, Error{letter.error()});
  if (!may_see(*context, letter->state)) return answer(*context, not_seen());
  answer_json(*context, letter_json(*letter));
}

void discard_dead_letter(ContextPtr context) {
  if (auto seen = check_seen(*context); !seen) return answer(*context, std::move(seen).error());
  auto call = make_call(*context, letter_of(*context), CallType::command,
                        std::string{builtin::remove}, nullptr);
  if (!add_precondition(*context, call)) return;
  call_and_answer(std::move(context), std::move(call), Render::nothing);
}

/// The object that driving a letter again calls; none: an effect calls nobody.
std::optional<ObjectId> called_by(const Json& letter) {
  const auto text = [&](const char* member) {
    const auto found = letter.find(member);
    return found != letter.end() && found->is_string() ? found->get<std::string>() : std::string{};
  };
  const auto type = text("type");
  const auto name = text(type == "message" ? "to" : "from");
  const auto colon = name.find(':');
  if (type == "effect" || colon == std::string::npos) return {};
  return ObjectId{name.substr(0, colon), name.substr(colon + 1)};
}

/// Refuses a letter of an earlier life. One that ends after this look is told by the message.
Result<void> check_life(const Runtime& runtime, const ObjectId& letter_id) {
  PERDURE_TRY(letter, runtime.inspect(letter_id));
  const auto life = letter.state.find("life");
  const auto object = called_by(letter.state);
  if (life == letter.state.end() || !object) return {};
  const auto called = runtime.inspect(*object);
  if (!called || *life == called->meta.origin->born_seq) return {};
  return fail(ErrorCode::conflict,
              to_string(*object) + " has begun another life since, which did not ask for this");
}

/// Sent again, and then out of the list: a crash in between leaves it there with `retried_at`.
void retry_dead_letter(const ContextPtr& context) {
  if (auto seen = check_seen(*context); !seen) return answer(*context, std::move(seen).error());
  if (auto same = check_life(context->services.runtime, letter_of(*context)); !same) {
    return answer(*context, std::move(same).error());
  }
  auto call = make_call(*context, letter_of(*context), CallType::command, "retry", nullptr);
  if (!add_precondition(*context, call)) return;
  call_object(*context, std::move(call), [context](Result<Reply> reply) {
    if (!reply) return answer(*context, std::move(reply).error());
    context->replayed = reply->replayed;
    Call remove{.target = letter_of(*context), .name = std::string{builtin::remove}};
    auto letter = letter_json({reply->meta, reply->value});
    call_object(*context, std::move(remove),
                [context, letter = std::move(letter)](const Result<Reply>& /*removed*/) {
                  answer_json(*context, letter);
                });
  });
}

}  // namespace

void add_outbox_routes(std::vector<Route>& routes) {
  const OperatorRoutes add{routes};
  auto& outbox = add(Method::get, "/outbox", "listOutbox",
                     "Messages and effects that wait, run, or back off after a failure; oldest "
                     "first",
                     Slow{list_outbox}, "OutboxItemList");
  outbox.query = page_parameters();
  refuse_live(outbox, "what is under way changes without events: /metrics counts it");
  auto& letters = add(Method::get, "/dead-letters", "listDeadLetters",
                      "Alarms, messages and effects that were given up", Slow{list_dead_letters},
                      "DeadLetterList");
  letters.query = page_parameters();
  offer_live(letters);
  add(Method::get, "/dead-letters/{id}", "getDeadLetter", "One dead letter", Slow{get_dead_letter},
      "DeadLetter");
  add(Method::post, "/dead-letters/{id}/retry", "retryDeadLetter",
      "Drive a dead letter again, and take it off the list",
      Commands{retry_dead_letter, WorkClass::read}, "DeadLetter");
  add(Method::del, "/dead-letters/{id}", "deleteDeadLetter", "Discard a dead letter",
      Commands{discard_dead_letter}, "")
      .status = 204;
}

}  // namespace perdure::api
