// SPDX-License-Identifier: Apache-2.0
#include "http/io_loop.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <cstring>
#include <future>

#include "http/response_head.hpp"
#include "perdure/base/check.hpp"

namespace perdure::http {

namespace {

/// Deadlines are kept to within a quarter of the shortest of them.
Milliseconds sweep_period_of(const Timeouts& timeouts) {
  const auto shortest = std::min({timeouts.header, timeouts.body, timeouts.idle, timeouts.write,
                                  timeouts.handler, timeouts.stream_idle, timeouts.linger});
  return std::clamp(shortest / 4, Milliseconds{10}, Milliseconds{250});
}

}  // namespace

void BlockRandom::fill(std::span<std::uint8_t> bytes) {
  while (!bytes.empty()) {
    if (used_ == block_.size()) {
      source_.fill(block_);
      used_ = 0;
    }
    const auto count = std::min(bytes.size(), block_.size() - used_);
    std::memcpy(bytes.data(), block_.data() + used_, count);
    used_ += count;
    bytes = bytes.subspan(count);
  }
}

IoLoop::IoLoop(std::shared_ptr<Core> core)
    : core_(std::move(core)),
      work_(context_.get_executor()),
      timer_(context_.get_executor()),
      sweep_period_(sweep_period_of(core_->options.timeouts)),
      date_line_(core_->services.clock),
      random_(core_->services.random),
      watch_(core_->options.loop_held_max) {}

void IoLoop::start() {
  schedule_sweep();
  std::promise<void> running;
  thread_ = std::thread{[this, &running] {
    thread_id_ = std::this_thread::get_id();
    running.set_value();
    const auto& around = core_->services.around_io_thread;
    around ? around([this] { serve(); }) : serve();
  }};
  running.get_future().wait();
}

void IoLoop::serve() {
  // So many handlers take a millisecond or two. A commit waits no longer than that for its burst.
  constexpr std::size_t burst_max = 128;
  const auto& after_burst = core_->services.after_burst;
  if (!after_burst) return watch_.run(context_);
  for (bool goes_on = false;;) {
    watch_.begin();
    std::size_t ran = goes_on ? 0 : watch_.run_one(context_);
    if (ran == 0 && !goes_on) break;
    while (ran < burst_max && watch_.poll_one(context_) > 0) ++ran;
    goes_on = after_burst();
  }
}

void IoLoop::stop() {
  if (!thread_.joinable()) return;
  boost::asio::post(context_, [this] {
    stopping_ = true;
    watch_.excuse();
    timer_.cancel();
    for (auto* connection = first_; connection != nullptr;) {
      const auto keep = connection->shared_from_this();
      auto* next = connection->next_;
      connection->abort();
      connection = next;
    }
    work_.reset();
  });
  // run() returns when the last aborted operation has let go of its connection.
  thread_.join();
  std::vector<std::shared_ptr<Connection>> late;
  {
    const std::lock_guard lock{mutex_};
    stopped_ = true;
    late.swap(waiting_);
  }
  // Closed all of them, but a stream among their answers must hear so.
  for (const auto& connection : late) connection->on_wake();
}

void IoLoop::link(Connection& connection) {
  connection.previous_ = nullptr;
  connection.next_ = first_;
  if (first_ != nullptr) first_->previous_ = &connection;
  first_ = &connection;
  // Accepted on another loop's thread just before the stop.
  if (stopping_) connection.abort();
}

void IoLoop::unlink(Connection& connection) noexcept {
  for (auto* walk : {&sweep_next_, &drain_next_}) {
    if (*walk == &connection) *walk = connection.next_;
  }
  if (connection.previous_ != nullptr) {
    connection.previous_->next_ = connection.next_;
  } else if (first_ == &connection) {
    first_ = connection.next_;
  }
  if (connection.next_ != nullptr) connection.next_->previous_ = connection.previous_;
  connection.previous_ = connection.next_ = nullptr;
}

/// Visits connections from `next` on, which any of them may unlink, for one slice. `visit` returns
/// whether it took more than a look. False when there are more.
template <class Visit>
bool IoLoop::visit_for_a_slice(Connection*& next, Visit visit) {
  constexpr int looks_max = 256;
  const auto ends = std::chrono::steady_clock::now() + slice_max;
  for (int looks = 0; next != nullptr;) {
    auto& connection = *next;
    next = connection.next_;
    if (!visit(connection) && ++looks < looks_max) continue;
    looks = 0;
    if (std::chrono::steady_clock::now() >= ends) return next == nullptr;
  }
  return true;
}

void IoLoop::drain_connections() {
  drain_next_ = first_;
  drain();
}

void IoLoop::drain() {
  const auto done = visit_for_a_slice(drain_next_, [](Connection& connection) {
    const auto keep = connection.shared_from_this();
    connection.begin_drain();
    return true;
  });
  if (!done) boost::asio::post(context_, [this] { drain(); });
}

void IoLoop::schedule_sweep() {
  timer_.expires_after(sweep_period_);
  timer_.async_wait([this](const boost::system::error_code& ec) {
    if (ec || stopping_) return;
    sweep_next_ = first_;
    sweep();
  });
}

void IoLoop::sweep() {
  const auto now = std::chrono::steady_clock::now();
  const auto done = visit_for_a_slice(sweep_next_, [now](Connection& connection) {
    if (now < connection.deadline()) return false;
    const auto keep = connection.shared_from_this();
    connection.on_deadline();
    return true;
  });
  if (stopping_) return;
  if (done) return schedule_sweep();
  boost::asio::post(context_, [this] { sweep(); });
}

void IoLoop::wake(std::shared_ptr<Connection> connection) {
  {
    std::unique_lock lock{mutex_};
    if (stopped_) {
      lock.unlock();
      return connection->on_wake();  // closed, as all are
    }
    waiting_.push_back(std::move(connection));
    if (wake_posted_) return;
    wake_posted_ = true;
  }
  boost::asio::post(context_, [this] { take_woken(); });
}

void IoLoop::take_woken() {
  watch_.note("answers", "to connections");
  const auto ends = std::chrono::steady_clock::now() + slice_max;
  for (;;) {
    if (woken_at_ == woken_.size()) {
      woken_.clear();
      woken_at_ = 0;
      const std::lock_guard lock{mutex_};
      wake_posted_ = !waiting_.empty();
      if (!wake_posted_) return;
      woken_.swap(waiting_);
    }
    std::exchange(woken_[woken_at_++], nullptr)->on_wake();
    if (std::chrono::steady_clock::now() < ends) continue;
    return boost::asio::post(context_, [this] { take_woken(); });
  }
}

std::string IoLoop::make_request_id() { return make_uuid_v7(core_->services.clock.now(), random_); }

}  // namespace perdure::http
