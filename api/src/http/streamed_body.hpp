// SPDX-License-Identifier: Apache-2.0
// The queue between the producer of a streamed body and the session that sends it.
//
// Producers append under a mutex and wake the session, once for however many chunks. The session
// takes batches out, framed for the wire, and says how much of them has left.
#pragma once

#include <boost/asio/buffer.hpp>
#include <deque>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "http/io_loop.hpp"
#include "http/queue_hold.hpp"
#include "http/response_head.hpp"
#include "perdure/api/http/body_writer.hpp"

namespace perdure::http {

/// Lifecycle  made by the session, shared with the writer, closed by `end`.
/// Threads    the sink's methods from any; the rest on the loop's.
class StreamedBody final : public BodySink {
 public:
  StreamedBody(std::shared_ptr<IoLoop> loop, std::shared_ptr<Connection> session,
               StreamOptions&& options, Hold hold);

  Result<Room> write(Body chunk) override;
  void finish() override;
  void abort() noexcept override;
  [[nodiscard]] std::size_t queued_bytes() const noexcept override;

  [[nodiscard]] std::optional<std::uint64_t> content_length() const noexcept {
    return options_.content_length;
  }
  [[nodiscard]] Milliseconds heartbeat_period() const noexcept { return options_.heartbeat.period; }

  /// `head` goes out before the body.
  void start(std::string&& head, BodyForm form);
  /// What is to be sent next, taken from the queue when the last batch is gone; empty when nothing
  /// waits. Lifetime  until the next `unsent` after all of it was `sent`.
  [[nodiscard]] std::span<const boost::asio::const_buffer> unsent();
  void sent(std::size_t count);
  /// All was sent, with the end of the body.
  [[nodiscard]] bool is_complete() const noexcept {
    return last_taken_ && unsent_at_ == pieces_.size();
  }
  [[nodiscard]] bool is_aborted() const noexcept;

  void beat();
  /// Calls `on_writable` when the producer waits for room and there is some.
  void tell_room();
  /// Calls `on_drain`, the first time.
  void tell_drain();
  /// Calls `on_closed`, the first time; nothing is taken or called afterwards.
  void end(StreamEnd how);

 private:
  enum class State { open, finishing, aborted, closed };

  void wake();
  void take_batch();
  void frame_batch(std::size_t body_bytes);

  StreamOptions options_;
  const std::shared_ptr<IoLoop> loop_;

  // The loop's: the batch that is being sent.
  BodyForm form_ = BodyForm::sized;
  std::string head_;
  std::string size_line_;
  std::vector<Body> batch_;
  std::vector<boost::asio::const_buffer> pieces_;
  std::size_t unsent_at_ = 0;
  std::size_t batch_bytes_ = 0;
  bool last_taken_ = false;
  bool drain_told_ = false;

  mutable std::mutex mutex_;
  // Under mutex_.
  std::shared_ptr<Connection> session_;  // null once closed: breaks the cycle
  std::deque<Body> queue_;
  std::size_t queued_bytes_ = 0;  ///< the batch included
  QueueHold hold_;
  std::uint64_t declared_left_ = 0;
  State state_ = State::open;
  bool wake_asked_ = false;
  bool wants_room_ = false;
};

}  // namespace perdure::http
