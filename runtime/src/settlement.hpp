// SPDX-License-Identifier: Apache-2.0
// Settlement: what becomes of a submission once its batch is through. Decided here, carried out by
// the committer.
#pragma once

#include "perdure/base/object_id.hpp"
#include "perdure/storage/store.hpp"

namespace perdure::runtime {

enum class Settlement {
  answered,    ///< with its own reply: all that it depends on is durable
  runs_again,  ///< it goes back to its activation, with what was built on it
  refused,     ///< the same, and its call hears why: another run could not help
  in_doubt,    ///< it may be on disk: nobody may ask its activation again
  outlived,    ///< the store was opened again beneath its activation
  stopped,     ///< only a reply, to a change that did not get to the disk before writes stopped
};

/// What a submission is, and what became of its batch.
struct Settling {
  const storage::Outcome* outcome;  ///< of its unit; null: it is only a reply
  Seq depends_on;                   ///< the newest version that its reply saw
  Seq committed;                    ///< of its object
  storage::Health health;
};

[[nodiscard]] Settlement settlement_of(const Settling& settling);

}  // namespace perdure::runtime
