// SPDX-License-Identifier: Apache-2.0
// Makes a failing plan smaller, one thing after another. Streams of choices are apart from each
// other, so a plan without one fault or workload is much the same otherwise; whether it still fails
// is tried.
#include <numeric>

#include "perdure/testing/simulation.hpp"

namespace perdure::testing {

namespace {

class Shrinker {
 public:
  Shrinker(Plan plan, const std::vector<WorkloadMaker>& makers, std::size_t runs_max)
      : plan_(std::move(plan)), makers_(makers), runs_left_(runs_max) {}

  Plan operator()() {
    drop_workloads();
    shorten();
    drop_fault_kinds();
    drop_clients();
    drop_faults();
    shorten();
    return plan_;
  }

 private:
  /// Keeps `smaller` if it fails. Whatever fails is as good: a smaller story of another promise
  /// that is broken is worth as much.
  bool keep(const Plan& smaller) {
    if (runs_left_ == 0) return false;
    --runs_left_;
    const auto outcome = run_isolated(smaller, makers_);
    if (outcome.failure.empty()) return false;
    plan_ = smaller;
    return true;
  }

  void drop_workloads() {
    for (const auto& name : std::vector{plan_.workloads}) {
      if (plan_.workloads.size() == 1) return;
      auto smaller = plan_;
      std::erase(smaller.workloads, name);
      keep(smaller);
    }
  }

  void drop_fault_kinds() {
    auto without = plan_;
    without.faults.kinds.clear();
    if (keep(without)) return;
    for (const auto fault : all_faults) {
      auto smaller = plan_;
      smaller.faults.kinds.erase(fault);
      keep(smaller);
    }
  }

  void drop_clients() {
    while (plan_.clients > 1) {
      auto smaller = plan_;
      --smaller.clients;
      if (!keep(smaller)) return;
    }
  }

  /// Halves of the faults, then quarters …, then one by one.
  void drop_faults() {
    const auto count = run_isolated(plan_, makers_).faults;
    std::vector<std::size_t> numbers(count);
    std::iota(numbers.begin(), numbers.end(), std::size_t{0});
    for (auto size = (count + 1) / 2; size > 0; size = size == 1 ? 0 : (size + 1) / 2) {
      for (std::size_t from = 0; from < count; from += size) {
        auto smaller = plan_;
        for (auto i = from; i < std::min<std::size_t>(count, from + size); ++i) {
          smaller.faults.spared.insert(numbers[i]);
        }
        if (smaller.faults.spared.size() > plan_.faults.spared.size()) keep(smaller);
      }
    }
  }

  void shorten() {
    std::size_t fails = plan_.steps;
    std::size_t passes = 0;
    while (fails - passes > 20) {
      auto smaller = plan_;
      smaller.steps = passes + (fails - passes) / 2;
      if (keep(smaller)) {
        fails = smaller.steps;
      } else {
        passes = smaller.steps;
      }
      if (runs_left_ == 0) return;
    }
  }

  Plan plan_;
  const std::vector<WorkloadMaker>& makers_;
  std::size_t runs_left_;
};

}  // namespace

Plan shrink(const Plan& plan, const std::vector<WorkloadMaker>& makers, std::size_t runs_max) {
  return Shrinker{plan, makers, runs_max}();
}

}  // namespace perdure::testing
