// SPDX-License-Identifier: Apache-2.0
// One io thread with the connections that live on it.
//
// No handler of a loop holds it for longer than about a millisecond: walks over connections, bursts
// of answers and pipelined requests go on after the others' turn (`slice_max`), and a debug build
// aborts where one does (LoopWatch).
//
// A single coarse timer sweeps all connections for passed deadlines (a timer per operation costs
// more than the operation), and a single posted call takes in all answers that other threads gave
// since the last one: a committer that frees a hundred replies wakes the loop once.
#pragma once

#include <array>
#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "http/compression.hpp"
#include "http/connection_places.hpp"
#include "http/date_line.hpp"
#include "http/gzip_pool.hpp"
#include "http/loop_watch.hpp"
#include "perdure/api/http/server.hpp"

namespace perdure::http {

/// Sockets live in real time, which no simulation replaces; `Clock` gives dates and ids.
using Instant = std::chrono::steady_clock::time_point;

/// A handler that has taken this long lets others have their turn before it goes on.
inline constexpr std::chrono::microseconds slice_max{500};

/// What all loops of a server share.
struct Core {
  Core(ServerOptions with, Services from, Handler& to)
      : options(std::move(with)), services(std::move(from)), handler(to) {}

  const ServerOptions options;
  const Services services;
  Handler& handler;

  const std::shared_ptr<ConnectionPlaces> places =
      std::make_shared<ConnectionPlaces>(options.limits);
  GzipPool gzip_pool;
  std::atomic<std::size_t> websockets{0};
  std::atomic<bool> draining{false};
};

class IoLoop;

/// Anything on a loop that has a deadline. All but `IoLoop::wake` happens on the loop's thread.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  explicit Connection(std::shared_ptr<IoLoop> loop) : loop_(std::move(loop)) {}
  virtual ~Connection() = default;
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  virtual void on_deadline() = 0;
  virtual void on_wake() = 0;
  /// Finish what is running, then close.
  virtual void begin_drain() = 0;
  /// Close at once.
  virtual void abort() = 0;

 protected:
  [[nodiscard]] IoLoop& loop() const noexcept { return *loop_; }
  [[nodiscard]] const std::shared_ptr<IoLoop>& shared_loop() const noexcept { return loop_; }
  /// Of a connection that another thread may be stepping: it may move meanwhile.
  [[nodiscard]] Instant deadline() const noexcept {
    return deadline_.load(std::memory_order_relaxed);
  }
  void set_deadline(Instant deadline) noexcept {
    deadline_.store(deadline, std::memory_order_relaxed);
  }

 private:
  friend class IoLoop;

  // Keeps the io_context alive for as long as a socket or a responder refers to it.
  std::shared_ptr<IoLoop> loop_;
  std::atomic<Instant> deadline_{Instant::max()};
  Connection* previous_ = nullptr;
  Connection* next_ = nullptr;
};

/// Random bytes in blocks: one call of the source serves hundreds of request ids.
class BlockRandom final : public Random {
 public:
  explicit BlockRandom(Random& source) : source_(source) {}
  void fill(std::span<std::uint8_t> bytes) override;

 private:
  Random& source_;
  std::array<std::uint8_t, 4096> block_{};
  std::size_t used_ = block_.size();
};

/// Lifecycle  start, stop (closes all connections, joins).
/// Threads    `wake` and `date_line` from any; the rest on the loop's own.
class IoLoop {
 public:
  explicit IoLoop(std::shared_ptr<Core> core);

  void start();
  void stop();

  [[nodiscard]] boost::asio::io_context& context() noexcept { return context_; }
  [[nodiscard]] Core& core() noexcept { return *core_; }
  [[nodiscard]] bool is_current_thread() const noexcept {
    return std::this_thread::get_id() == thread_id_;
  }

  void link(Connection& connection);
  void unlink(Connection& connection) noexcept;
  void drain_connections();

  /// Has `connection.on_wake()` called on the loop's thread.
  void wake(std::shared_ptr<Connection> connection);

  [[nodiscard]] DateLine& date_line() noexcept { return date_line_; }
  [[nodiscard]] std::string make_request_id();
  [[nodiscard]] GzipEncoder& gzip() noexcept { return gzip_; }
  [[nodiscard]] LoopWatch& watch() noexcept { return watch_; }

 private:
  void serve();
  void schedule_sweep();
  void sweep();
  void drain();
  void take_woken();
  template <class Visit>
  bool visit_for_a_slice(Connection*& next, Visit visit);

  std::shared_ptr<Core> core_;
  boost::asio::io_context context_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
  boost::asio::basic_waitable_timer<std::chrono::steady_clock,
                                    boost::asio::wait_traits<std::chrono::steady_clock>,
                                    boost::asio::io_context::executor_type>
      timer_;
  Milliseconds sweep_period_;
  bool stopping_ = false;
  Connection* first_ = nullptr;
  // Where a walk goes on; null when there is none.
  Connection* sweep_next_ = nullptr;
  Connection* drain_next_ = nullptr;
  std::thread thread_;
  std::thread::id thread_id_;

  DateLine date_line_;
  BlockRandom random_;
  GzipEncoder gzip_;
  LoopWatch watch_;
  std::vector<std::shared_ptr<Connection>> woken_;  // storage swapped with waiting_
  std::size_t woken_at_ = 0;                        // those before have had their call

  // Under mutex_.
  std::mutex mutex_;
  std::vector<std::shared_ptr<Connection>> waiting_;
  bool wake_posted_ = false;  ///< until `waiting_` was found empty
  bool stopped_ = false;
};

}  // namespace perdure::http
