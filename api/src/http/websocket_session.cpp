// SPDX-License-Identifier: Apache-2.0
#include "http/websocket_session.hpp"

#include <boost/asio/write.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/message.hpp>

#include "http/acknowledged_bytes.hpp"
#include "http/lingering_close.hpp"
#include "http/websocket_close.hpp"
#include "http/websocket_connection.hpp"
#include "perdure/base/let_go.hpp"
#include "perdure/base/utf8.hpp"

namespace perdure::http {

namespace beast = boost::beast;

namespace {

constexpr std::size_t read_bytes_max = std::size_t{64} * 1024;

/// What leaves in one system call. Beast gives a frame of up to 64 KiB to its channel whole, which
/// is what a tail needs; the kernel takes 64 pieces at once, and a frame is two of them.
constexpr std::size_t tailed_bytes_max = std::size_t{32} * 1024;
constexpr std::size_t batch_bytes_max = std::size_t{128} * 1024;
constexpr std::size_t batch_messages_max = 31;

/// What a peer may still send after the close and be sure to read why.
constexpr std::size_t dropped_bytes_max = std::size_t{64} * 1024 * 1024;

/// Room that a burst left behind in a queue is given back past this.
constexpr std::size_t messages_kept = 4;

Instant now() { return std::chrono::steady_clock::now(); }

}  // namespace

// ----------------------------------------------------------------------------------- beginning

void WebSocketSession::begin(const Headers& fields, const std::string& request_id) {
  ++loop().core().websockets;
  loop().link(*this);
  set_options(request_id);
  set_deadline(now() + loop().core().options.timeouts.header);
  // Kept until it is answered, and not for the connection's life.
  auto request = std::make_shared<beast::http::request<beast::http::empty_body>>();
  request->method(beast::http::verb::get);
  request->target("/");
  request->version(11);
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const auto field = fields.at(i);
    request->insert(beast::string_view{field.name.data(), field.name.size()},
                    beast::string_view{field.value.data(), field.value.size()});
  }
  stream_.async_accept(*request, [self = self(), request](const error_code& ec) {
    if (ec) return self->finish(close_code::broken);
    self->opened();
  });
}

void WebSocketSession::set_options(const std::string& request_id) {
  using Base = beast::websocket::stream_base;
  stream_.set_option(Base::decorator([request_id](beast::websocket::response_type& response) {
    response.set("X-Request-ID", request_id);
    // Beast would name itself, with its version.
    response.set(beast::http::field::server, "Perdure");
  }));
  // Deadlines are kept by the loop's sweep: a timer for each socket costs more than all of them.
  stream_.set_option(Base::timeout{
      .handshake_timeout = Base::none(), .idle_timeout = Base::none(), .keep_alive_pings = false});
  stream_.control_callback([this](beast::websocket::frame_type type, beast::string_view) {
    heard();
    if (type == beast::websocket::frame_type::close) begin_closing();
  });
  beast::websocket::permessage_deflate deflate;
  deflate.server_enable = options_.compression == Compression::on;
  deflate.compLevel = 1;
  stream_.set_option(deflate);
  stream_.read_message_max(options_.message_bytes_max);
  stream_.auto_fragment(false);
}

void WebSocketSession::opened() {
  stream_.set_option(
      beast::websocket::stream_base::decorator([](beast::websocket::response_type&) {}));
  open_ = true;
  last_heard_ = now();
  rearm();
  handler_->on_open(self());
  pump();
  read();
}

// ------------------------------------------------------------------------------------- reading

void WebSocketSession::read() {
  auto on_some = [self = self()](const error_code& ec, std::size_t count) {
    self->on_read(ec, count);
  };
  if (long_message_.empty()) {
    stream_.async_read_some(asio::buffer(short_message_), std::move(on_some));
    return;
  }
  const auto held = long_message_.size();
  const auto room = std::clamp(stream_.read_size_hint(held), short_message_bytes, read_bytes_max);
  long_message_.resize(held + room);
  stream_.async_read_some(
      asio::buffer(long_message_.data() + held, room),
      [on_some = std::move(on_some), this, held](const error_code& ec, std::size_t count) {
        long_message_.resize(held + count);
        on_some(ec, count);
      });
}

void WebSocketSession::on_read(const error_code& ec, std::size_t count) {
  if (ec == beast::websocket::error::closed) return finish(stream_.reason().code);
  if (ec) return is_inflate_error(ec) ? refuse(close_code::bad_payload) : finish(code_of(ec));
  heard();
  const auto done = stream_.is_message_done();
  if (done) {
    const auto message = long_message_.empty() ? std::string_view{short_message_.data(), count}
                                               : std::string_view{long_message_};
    // Beast does not look at how a text ends when its last frame is empty.
    if (count == 0 && stream_.got_text() && !is_valid_utf8(message)) {
      return close(close_code::bad_payload, {});
    }
    deliver(message);
  } else if (long_message_.empty()) {
    long_message_.assign(short_message_.data(), count);
  }
  message_held_ = done ? 0 : long_message_.size();
  if (done) {
    message_pace_.end();
    long_message_.clear();
    if (long_message_.capacity() > short_message_bytes) long_message_.shrink_to_fit();
  }
  if (is_backlogged()) {
    read_paused_ = true;
    message_pace_.end();
  } else {
    if (!done) await_message();
    read();
  }
}

