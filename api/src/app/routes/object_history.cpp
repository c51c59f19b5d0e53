// SPDX-License-Identifier: Apache-2.0
// /durable-objects/{kind}/{id}: journal, snapshots, entries, and whether it is in memory.
#include <charconv>

#include "app/checks.hpp"
#include "app/dispatch.hpp"
#include "app/list_text.hpp"
#include "app/live_list.hpp"
#include "app/routes/object_views.hpp"
#include "app/routes/resources.hpp"
#include "app/routes/tables.hpp"
#include "app/services.hpp"
#include "perdure/base/crypto.hpp"
#include "perdure/base/utf8.hpp"
#include "perdure/schemas/write_json.hpp"

namespace perdure::api {

namespace {

using http::Method;

constexpr Seq seq_max = ~Seq{0} >> 1;

std::optional<Seq> read_seq(std::string_view text) {
  Seq seq = 0;
  const auto* end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, seq);
  if (error != std::errc{} || at != end || seq == 0) return {};
  return seq;
}

// The seq in `cursor`, or `otherwise` without one.
Result<Seq> cursor_seq(const Context& context, Seq otherwise) {
  const auto* cursor = context.find_query("cursor");
  if (cursor == nullptr) return otherwise;
  if (const auto seq = read_seq(*cursor)) return *seq;
  return fail(invalid_parameter("cursor", "invalid", "is no next_cursor of this list"));
}

Json record_json(const Context& context, const JournalRecord& record) {
  auto entries = Json::array();
  for (const auto& change : record.entries) {
    const bool is_put = change.op == JournalEntryChange::Op::put;
    entries.push_back(
        {{"key", change.key}, {"op", is_put ? "put" : "erase"}, {"digest", change.digest}});
  }
  auto events = Json::array();
  for (const auto& event : record.events) {
    events.push_back({{"id", event.id}, {"topic", event.topic}});
  }
  return {{"seq", record.seq},
          {"at", format_rfc3339(record.at)},
          {"command", record.command},
          {"principal", record.principal},
          {"request_id", record.request_id},
          {"traceparent", record.traceparent},
          {"schema_version", record.schema_version},
          {"born_seq", record.born_seq},
          {"deleted", record.deleted},
          {"state",
           shown_state(context.services.runtime, std::string{context.values[0]}, record.state)},
          {"entries", std::move(entries)},
          {"events", std::move(events)},
          {"previous_hash", record.previous_hash},
          {"hash", record.hash}};
}

void list_journal(const ContextPtr& context) {
  const bool newest_first = context->query_is("sort", "-seq");
  auto start = cursor_seq(*context, newest_first ? seq_max : 1);
  if (!start) return answer(*context, std::move(start).error());
  ListText page{*context};
  std::string next;
  const auto read = context->services.runtime.journal(
      object_of(*context), newest_first ? 1 : *start, newest_first ? *start : seq_max,
      newest_first ? Order::descending : Order::ascending, [&](const JournalRecord& record) {
        if (page.add(record_json(*context, record)) == Shown::taken) return true;
        next = std::to_string(record.seq);
        return false;
      });
  if (!read) return answer(*context, Error{read.error()});
  std::move(page).send(*context, next);
}

Json snapshot_json(const SnapshotInfo& snapshot) {
  return {{"seq", snapshot.seq},
          {"name", snapshot.name},
          {"created_at", format_rfc3339(snapshot.created_at)},
          {"created_by", snapshot.created_by}};
}

void list_snapshots(const ContextPtr& context) {
  auto start = cursor_seq(*context, 1);
  if (!start) return answer(*context, std::move(start).error());
  ListText page{*context};
  // One more than fits tells whether there is a next page.
  auto snapshots =
      context->services.runtime.snapshots(object_of(*context), *start, page.left() + 1);
  if (!snapshots) return answer(*context, std::move(snapshots).error());
  for (const auto& snapshot : *snapshots) {
    if (page.add(snapshot_json(snapshot)) == Shown::taken) continue;
    return std::move(page).send(*context, std::to_string(snapshot.seq));
  }
  std::move(page).send(*context, {});
}

std::optional<Seq> path_seq(Context& context) {
  const auto seq = read_seq(context.value("seq"));
  if (!seq) {
    answer(context, Error{.code = ErrorCode::not_found,
                          .detail = "no such snapshot: seqs are "
                                    "whole numbers from 1"});
  }
  return seq;
}

void get_snapshot(const ContextPtr& context) {
  const auto seq = path_seq(*context);
  if (!seq) return;
  auto snapshots = context->services.runtime.snapshots(object_of(*context), *seq, 1);
  if (!snapshots) return answer(*context, std::move(snapshots).error());
  if (snapshots->empty() || snapshots->front().seq != *seq) {
    return answer(*context, Error{.code = ErrorCode::not_found, .detail = "no such snapshot"});
  }
  JsonAnswer json;
  write_json(json.text, snapshot_json(snapshots->front()));
  answer(*context, std::move(json));
}

void create_snapshot(ContextPtr context) {
  auto call = make_call(*context, object_of(*context), CallType::command, std::string{builtin::pin},
                        std::move(context->body));
  if (!add_precondition(*context, call)) return;
  auto done = [context](Result<Reply> reply) {
    if (!reply) return answer(*context, std::move(reply).error());
    context->replayed = reply->replayed;
    JsonAnswer json{.status = 201, .text = {}, .seq = reply->meta.seq};
    write_json(json.text, reply->value);
    json.location = location_of(*context, std::to_string(reply->value["seq"].get<Seq>()));
    answer(*context, std::move(json));
  };
  call_object(*context, std::move(call), std::move(done));
}

template <const std::string_view& name>
void call_with_seq(ContextPtr context) {
  const auto seq = path_seq(*context);
  if (!seq) return;
  auto call = make_call(*context, object_of(*context), CallType::command, std::string{name},
                        {{"seq", *seq}});
  if (!add_precondition(*context, call)) return;
  if constexpr (name == builtin::unpin) {
    call_and_answer(std::move(context), std::move(call), Render::nothing);
  } else {
    call_and_answer_view(context, std::move(call));
  }
}

void hibernate(const ContextPtr& context) {
  const auto object = object_of(*context);
  auto& runtime = context->services.runtime;
  if (auto there = runtime.inspect(object); !there) {
    return answer(*context, std::move(there).error());
  }
  if (!check_precondition(*context, object)) return;
  if (auto done = runtime.hibernate(object); !done) {
    return answer(*context, std::move(done).error());
  }
  answer_view(*context, runtime.inspect(object));
}

void activate(ContextPtr context) {
  if (!check_precondition(*context, object_of(*context))) return;
  context->services.runtime.activate(object_of(*context), view_answerer(context));
}

// A value as it is, where it is JSON; else as text, else as bytes.
Json entry_value(const std::string& value) {
  if (auto json = parse_stored_json(value)) return std::move(*json);
  if (is_valid_utf8(value)) return value;
  return {{"base64url", to_base64url(value)}};
}

void list_entries(const ContextPtr& context) {
  AsOf when;
  if (const auto* text = context->find_query("as_of")) {
    auto read = read_as_of(*text);
    if (!read) return answer(*context, std::move(read).error());
    when = *read;
  }
  const auto* prefix = context->find_query("prefix");
  auto range = EntryRange::prefix(prefix == nullptr ? "" : *prefix);
  if (const auto* cursor = context->find_query("cursor")) {
    const auto from = from_base64url(*cursor);
    if (!from || from->empty() || *from < range.from) {
      return answer(*context,
                    invalid_parameter("cursor", "invalid", "is no next_cursor of this list"));
    }
    range.from = *from;
  }
  ListText page{*context};
  range.limit = page.left() + 1;
  range.bytes_max = perdure::limits::page_items_bytes_max;
  auto entries = context->services.runtime.entries(object_of(*context), range, when);
  if (!entries) return answer(*context, std::move(entries).error());
  for (const auto& entry : *entries) {
    const auto shown =
        page.add({{"key", entry.key}, {"value", entry_value(entry.value)}, {"seq", entry.seq}});
    if (shown == Shown::taken) continue;
    return std::move(page).send(*context, to_base64url(entry.key));
  }
  const auto more = range.may_go_on(*entries);
  std::move(page).send(*context, more ? to_base64url(range.after(*entries).from) : "");
}

}  // namespace

