// SPDX-License-Identifier: Apache-2.0
#include "wait_graph.hpp"

#include <fmt/format.h>

namespace perdure::runtime {

namespace {

Unexpected deadlock(std::string path) {
  Error error{.code = ErrorCode::conflict,
              .detail = "nobody of these could ever go on: " + std::move(path)};
  error.fields.push_back({"", "deadlock", error.detail});
  return fail(std::move(error));
}

}  // namespace

WaitGraph::Waiter WaitGraph::enter(const ObjectId& of) {
  const std::scoped_lock lock{mutex_};
  waiters_.emplace(++last_, Known{.of = of});
  return last_;
}

void WaitGraph::leave(Waiter waiter) {
  const std::scoped_lock lock{mutex_};
  const auto found = waiters_.find(waiter);
  if (found == waiters_.end()) return;
  for (const auto& object : found->second.held) {
    const auto holder = holders_.find(object);
    if (holder != holders_.end() && holder->second == waiter) holders_.erase(holder);
  }
  waiters_.erase(found);
}

void WaitGraph::holds(Waiter waiter, const ObjectId& object) {
  const std::scoped_lock lock{mutex_};
  holders_.insert_or_assign(object, waiter);
  waiters_.at(waiter).held.push_back(object);
}

WaitGraph::Waiter WaitGraph::next(const Known& known) const {
  if (const auto* callee = std::get_if<Waiter>(&known.waits)) return *callee;
  const auto* object = std::get_if<ObjectId>(&known.waits);
  if (object == nullptr) return 0;
  const auto holder = holders_.find(*object);
  return holder == holders_.end() ? 0 : holder->second;
}

Result<void> WaitGraph::waits_for(Waiter waiter, const ObjectId& object) {
  const std::scoped_lock lock{mutex_};
  auto& own = waiters_.at(waiter);
  auto path = fmt::format("{} waits for {}", to_string(own.of), to_string(object));
  const auto holder = holders_.find(object);
  auto at = holder == holders_.end() ? Waiter{0} : holder->second;
  while (at != 0 && at != waiter) {
    const auto found = waiters_.find(at);
    if (found == waiters_.end()) break;
    const auto& known = found->second;
    at = next(known);
    const auto after = waiters_.find(at);
    if (after == waiters_.end()) break;
    const auto* goal = std::get_if<ObjectId>(&known.waits);
    path += fmt::format(", which waits for {}", to_string(goal ? *goal : after->second.of));
  }
  if (at == waiter) return deadlock(std::move(path));
  own.waits = object;
  return {};
}

void WaitGraph::waits_for(Waiter waiter, Waiter callee) {
  const std::scoped_lock lock{mutex_};
  const auto found = waiters_.find(waiter);
  if (found != waiters_.end()) found->second.waits = callee;
}

void WaitGraph::goes_on(Waiter waiter) {
  const std::scoped_lock lock{mutex_};
  const auto found = waiters_.find(waiter);
  if (found != waiters_.end()) found->second.waits = {};
}

std::size_t WaitGraph::waiters() const {
  const std::scoped_lock lock{mutex_};
  return waiters_.size();
}

void WaitGraph::check_invariants() const {
  const std::scoped_lock lock{mutex_};
  for (const auto& [waiter, known] : waiters_) {
    auto at = next(known);
    for (std::size_t steps = 0; at != 0; ++steps) {
      PERDURE_CHECK(at != waiter && steps <= waiters_.size(),
                    "flows wait for each other from " + to_string(known.of) + " on");
      const auto found = waiters_.find(at);
      at = found == waiters_.end() ? 0 : next(found->second);
    }
  }
}

}  // namespace perdure::runtime
