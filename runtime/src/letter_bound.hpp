// SPDX-License-Identifier: Apache-2.0
// LetterBound: an owner keeps so many dead letters, and the oldest go.
//
// A letter is never refused: what was given up would have to be tried for ever. So the bound is
// kept afterwards, by purging the oldest letters of owners that have too many.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "perdure/base/watched_mutex.hpp"
#include "perdure/runtime/call.hpp"
#include "perdure/storage/store.hpp"

namespace perdure::runtime {

/// Threads  made: any. step: one thread.
class LetterBound {
 public:
  using Send = std::function<void(Call, ReplyHandler)>;

  LetterBound(const storage::Store& store, std::uint64_t letters_max, Send send);

  /// An owner has a new letter.
  void made(const std::string& owner);
  /// Purges at most `calls_max` letters. Does nothing while earlier ones are on their way.
  void step();
  /// No more letters are on their way out than may be. Aborts otherwise.
  void check_invariants() const;

  /// More than alarms and webhooks of one owner give up between two steps.
  static constexpr std::size_t calls_max = 256;

 private:
  /// Shared with the replies on their way, which may outlive this.
  struct Progress {
    std::atomic<std::size_t> on_their_way{0};
    std::atomic<bool> failed{false};
  };

  /// After a start: notes some of the owners that have letters, until all have been.
  void find_owners();
  [[nodiscard]] std::optional<std::string> next_owner();
  /// Purges the oldest letters of an owner that has too many. False when it has not.
  [[nodiscard]] bool purge_some(const std::string& owner);

  const storage::Store& store_;
  const std::uint64_t letters_max_;
  const Send send_;
  std::shared_ptr<Progress> progress_ = std::make_shared<Progress>();
  std::optional<std::string> find_from_ = std::string{};  ///< a key; none: all were found
  std::optional<std::string> last_ = {};                  ///< whose letters are on their way

  WatchedMutex mutex_;            // guards the rest
  std::set<std::string> owners_;  ///< to be looked at
};

}  // namespace perdure::runtime
