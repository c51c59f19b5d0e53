// SPDX-License-Identifier: Apache-2.0
// A response whose body is made while it is sent: event streams, large downloads.
//
//   auto writer = responder.stream(std::move(head), {.on_writable = …, .on_closed = …});
//   writer.write("one part");
//   writer.finish();
//
// What is written waits in a bounded queue for the client to read it. `write` says when the queue
// is getting full; a producer that then pauses until `on_writable` never loses a chunk.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "perdure/api/http/message.hpp"
#include "perdure/base/result.hpp"

namespace perdure::http {

/// How a streamed response ended.
enum class StreamEnd {
  finished,      ///< all of it was handed to the network
  disconnected,  ///< the client went away, also by closing only its sending side
  stalled,       ///< the client fell behind the least rate by the write timeout
  silent,        ///< nothing was written for the stream's idle timeout
  aborted,       ///< given up by its producer, or shorter than it said it would be
  stopped,       ///< the server was stopped before the end
};

/// Sent whenever a stream was silent for `period`, so that a dead client is noticed and proxies
/// keep the connection.
struct Heartbeat {
  std::chrono::milliseconds period{0};  ///< 0 = none
  Body text = {};
};

/// Threads  the callbacks run on the connection's io thread, one at a time, and must not block;
///          they may use the writer. `on_closed` is the last, and is called exactly once; for a
///          request that nobody waits for any more it runs within `Responder::stream` already.
struct StreamOptions {
  /// What may wait to be sent. A single chunk always fits into an empty queue.
  std::size_t queue_bytes_max = std::size_t{256} * 1024;
  /// The exact size, where it is known: goes out as Content-Length, and more is refused. Without
  /// it the body is chunked (HTTP/1.1) or ends with the connection (HTTP/1.0).
  std::optional<std::uint64_t> content_length = {};
  Heartbeat heartbeat = {};  ///< not with a content_length
  /// There is room again after `Room::full` or `overloaded`: a quarter of the bound is left.
  std::function<void()> on_writable = {};
  /// The server is stopping: finish soon, or be cut at the drain's deadline.
  std::function<void()> on_drain = {};
  std::function<void(StreamEnd)> on_closed = {};
};

/// Whether the next chunk of a like size fits, too.
enum class Room { more, full };

/// Where a streamed body goes. The session implements it, and so can a test.
/// Threads  any.
class BodySink {
 public:
  virtual ~BodySink() = default;
  virtual Result<Room> write(Body chunk) = 0;
  virtual void finish() = 0;
  virtual void abort() noexcept = 0;
  [[nodiscard]] virtual std::size_t queued_bytes() const noexcept = 0;
};

/// The right and the duty to write one body. Dropping it unfinished aborts.
/// Threads   every method from any thread; chunks leave in the order of the calls.
/// Lifetime  may outlive the connection and the server; writes are refused then.
class BodyWriter {
 public:
  explicit BodyWriter(std::shared_ptr<BodySink> sink) : sink_(std::move(sink)) {}
  BodyWriter(BodyWriter&&) noexcept = default;
  BodyWriter& operator=(BodyWriter&& other) noexcept;
  BodyWriter(const BodyWriter&) = delete;
  BodyWriter& operator=(const BodyWriter&) = delete;
  ~BodyWriter();

  /// Queues one chunk; a shared one is not copied, whoever else it is sent to. An empty one does
  /// nothing.
  /// Returns  `full` once more than half of the bound waits: pause until `on_writable`.
  /// Errors   overloaded   the chunk does not fit; nothing was queued.
  ///          invalid      it goes past `StreamOptions::content_length`.
  ///          unavailable  the stream is finished or closed.
  Result<Room> write(Body chunk) { return sink_->write(std::move(chunk)); }

  /// The body ends after what is queued. Later calls do nothing.
  void finish() { sink_->finish(); }

  /// The body cannot be completed: what is queued is dropped and the connection is closed so that
  /// the client notices (a 500 where nothing was sent yet). Later calls do nothing.
  void abort() noexcept { sink_->abort(); }

  /// Bytes that wait to be sent; 0 once closed.
  [[nodiscard]] std::size_t queued_bytes() const noexcept { return sink_->queued_bytes(); }

 private:
  std::shared_ptr<BodySink> sink_;  // shared with the session
};

}  // namespace perdure::http
