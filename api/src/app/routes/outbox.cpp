// SPDX-License-Identifier: Apache-2.0
// /outbox and /dead-letters: what objects asked for beside themselves and is still to be done, and
// what was given up.
#include "app/checks.hpp"
#include "app/dispatch.hpp"
#include "app/json_text.hpp"
#include "app/routes/resources.hpp"
#include "app/routes/tables.hpp"
#include "app/services.hpp"

namespace perdure::api {

namespace {

using http::Method;

constexpr std::string_view dead_letter_kind = "dead_letter";

void list_outbox(const ContextPtr& context) {
  const auto from = position_cursor(*context);
  if (!from) return answer(*context, Error{from.error()});
  const auto limit = static_cast<std::size_t>(number_or(*context, "limit", 50));
  auto found = context->services.runtime.outbox(*from, limit + 1);
  std::string next;
  if (found.size() > limit) {
    next = std::to_string(found.back().position);
    found.pop_back();
  }
  std::string items;
  for (const auto& item : found) {
    if (!items.empty()) items += ',';
    append_json(items, item);
  }
  answer(*context, list_answer(*context, items, next));
}

Json letter_json(const ObjectView& letter) {
  Json json = letter.state;
  json["id"] = letter.meta.object().id;
  json["created_at"] = format_rfc3339(letter.meta.origin->created_at);
  return json;
}

void list_dead_letters(const ContextPtr& context) {
  ListRequest request{.kind = std::string{dead_letter_kind},
                      .index = "created_at",
                      .limit = static_cast<std::size_t>(number_or(*context, "limit", 50))};
  if (const auto* cursor = context->find_query("cursor")) request.cursor = *cursor;
  const auto page = context->services.runtime.list(request);
  if (!page) return answer(*context, Error{page.error()});
  std::string items;
  for (const auto& letter : page->items) {
    if (!items.empty()) items += ',';
    append_json(items, letter_json(letter));
  }
  answer(*context, list_answer(*context, items, page->next_cursor, page->unreadable));
}

ObjectId letter_of(const Context& context) {
  return {std::string{dead_letter_kind}, std::string{context.value("id")}};
}

void get_dead_letter(const ContextPtr& context) {
  const auto letter = context->services.runtime.inspect(letter_of(*context));
  if (!letter) return answer(*context, Error{letter.error()});
  answer_json(*context, letter_json(*letter));
}

void discard_dead_letter(ContextPtr context) {
  auto call = make_call(*context, letter_of(*context), CallType::command,
                        std::string{builtin::remove}, nullptr);
  if (!add_precondition(*context, call)) return;
  call_and_answer(std::move(context), std::move(call), Render::nothing);
}

/// Sent again, and then out of the list: a crash in between leaves it there with `retried_at`.
void retry_dead_letter(const ContextPtr& context) {
  auto call = make_call(*context, letter_of(*context), CallType::command, "retry", nullptr);
  if (!add_precondition(*context, call)) return;
  auto& runtime = context->services.runtime;
  runtime.call(std::move(call), [context](Result<Reply> reply) {
    if (!reply) return answer(*context, std::move(reply).error());
    context->replayed = reply->replayed;
    Call remove{.target = letter_of(*context), .name = std::string{builtin::remove}};
    auto letter = letter_json({reply->meta, reply->value});
    context->services.runtime.call(
        std::move(remove), [context, letter = std::move(letter)](const Result<Reply>& /*removed*/) {
          answer_json(*context, letter);
        });
  });
}

}  // namespace

void add_outbox_routes(std::vector<Route>& routes) {
  const OperatorRoutes add{routes};
  add(Method::get, "/outbox", "listOutbox",
      "Messages and effects that wait, run, or back off after a failure; oldest first",
      Slow{list_outbox}, "OutboxItemList")
      .query = page_parameters();
  add(Method::get, "/dead-letters", "listDeadLetters",
      "Alarms, messages and effects that were given up", Slow{list_dead_letters}, "DeadLetterList")
      .query = page_parameters();
  add(Method::get, "/dead-letters/{id}", "getDeadLetter", "One of them", Slow{get_dead_letter},
      "DeadLetter");
  add(Method::post, "/dead-letters/{id}/retry", "retryDeadLetter",
      "Drive it again, and take it off the list", Function{retry_dead_letter}, "DeadLetter");
  add(Method::del, "/dead-letters/{id}", "deleteDeadLetter", "Discard it",
      Function{discard_dead_letter}, "")
      .status = 204;
}

}  // namespace perdure::api
