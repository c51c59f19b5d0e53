// SPDX-License-Identifier: Apache-2.0
#include "references.hpp"

#include <fmt/format.h>

#include "index_keys.hpp"
#include "perdure/runtime/access.hpp"
#include "perdure/schemas/pointer.hpp"

namespace perdure::runtime {

namespace {

Unexpected refuse(const ReferenceDefinition& reference, std::string code, std::string message) {
  Error error{.code = ErrorCode::invalid, .detail = reference.field + ' ' + message};
  error.fields.push_back({pointer_to(reference.field), std::move(code), std::move(message)});
  return fail(std::move(error));
}

/// Another object, as a turn sees it.
struct Seen {
  ObjectMeta meta;
  Json root;  ///< null where nothing is left of it; of another kind: not looked at
};

/// One that the same transaction holds stands still: as the steps before have left it. Any other
/// one as it is durable, and whether it stays so is noted if the turn relies on it.
Result<std::optional<Seen>> look_at(const Draft& draft, const ObjectId& object,
                                    Reliances* relies_on) {
  const bool within = object.kind == draft.around.kind.name;
  if (const auto* peers = draft.around.peers) {
    if (const auto version = peers->find(object)) {
      if (version->meta.seq == 0) return std::optional<Seen>{};
      return std::optional{Seen{version->meta, within && !version->purged()
                                                   ? root_of(draft.around.kind, *version)
                                                   : Json(nullptr)}};
    }
  }
  PERDURE_TRY(record, newest_record(draft.around.store, object));
  if (relies_on != nullptr) relies_on->push_back({object, record ? record->meta.seq : 0});
  if (!record) return std::optional<Seen>{};
  Json root;
  if (within && !record->root.empty()) {
    PERDURE_TRY(parsed, parse_stored_json(record->root));
    root = std::move(parsed);
  }
  return std::optional{Seen{std::move(record->meta), std::move(root)}};
}

/// Follows the reference from `at` on, also through what is deleted, for that may come back.
Result<void> check_cycle(const Draft& draft, const ReferenceDefinition& reference,
                         std::optional<Seen> at, Reliances& relies_on) {
  const auto& self = draft.meta.object();
  for (std::size_t step = 0; step < reference_steps_max; ++step) {
    if (!at || at->root.is_null()) return {};
    const auto next = field_value(reference.field, at->meta, at->root);
    if (!next.is_string()) return {};
    const auto& id = next.get_ref<const std::string&>();
    if (id == self.id) return refuse(reference, "reference_cycle", "leads back to this one");
    PERDURE_TRY(further, look_at(draft, {reference.kind, id}, &relies_on));
    at = std::move(further);
  }
  return refuse(reference, "reference_cycle",
                fmt::format("has more than {} above it", reference_steps_max));
}

bool is_readable(const Draft& draft, const std::optional<Seen>& target) {
  return target && target->meta.exists() &&
         permits(draft.envelope.call.principal, possession_of(target->meta), Action::read)
             .allowed();
}

Result<void> check_reference(const Draft& draft, const ReferenceDefinition& reference,
                             const std::string& id, Reliances& relies_on) {
  const bool within = reference.kind == draft.around.kind.name;
  const bool restores = draft.envelope.operation == Operation::restore;
  if (within && id == draft.meta.object().id) {
    return refuse(reference, "reference_cycle", "names itself");
  }
  if (restores && !within) return {};
  const bool relies =
      within || reference.when_deleted == ReferenceDefinition::WhenDeleted::goes_along;
  PERDURE_TRY(target, look_at(draft, {reference.kind, id}, relies ? &relies_on : nullptr));
  if (!restores && !is_readable(draft, target)) {
    return refuse(reference, "unknown_reference",
                  "must be the id of a " + reference.kind + " that exists");
  }
  return within ? check_cycle(draft, reference, std::move(target), relies_on) : Result<void>{};
}

}  // namespace

Result<std::optional<Record>> newest_record(const storage::StoreReader& store,
                                            const ObjectId& object) {
  if (!validate(object)) return std::optional<Record>{};
  PERDURE_TRY(row, store.last_record(object));
  if (!row) return std::optional<Record>{};
  PERDURE_TRY(record, decode_record(object, *row));
  return std::optional{std::move(record)};
}

Result<void> check_references(const Draft& draft, const Json& before, const Json& after,
                              Reliances& relies_on) {
  // Nothing has changed but that it is there again.
  if (draft.envelope.operation == Operation::undelete) return {};
  for (const auto& reference : draft.around.kind.references) {
    const auto id = field_value(reference.field, draft.meta, after);
    if (id.is_null() || id == field_value(reference.field, draft.meta, before)) continue;
    if (!id.is_string()) return refuse(reference, "type", "must be an id or null");
    PERDURE_TRY_VOID(
        check_reference(draft, reference, id.get_ref<const std::string&>(), relies_on));
  }
  return {};
}

}  // namespace perdure::runtime
