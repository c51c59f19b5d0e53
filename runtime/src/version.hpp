// SPDX-License-Identifier: Apache-2.0
// Version: an object at one seq. Immutable and shared: the newest one by its activation, the
// committed one by whoever reads, and those between by the turns on their way to the disk.
#pragma once

#include <memory>

#include "perdure/base/crypto.hpp"
#include "perdure/runtime/kind_definition.hpp"
#include "record.hpp"

namespace perdure::runtime {

struct Version {
  ObjectMeta meta;
  StatePtr state;  ///< never null
  Sha256 hash{};   ///< of the record at meta.seq; zeros at seq 0
  std::size_t root_bytes = 0;

  /// Nothing is left but the seq and the owner: the record has no root.
  [[nodiscard]] bool purged() const { return meta.seq > 0 && root_bytes == 0; }
};

using VersionPtr = std::shared_ptr<const Version>;

/// An object that has no record yet.
[[nodiscard]] VersionPtr blank_version(const KindDefinition& kind, const ObjectId& object);

/// The state that a record holds, brought to the kind's schema version.
///
/// Errors  newer_version  a newer schema wrote it.
///         corrupt        it is no JSON, or the kind's type or an upgrade step refuses it.
[[nodiscard]] Result<StatePtr> decode_state(const KindDefinition& kind, const Record& record);

/// Brings a state written by schema version `written_by` to the kind's. Errors: newer_version,
/// corrupt; `what` names the state in them.
[[nodiscard]] Result<Json> upgrade_root(const KindDefinition& kind, Json root,
                                        std::uint32_t written_by, const std::string& what);

/// As decode_state, without the kind's type: for looking. Null for a purged object.
[[nodiscard]] Result<Json> decode_root(const KindDefinition& kind, const Record& record);

/// What the store has of an object; blank if it has nothing. Errors: the store's; of decode_state.
[[nodiscard]] Result<VersionPtr> load_version(const KindDefinition& kind, const ObjectId& object,
                                              const storage::Store& store);

[[nodiscard]] Result<VersionPtr> decode_version(const KindDefinition& kind, const ObjectId& object,
                                                const storage::RecordRow& row);

}  // namespace perdure::runtime
