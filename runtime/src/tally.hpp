// SPDX-License-Identifier: Apache-2.0
// Tally: how many alarms and pins an object has, and the bytes of its entries, as its newest turn
// leaves them. Counted when a turn first asks, then kept: another one costs the same however many
// there are.
#pragma once

#include <optional>
#include <set>

#include "alarm_rows.hpp"

namespace perdure::runtime {

/// Threads  one at a time (the activation's).
class Tally {
 public:
  /// Errors: those of the store.
  [[nodiscard]] Result<std::size_t> alarms(const storage::StoreReader& store,
                                           const ObjectId& object, const PendingAlarms& pending);
  /// The seqs that are pinned. No pin may be on its way when it is first asked for.
  /// Errors: those of the store.
  [[nodiscard]] Result<const std::set<Seq>*> pins(const storage::StoreReader& store,
                                                  const ObjectId& object);
  /// Bytes of the entries of the object's present life. Each turn that changes some asks, so none
  /// is on its way when it is first asked for. Errors: those of the store.
  [[nodiscard]] Result<std::uint64_t> entry_bytes(const storage::StoreReader& store,
                                                  const ObjectId& object);
  /// A turn has been decided.
  void decided(const storage::WriteSet& write_set);
  /// A turn that was decided has not come to be.
  void forget();

 private:
  std::optional<std::size_t> alarms_;
  std::optional<std::set<Seq>> pins_;
  std::optional<std::uint64_t> entry_bytes_;
};

}  // namespace perdure::runtime
