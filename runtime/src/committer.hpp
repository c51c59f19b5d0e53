// SPDX-License-Identifier: Apache-2.0
// Committer: takes all waiting turns of all objects to the disk in one batch, and is the output
// gate.
//
// When more waits than one batch takes, owners take turns: a batch has something of each of them,
// and the order of one owner's objects stays. Between objects of two owners there is none to keep:
// a transaction holds its objects, so it is alone in the queue with each of them.
#pragma once

#include <condition_variable>
#include <functional>
#include <optional>
#include <vector>

#include "batch_pace.hpp"
#include "commit_lead.hpp"
#include "directory.hpp"
#include "perdure/base/watched_mutex.hpp"
#include "perdure/runtime/options.hpp"
#include "perdure/storage/store.hpp"
#include "stream_memory.hpp"

namespace perdure::runtime {

/// One turn, or one reply that must wait behind turns.
struct Submission {
  EnvelopePtr envelope;
  std::optional<storage::Unit> unit;  ///< none: only a reply
  VersionPtr version;                 ///< the newest that the reply depends on
  Result<Reply> reply;
  /// Set on the way back when running the turn again cannot help: a claim is taken.
  std::optional<Error> refused = {};
  /// Set for a transaction, which belongs to no activation: deals with the outcome.
  std::function<void(const storage::Outcome&)> settle = {};
  StreamNewsPtr news = {};  ///< for readers of streams, once the unit is durable; null: none
  std::size_t bytes = 0;  ///< about what its unit takes in the store's log; filled by the committer
};

using SubmissionPtr = std::shared_ptr<Submission>;  // shared: may travel back as a message

/// About what a write set takes in the store's log.
[[nodiscard]] std::size_t log_bytes_of(const storage::WriteSet& write_set);

/// Threads  submit, commit_waiting: any. run: the committer's own. Whichever thread leads settles
///          and answers; what it leaves behind the next one sees.
class Committer {
 public:
  /// By when claims count as expired.
  using Time = std::function<Timestamp()>;
  /// What it does with a finished submission's object; the runtime's core.
  struct Effects {
    /// A refused submission goes back to its activation.
    std::function<void(const SubmissionPtr&)> give_back;
    /// `version` was made durable by a turn.
    std::function<void(Cell&, const Version&)> committed;
    /// A unit that asks for something beside its objects is durable; what it asks for may be taken
    /// out of it.
    std::function<void(storage::Unit&, const storage::Committed&)> asked;
    /// What a turn wrote to streams is durable.
    std::function<void(const Cell&, const StreamNewsPtr&)> streamed;
    /// A unit that lets go of claims is durable.
    std::function<void(const storage::Unit&)> released;
  };

  Committer(storage::Store& store, Directory& directory, Time claims_at, EveryHook& hooks,
            Effects effects);

  void submit(SubmissionPtr submission);

  /// What one commit takes to the disk, with the replies that wait for it.
  struct Batch {
    std::vector<SubmissionPtr> submissions;
    std::vector<storage::Unit> units;  ///< of those submissions that have one, in their order
  };
  /// Takes what waits now, up to `submissions_max` and `batch_bytes_max`. Without submissions:
  /// nothing waited.
  [[nodiscard]] Batch take(std::size_t submissions_max = submissions_per_batch_max);
  /// Commits a batch, and answers it.
  void commit(Batch batch);
  /// Both. False when nothing waited.
  bool step(std::size_t submissions_max = submissions_per_batch_max);

  /// One step of what waits, on a thread that is lent for commits. True: more waits, and is its to
  /// commit. False: nothing waits, or another thread leads and sees to it.
  [[nodiscard]] bool commit_waiting();

  /// Steps until `stop`, and then until nothing waits. Before each step it gives calls that are on
  /// their way a moment to arrive: they share its sync.
  void run();
  void stop();

  /// `version` is durable: reads see it. On the thread that leads.
  void publish(Cell& cell, const VersionPtr& version);

  [[nodiscard]] std::uint64_t turns() const { return turns_.load(); }
  /// What waits belongs to objects that know of it. Aborts otherwise.
  void check_invariants() const;

  static constexpr std::size_t submissions_per_batch_max = BatchPace::most;
  /// A batch that has so much takes nothing more: it bounds how long the next one waits.
  static constexpr std::size_t batch_bytes_max = 1u << 20;

 private:
  /// What one batch may take of what waits, in turns; under the lock.
  [[nodiscard]] std::vector<SubmissionPtr> take_turns(std::size_t submissions_max);
  /// Under the lock.
  void count_waiting();
  [[nodiscard]] bool anything_waits() const { return !waiting_.empty() || !held_over_.empty(); }
  [[nodiscard]] bool begin_lead();
  /// Whether more waits.
  bool end_lead();
  void gather();
  /// As `step`, with as many as take little time. False when nothing waited.
  bool step_at_pace();
  void tell_what_was_asked(storage::Unit& unit, const storage::Committed& committed);
  void settle(const SubmissionPtr& submission, const storage::Outcome* outcome);
  void answer(Submission& submission, Result<Reply> reply);

  storage::Store& store_;
  Directory& directory_;
  const Time claims_at_;
  EveryHook& hooks_;
  const Effects effects_;
  BatchPace pace_;  ///< the leader's
  std::atomic<std::uint64_t> turns_{0};
  std::atomic<std::size_t> waiting_count_{0};  ///< all that wait, to be looked at without the lock

  mutable WatchedMutex mutex_;  // guards the rest
  std::condition_variable_any arrived_;
  std::vector<SubmissionPtr> waiting_;
  std::size_t waiting_bytes_ = 0;  ///< of waiting_
  /// Waits since before waiting_: more was there than one batch takes.
  FairQueue<SubmissionPtr> held_over_;
  CommitLead lead_;
  bool stopping_ = false;
};

}  // namespace perdure::runtime
