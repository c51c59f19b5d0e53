// SPDX-License-Identifier: Apache-2.0
// Faults: what goes wrong in a simulated run, chosen by its seed. Each fault has a number, so that
// a run can be repeated without some of them, and is the same otherwise.
#pragma once

#include <array>
#include <set>
#include <string_view>

#include "perdure/testing/world.hpp"

namespace perdure::testing {

enum class Fault {
  crash,         ///< the machine stops and starts; what was not synced is kept, lost, torn or mixed
  failed_sync,   ///< writes stop, and soon after somebody starts the server again
  full_disk,     ///< for a while
  slow_disk,     ///< for a while, commits take up to two seconds
  failed_call,   ///< one of the next calls of the store is refused, be it a read or a commit
  bad_network,   ///< for a while, messages are lost, late, doubled and overtake each other
  clock_step,    ///< somebody sets the wall clock by seconds, minutes, or up to a day
  clock_leap,    ///< nothing happens for up to two minutes, but that time passes
  small_memory,  ///< all that is idle hibernates
};

inline constexpr std::array all_faults{Fault::crash,      Fault::failed_sync, Fault::full_disk,
                                       Fault::slow_disk,  Fault::failed_call, Fault::bad_network,
                                       Fault::clock_step, Fault::clock_leap,  Fault::small_memory};

[[nodiscard]] std::string_view name_of(Fault fault);

struct FaultPlan {
  std::set<Fault> kinds{all_faults.begin(), all_faults.end()};
  std::set<std::size_t> spared = {};  ///< numbers of faults that do not happen after all
};

/// Threads, Lifetime  those of the world.
class Faults {
 public:
  Faults(World& world, FaultPlan plan);

  /// Perhaps a fault, and perhaps the end of one that lasts. About one in 150 steps has one.
  void step();
  /// No faults from here on: what lasts ends, and what is broken is replaced.
  void end();
  /// The numbers given so far; also to those that were spared.
  [[nodiscard]] std::size_t count() const { return count_; }

 private:
  void meet(Fault fault);
  void step_clock(std::int64_t amount);
  void end_lasting(bool all);

  World& world_;
  const FaultPlan plan_;
  Chance chance_;
  std::size_t count_ = 0;
  bool slow_ = false;
  bool stormy_ = false;
};

}  // namespace perdure::testing
