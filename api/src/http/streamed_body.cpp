// SPDX-License-Identifier: Apache-2.0
#include "http/streamed_body.hpp"

#include <array>
#include <charconv>

namespace perdure::http {

namespace asio = boost::asio;

namespace {

/// One batch is one gather write, and leaves the queue when all of it was sent: small enough that
/// a producer hears of room while the kernel still has something to send.
constexpr std::size_t batch_bytes_max = std::size_t{64} * 1024;
/// The kernel takes 64 pieces at once; head, size line and end need three of them.
constexpr std::size_t batch_chunks_max = 60;

asio::const_buffer buffer_of(std::string_view text) { return {text.data(), text.size()}; }

}  // namespace

StreamedBody::StreamedBody(std::shared_ptr<IoLoop> loop, std::shared_ptr<Connection> session,
                           StreamOptions&& options, Hold hold)
    : options_(std::move(options)),
      loop_(std::move(loop)),
      session_(std::move(session)),
      hold_(std::move(hold)),
      declared_left_(options_.content_length.value_or(0)) {
  if (options_.content_length) options_.heartbeat.period = Milliseconds{0};  // no room for one
}

Result<Room> StreamedBody::write(Body chunk) {
  const auto size = chunk.size();
  Room room = Room::more;
  {
    const std::lock_guard lock{mutex_};
    if (state_ != State::open) return fail(ErrorCode::unavailable, "the stream is closed");
    if (options_.content_length && size > declared_left_) {
      return fail(ErrorCode::invalid, "the body is longer than its content_length");
    }
    // The first chunk is always taken: a producer that waits hears of room when something is sent.
    const bool has_room = queued_bytes_ == 0 || (queued_bytes_ + size <= options_.queue_bytes_max &&
                                                 hold_.takes(queued_bytes_ + size));
    if (!has_room) {
      wants_room_ = true;
      return fail(ErrorCode::overloaded, "the client reads too slowly");
    }
    if (size > 0) {
      if (queued_bytes_ == 0) hold_.take_first(size);
      queue_.push_back(std::move(chunk));
      queued_bytes_ += size;
      hold_.check(queued_bytes_);
      if (options_.content_length) declared_left_ -= size;
    }
    if (queued_bytes_ > options_.queue_bytes_max / 2) {
      wants_room_ = true;
      room = Room::full;
    }
    if (size == 0) return room;
  }
  wake();
  return room;
}

void StreamedBody::finish() {
  {
    const std::lock_guard lock{mutex_};
    if (state_ != State::open) return;
    // Less than was announced cannot be ended in order.
    state_ = options_.content_length && declared_left_ > 0 ? State::aborted : State::finishing;
  }
  wake();
}

void StreamedBody::abort() noexcept {
  {
    const std::lock_guard lock{mutex_};
    if (state_ != State::open) return;
    state_ = State::aborted;
  }
  wake();
}

std::size_t StreamedBody::queued_bytes() const noexcept {
  const std::lock_guard lock{mutex_};
  return queued_bytes_;
}

bool StreamedBody::is_aborted() const noexcept {
  const std::lock_guard lock{mutex_};
  return state_ == State::aborted;
}

void StreamedBody::wake() {
  std::shared_ptr<Connection> session;
  {
    const std::lock_guard lock{mutex_};
    if (std::exchange(wake_asked_, true)) return;
    session = session_;
  }
  if (session) loop_->wake(std::move(session));
}

void StreamedBody::start(std::string&& head, BodyForm form) {
  head_ = std::move(head);
  form_ = form;
}

std::span<const asio::const_buffer> StreamedBody::unsent() {
  if (unsent_at_ == pieces_.size() && !last_taken_) take_batch();
  return std::span{pieces_}.subspan(unsent_at_);
}

void StreamedBody::take_batch() {
  batch_.clear();
  pieces_.clear();
  unsent_at_ = 0;
  std::size_t bytes = 0;
  {
    const std::lock_guard lock{mutex_};
    wake_asked_ = false;
    while (!queue_.empty() && bytes < batch_bytes_max && batch_.size() < batch_chunks_max) {
      bytes += queue_.front().size();
      batch_.push_back(std::move(queue_.front()));
      queue_.pop_front();
    }
    last_taken_ = queue_.empty() && state_ == State::finishing;
  }
  frame_batch(bytes);
}

void StreamedBody::frame_batch(std::size_t body_bytes) {
  batch_bytes_ = body_bytes;
  size_line_.clear();
  if (!head_.empty()) size_line_.swap(head_);
  const auto chunked = form_ == BodyForm::chunked;
  if (chunked && body_bytes > 0) {
    std::array<char, 16> digits;
    const auto end =
        std::to_chars(digits.data(), digits.data() + digits.size(), body_bytes, 16).ptr;
    size_line_.append(digits.data(), end).append("\r\n");
  }
  if (!size_line_.empty()) pieces_.push_back(buffer_of(size_line_));
  for (const auto& chunk : batch_) pieces_.push_back(buffer_of(chunk.view()));
  if (!chunked) return;
  if (body_bytes > 0) pieces_.push_back(buffer_of("\r\n"));
  if (last_taken_) pieces_.push_back(buffer_of("0\r\n\r\n"));
}

void StreamedBody::sent(std::size_t count) {
  while (count > 0) {
    auto& piece = pieces_[unsent_at_];
    const auto part = std::min(count, piece.size());
    piece += part;
    count -= part;
    if (piece.size() == 0) ++unsent_at_;
  }
  if (unsent_at_ < pieces_.size()) return;
  batch_.clear();
  const std::lock_guard lock{mutex_};
  queued_bytes_ -= std::exchange(batch_bytes_, 0);
  hold_.shrink(queued_bytes_);
}

void StreamedBody::beat() {
  // A full queue needs no heartbeat.
  static_cast<void>(write(options_.heartbeat.text));
}

void StreamedBody::tell_room() {
  {
    const std::lock_guard lock{mutex_};
    if (state_ != State::open || !wants_room_) return;
    if (queued_bytes_ > options_.queue_bytes_max / 4) return;
    wants_room_ = false;
  }
  if (options_.on_writable) options_.on_writable();
}

void StreamedBody::tell_drain() {
  if (std::exchange(drain_told_, true)) return;
  if (options_.on_drain) options_.on_drain();
}

void StreamedBody::end(StreamEnd how) {
  std::shared_ptr<Connection> session;
  std::deque<Body> dropped;
  {
    const std::lock_guard lock{mutex_};
    if (std::exchange(state_, State::closed) == State::closed) return;
    session.swap(session_);
    dropped.swap(queue_);
    queued_bytes_ = 0;
    hold_.shrink(0);
  }
  // What the callbacks hold may hold the writer.
  const auto callbacks = std::move(options_);
  if (callbacks.on_closed) callbacks.on_closed(how);
}

}  // namespace perdure::http
