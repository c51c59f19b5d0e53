// SPDX-License-Identifier: Apache-2.0
#include "turn_rows.hpp"

#include "quorums.hpp"
#include "unique_keys.hpp"

namespace perdure::runtime {

Result<void> change_rows_of_turn(const Envelope& envelope, const TurnSurroundings& around,
                                 const FormerObject& before, const ObjectForm* after,
                                 storage::WriteSet& write_set) {
  const auto& kind = around.kind;
  const auto& rows = around.rules.rows->of(kind.name);
  const auto& object = envelope.call.target;
  const auto now = envelope.accepted_at;
  PERDURE_TRY(built, find_built(rows, before.version, around.store, now));
  const ObjectForm form{before.version.meta, before.root};
  const auto* former = before.version.purged() ? nullptr : &form;
  change_rows(kind, rows, around.rules.lists.find(kind), built, former, after, write_set);
  PERDURE_TRY_VOID(change_claims({around.store, kind, rows, built, now, object, former, after,
                                  around.peers, &before.version.claimed},
                                 write_set));
  PERDURE_TRY_VOID(change_quorums(kind, rows, built, former, after, write_set));
  if (built == Built::no) write_set.claims.push_back(mark_of(rows, object.id));
  return {};
}

}  // namespace perdure::runtime
