// SPDX-License-Identifier: Apache-2.0
// Version: an object at one seq. Immutable and shared: the newest one by its activation, the
// committed one by whoever reads, and those between by the turns on their way to the disk.
#pragma once

#include <memory>
#include <vector>

#include "perdure/base/crypto.hpp"
#include "perdure/runtime/kind_definition.hpp"
#include "record.hpp"

namespace perdure::runtime {

/// What is stored of an object whose state the kind's code cannot make, and why it cannot.
struct UnreadableState {
  Error error;
  Json stored;
};

struct Version {
  ObjectMeta meta;
  StatePtr state;  ///< never null; a new one where it cannot be read
  Sha256 hash{};   ///< of the record at meta.seq; zeros at seq 0
  std::size_t root_bytes = 0;
  /// Null: its state can be read. Else nothing but what mends or ends it may look at it.
  std::shared_ptr<const UnreadableState> unreadable = nullptr;
  std::uint64_t build = 0;  ///< the last one that is known to have made its rows (kind_rows.hpp)
  /// By place among the kind's unique fields: a turn since the object's load has claimed a value of
  /// it, so the claim may be on its way. Of all others the store knows whether it has the claim.
  std::vector<bool> claimed = {};

  /// Nothing is left but the seq and the owner: the record has no root.
  [[nodiscard]] bool purged() const { return meta.seq > 0 && root_bytes == 0; }
};

using VersionPtr = std::shared_ptr<const Version>;

/// An object that has no record yet.
[[nodiscard]] VersionPtr blank_version(const KindDefinition& kind, const ObjectId& object);

/// The state that a record holds, brought to the kind's schema version.
///
/// Errors  newer_version     a newer schema wrote it.
///         corrupt           it is no JSON.
///         unreadable_state  the kind's type or an upgrade step refuses it.
[[nodiscard]] Result<StatePtr> decode_state(const KindDefinition& kind, const Record& record);

/// The same for a state as JSON that schema version `written_by` wrote; `what` names it in errors.
[[nodiscard]] Result<std::shared_ptr<void>> read_state(const KindDefinition& kind, Json root,
                                                       std::uint32_t written_by,
                                                       const std::string& what);

/// Brings a state written by schema version `written_by` to the kind's. Errors: newer_version,
/// unreadable_state; `what` names the state in them.
[[nodiscard]] Result<Json> upgrade_root(const KindDefinition& kind, Json root,
                                        std::uint32_t written_by, const std::string& what);

/// As decode_state, without the kind's type: for looking. Null for a purged object.
[[nodiscard]] Result<Json> decode_root(const KindDefinition& kind, const Record& record);

/// The state of a version as JSON; as it is stored if it cannot be read. What follows from the
/// state, rows above all, follows from this.
[[nodiscard]] Json root_of(const KindDefinition& kind, const Version& version);

/// The same of a record, whatever wrote it: one of newer code as it is stored. Null if it was
/// purged. Errors: corrupt.
[[nodiscard]] Result<Json> root_of(const KindDefinition& kind, const Record& record);

/// What the store has of an object; blank if it has nothing. A state that the kind's code cannot
/// read is one with `unreadable`. Errors: the store's; corrupt, newer_version.
[[nodiscard]] Result<VersionPtr> load_version(const KindDefinition& kind, const ObjectId& object,
                                              const storage::StoreReader& store);

[[nodiscard]] Result<VersionPtr> decode_version(const KindDefinition& kind, const ObjectId& object,
                                                const storage::RecordRow& row);

}  // namespace perdure::runtime
