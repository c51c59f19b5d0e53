// SPDX-License-Identifier: Apache-2.0
#include "builtin_turns.hpp"

#include <fmt/format.h>

#include <set>

#include "alarm_turns.hpp"
#include "going_along.hpp"
#include "grants.hpp"
#include "index_keys.hpp"
#include "perdure/runtime/access.hpp"
#include "perdure/schemas/schema.hpp"
#include "secrets.hpp"

namespace perdure::runtime {

namespace {

template <class T>
T value_or_throw(Result<T> result) {
  if (!result) throw Failure(std::move(result).error());
  return std::move(result).value();
}

Unexpected bad_field(std::string pointer, std::string message) {
  Error error{.code = ErrorCode::invalid, .detail = message};
  error.fields.push_back({std::move(pointer), "type", std::move(message)});
  return fail(std::move(error));
}

Result<Seq> seq_of(const Json& payload) {
  const auto seq =
      payload.is_object() && payload.contains("seq") ? whole_number(payload["seq"]) : std::nullopt;
  if (!seq || *seq < 1) return bad_field("/seq", "seq is a whole number from 1 up");
  return static_cast<Seq>(*seq);
}

Result<void> accept_into(Draft& draft, const Json& json) {
  PERDURE_TRY(state, accept_state(draft.around.kind, json));
  draft.state = std::move(state);
  draft.unreadable = nullptr;
  return {};
}

void answer_with_state(Draft& draft) {
  draft.value = draft.around.kind.state.encode(draft.state.get());
}

// The draft's state is from outside: may it take the place of the one before?
Result<void> check_change(const Draft& draft) {
  const auto& kind = draft.around.kind;
  if (!kind.check_change || draft.before.unreadable) return {};
  auto broken = kind.check_change(kind.state.encode(draft.before.state.get()),
                                  kind.state.encode(draft.state.get()));
  if (!broken.empty()) return fail(invalid_value(std::move(broken)));
  return {};
}

// The state has come without its alarms and messages.
void settle(Draft& draft, TurnContext& turn) {
  const auto& kind = draft.around.kind;
  if (!kind.on_settle) return;
  const bool has_before = draft.before.meta.origin == draft.meta.origin && !draft.before.unreadable;
  kind.on_settle(turn, draft.state.get(), has_before ? draft.before.state.get() : nullptr);
}

// A state from outside has taken the place of the one before. One that says the same changes
// nothing of what is under way.
Result<void> finish_change(Draft& draft, TurnContext& turn) {
  PERDURE_TRY_VOID(check_change(draft));
  const auto& kind = draft.around.kind;
  if (kind.on_settle && root_of(kind, draft.before) != kind.state.encode(draft.state.get())) {
    settle(draft, turn);
  }
  answer_with_state(draft);
  return {};
}

// The patch is of what is stored; what comes of it is read as the stored state would have been.
Result<Json> patch_unreadable(const Draft& draft) {
  const auto& kind = draft.around.kind;
  Json json = draft.before.unreadable->stored;
  merge_patch(json, draft.envelope.call.payload);
  auto state = read_state(kind, std::move(json), draft.before.meta.schema_version,
                          "the patched state of " + to_string(draft.meta.object()));
  if (state) return kind.state.encode(state->get());
  Error error{.code = ErrorCode::invalid, .detail = state.error().detail};
  error.fields.push_back({"", "unreadable", std::move(state).error().detail});
  return fail(std::move(error));
}

// The keys whose entries may differ between `seq` and now: those that the records since then
// changed, or all keys where these records are gone.
std::set<std::string> keys_changed_since(const Draft& draft, TurnContext& turn, Seq seq) {
  const auto& store = draft.around.store;
  const auto& object = draft.meta.object();
  std::set<std::string> keys;
  for (const auto& [key, entry] : draft.around.pending) keys.insert(key);
  if (value_or_throw(store.floor(object)) <= seq + 1) {
    constexpr std::size_t chunk = 256;
    for (Seq from = seq + 1;;) {
      const auto rows = value_or_throw(
          store.journal(object, from, storage::newest, storage::Direction::forward, chunk));
      for (const auto& row : rows) {
        for (auto& entry : value_or_throw(decode_record(object, row)).entries) {
          keys.insert(std::move(entry.key));
        }
      }
      if (rows.size() < chunk) return keys;
      from = rows.back().seq + 1;
    }
  }
  const LayeredEntries past{store, object, nullptr, nullptr, draft.before.meta.origin->born_seq,
                            seq};
  constexpr std::size_t chunk = 1'000;
  const auto add_all = [&](const auto& read) {
    EntryRange range{.limit = chunk};
    for (;;) {
      const auto rows = read(range);
      for (const auto& row : rows) keys.insert(row.key);
      if (rows.size() < chunk) return;
      range.from = rows.back().key + '\x01';
    }
  };
  add_all([&](const EntryRange& range) { return past.range(range); });
  add_all([&](const EntryRange& range) { return turn.entries().range(range); });
  return keys;
}

using GrantChange = Result<Grants> (*)(const ObjectMeta& meta, const Json& payload);

Result<void> change_grants(Draft& draft, TurnContext& turn, GrantChange change) {
  PERDURE_TRY(grants, change(draft.before.meta, draft.envelope.call.payload));
  if (grants == draft.before.meta.grants) turn.change_nothing();
  draft.meta.grants = std::move(grants);
  draft.value = {{"grants", grants_json(draft.meta)}};
  return {};
}

}  // namespace

Result<void> replace(Draft& draft, TurnContext& turn) {
  const auto& kind = draft.around.kind;
  auto json = draft.envelope.call.payload;
  if (!kind.secrets.empty()) {
    keep_secrets(kind, root_of(kind, draft.before), json);
  }
  PERDURE_TRY_VOID(accept_into(draft, json));
  return finish_change(draft, turn);
}

Result<void> create(Draft& draft, TurnContext& turn) {
  const auto& payload = draft.envelope.call.payload;
  if (payload.is_object() && payload.contains("state")) {
    PERDURE_TRY_VOID(accept_into(draft, payload["state"]));
    settle(draft, turn);
  } else {
    // Also the default must be a state that the kind accepts.
    PERDURE_TRY_VOID(accept_into(draft, draft.around.kind.state.encode(draft.state.get())));
  }
  answer_with_state(draft);
  return {};
}

Result<void> patch(Draft& draft, TurnContext& turn) {
  if (draft.before.unreadable) {
    PERDURE_TRY(patched, patch_unreadable(draft));
    PERDURE_TRY_VOID(accept_into(draft, patched));
    return finish_change(draft, turn);
  }
  Json json = draft.around.kind.state.encode(draft.state.get());
  merge_patch(json, draft.envelope.call.payload);
  PERDURE_TRY_VOID(accept_into(draft, json));
  return finish_change(draft, turn);
}

Result<void> import_state(Draft& draft, TurnContext& turn) {
  const auto& payload = draft.envelope.call.payload;
  if (!payload.is_object() || !payload.contains("state")) {
    return bad_field("/state", "an import has a state");
  }
  PERDURE_TRY_VOID(accept_into(draft, payload["state"]));
  for (const auto& entry : payload.value("entries", Json::array())) {
    turn.entries().put(entry.at("key").get<std::string>(), entry.at("value").get<std::string>());
  }
  settle(draft, turn);
  answer_with_state(draft);
  return {};
}

Result<void> restore(Draft& draft, TurnContext& turn) {
  PERDURE_TRY(seq, seq_of(draft.envelope.call.payload));
  const auto& object = draft.meta.object();
  if (seq < draft.before.meta.origin->born_seq || seq > draft.before.meta.seq) {
    return fail(ErrorCode::not_found, fmt::format("{} has no seq {}", to_string(object), seq));
  }
  PERDURE_TRY(row, draft.around.store.record(object, seq));
  PERDURE_TRY(record, decode_record(object, row));
  PERDURE_TRY(state, decode_state(draft.around.kind, record));
  draft.state = draft.around.kind.state.copy(state.get());
  draft.unreadable = nullptr;
  PERDURE_TRY_VOID(check_change(draft));

  const LayeredEntries past{
      draft.around.store, object, nullptr, nullptr, draft.before.meta.origin->born_seq, seq};
  for (const auto& key : keys_changed_since(draft, turn, seq)) {
    const auto then = past.get(key);
    const auto now = turn.entries().get(key);
    if (then && (!now || now->value != then->value)) turn.entries().put(key, then->value);
    if (!then && now) turn.entries().erase(key);
  }
  settle(draft, turn);
  answer_with_state(draft);
  return {};
}

Result<void> remove(Draft& draft, TurnContext& turn) {
  draft.meta.deleted_at = draft.meta.updated_at;
  if (draft.unreadable) draft.meta.schema_version = draft.before.meta.schema_version;
  const auto& envelope = draft.envelope;
  if (is_along(envelope)) draft.meta.deleted_with = to_string(whole_of(envelope));
  begin_taking_along(envelope, draft.around, turn);
  return {};
}

Result<void> undelete(Draft& draft, TurnContext& turn) {
  if (draft.before.meta.exists()) {
    return fail(ErrorCode::conflict, to_string(draft.meta.object()) + " is not deleted");
  }
  begin_taking_along(draft.envelope, draft.around, turn);
  PERDURE_TRY_VOID(resume_alarms(draft.meta.object(), draft.around, turn));
  settle(draft, turn);
  answer_with_state(draft);
  return {};
}

Result<void> begin_with_alarm(Draft& draft, TurnContext& turn) {
  PERDURE_TRY(change, run_alarm_change(draft.envelope, draft.before, draft.around));
  for (auto& [name, alarm] : change.alarms) turn.keep_alarm(std::move(alarm).value());
  draft.value = std::move(change.reply.value);
  return {};
}

Result<void> share(Draft& draft, TurnContext& turn) {
  return change_grants(draft, turn, with_grant);
}

Result<void> unshare(Draft& draft, TurnContext& turn) {
  return change_grants(draft, turn, without_grant);
}

Result<Decision> take(const Envelope& envelope, const Version& newest,
                      const TurnSurroundings& around) {
  return decide_nothing(envelope, newest, around, nullptr);
}

Result<Decision> run_pin(const Envelope& envelope, const Version& newest,
                         const TurnSurroundings& around) {
  const auto& payload = envelope.call.payload;
  const bool is_pin = envelope.operation == Operation::pin;
  Seq seq = newest.meta.seq;
  if (!is_pin || (payload.is_object() && payload.contains("seq"))) {
    PERDURE_TRY(given, seq_of(payload));
    seq = given;
  }
  if (seq < newest.meta.origin->born_seq || seq > newest.meta.seq) {
    return fail(ErrorCode::not_found,
                fmt::format("{} has no seq {}", to_string(envelope.call.target), seq));
  }
  std::string name;
  if (is_pin && payload.is_object() && payload.contains("name")) {
    if (!payload["name"].is_string() ||
        payload["name"].get_ref<const std::string&>().size() > 200) {
      return bad_field("/name", "a name is text of at most 200 bytes");
    }
    name = payload["name"];
  }
  PERDURE_TRY(pins, around.tally.pins(around.store, envelope.call.target));
  if (is_pin && !pins->contains(seq) && pins->size() >= limits::object_pins_max) {
    return fail(ErrorCode::conflict,
                fmt::format("an object has at most {} named snapshots; delete one first",
                            limits::object_pins_max));
  }
  const Json info{{"seq", seq},
                  {"name", name},
                  {"created_at", format_rfc3339(envelope.accepted_at)},
                  {"created_by", actor_name(envelope.call.principal)}};
  auto decision = decide_nothing(envelope, newest, around, info);
  storage::PinChange change{.seq = seq, .body = {}};
  if (is_pin) change.body = dump_json(info);
  decision.write_set.pins.push_back(std::move(change));
  return decision;
}

}  // namespace perdure::runtime
