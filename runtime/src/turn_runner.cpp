// SPDX-License-Identifier: Apache-2.0
#include "turn_runner.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "change_events.hpp"
#include "event_feed.hpp"
#include "flow_runner.hpp"
#include "flow_view.hpp"
#include "going_along.hpp"
#include "guarded.hpp"
#include "index_keys.hpp"
#include "life_end.hpp"
#include "once.hpp"
#include "operations.hpp"
#include "own_errors.hpp"
#include "perdure/base/watched_mutex.hpp"
#include "perdure/runtime/access.hpp"
#include "perdure/schemas/misfit.hpp"
#include "perdure/schemas/schema.hpp"
#include "quota.hpp"
#include "references.hpp"
#include "root_size.hpp"
#include "stream_turns.hpp"
#include "turn_rows.hpp"
#include "unique_keys.hpp"

namespace perdure::runtime {

namespace {

// Imports, restores and the like are bounded by the object, not by what a handler should write.
constexpr TurnLimits builtin_limits{.entries_max = 5'000'000, .bytes_max = 512u << 20};

Life life_of(const Envelope& envelope) {
  if (envelope.command != nullptr && envelope.command->creates == Creates::yes) return Life::begins;
  return row_of(envelope.operation).life;
}

bool can_be_brought_back(const Version& version) {
  return version.meta.deleted_at && !version.purged();
}

/// Whether a call may run on an object that does not exist now.
bool may_run_without_life(const Envelope& envelope, const Version& newest) {
  const bool deleted = can_be_brought_back(newest);
  switch (life_of(envelope)) {
    case Life::begins:
    case Life::any: return true;
    // What was deleted can be brought back, so no command hides it in passing.
    case Life::may_begin: return !deleted && !envelope.kind->created_by_command;
    case Life::deleted: return deleted;
    case Life::present: break;
  }
  return false;
}

Result<std::shared_ptr<const Origin>> origin_after(const Envelope& envelope, const Version& before,
                                                   Timestamp now) {
  if (before.meta.exists() || envelope.operation == Operation::undelete) {
    return before.meta.origin;
  }
  const auto& principal = envelope.call.principal;
  auto owner = Owner::from_text(envelope.call.owner.value_or(principal.user_id));
  if (const auto verdict = permits(principal, {.owner = owner}, Action::create);
      !verdict.allowed()) {
    return fail(refusal(verdict, envelope.call.target));
  }
  auto origin = std::make_shared<Origin>();
  origin->object = envelope.call.target;
  origin->born_seq = before.meta.seq + 1;
  origin->owner = std::move(owner);
  origin->created_at = now;
  origin->created_by = actor_name(principal);
  return std::shared_ptr<const Origin>{std::move(origin)};
}

// Else it could be written, and not be read again.
Result<void> check_nesting(std::string_view what, const Json& value) {
  if (!is_nested_deeper(value, limits::nesting_max)) return {};
  return fail(ErrorCode::too_large,
              fmt::format("{} is nested deeper than {}", what, limits::nesting_max));
}

Result<void> run_flow(Draft& draft, TurnContext& turn) {
  FlowRunner runner{draft.envelope, &turn};
  auto outcome = runner.run(draft.state.get());
  if (!outcome) {
    draft.stop = runner.take_stop();
    return {};
  }
  PERDURE_TRY(value, std::move(*outcome));
  PERDURE_TRY_VOID(check_nesting("the reply", value));
  draft.value = std::move(value);
  return {};
}

Result<void> add_events(Decision& decision, Record& record, const Draft& draft,
                        const std::vector<PublishedEvent>& events) {
  for (const auto& event : events) {
    PERDURE_TRY_VOID(check_nesting("event " + event.topic, event.data));
    auto body =
        cloud_event(draft.meta, draft.envelope.call.traceparent, record.topics.size(), event);
    if (body.size() > limits::event_bytes_max) {
      return fail(ErrorCode::too_large,
                  fmt::format("event {} has {} bytes; an event has at most {}", event.topic,
                              body.size(), limits::event_bytes_max));
    }
    record.topics.push_back(event.topic);
    decision.write_set.events.push_back(std::move(body));
  }
  return {};
}

void add_entries(Decision& decision, Record& record, const PendingEntries& entries) {
  for (const auto& [key, pending] : entries) {
    std::optional<std::string> digest;
    if (pending.value) digest = digest_value(*pending.value);
    record.entries.push_back({key, std::move(digest)});
    decision.write_set.entries.push_back({key, pending.value});
  }
}

void add_claims(Decision& decision, const Draft& draft, const TurnRequests& requests) {
  auto& write_set = decision.write_set;
  for (const auto& [space, key] : requests.releases) write_set.releases.push_back({space, key});
  for (const auto& [space, key] : requests.claims) {
    write_set.claims.push_back({space, key, to_string(draft.meta.object()), {}});
  }
  add_once(write_set, draft.envelope, decision.reply, draft.around.rules.idempotency_window);
}

/// Whether something follows from the state that a turn leaves, beside its record.
bool has_derived(const Draft& draft) {
  const auto& kind = draft.around.kind;
  return !kind.indexes.empty() || !kind.lists.sorts.empty() || !kind.purges.empty() ||
         !kind.uniques.empty() || !kind.references.empty() || !kind.quorums.empty() ||
         kind.changes || draft.before.meta.exists() != draft.meta.exists() ||
         draft.before.meta.grants != draft.meta.grants;
}

// What follows from the state, the event of the change; references are checked.
Result<void> add_derived(Decision& decision, const Draft& draft, const Json& after,
                         TurnRequests& requests) {
  if (!has_derived(draft)) return {};
  const auto& kind = draft.around.kind;
  const auto& old = draft.before.meta;
  const Json before = root_of(kind, draft.before);
  PERDURE_TRY_VOID(
      check_references(draft, old.exists() ? before : Json(nullptr), after, decision.relies_on));
  const ObjectForm form{draft.meta, after};
  PERDURE_TRY_VOID(change_rows_of_turn(draft.envelope, draft.around, {draft.before, before}, &form,
                                       decision.write_set));
  add_change_events(kind, old, draft.meta, before, after, requests.events);
  return {};
}

bool begins_life(const Draft& draft) { return draft.before.meta.origin != draft.meta.origin; }

Result<void> add_alarms(Decision& decision, const Draft& draft, AlarmChanges&& changes) {
  const auto& around = draft.around;
  const auto& object = draft.meta.object();
  auto& rows = decision.write_set.alarms;
  if (!begins_life(draft)) {
    PERDURE_TRY(set, alarm_rows(around.store, object, around.alarms, changes, around.tally));
    rows = std::move(set);
    decision.alarms = std::move(changes);
    return {};
  }
  PERDURE_TRY(set, unchecked_alarm_rows(around.store, object, around.alarms, changes));
  rows = std::move(set);
  decision.alarms = std::move(changes);
  if (draft.before.meta.seq == 0) return {};
  return end_earlier_life(draft.envelope, draft.before, around, decision);
}

}  // namespace

Result<void> run_handler(Draft& draft, TurnContext& turn) {
  const auto& envelope = draft.envelope;
  if (envelope.command == nullptr) return row_of(envelope.operation).change(draft, turn);
  const auto& command = *envelope.command;
  if (command.check_payload) {
    if (auto broken = command.check_payload(envelope.call.payload); !broken.empty()) {
      return fail(invalid_value(std::move(broken)));
    }
  }
  if (command.flow) return run_flow(draft, turn);
  PERDURE_TRY(value, command.run(turn, draft.state.get(), envelope.call.payload));
  PERDURE_TRY_VOID(check_nesting("the reply", value));
  draft.value = std::move(value);
  return {};
}

Result<Decision> decide(const Draft& draft, TurnRequests&& requests) {
  const auto& kind = draft.around.kind;
  const auto& before = draft.before;
  // What cannot be read stays as it was written.
  const auto& kept = draft.unreadable;
  const Json after_json = kept ? kept->stored : kind.state.encode(draft.state.get());

  Record record{.previous_hash = before.hash,
                .meta = draft.meta,
                .command = draft.envelope.call.name,
                .request_id = draft.envelope.call.request_id,
                .traceparent = draft.envelope.call.traceparent,
                .entries = {},
                .topics = {},
                .root = dump_json(after_json)};
  PERDURE_TRY_VOID(check_root_size(after_json, record.root.size()));
  PERDURE_TRY_VOID(check_nesting("the state", after_json));
  Decision decision;
  auto& write_set = decision.write_set;
  write_set.object = draft.meta.object();
  write_set.expected_seq = before.meta.seq;
  if (draft.meta.deleted_at) write_set.room = storage::Room::reserve;
  decision.reply = {.value = draft.value, .meta = draft.meta};
  decision.relies_on = draft.relies_on;

  add_entries(decision, record, requests.entries);
  PERDURE_TRY_VOID(add_derived(decision, draft, after_json, requests));
  PERDURE_TRY_VOID(add_events(decision, record, draft, requests.events));
  add_claims(decision, draft, requests);
  if (begins_life(draft)) {
    std::ranges::move(
        object_counts(owner_of(before), draft.meta.origin->owner.text(), draft.meta.object().kind,
                      draft.envelope.call.principal, draft.around.rules.quotas),
        std::back_inserter(write_set.counts));
  }
  PERDURE_TRY_VOID(add_byte_counts(draft, record.root.size(), requests.entry_bytes, write_set));
  for (const auto& sent : requests.sends) write_set.sends.push_back(encode_sent(sent));
  add_receipt(write_set, draft.envelope, draft.meta, draft.value);
  PERDURE_TRY_VOID(add_alarms(decision, draft, std::move(requests.alarms)));
  PERDURE_TRY_VOID(
      change_streams({.envelope = draft.envelope, .meta = draft.meta, .around = draft.around},
                     requests.streams, decision));
  auto version = std::make_shared<Version>();
  version->meta = draft.meta;
  version->state = draft.state;
  version->unreadable = kept;
  const auto& rows = draft.around.rules.rows->of(kind.name);
  version->build = rows.build;
  version->claimed = claimed_after(rows, before.claimed, write_set);
  version->root_bytes = record.root.size();
  write_set.record = encode_record(record);
  version->hash = hash_record(write_set.object, draft.meta.seq, *write_set.record);
  decision.version = std::move(version);
  decision.entries = std::move(requests.entries);
  return decision;
}

void add_to_unit(storage::Unit& unit, Decision& decision, std::uint64_t epoch) {
  // A write set without a change is its expectation alone.
  for (auto& [object, seq] : decision.relies_on)
    unit.write_sets.push_back({.object = std::move(object), .epoch = epoch, .expected_seq = seq});
  decision.write_set.epoch = epoch;
  unit.write_sets.push_back(std::move(decision.write_set));
}

void add_receipt(storage::WriteSet& write_set, const Envelope& envelope, const ObjectMeta& meta,
                 Result<Json> answer) {
  if (!envelope.receipt) return;
  const auto& receipt = *envelope.receipt;
  if (receipt.position != 0) write_set.takes.push_back(receipt.position);
  if (receipt.then.empty()) return;
  Sent sent{.type = Sent::Type::message, .from = envelope.call.target};
  sent.from_life = meta.origin->born_seq;
  sent.to = receipt.asker;
  sent.to_life = receipt.asker_life;
  sent.sender_owner = meta.origin->owner.text();
  sent.command = receipt.then;
  sent.payload = answer_payload(receipt.context, answer);
  sent.request_id = envelope.call.request_id;
  sent.traceparent = envelope.call.traceparent;
  write_set.sends.push_back(encode_sent(sent));
}

Decision decide_nothing(const Envelope& envelope, const Version& newest,
                        const TurnSurroundings& around, Result<Json> answer) {
  Decision decision;
  auto& write_set = decision.write_set;
  write_set.object = envelope.call.target;
  write_set.expected_seq = newest.meta.seq;
  decision.reply = {.value = answer ? *answer : Json(nullptr), .meta = newest.meta};
  add_receipt(write_set, envelope, newest.meta, std::move(answer));
  add_once(write_set, envelope, decision.reply, around.rules.idempotency_window);
  return decision;
}

Result<std::shared_ptr<void>> accept_state(const KindDefinition& kind, const Json& json) {
  if (kind.check_state) {
    if (auto broken = kind.check_state(json); !broken.empty()) {
      return fail(invalid_value(std::move(broken)));
    }
  }
  try {
    return kind.state.decode(json);
  } catch (const std::exception& refused) {
    auto misfit = describe_misfit(refused);
    Error error{.code = ErrorCode::invalid,
                .detail = fmt::format("no state of kind {}: {}", kind.name, misfit)};
    error.fields.push_back({"", "type", std::move(misfit)});
    return fail(std::move(error));
  }
}

namespace {

Result<Decision> run_change(const Envelope& envelope, const Version& newest,
                            const TurnSurroundings& around) {
  const bool exists = newest.meta.exists();
  Reliances relies_on;
  if (is_along(envelope)) {
    PERDURE_TRY(goes,
                guarded(envelope, [&] { return goes_along(envelope, newest, around, relies_on); }));
    if (!goes) return decide_nothing(envelope, newest, around, Json(nullptr));
  }
  if (!exists && !may_run_without_life(envelope, newest)) return not_found(envelope);
  if (envelope.call.if_seq && newest.meta.is_provisional) {
    return fail(ErrorCode::stale_precondition,
                "the object's last command was not synced, so that its seq tells no state");
  }
  if (envelope.call.if_seq && *envelope.call.if_seq != newest.meta.seq) {
    return fail(
        ErrorCode::stale_precondition,
        fmt::format("the object is at seq {}, which is not the expected one", newest.meta.seq));
  }
  if (exists && life_of(envelope) == Life::begins) {
    return fail(ErrorCode::conflict, to_string(envelope.call.target) + " exists already");
  }
  if (is_flow(envelope) && envelope.command->flow->holds == Holds::no) {
    return guarded(envelope, [&] { return run_free_flow(envelope, newest, around); });
  }
  const auto& row = row_of(envelope.operation);
  if (row.decide != nullptr && (exists || row.change == nullptr)) {
    return guarded(envelope, [&] { return row.decide(envelope, newest, around); });
  }
  // The journal's time never goes back, whatever the clock does. What the turn sees and counts from
  // is the time outside.
  const auto journal_time = std::max(envelope.accepted_at, newest.meta.updated_at);
  PERDURE_TRY(origin, origin_after(envelope, newest, journal_time));

  const bool same_life = exists || envelope.operation == Operation::undelete;
  Draft draft{
      .envelope = envelope,
      .before = newest,
      .around = around,
      .meta = {.origin = std::move(origin),
               .seq = newest.meta.seq + 1,
               .schema_version = around.kind.schema_version,
               .updated_at = journal_time,
               .updated_by = actor_name(envelope.call.principal),
               .grants = same_life ? newest.meta.grants : nullptr,
               .is_provisional =
                   envelope.command != nullptr &&
                   durability_of(around.kind, envelope.call.name) != Durability::sync},
      .state = same_life ? around.kind.state.copy(newest.state.get()) : around.kind.state.make(),
      .relies_on = std::move(relies_on),
      .unreadable = same_life ? newest.unreadable : nullptr};
  ObjectMeta seen = newest.meta;
  seen.origin = draft.meta.origin;  // a creating turn knows its object's name and owner already
  TurnContext turn{envelope, seen, draft.meta.origin->born_seq, around,
                   envelope.operation == Operation::command ? TurnLimits{} : builtin_limits};
  return guarded(envelope, [&]() -> Result<Decision> {
    PERDURE_TRY_VOID(run_handler(draft, turn));
    if (draft.stop) return Decision{.stop = std::move(draft.stop)};
    if (turn.requests().nothing) {
      if (!exists) return fail(ErrorCode::internal, "a turn that creates changes something");
      return decide_nothing(envelope, newest, around, std::move(draft.value));
    }
    if (turn.requests().upkeep && exists) {
      draft.meta.updated_at = newest.meta.updated_at;
      draft.meta.updated_by = newest.meta.updated_by;
    }
    return decide(draft, std::move(turn.requests()));
  });
}

/// Whether the object is in the life that the call is for.
bool is_meant(const Envelope& envelope, const Version& newest) {
  const auto life = envelope.call.life;
  return life == 0 || life == newest.meta.origin->born_seq;
}

/// What is for another life ends here: an item of the outbox is taken, and whoever asked hears.
Result<Decision> refuse_for_other_life(const Envelope& envelope, const Version& newest,
                                       const TurnSurroundings& around) {
  const auto& object = envelope.call.target;
  auto over = fail(ErrorCode::not_found, fmt::format("the life of {} that began at seq {} is over",
                                                     to_string(object), envelope.call.life));
  if (!envelope.receipt) return over;
  return decide_nothing(envelope, newest, around, std::move(over));
}

/// Whether a refused message is answered: someone asks, and trying again could not help.
bool is_answer(const Envelope& envelope, const Error& error) {
  return envelope.receipt && !envelope.receipt->then.empty() &&
         describe(error.code).retry == Retry::no && error.code != ErrorCode::internal;
}

}  // namespace

bool takes_refusal(const Envelope& envelope, const Error& refusal) {
  if (envelope.refused || describe(refusal.code).retry == Retry::yes) return false;
  if (envelope.flow && envelope.flow->stored_due) return true;  // its row is to be erased
  // Not found is the item that the call carries out.
  if (refusal.code == ErrorCode::corrupt || refusal.code == ErrorCode::not_found) return false;
  return envelope.operation == Operation::fire || is_answer(envelope, refusal);
}

Result<Decision> run_turn(const Envelope& envelope, const Version& newest,
                          const TurnSurroundings& around) {
  const auto& row = row_of(envelope.operation);
  if (row.life == Life::any) {
    return guarded(envelope, [&] { return row.decide(envelope, newest, around); });
  }
  if (!is_meant(envelope, newest)) return refuse_for_other_life(envelope, newest, around);
  if (envelope.refused && envelope.flow) return fail(*envelope.refused);
  if (envelope.refused) return decide_nothing(envelope, newest, around, fail(*envelope.refused));
  auto decision = run_change(envelope, newest, around);
  if (decision) return decision;
  auto error = as_declared(around.kind, std::move(decision).error());
  if (!is_answer(envelope, error)) return fail(std::move(error));
  return decide_nothing(envelope, newest, around, fail(std::move(error)));
}

Result<Reply> run_query(const Envelope& envelope, const Version& version,
                        const storage::StoreReader& store, const PendingEntries* pending) {
  const bool exists = version.meta.exists();
  if (envelope.operation == Operation::flows) {
    PERDURE_TRY(flows, view_flows(store, envelope.call.target));
    return Reply{.value = std::move(flows), .meta = version.meta};
  }
  if (envelope.operation == Operation::get) {
    if (!exists) return not_found(envelope);
    return Reply{.value = envelope.kind->state.encode(version.state.get()), .meta = version.meta};
  }
  if (!exists && (envelope.kind->created_by_command || can_be_brought_back(version))) {
    return not_found(envelope);
  }
  const auto& query = *envelope.query;
  if (query.check_payload) {
    if (auto broken = query.check_payload(envelope.call.payload); !broken.empty()) {
      return fail(invalid_value(std::move(broken)));
    }
  }
  // An object between two lives looks like one that never was.
  const auto blank = exists ? nullptr : blank_version(*envelope.kind, envelope.call.target);
  const Version& seen = exists ? version : *blank;
  ObjectMeta meta = version.meta;
  if (!exists) {  // entries of an earlier life stay hidden
    auto origin = std::make_shared<Origin>(*meta.origin);
    origin->born_seq = version.meta.seq + 1;
    meta.origin = std::move(origin);
  }
  const ViewContext view{envelope.call.principal, meta, envelope.accepted_at, store, pending};
  auto reply = guarded(envelope, [&]() -> Result<Reply> {
    PERDURE_TRY(value, query.run(view, seen.state.get(), envelope.call.payload));
    return Reply{.value = std::move(value), .meta = version.meta};
  });
  if (reply) return reply;
  return fail(as_declared(*envelope.kind, std::move(reply).error()));
}

}  // namespace perdure::runtime
