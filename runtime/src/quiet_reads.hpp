// SPDX-License-Identifier: Apache-2.0
// QuietReads: answers queries that take the root alone, of objects that nothing is in flight for.
//
// The durable version is then all there is to know, so no actor is asked: the answer comes from the
// cell on the caller's thread, or from a load on a worker when the object is not active.
#pragma once

#include <caf/actor_system.hpp>

#include "directory.hpp"
#include "pace.hpp"
#include "read_pool.hpp"
#include "read_set.hpp"

namespace perdure::runtime {

/// Threads  any. Lifetime: loads that it has begun are counted in flight.
class QuietReads {
 public:
  /// All must outlive it.
  struct Around {
    const storage::Store& store;
    Directory& directory;
    Paces& paces;
    caf::actor_system& system;
    ReadPool* reads;  ///< null: the store is read by a worker
  };

  explicit QuietReads(Around around) : around_(around) {}

  /// Answers a query that has been let in, at once or from a load. False: an actor has to.
  [[nodiscard]] bool answer(const EnvelopePtr& envelope);

 private:
  [[nodiscard]] bool answer_at_once(Envelope& envelope);
  /// Has a worker load and answer, if the object is not active.
  [[nodiscard]] bool load_and_answer(const EnvelopePtr& envelope);
  /// Whether the query takes no more of the caller's thread than it may.
  [[nodiscard]] bool may_answer_here(const Envelope& envelope, const Version& version) const;
  [[nodiscard]] Result<Reply> answer_from(const Version& version, const Envelope& envelope);
  /// On a worker.
  void load(Envelope& envelope, const storage::StoreReader& rows);
  void schedule_load(const EnvelopePtr& envelope, std::shared_ptr<const ReadSet> rows);

  const Around around_;
};

}  // namespace perdure::runtime
