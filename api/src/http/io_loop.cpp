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
      random_(core_->services.random) {}

void IoLoop::start() {
  schedule_sweep();
  std::promise<void> running;
  thread_ = std::thread{[this, &running] {
    thread_id_ = std::this_thread::get_id();
    running.set_value();
    const auto& around = core_->services.around_io_thread;
    const auto serve = [this] { context_.run(); };
    around ? around(serve) : serve();
  }};
  running.get_future().wait();
}

void IoLoop::stop() {
  if (!thread_.joinable()) return;
  boost::asio::post(context_, [this] {
    stopping_ = true;
    timer_.cancel();
    for_each_connection([](Connection& connection) { connection.abort(); });
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
  if (connection.previous_ != nullptr) {
    connection.previous_->next_ = connection.next_;
  } else if (first_ == &connection) {
    first_ = connection.next_;
  }
  if (connection.next_ != nullptr) connection.next_->previous_ = connection.previous_;
  connection.previous_ = connection.next_ = nullptr;
}

template <class Visit>
void IoLoop::for_each_connection(Visit visit) {
  for (auto* connection = first_; connection != nullptr;) {
    const auto keep = connection->shared_from_this();
    auto* next = connection->next_;
    visit(*connection);
    connection = next;
  }
}

void IoLoop::drain_connections() {
  for_each_connection([](Connection& connection) { connection.begin_drain(); });
}

void IoLoop::schedule_sweep() {
  timer_.expires_after(sweep_period_);
  timer_.async_wait([this](const boost::system::error_code& ec) {
    if (ec || stopping_) return;
    sweep();
    schedule_sweep();
  });
}

void IoLoop::sweep() {
  const auto now = std::chrono::steady_clock::now();
  for (auto* connection = first_; connection != nullptr;) {
    auto* next = connection->next_;
    if (now >= connection->deadline()) {
      const auto keep = connection->shared_from_this();
      connection->on_deadline();
    }
    connection = next;
  }
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
  {
    const std::lock_guard lock{mutex_};
    wake_posted_ = false;
    woken_.swap(waiting_);
  }
  for (const auto& connection : woken_) connection->on_wake();
  woken_.clear();
}

std::string IoLoop::make_request_id() { return make_uuid_v7(core_->services.clock.now(), random_); }

}  // namespace perdure::http
