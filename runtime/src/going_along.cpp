// SPDX-License-Identifier: Apache-2.0
#include "going_along.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "index_keys.hpp"
#include "references.hpp"

namespace perdure::runtime {

namespace {

constexpr const char* along_with = "along_with";
constexpr const char* after_id = "after";

/// Where those are that go along with an object, of one kind and through one field.
struct Batch {
  std::string kind;
  std::string index;
  std::string key;
};

Batch batch_of(const Json& payload, const ObjectId& whole) {
  Batch batch{.kind = payload.at("kind"), .index = payload.at("index"), .key = {}};
  batch.key = along_key(batch.index == index_names::went_along ? to_string(whole) : whole.id);
  return batch;
}

bool refers_to(const ObjectId& whole, const KindDefinition& kind, const Version& newest) {
  const Json root = root_of(kind, newest);
  return std::ranges::any_of(kind.references, [&](const ReferenceDefinition& reference) {
    return reference.when_deleted == ReferenceDefinition::WhenDeleted::goes_along &&
           reference.kind == whole.kind &&
           field_value(reference.field, newest.meta, root) == whole.id;
  });
}

/// Sends the command to the next ones of a batch, and the rest of the batch to the object itself.
Result<void> send_some(const Envelope& envelope, const TurnSurroundings& around,
                       TurnContext& turn) {
  const auto& payload = envelope.call.payload;
  const auto& whole = envelope.call.target;
  const auto batch = batch_of(payload, whole);
  const storage::KeyRange range{
      .from = batch.key, .until = storage::prefix_end(batch.key), .limit = along_at_once + 1};
  std::optional<storage::IndexRow> from;
  if (payload.contains(after_id)) {
    from = storage::IndexRow{.key = batch.key, .id = payload.at(after_id)};
  }
  const auto& names = around.rules.rows->of(batch.kind);
  const auto* part = names.find_index(batch.index);
  // The message comes again.
  if (part != nullptr && names.is_being_built(*part)) return still_building(batch.kind);
  PERDURE_TRY(rows, around.store.index(batch.kind, part != nullptr ? part->stored : batch.index,
                                       range, from));
  const bool goes_on = rows.size() > along_at_once;
  if (goes_on) rows.pop_back();
  for (const auto& row : rows) {
    turn.send({.to = {batch.kind, row.id},
               .command = payload.at("command"),
               .payload = {{along_with, {{"kind", whole.kind}, {"id", whole.id}}}}});
  }
  if (!goes_on) return {};
  auto rest = payload;
  rest[after_id] = rows.back().id;
  turn.send({.to = whole, .command = envelope.call.name, .payload = std::move(rest)});
  return {};
}

}  // namespace

std::string along_index(const std::string& field) { return "$along." + field; }

std::string along_key(std::string_view text) { return owner_key(std::string{text}); }

Dependents find_dependents(const std::vector<Kind>& kinds) {
  Dependents dependents;
  for (const auto& kind : kinds) {
    for (const auto& reference : kind.definition().references) {
      if (reference.when_deleted != ReferenceDefinition::WhenDeleted::goes_along) continue;
      dependents[reference.kind].push_back({kind.name(), reference.field});
    }
  }
  return dependents;
}

ObjectId whole_of(const Envelope& envelope) {
  const auto& whole = envelope.call.payload.at(along_with);
  return {whole.at("kind").get<std::string>(), whole.at("id").get<std::string>()};
}

bool is_along(const Envelope& envelope) {
  const auto& payload = envelope.call.payload;
  const bool may_be =
      envelope.operation == Operation::remove || envelope.operation == Operation::undelete;
  return may_be && envelope.receipt && payload.is_object() && payload.contains(along_with);
}

Result<bool> goes_along(const Envelope& envelope, const Version& newest,
                        const TurnSurroundings& around, Reliances& relies_on) {
  const auto whole = whole_of(envelope);
  const bool is_removal = envelope.operation == Operation::remove;
  const bool may_go = is_removal
                          ? newest.meta.exists() && refers_to(whole, around.kind, newest)
                          : newest.meta.deleted_at && newest.meta.deleted_with == to_string(whole);
  if (!may_go) return false;
  PERDURE_TRY(record, newest_record(around.store, whole));
  const bool whole_exists = record && record->meta.exists();
  if (whole_exists == is_removal) return false;
  relies_on.push_back({whole, record ? record->meta.seq : 0});
  return true;
}

void begin_taking_along(const Envelope& envelope, const TurnSurroundings& around,
                        TurnContext& turn) {
  const auto& object = envelope.call.target;
  const auto dependents = around.rules.dependents.find(object.kind);
  if (dependents == around.rules.dependents.end()) return;
  const bool is_removal = envelope.operation == Operation::remove;
  std::string last_kind;
  for (const auto& [kind, field] : dependents->second) {
    // Those of one kind stand together, and came to be deleted through one of their fields.
    const bool is_there = !is_removal && kind == last_kind;
    last_kind = kind;
    if (is_there) continue;
    turn.send({.to = object,
               .command = std::string{take_along_command},
               .payload = {{"command", is_removal ? builtin::remove : builtin::undelete},
                           {"kind", kind},
                           {"index", is_removal ? along_index(field)
                                                : std::string{index_names::went_along}}}});
  }
}

Result<Decision> take_along(const Envelope& envelope, const Version& newest,
                            const TurnSurroundings& around) {
  if (!envelope.receipt) return fail(ErrorCode::not_found, "objects alone take others along");
  TurnContext turn{envelope, newest.meta, newest.meta.origin->born_seq, around, TurnLimits{}};
  // One that is back by now, or gone again, has begun to take along anew.
  const bool is_removal = envelope.call.payload.at("command") == builtin::remove;
  if (newest.meta.exists() != is_removal) PERDURE_TRY_VOID(send_some(envelope, around, turn));
  auto decision = decide_nothing(envelope, newest, around, Json(nullptr));
  for (const auto& sent : turn.requests().sends) {
    decision.write_set.sends.push_back(encode_sent(sent));
  }
  return decision;
}

}  // namespace perdure::runtime
