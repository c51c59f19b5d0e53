// SPDX-License-Identifier: Apache-2.0
// Purger: ends for good what was deleted long ago.
//
// What is due stands in indexes by time: deleted objects of every kind, and objects that hold
// something deleted, of kinds that say so (KindBuilder::purge). Each is sent the command that
// purges it, as a call like any other, so nothing here needs to be right about its state.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <vector>

#include "kind_rows.hpp"
#include "perdure/runtime/call.hpp"
#include "perdure/runtime/kind.hpp"
#include "perdure/storage/store.hpp"
#include "times.hpp"

namespace perdure::runtime {

/// Threads  one at a time.
class Purger {
 public:
  using Send = std::function<void(Call, ReplyHandler)>;

  /// `purge_after`: so long what was deleted can be brought back.
  Purger(const storage::Store& store, const std::vector<Kind>& kinds, const RowNames& rows,
         const Clock& clock, const Times& times, std::chrono::seconds purge_after, Send send);

  /// Now and then: looks for what is due, and sends at most `calls_max` calls. Does nothing while
  /// earlier ones are on their way.
  void step();
  /// No more calls are on their way than may be. Aborts otherwise.
  void check_invariants() const;

  static constexpr std::size_t calls_max = 32;

 private:
  struct Chore {
    std::string kind;
    std::string index;  ///< as it is declared
    std::string command;
    std::string limit_member;  ///< of its payload: only what was deleted before then
  };
  /// Shared with the replies on their way, which may outlive the purger.
  struct Progress {
    std::atomic<std::size_t> on_their_way{0};
    std::atomic<bool> failed{false};
  };

  [[nodiscard]] std::size_t send_due(const Chore& chore, std::size_t limit);

  const storage::Store& store_;
  const RowNames& rows_;
  const Clock& clock_;
  const Times& times_;
  const std::chrono::seconds purge_after_;
  const Send send_;
  std::vector<Chore> chores_;
  std::size_t next_chore_ =
      0;  ///< where the next look begins: a kind with much must not hide others
  Milliseconds next_look_{0};
  std::shared_ptr<Progress> progress_ = std::make_shared<Progress>();
};

}  // namespace perdure::runtime
