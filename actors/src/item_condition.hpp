// SPDX-License-Identifier: Apache-2.0
// The caller's condition on a change of an item (items.hpp), judged by the item's own seq.
#pragma once

#include <algorithm>
#include <string>

#include "perdure/actors/items.hpp"
#include "perdure/base/object_id.hpp"
#include "perdure/base/result.hpp"
#include "perdure/schemas/json.hpp"

namespace perdure::actors {

/// Whether `payload` allows a change of an item whose last change was at `seq`: `$if_seqs` are the
/// seqs that it may have, `$if_not_seqs` those that it must not have.
/// Errors: stale_precondition.
[[nodiscard]] inline Result<void> check_if_seqs(const Json& payload, Seq seq) {
  if (!payload.is_object()) return {};
  const auto is_among = [seq](const Json& seqs) {
    return std::ranges::any_of(seqs, [seq](const Json& one) { return one == seq; });
  };
  const auto wanted = payload.find(item_member::if_seqs);
  const auto unwanted = payload.find(item_member::if_not_seqs);
  const bool has_wanted = wanted == payload.end() || is_among(*wanted);
  const bool has_unwanted = unwanted != payload.end() && is_among(*unwanted);
  if (has_wanted && !has_unwanted) return {};
  return fail(ErrorCode::stale_precondition,
              "it is at seq " + std::to_string(seq) + ", which is not the expected one");
}

}  // namespace perdure::actors
