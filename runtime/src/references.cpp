// SPDX-License-Identifier: Apache-2.0
#include "references.hpp"

#include <fmt/format.h>

#include "index_keys.hpp"
#include "perdure/runtime/access.hpp"
#include "perdure/schemas/pointer.hpp"

namespace perdure::runtime {

namespace {

constexpr const char* along_with = "along_with";
constexpr const char* after_id = "after";

Unexpected refuse(const ReferenceDefinition& reference, std::string code, std::string message) {
  Error error{.code = ErrorCode::invalid, .detail = reference.field + ' ' + message};
  error.fields.push_back({pointer_to(reference.field), std::move(code), std::move(message)});
  return fail(std::move(error));
}

/// The newest record of an object that exists.
Result<std::optional<Record>> record_of(const storage::Store& store, const ObjectId& object) {
  if (!validate(object)) return std::optional<Record>{};
  PERDURE_TRY(row, store.last_record(object));
  if (!row) return std::optional<Record>{};
  PERDURE_TRY(record, decode_record(object, *row));
  if (!record.meta.exists()) return std::optional<Record>{};
  return std::optional{std::move(record)};
}

/// Follows the reference from `record` on.
Result<void> check_cycle(const Draft& draft, const ReferenceDefinition& reference, Record record) {
  const auto& self = draft.meta.object();
  for (std::size_t step = 0; step < reference_steps_max; ++step) {
    PERDURE_TRY(root, parse_stored_json(record.root));
    const auto next = field_value(reference.field, record.meta, root);
    if (!next.is_string()) return {};
    const auto& id = next.get_ref<const std::string&>();
    if (id == self.id) return refuse(reference, "reference_cycle", "leads back to this one");
    const ObjectId above{reference.kind, id};
    PERDURE_TRY(further, record_of(draft.around.store, above));
    if (!further) return {};
    record = std::move(*further);
  }
  return refuse(reference, "reference_cycle",
                fmt::format("has more than {} above it", reference_steps_max));
}

Result<void> check_reference(const Draft& draft, const ReferenceDefinition& reference,
                             const std::string& id) {
  const bool within = reference.kind == draft.around.kind.name;
  if (within && id == draft.meta.object().id) {
    return refuse(reference, "reference_cycle", "names itself");
  }
  const ObjectId target{reference.kind, id};
  PERDURE_TRY(record, record_of(draft.around.store, target));
  const auto& principal = draft.envelope.call.principal;
  if (!record || !permits(principal, possession_of(record->meta), Action::read).allowed()) {
    return refuse(reference, "unknown_reference",
                  "must be the id of a " + reference.kind + " that exists");
  }
  return within ? check_cycle(draft, reference, std::move(*record)) : Result<void>{};
}

struct Batch {
  std::string kind;
  std::string index;
};

/// Where those are that go along with an object of this kind.
std::vector<Batch> batches_of(const TurnSurroundings& around, const ObjectId& object,
                              std::string_view command) {
  std::vector<Batch> batches;
  const auto dependents = around.rules.dependents.find(object.kind);
  if (dependents == around.rules.dependents.end()) return batches;
  for (const auto& [kind, field] : dependents->second) {
    const bool is_removal = command == builtin::remove;
    Batch batch{kind, is_removal ? along_index(field) : std::string{index_names::went_along}};
    const bool is_there = !is_removal && !batches.empty() && batches.back().kind == kind;
    if (!is_there) batches.push_back(std::move(batch));
  }
  return batches;
}

Result<void> send_batch(const TurnSurroundings& around, TurnContext& turn, const Batch& batch,
                        const ObjectId& whole, std::string_view command, std::string_view after) {
  const bool is_removal = command == builtin::remove;
  const auto key = along_key(is_removal ? whole.id : to_string(whole));
  const storage::KeyRange range{
      .from = key, .until = storage::prefix_end(key), .limit = along_at_once + 1};
  std::optional<storage::IndexRow> from;
  if (!after.empty()) from = storage::IndexRow{.key = key, .id = std::string{after}};
  PERDURE_TRY(rows, around.store.index(batch.kind, batch.index, range, from));
  const bool goes_on = rows.size() > along_at_once;
  if (goes_on) rows.pop_back();
  for (const auto& row : rows) {
    Json payload{{along_with, {{"kind", whole.kind}, {"id", whole.id}}}};
    if (goes_on && &row == &rows.back()) payload[after_id] = batch.index;
    turn.send({.to = {batch.kind, row.id},
               .command = std::string{command},
               .payload = std::move(payload)});
  }
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

Result<void> check_references(const Draft& draft, const Json& before, const Json& after) {
  for (const auto& reference : draft.around.kind.references) {
    const auto id = field_value(reference.field, draft.meta, after);
    if (id.is_null() || id == field_value(reference.field, draft.meta, before)) continue;
    if (!id.is_string()) return refuse(reference, "type", "must be an id or null");
    PERDURE_TRY_VOID(check_reference(draft, reference, id.get_ref<const std::string&>()));
  }
  return {};
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

bool still_goes_along(const Envelope& envelope, const Version& newest) {
  if (envelope.operation == Operation::remove) return newest.meta.exists();
  return newest.meta.deleted_at && newest.meta.deleted_with == to_string(whole_of(envelope));
}

namespace {

Result<void> send_rest(const Envelope& envelope, const TurnSurroundings& around,
                       TurnContext& turn) {
  if (!is_along(envelope) || !envelope.call.payload.contains(after_id)) return {};
  const auto& object = envelope.call.target;
  const Batch rest{object.kind, envelope.call.payload.at(after_id).get<std::string>()};
  return send_batch(around, turn, rest, whole_of(envelope), envelope.call.name, object.id);
}

}  // namespace

Result<Decision> stay_behind(const Envelope& envelope, const Version& newest,
                             const TurnSurroundings& around) {
  TurnContext turn{envelope, newest.meta, newest.meta.origin->born_seq, around, TurnLimits{}};
  PERDURE_TRY_VOID(send_rest(envelope, around, turn));
  auto decision = decide_nothing(envelope, newest, around, Json(nullptr));
  for (const auto& sent : turn.requests().sends) {
    decision.write_set.sends.push_back(encode_sent(sent));
  }
  return decision;
}

Result<void> take_along(const Envelope& envelope, const TurnSurroundings& around,
                        TurnContext& turn) {
  const auto& object = envelope.call.target;
  const auto& command = envelope.call.name;
  for (const auto& batch : batches_of(around, object, command)) {
    PERDURE_TRY_VOID(send_batch(around, turn, batch, object, command, ""));
  }
  return send_rest(envelope, around, turn);
}

}  // namespace perdure::runtime
