// SPDX-License-Identifier: Apache-2.0
#include "attendance.hpp"

#include "record.hpp"

namespace perdure::runtime {

namespace {

Error no_object(const ObjectId& object) {
  return {.code = ErrorCode::not_found, .detail = "there is no " + object.kind + " " + object.id};
}

}  // namespace

std::optional<Error> refusal_to_attend(const Principal& who, const ObjectMeta& meta, Reach reach) {
  if (!meta.exists()) return no_object(meta.object());
  const auto verdict = permits(who, possession_of(meta, reach), Action::read);
  if (verdict.allowed()) return {};
  return refusal(verdict, meta.object());
}

Result<void> may_attend(const storage::Store& store, const KindTable& kinds, const ObjectId& object,
                        const Principal& who) {
  const auto* kind = kinds.find(object.kind);
  if (kind == nullptr) return fail(no_object(object));
  PERDURE_TRY(row, store.last_record(object));
  if (!row) return fail(no_object(object));
  PERDURE_TRY(record, decode_record(object, *row));
  if (auto refused = refusal_to_attend(who, record.meta, kind->reach)) {
    return fail(std::move(*refused));
  }
  return {};
}

}  // namespace perdure::runtime
