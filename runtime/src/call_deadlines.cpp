// SPDX-License-Identifier: Apache-2.0
#include "call_deadlines.hpp"

#include <algorithm>
#include <vector>

#include "pending_call.hpp"
#include "thread_name.hpp"

namespace perdure::runtime {

namespace {

/// Without calls for so many ticks the thread goes to sleep.
constexpr int idle_ticks_max = 16;

}  // namespace

void CallDeadlines::add(PendingCall& call, Milliseconds from_now) {
  auto& place = call.place();
  const auto now = clock_.monotonic();
  const bool is_endless = from_now >= Milliseconds::max() - now;
  if (is_endless) return;
  place.at = now + from_now;
  // One tick on: the slot of the present tick may have been looked at.
  place.slot = static_cast<int>((tick_of(place.at) + 1) % static_cast<std::int64_t>(slots));
  auto& slot = slots_[static_cast<std::size_t>(place.slot)];
  {
    const std::scoped_lock lock{slot.mutex};
    place.next = slot.first;
    if (place.next != nullptr) place.next->place().previous = &call;
    slot.first = &call;
    place.is_in = true;
  }
  if (has_thread_ && asleep_.load()) wake();
}

void CallDeadlines::remove(PendingCall& call) {
  const auto& place = call.place();
  if (place.slot < 0) return;
  auto& slot = slots_[static_cast<std::size_t>(place.slot)];
  const std::scoped_lock lock{slot.mutex};
  if (place.is_in) unlink(slot, call);
}

void CallDeadlines::unlink(Slot& slot, PendingCall& call) {
  auto& place = call.place();
  if (place.previous != nullptr) place.previous->place().next = place.next;
  if (place.next != nullptr) place.next->place().previous = place.previous;
  if (slot.first == &call) slot.first = place.next;
  place.previous = nullptr;
  place.next = nullptr;
  place.is_in = false;
}

void CallDeadlines::step() {
  const auto now = clock_.monotonic();
  const auto until = tick_of(now);
  const auto ring = static_cast<std::int64_t>(slots);
  // The slot of the present tick holds what was due in the one before.
  for (auto at = std::max(stepped_ + 1, until - ring + 1); at <= until; ++at) {
    step_slot(slots_[static_cast<std::size_t>(at % ring)], now);
  }
  stepped_ = until;
}

void CallDeadlines::step_slot(Slot& slot, Milliseconds now) {
  std::vector<std::shared_ptr<PendingCall>> late;
  {
    const std::scoped_lock lock{slot.mutex};
    for (auto* call = slot.first; call != nullptr;) {
      auto* const next = call->place().next;
      if (call->place().at <= now) {  // else it is of a later round
        // Null: its destructor waits for the lock.
        if (auto kept = call->weak_from_this().lock()) late.push_back(std::move(kept));
        unlink(slot, *call);
      }
      call = next;
    }
  }
  for (const auto& call : late) call->expire();
}

bool CallDeadlines::is_empty() {
  return std::ranges::all_of(slots_, [](Slot& slot) {
    const std::scoped_lock lock{slot.mutex};
    return slot.first == nullptr;
  });
}

void CallDeadlines::wake() {
  const std::scoped_lock lock{mutex_};
  if (stopping_ || !asleep_.exchange(false)) return;
  if (!thread_.joinable()) {
    thread_ = std::thread{[this] {
      name_thread("perdure.until");
      run();
    }};
  }
  woken_.notify_all();
}

void CallDeadlines::run() {
  int idle = 0;
  for (;;) {
    {
      std::unique_lock lock{mutex_};
      woken_.wait_for(lock, tick, [this] { return stopping_; });
      if (stopping_) return;
    }
    step();
    idle = is_empty() ? idle + 1 : 0;
    if (idle < idle_ticks_max) continue;
    // Whoever enters after this store wakes the thread; whoever entered before is seen.
    asleep_.store(true);
    if (!is_empty()) {
      asleep_.store(false);
      continue;
    }
    std::unique_lock lock{mutex_};
    woken_.wait(lock, [this] { return stopping_ || !asleep_.load(); });
    idle = 0;
  }
}

void CallDeadlines::stop() {
  {
    const std::scoped_lock lock{mutex_};
    stopping_ = true;
  }
  woken_.notify_all();
  if (thread_.joinable()) thread_.join();
}

}  // namespace perdure::runtime