/// The rest of a message is due.
void WebSocketSession::await_message() {
  if (message_pace_.waits()) return;
  message_pace_.begin(body_pace(loop().core().options.timeouts), now(), message_held_);
  rearm();
}

void WebSocketSession::deliver(std::string_view payload) {
  loop().watch().note("a message", "by WebSocket");
  handler_->on_message(*this, stream_.got_text() ? MessageKind::text : MessageKind::binary,
                       payload);
}

bool WebSocketSession::is_backlogged() {
  const std::lock_guard lock{mutex_};
  return queued_bytes_ > options_.send_queue_bytes_max / 2 && writing_;
}

// ------------------------------------------------------------------------------------- writing

Result<Room> WebSocketSession::send(MessageKind kind, std::span<const Body> payloads) {
  std::size_t cost = 0;
  for (const auto& payload : payloads) cost += cost_of(payload);
  bool fits = true;
  auto room = Room::more;
  {
    const std::lock_guard lock{mutex_};
    if (closing_) return fail(ErrorCode::unavailable, "the WebSocket is closed");
    fits = (queued_bytes_ + cost <= options_.send_queue_bytes_max &&
            queue_hold_.takes(queued_bytes_ + cost)) ||
           (queued_bytes_ == 0 && payloads.size() == 1);
    if (fits) {
      if (queued_bytes_ == 0) queue_hold_.take_first(cost);
      queued_bytes_ += cost;
      queue_hold_.check(queued_bytes_);
      for (const auto& payload : payloads) queue_.push_back({kind, payload});
    } else if (options_.overflow == Overflow::close) {
      closing_ = overflown_ = true;
      close_code_ = close_code::try_again_later;
      close_reason_ = "read faster";
    }
    if (!fits || queued_bytes_ > options_.send_queue_bytes_max / 2) {
      wants_room_ = true;
      room = Room::full;
    }
  }
  if (fits || options_.overflow == Overflow::close) request_pump();
  if (!fits) return fail(ErrorCode::overloaded, "the peer reads too slowly");
  return room;
}

void WebSocketSession::close(std::uint16_t code, std::string reason) {
  {
    const std::lock_guard lock{mutex_};
    if (closing_) return;
    closing_ = true;
    close_code_ = code;
    close_reason_ = cut_reason(std::move(reason));
  }
  request_pump();
}

void WebSocketSession::request_pump() {
  if (loop().is_current_thread()) {
    pump();
  } else if (!pump_asked_.exchange(true, std::memory_order_acq_rel)) {
    loop().wake(shared_from_this());
  }
}

void WebSocketSession::pump() {
  if (!open_ || writing_ || finished_) return;
  if (!take_queue()) return reader_pace_.end();
  writing_ = true;
  if (close_sent_) return send_close();
  if (!reader_pace_.waits()) {
    reader_pace_.begin(reader_pace(loop().core().options.timeouts), now());
    rearm();
  }
  take_tail();
  const auto& message = sending_[next_];
  stream_.text(message.kind == MessageKind::text);
  const auto bytes = message.payload.view();
  stream_.async_write(asio::const_buffer{bytes.data(), bytes.size()},
                      [self = self()](const error_code& ec, std::size_t) { self->on_written(ec); });
}

/// Makes sure that `sending_` has a next message, or that the close is what comes next. False when
/// nothing is to be sent.
bool WebSocketSession::take_queue() {
  const std::lock_guard lock{mutex_};
  if (overflown_) {
    queue_.clear();
    sending_.clear();
    next_ = 0;
  }
  if (next_ < sending_.size()) return true;
  sending_.clear();
  if (sending_.capacity() > messages_kept) sending_.shrink_to_fit();
  next_ = 0;
  sending_.swap(queue_);
  if (!sending_.empty()) return true;
  return closing_ && !std::exchange(close_sent_, true);
}

/// Has the messages that wait behind the next one leave with it.
void WebSocketSession::take_tail() {
  const auto first = sending_[next_].payload.view();
  auto bytes = first.size();
  taken_ = 1;
  const auto waiting = sending_.size() - next_;
  if (waiting == 1 || first.empty() || first.size() > tailed_bytes_max ||
      options_.compression == Compression::on) {
    return;
  }
  std::array<asio::const_buffer, 2 * (batch_messages_max - 1)> tail;
  std::size_t pieces = 0;
  for (; taken_ < std::min(waiting, batch_messages_max); ++taken_) {
    auto& message = sending_[next_ + taken_];
    const auto payload = message.payload.view();
    if (bytes + payload.size() > batch_bytes_max) break;
    bytes += payload.size();
    message.head = FrameHead{message.kind, payload.size()};
    const auto head = message.head.view();
    tail[pieces++] = asio::const_buffer{head.data(), head.size()};
    tail[pieces++] = asio::const_buffer{payload.data(), payload.size()};
  }
  stream_.next_layer().set_tail(first.data(), std::span{tail}.first(pieces));
}