void add_object_history_routes(std::vector<Route>& routes) {
  const Permission read{"durable-objects", Access::read, Audience::admin};
  const Permission write{"durable-objects", Access::write, Audience::admin};
  const std::string item = "/durable-objects/{kind}/{id}";
  const auto add = [&](Method method, const std::string& path, std::string operation,
                       std::string summary, Target target, std::string response) -> Route& {
    routes.push_back({.method = method,
                      .path = item + path,
                      .operation = std::move(operation),
                      .tag = "Durable objects",
                      .summary = std::move(summary),
                      .permission = method == Method::get ? read : write,
                      .target = std::move(target),
                      .response_schema = std::move(response)});
    return routes.back();
  };
  auto& journal = add(Method::get, "/journal", "listJournal", "The object's records",
                      Slow{list_journal}, "JournalRecordList");
  journal.query = page_parameters();
  journal.query.push_back(sort_parameter({"seq"}));
  refuse_live(journal, silent_turns);
  auto& snapshots = add(Method::get, "/snapshots", "listSnapshots", "The pinned seqs",
                        Slow{list_snapshots}, "SnapshotList");
  snapshots.query = page_parameters();
  refuse_live(snapshots, silent_turns);
  auto& create =
      add(Method::post, "/snapshots", "createSnapshot", "Pin a seq, so that retention keeps it",
          Commands{create_snapshot}, "Snapshot");
  create.request_schema = "SnapshotCreate";
  create.body = BodyUse::optional;
  create.status = 201;
  create.validator = Validator::none;
  create.example = R"({"name":"before the migration"})";
  add(Method::get, "/snapshots/{seq}", "getSnapshot", "One pinned seq", Slow{get_snapshot},
      "Snapshot")
      .validator = Validator::none;
  auto& unpin = add(Method::del, "/snapshots/{seq}", "deleteSnapshot", "Let a pinned seq go",
                    Commands{call_with_seq<builtin::unpin>}, "");
  unpin.status = 204;
  add(Method::post, "/snapshots/{seq}/restore", "restoreSnapshot",
      "A new record with state and entries as of a seq; can be undone the same way",
      Commands{call_with_seq<builtin::restore>}, "ObjectView");
  add(Method::post, "/hibernate", "hibernateObject", "Drop the object from memory", Slow{hibernate},
      "ObjectView");
  add(Method::post, "/activate", "activateObject", "Load the object", Function{activate},
      "ObjectView");
  auto& entries = add(Method::get, "/entries", "listEntries", "The rows of the object's storage",
                      Slow{list_entries}, "ObjectEntryList");
  entries.query = page_parameters();
  entries.query.push_back({.name = "prefix", .description = "Only keys that start so."});
  refuse_live(entries, silent_turns);
  entries.query.push_back({.name = "as_of",
                           .type = ParameterType::as_of,
                           .description = "A seq, or a time: the newest record at or before it."});
}

}  // namespace perdure::api
