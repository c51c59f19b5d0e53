// SPDX-License-Identifier: Apache-2.0
#include "signal_hub.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace perdure::runtime {

namespace {

std::string key_of(const Signal& signal) {
  std::string key;
  key.reserve(signal.name.size() + signal.key.size() + 1);
  key += signal.name;
  key += '\0';
  key += signal.key;
  return key;
}

Unexpected too_many(std::string detail) {
  Error error{.code = ErrorCode::overloaded, .detail = std::move(detail)};
  error.retry_after = std::chrono::seconds{1};
  return fail(std::move(error));
}

}  // namespace

bool Ear::put(const SignalPtr& signal) {
  const std::scoped_lock lock{mutex_};
  if (over) return false;
  const bool replaces = options_.keep == ListenOptions::Keep::latest_value;
  auto key = replaces ? key_of(*signal) : std::string{};
  if (replaces) {
    if (const auto found = by_key_.find(key); found != by_key_.end()) {
      waiting_.erase(found->second);
      by_key_.erase(found);
    }
  }
  if (waiting_.size() >= options_.capacity) {
    ++dropped_;
    if (replaces) by_key_.erase(key_of(*waiting_.front()));
    waiting_.pop_front();
  }
  waiting_.push_back(signal);
  if (replaces) by_key_.emplace(std::move(key), std::prev(waiting_.end()));
  return std::exchange(waits, false);
}

bool Ear::end(const Error& why) {
  const std::scoped_lock lock{mutex_};
  if (!over) over = why;
  return std::exchange(waits, false);
}

bool Ear::is_over() const {
  const std::scoped_lock lock{mutex_};
  return over.has_value();
}

Result<SignalBatch> Ear::take() {
  Waiting taken;
  SignalBatch batch;
  {
    const std::scoped_lock lock{mutex_};
    if (over) return fail(*over);
    taken.swap(waiting_);
    by_key_.clear();
    batch.dropped = std::exchange(dropped_, 0);
    waits = taken.empty();
  }
  batch.signals.reserve(taken.size());
  std::ranges::move(taken, std::back_inserter(batch.signals));
  return batch;
}

class SignalHub::OneListener final : public Listener {
 public:
  OneListener(SignalHub& hub, ObjectId object, EarPtr ear)
      : hub_(hub), object_(std::move(object)), ear_(std::move(ear)) {}
  ~OneListener() override {
    ear_->waker.close();
    hub_.leave(object_, ear_);
  }
  OneListener(const OneListener&) = delete;
  OneListener& operator=(const OneListener&) = delete;

  Result<SignalBatch> take() override { return ear_->take(); }

 private:
  SignalHub& hub_;
  const ObjectId object_;
  const EarPtr ear_;
};

Result<std::unique_ptr<Listener>> SignalHub::listen(const ObjectId& object, Principal principal,
                                                    ListenOptions options,
                                                    std::function<void()> wake) {
  if (options.capacity < 1 || options.capacity > limits::signals_waiting_max) {
    Error error{.code = ErrorCode::invalid,
                .detail = fmt::format("1 to {} signals may wait", limits::signals_waiting_max)};
    error.fields.push_back({"/capacity", "range", error.detail});
    return fail(std::move(error));
  }
  auto ear = std::make_shared<Ear>(std::move(principal), options, std::move(wake));
  {
    const std::scoped_lock lock{mutex_};
    if (listeners_.load() >= limits::listeners_max) {
      return too_many("there are as many listeners as there may be");
    }
    auto& ears = ears_[object];
    auto more = ears ? *ears : std::vector<EarPtr>{};
    if (more.size() >= limits::object_listeners_max) {
      return too_many(to_string(object) + " has as many listeners as it may");
    }
    more.push_back(ear);
    ears = std::make_shared<const std::vector<EarPtr>>(std::move(more));
    listeners_.fetch_add(1);
  }
  // Now, so that whatever is withdrawn from here on ends it; it leaves with the listener.
  auto listener = std::make_unique<OneListener>(*this, object, ear);
  PERDURE_TRY_VOID(may_attend(store_, kinds_, object, ear->principal));
  return listener;
}

void SignalHub::leave(const ObjectId& object, const EarPtr& ear) {
  const std::scoped_lock lock{mutex_};
  const auto found = ears_.find(object);
  auto fewer = *found->second;
  std::erase(fewer, ear);
  listeners_.fetch_sub(1);
  if (fewer.empty()) {
    ears_.erase(found);
  } else {
    found->second = std::make_shared<const std::vector<EarPtr>>(std::move(fewer));
  }
}

SignalHub::Ears SignalHub::find(const ObjectId& object) const {
  if (listeners_.load() == 0) return nullptr;
  const std::scoped_lock lock{mutex_};
  const auto found = ears_.find(object);
  return found == ears_.end() ? nullptr : found->second;
}

Result<std::size_t> SignalHub::send(const ObjectId& object, Signal signal,
                                    const Principal& principal) {
  if (signal.name.size() + signal.key.size() + signal.data.size() > limits::signal_bytes_max) {
    return fail(ErrorCode::too_large,
                fmt::format("a signal has at most {} bytes", limits::signal_bytes_max));
  }
  const auto ears = find(object);
  if (!ears) return 0;
  // Who listens may read the object, and it is there.
  const bool listens = std::ranges::any_of(*ears, [&](const EarPtr& ear) {
    return (ear->principal == principal || is_host(principal)) && !ear->is_over();
  });
  if (!listens) PERDURE_TRY_VOID(may_attend(store_, kinds_, object, principal));
  const auto shared = std::make_shared<const Signal>(std::move(signal));
  std::vector<EarPtr> waiting;
  for (const auto& ear : *ears) {
    if (ear->put(shared)) waiting.push_back(ear);
  }
  for (const auto& ear : waiting) ear->waker.call();
  return ears->size();
}

void SignalHub::changed(const ObjectMeta& meta, Reach reach) {
  const auto ears = find(meta.object());
  if (!ears) return;
  for (const auto& ear : *ears) {
    const auto why = refusal_to_attend(ear->principal, meta, reach);
    if (why && ear->end(*why)) ear->waker.call();
  }
}

void SignalHub::check_invariants() const {
  const std::scoped_lock lock{mutex_};
  std::size_t listeners = 0;
  for (const auto& [object, ears] : ears_) {
    PERDURE_CHECK(ears && !ears->empty(), "an object without listeners has a place");
    listeners += ears->size();
  }
  PERDURE_CHECK(listeners == listeners_.load(), "the count of listeners is off");
}

}  // namespace perdure::runtime
