// SPDX-License-Identifier: Apache-2.0
// StreamKeeper: drops streams that ended for good long ago (limits::ended_stream_kept). When each
// has ended stands in an index by time; what is due is dropped by a turn of its object.
#pragma once

#include <atomic>
#include <memory>

#include "intake.hpp"

namespace perdure::runtime {

/// Threads  one at a time.
class StreamKeeper {
 public:
  /// All must outlive it.
  struct Around {
    const storage::Store& store;
    Intake& intake;
    const KindTable& kinds;
    const Clock& clock;
    const Times& times;
  };
  explicit StreamKeeper(Around around) : around_(around) {}

  /// Now and then: looks for what is due, and drops at most `drops_max`. Does nothing while earlier
  /// ones are on their way.
  void step();

  static constexpr std::size_t drops_max = 32;

 private:
  /// Shared with the replies on their way, which may outlive the keeper.
  using OnTheirWay = std::shared_ptr<std::atomic<std::size_t>>;

  [[nodiscard]] std::size_t drop_due(const std::string& kind, std::size_t limit);

  const Around around_;
  std::size_t next_kind_ = 0;  ///< where the next look begins: one with much must not hide others
  Milliseconds next_look_{0};
  const OnTheirWay on_their_way_ = std::make_shared<std::atomic<std::size_t>>(0);
};

}  // namespace perdure::runtime
