// SPDX-License-Identifier: Apache-2.0
#include "retention.hpp"

#include <algorithm>

namespace perdure::storage {
namespace {

/// Whether the floor or a pin lies in [from, until): then a version valid in that span is seen.
bool is_seen(Seq from, Seq until, Seq floor, std::span<const Seq> pins) {
  if (until > floor) return true;  // readers at the floor or later still see it
  const auto pin = std::lower_bound(pins.begin(), pins.end(), from);
  return pin != pins.end() && *pin < until;
}

}  // namespace

std::vector<Seq> unseen_versions(std::span<const EntryVersion> newest_first, Seq floor,
                                 std::span<const Seq> pins) {
  std::vector<Seq> unseen;
  std::vector<EntryVersion> kept_tail;  // kept versions, newest first
  Seq until = ~Seq{0};                  // a version is valid from its seq to the next one's
  for (const auto& version : newest_first) {
    if (is_seen(version.seq, until, floor, pins)) {
      kept_tail.push_back(version);
    } else {
      unseen.push_back(version.seq);
    }
    until = version.seq;
  }
  // A tombstone above the floor stays: its turn can still be read about, and costs little.
  while (!kept_tail.empty() && kept_tail.back().tombstone && kept_tail.back().seq <= floor) {
    unseen.push_back(kept_tail.back().seq);
    kept_tail.pop_back();
  }
  return unseen;
}

}  // namespace perdure::storage
