// SPDX-License-Identifier: Apache-2.0
// Whether a unit may commit: the rules of `Store::commit`, apart from any storage engine.
//
// A store checks a unit, then applies it whole, then checks the next: so later units of a batch see
// the earlier ones, and a refused unit has changed nothing.
#pragma once

#include <optional>
#include <span>

#include "perdure/storage/store.hpp"

namespace perdure::storage {

/// The state that units are checked against: what is committed, and what the units before this
/// one in the batch did.
class CommitState {
 public:
  virtual ~CommitState() = default;
  /// The seq of the object's last record; 0: none.
  [[nodiscard]] virtual Result<Seq> last_seq(const ObjectId& object) = 0;
  [[nodiscard]] virtual Result<Seq> floor_of(const ObjectId& object) = 0;
  /// Whether the key is held by a claim that has not expired at `now`.
  [[nodiscard]] virtual Result<bool> is_claimed(const ClaimKey& key, Timestamp now) = 0;
  /// Whether the outbox holds an item at `position`.
  [[nodiscard]] virtual Result<bool> is_waiting(std::uint64_t position) = 0;
  [[nodiscard]] virtual Result<std::uint64_t> count_of(const std::string& name) = 0;
};

/// What is stored of a count after a change; not below 0.
[[nodiscard]] std::uint64_t add_to_count(std::uint64_t stored, const CountChange& change);

struct CommitRules {
  std::uint64_t epoch;
  Timestamp now;
  std::span<const Unit> earlier = {};  ///< of the same commit
};

/// Errors  those of `Outcome` except outcome_unknown, and those of reading `state`.
[[nodiscard]] Result<void> check_unit(const Unit& unit, CommitRules rules, CommitState& state);

}  // namespace perdure::storage