void WebSocketSession::on_written(const error_code& ec) {
  writing_ = false;
  bool has_room = false;
  bool tell_room = false;
  {
    const std::lock_guard lock{mutex_};
    for (; taken_ > 0; --taken_) {
      auto& message = sending_[next_++];
      queued_bytes_ -= message.cost();
      let_go(message.payload);
    }
    queue_hold_.shrink(queued_bytes_);
    has_room = queued_bytes_ <= options_.send_queue_bytes_max / 2;
    tell_room = wants_room_ && queued_bytes_ <= options_.send_queue_bytes_max / 4 && !closing_;
    if (tell_room) wants_room_ = false;
  }
  if (finished_) return;
  if (ec) {
    abort();
    if (read_paused_) finish(close_code::broken);
    return;
  }
  if (tell_room && handler_) handler_->on_writable();
  pump();
  if (read_paused_ && has_room) {
    read_paused_ = false;
    if (message_held_ > 0) await_message();
    read();
  }
}

void WebSocketSession::send_close() {
  begin_closing();
  // A paused read must go on: the peer's answer to the close arrives through it.
  if (std::exchange(read_paused_, false)) read();
  const beast::websocket::close_reason why{static_cast<beast::websocket::close_code>(close_code_),
                                           beast::string_view{close_reason_}};
  stream_.async_close(why, [self = self()](const error_code& ec) {
    if (ec) self->abort();
    self->finish(self->close_code_);
  });
}

void WebSocketSession::begin_closing() {
  closing_handshake_ = true;
  set_deadline(now() + loop().core().options.timeouts.linger);
}

/// For a stream that Beast has given up without a word to the client.
void WebSocketSession::refuse(std::uint16_t code) {
  if (writing_ || pinging_) return finish(close_code::broken);  // in the middle of a frame
  begin_closing();
  writing_ = true;
  last_words_ = close_frame(code);
  asio::async_write(static_cast<Channel&>(stream_.next_layer()), asio::buffer(last_words_),
                    [self = self(), code](const error_code& ec, std::size_t) {
                      self->finish(ec ? close_code::broken : code);
                    });
}

void WebSocketSession::finish(std::uint16_t code) {
  if (std::exchange(finished_, true)) return;
  {
    const std::lock_guard lock{mutex_};
    closing_ = true;
    queue_.clear();
  }
  begin_closing();
  const auto handler = std::exchange(handler_, nullptr);
  if (open_) handler->on_closed(*this, code);
  if (code == close_code::broken) return leave();
  linger_before_close(stream_.next_layer(), dropped_bytes_max, [self = self()] { self->leave(); });
}

void WebSocketSession::leave() {
  abort();
  loop().unlink(*this);
  --loop().core().websockets;
  place_.leave();
}

// ----------------------------------------------------------------------------------- deadlines

void WebSocketSession::heard() {
  last_heard_ = now();
  pinged_ = false;
}

/// The next moment at which something may have to be done; it may come too early, never too late.
void WebSocketSession::rearm() {
  if (closing_handshake_) return;
  auto next = pinged_ ? drop_at_ : last_heard_ + options_.idle_timeout / 2;
  if (reader_pace_.waits()) next = std::min(next, reader_pace_.next_look());
  if (message_pace_.waits()) next = std::min(next, message_pace_.next_look());
  set_deadline(next);
}

void WebSocketSession::on_deadline() {
  const auto instant = now();
  if (!open_ || closing_handshake_) return abort();
  if (!keep_up(instant)) {
    stream_.next_layer().reset_on_close();
    return abort();
  }
  if (pinged_ && instant >= drop_at_) return abort();
  if (!pinged_ && instant >= last_heard_ + options_.idle_timeout / 2) {
    pinged_ = true;
    drop_at_ = instant + options_.idle_timeout / 2;
    ping();
  }
  rearm();
}

/// Whether the peer reads what waits for it, and sends what it has begun, at the least rate.
bool WebSocketSession::keep_up(Instant at) {
  const auto& timeouts = loop().core().options.timeouts;
  if (reader_pace_.waits() && at >= reader_pace_.next_look()) {
    const auto taken = acknowledged_bytes(stream_.next_layer().socket().native_handle());
    if (!reader_pace_.keeps_up(reader_pace(timeouts), at, taken)) return false;
  }
  return !message_pace_.waits() || at < message_pace_.next_look() ||
         message_pace_.keeps_up(body_pace(timeouts), at, message_held_);
}

void WebSocketSession::ping() {
  if (std::exchange(pinging_, true)) return;
  stream_.async_ping({}, [self = self()](const error_code&) { self->pinging_ = false; });
}

void start_websocket(WebSocketStart start) {
  const auto fields = std::move(start.handshake);
  const auto request_id = std::move(start.request_id);
  std::make_shared<WebSocketSession>(std::move(start))->begin(fields, request_id);
}

}  // namespace perdure::http
