// SPDX-License-Identifier: Apache-2.0
#include "job_places.hpp"

#include "perdure/base/check.hpp"

namespace perdure::actors {

void JobPlaces::add(RunPtr run) {
  const auto owner = owner_of(*run);
  const auto queued = line_.push(owner, {});
  PERDURE_CHECK(queued == Queued::yes, "the line has no bound");
  waiting_[owner].emplace(Rank{-run->stay().priority, ++arrivals_}, std::move(run));
}

JobPlaces::RunPtr JobPlaces::next() {
  if (taken_ >= places_ || closed_) return nullptr;
  const auto ticket =
      line_.take(rules_.running_below(places_, places_ - taken_, line_.owners_in_line()));
  if (!ticket) return nullptr;
  const auto found = waiting_.find(ticket->owner);
  const auto first = found->second.begin();
  auto run = std::move(first->second);
  found->second.erase(first);
  if (found->second.empty()) waiting_.erase(found);
  ++taken_;
  return run;
}

void JobPlaces::release(const RunPtr& run) {
  line_.finish(owner_of(*run), 1);
  --taken_;
}

std::vector<JobPlaces::RunPtr> JobPlaces::close() {
  closed_ = true;
  std::vector<RunPtr> runs;
  for (auto& [owner, of_owner] : std::exchange(waiting_, {})) {
    for (auto& [rank, run] : of_owner) runs.push_back(std::move(run));
  }
  return runs;
}

}  // namespace perdure::actors
