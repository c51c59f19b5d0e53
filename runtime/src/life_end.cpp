// SPDX-License-Identifier: Apache-2.0
#include "life_end.hpp"

#include <algorithm>

#include "stream_turns.hpp"

namespace perdure::runtime {

Result<std::vector<storage::AlarmChange>> removed_alarms(const storage::StoreReader& store,
                                                         const ObjectId& object,
                                                         const PendingAlarms& pending,
                                                         AlarmChanges& ended) {
  // With their payloads they may be large, so not all of them are in memory at once.
  constexpr std::size_t at_once = 100;
  auto removed = pending.removed();
  std::string from;
  for (;;) {
    PERDURE_TRY(rows, store.alarms(object, from, at_once));
    for (const auto& row : rows) {
      if (pending.find(row.name) != nullptr) continue;
      removed.push_back({.name = row.name, .previous_due = row.due});
    }
    if (rows.size() < at_once) break;
    from = rows.back().name + '\0';
  }
  for (const auto& alarm : removed) ended.emplace(alarm.name, std::nullopt);
  return removed;
}

std::vector<storage::ClaimKey> released_claims(const Envelope& envelope, const Version& newest,
                                               const TurnSurroundings& around) {
  std::vector<storage::ClaimKey> released;
  if (!around.kind.on_purge || newest.unreadable) return released;
  TurnContext turn{envelope, newest.meta, newest.meta.origin->born_seq, around, TurnLimits{}};
  around.kind.on_purge(turn, newest.state.get());
  for (auto& [space, key] : turn.requests().releases) {
    released.push_back({std::move(space), std::move(key)});
  }
  return released;
}

Result<void> end_earlier_life(const Envelope& envelope, const Version& earlier,
                              const TurnSurroundings& around, Decision& decision) {
  const auto& object = envelope.call.target;
  auto& write_set = decision.write_set;
  AlarmChanges ended;
  PERDURE_TRY(alarms, removed_alarms(around.store, object, around.alarms, ended));
  std::erase_if(alarms, [&](const auto& alarm) { return decision.alarms.contains(alarm.name); });
  std::ranges::move(alarms, std::back_inserter(write_set.alarms));
  decision.alarms.merge(ended);
  if (earlier.purged()) return {};
  PERDURE_TRY_VOID(drop_streams(object, earlier.meta.origin->owner.text(), around, decision));
  PERDURE_TRY(pins, around.tally.pins(around.store, object));
  for (const auto seq : *pins) write_set.pins.push_back({.seq = seq, .body = {}});
  auto released = released_claims(envelope, earlier, around);
  std::ranges::move(released, std::back_inserter(write_set.releases));
  return {};
}

}  // namespace perdure::runtime
