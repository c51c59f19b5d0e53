// SPDX-License-Identifier: Apache-2.0
// Quorums (QuorumDefinition): counts that follow from the states of a kind's objects, below whose
// least no commit takes them. So no way of changing a state goes around them, and of two commits
// that would each leave enough, and both together not, the second is refused.
#pragma once

#include <string>

#include "kind_rows.hpp"

namespace perdure::runtime {

/// The name of a quorum's count; `stored` is that of its part (KindRows::quorums).
[[nodiscard]] std::string quorum_count(std::string_view kind, std::string_view stored);

/// Adds to the counts of quorums what an object brings that had none before: those of `which`.
void count_in_quorums(const KindDefinition& kind, const KindRows& rows, const ObjectForm& form,
                      Which which, storage::WriteSet& write_set);

/// Adds what a change of an object does to the counts; null: there is no such version, or it is
/// purged.
/// Errors  index_building  it leaves a quorum whose objects are still being counted.
[[nodiscard]] Result<void> change_quorums(const KindDefinition& kind, const KindRows& rows,
                                          Built built, const ObjectForm* before,
                                          const ObjectForm* after, storage::WriteSet& write_set);

/// The store's `quota_exceeded` over a quorum, in the kind's words. Any other error stays as it is.
[[nodiscard]] Error explain_quorum(const KindDefinition& kind, Error error);

}  // namespace perdure::runtime
