// SPDX-License-Identifier: Apache-2.0
// Builder: makes the rows of kinds again whose declarations are not those of the last opening.
//
// It walks over all objects of such a kind, a slice at a time, and commits the rows of each that
// has no mark of the build yet (kind_rows.hpp), through the committer like everybody else. How far
// it is, is committed with the next slice: after a crash it goes on there. What it finds built by a
// turn it leaves. Derived entries (DerivedEntriesDefinition) are made by the object's own turns,
// for which it calls until there are none left. In the end the parts are built, and the rows under
// earlier names are erased.
// When nothing is to be built, it hands on what holders of duplicate values give up (Succession).
//
// Limits  a slice has at most `slice_objects` objects and about `slice_bytes` of rows; between two
//         the builder rests twice as long as one took while others have something to do.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>

#include "committer.hpp"
#include "kind_record.hpp"
#include "perdure/runtime/call.hpp"
#include "perdure/runtime/kind_build.hpp"
#include "perdure/runtime/options.hpp"
#include "succession.hpp"

namespace perdure::runtime {

/// What it needs of the runtime around it, which outlives it.
struct BuilderSurroundings {
  storage::Store& store;
  const std::vector<Kind>& kinds;
  const ListLayouts& lists;
  RowNames& rows;
  Committer& committer;
  std::function<void(Call, ReplyHandler)> call;
  EveryHook& hooks;
  std::function<Timestamp()> claims_at;
  std::function<bool()> is_busy;  ///< others have something to do
};

/// Threads  open: before all others. step, run: one. The rest, released too: any.
class Builder {
 public:
  explicit Builder(BuilderSurroundings around);

  /// Compares what the kinds declare with what the store notes of them, and notes it; with
  /// `AccessMode::read_only` only compares. Then names of rows are as they have to be.
  /// Errors: those of the store: the runtime must not go on.
  [[nodiscard]] Result<void> open(AccessMode access);

  /// Whether there is something to do.
  [[nodiscard]] bool has_work() const;
  /// The same, or there may be later.
  [[nodiscard]] bool may_have_work() const;
  /// One slice, or a look whether the one before has been committed. False: there is nothing to do.
  bool step();
  /// Steps until there never is anything to do again, or `stop`.
  void run();
  void stop();
  /// A commit that gave up claims.
  void released(const storage::Unit& unit);

  [[nodiscard]] std::vector<KindBuild> builds() const;
  [[nodiscard]] std::uint64_t duplicates_found() const { return duplicates_.load(); }
  [[nodiscard]] const std::vector<UnknownKind>& unknown_kinds() const { return unknown_; }

  static constexpr std::size_t slice_objects = 64;
  static constexpr std::size_t slice_bytes = 16u << 10;
  /// Rows that are counted or erased in one step.
  static constexpr std::size_t rows_at_once = 1'000;

 private:
  /// A kind with something to do.
  struct Job {
    const KindDefinition* kind;
    KindRecord record;
    KindBuild shown;
    std::optional<storage::IndexRow> counted_to = {};
    bool is_counted = false;
  };
  /// What the committer tells of a slice; shared with the submissions on their way.
  struct Slice {
    std::mutex mutex;  // guards the rest
    std::condition_variable changed;
    std::size_t on_their_way = 0;
    std::vector<ObjectId> again = {};  ///< refused, or not done: they are looked at once more
    std::uint64_t refused = 0;         ///< calls for entries, for good
    bool failed = false;               ///< writes have stopped, or the store was opened again
  };
  enum class Step { done, goes_on };

  [[nodiscard]] Result<void> open_kind(const KindDefinition& kind, AccessMode access,
                                       storage::Unit& unit);
  [[nodiscard]] Result<void> find_unknown();
  [[nodiscard]] Step step_job(Job& job);
  bool step_succession();
  bool wait_for_work();
  [[nodiscard]] Result<void> begin_slice(Job& job);
  [[nodiscard]] Result<void> count(Job& job);
  [[nodiscard]] Result<std::size_t> build(Job& job, const ObjectId& object);
  /// Has an object make its derived entries, a part of them.
  void call_for_entries(const Job& job, const ObjectId& object);
  [[nodiscard]] Result<void> erase(Job& job);
  /// Whether an object that was marked meanwhile is looked at once more.
  enum class Marked { is_done, again };
  void submit(storage::WriteSet write_set, const ObjectId* object, Marked marked = Marked::is_done);
  void finish(Job& job);
  [[nodiscard]] Step read_again(Job& job);
  void show(Job& job);

  const BuilderSurroundings around_;
  std::vector<UnknownKind> unknown_;
  std::deque<Job> jobs_;
  Succession succession_;
  std::shared_ptr<Slice> slice_ = std::make_shared<Slice>();
  std::vector<storage::IndexRow> slice_rows_;  ///< what the slice on its way is of
  bool is_finishing_ = false;                  ///< the record on its way says that all is built
  std::uint64_t epoch_ = 0;
  std::atomic<std::uint64_t> duplicates_{0};

  mutable std::mutex mutex_;  // guards the rest
  std::condition_variable woken_;
  std::vector<KindBuild> builds_;  ///< in the order of the jobs that build
  bool stopping_ = false;
};

}  // namespace perdure::runtime
