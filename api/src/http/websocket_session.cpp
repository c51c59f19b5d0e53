// SPDX-License-Identifier: Apache-2.0
#include "http/websocket_session.hpp"

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/websocket/stream.hpp>
#include <boost/beast/websocket/teardown.hpp>
#include <deque>
#include <mutex>

namespace perdure::http {

namespace beast = boost::beast;

// What Beast's WebSocket asks of the stream below it.

void teardown(beast::role_type role, Channel& channel, error_code& ec) {
  beast::websocket::teardown(role, channel.socket(), ec);
}

template <class Handler>
void async_teardown(beast::role_type role, Channel& channel, Handler&& handler) {
  if (channel.is_tls()) {
    channel.tls().async_shutdown(std::forward<Handler>(handler));
    return;
  }
  beast::websocket::async_teardown(role, channel.socket(), std::forward<Handler>(handler));
}

void beast_close_socket(Channel& channel) {
  error_code ec;
  channel.socket().close(ec);
}

namespace {

using Stream = beast::websocket::stream<Channel>;

constexpr std::uint16_t going_away = 1001;
constexpr std::uint16_t protocol_error = 1002;
constexpr std::uint16_t broken = 1006;
constexpr std::uint16_t bad_payload = 1007;
constexpr std::uint16_t too_big = 1009;

/// The code that the handler hears, for connections that this side failed.
std::uint16_t code_of(const error_code& ec) {
  using E = beast::websocket::error;
  if (ec == E::message_too_big || ec == E::buffer_overflow) return too_big;
  if (ec == E::bad_frame_payload) return bad_payload;
  if (ec.category() == beast::websocket::make_error_code(E::closed).category()) {
    return protocol_error;
  }
  return broken;
}

class WebSocketSession final : public Connection, public WebSocket {
 public:
  explicit WebSocketSession(WebSocketStart&& start)
      : Connection(start.loop),
        stream_(std::move(start.channel)),
        handler_(std::move(start.handler)),
        options_(start.options) {
    prepare_handshake(start.handshake, start.request_id);
  }

  void begin() {
    ++loop().core().websockets;
    loop().link(*this);
    stream_.async_accept(handshake_, [self = self()](const error_code& ec) {
      if (ec) return self->finish(broken);
      self->opened();
    });
  }

  Result<void> send(MessageKind kind, std::string payload) override {
    {
      const std::lock_guard lock{mutex_};
      if (closing_) return fail(ErrorCode::unavailable, "the WebSocket is closed");
      if (!queue_.empty() && queued_bytes_ + payload.size() > options_.send_queue_bytes_max) {
        return fail(ErrorCode::overloaded, "the peer reads too slowly");
      }
      queued_bytes_ += payload.size();
      queue_.push_back({kind, std::move(payload)});
    }
    request_pump();
    return {};
  }

  void close(std::uint16_t code, std::string reason) override {
    {
      const std::lock_guard lock{mutex_};
      if (closing_) return;
      closing_ = true;
      constexpr std::size_t reason_bytes_max = 123;
      reason.resize(std::min(reason.size(), reason_bytes_max));
      close_reason_ = {static_cast<beast::websocket::close_code>(code), std::string_view{reason}};
    }
    request_pump();
  }

  void on_wake() override { pump(); }
  void on_deadline() override { abort(); }
  void begin_drain() override { close(going_away, "the server is stopping"); }
  void abort() override { beast_close_socket(stream_.next_layer()); }

 private:
  struct Message {
    MessageKind kind;
    std::string payload;
  };

  std::shared_ptr<WebSocketSession> self() {
    return std::static_pointer_cast<WebSocketSession>(shared_from_this());
  }

  void prepare_handshake(const Headers& fields, const std::string& request_id) {
    handshake_.method(beast::http::verb::get);
    handshake_.target("/");
    handshake_.version(11);
    for (std::size_t i = 0; i < fields.size(); ++i) {
      const auto field = fields.at(i);
      handshake_.insert(beast::string_view{field.name.data(), field.name.size()},
                        beast::string_view{field.value.data(), field.value.size()});
    }
    stream_.set_option(beast::websocket::stream_base::decorator(
        [request_id](beast::websocket::response_type& response) {
          response.set("X-Request-ID", request_id);
        }));
    stream_.set_option(beast::websocket::stream_base::timeout{
        .handshake_timeout = loop().core().options.timeouts.header,
        .idle_timeout = options_.idle_timeout,
        .keep_alive_pings = true});
    beast::websocket::permessage_deflate deflate;
    deflate.server_enable = options_.compression == Compression::on;
    deflate.compLevel = 1;
    stream_.set_option(deflate);
    stream_.read_message_max(options_.message_bytes_max);
    stream_.auto_fragment(false);
  }

  void opened() {
    open_ = true;
    handler_->on_open(self());
    pump();
    read();
  }

  void read() {
    stream_.async_read(buffer_,
                       [self = self()](const error_code& ec, std::size_t) { self->on_read(ec); });
  }

  void on_read(const error_code& ec) {
    if (ec == beast::websocket::error::closed) return finish(stream_.reason().code);
    if (ec) return finish(code_of(ec));
    const auto bytes = buffer_.cdata();
    handler_->on_message(*this, stream_.got_text() ? MessageKind::text : MessageKind::binary,
                         {static_cast<const char*>(bytes.data()), bytes.size()});
    buffer_.consume(bytes.size());
    if (buffer_.capacity() > buffer_bytes_kept) buffer_.shrink_to_fit();
    if (is_backlogged()) {
      read_paused_ = true;
    } else {
      read();
    }
  }

  bool is_backlogged() {
    const std::lock_guard lock{mutex_};
    return queued_bytes_ > options_.send_queue_bytes_max / 2 && writing_;
  }

  void request_pump() {
    if (loop().is_current_thread()) {
      pump();
    } else {
      loop().wake(shared_from_this());
    }
  }

  void pump() {
    if (!open_ || writing_ || finished_) return;
    {
      const std::lock_guard lock{mutex_};
      if (queue_.empty()) {
        if (!closing_ || close_sent_) return;
        close_sent_ = true;
      } else {
        sending_ = std::move(queue_.front());
        queue_.pop_front();
      }
    }
    writing_ = true;
    if (close_sent_) return send_close();
    stream_.text(sending_.kind == MessageKind::text);
    stream_.async_write(
        asio::buffer(sending_.payload),
        [self = self()](const error_code& ec, std::size_t) { self->on_written(ec); });
  }

  void on_written(const error_code& ec) {
    writing_ = false;
    bool empty = false;
    {
      const std::lock_guard lock{mutex_};
      queued_bytes_ -= sending_.payload.size();
      sending_.payload.clear();
      empty = queued_bytes_ <= options_.send_queue_bytes_max / 2;
    }
    if (ec) {
      abort();
      if (read_paused_) finish(broken);
      return;
    }
    pump();
    if (read_paused_ && empty) {
      read_paused_ = false;
      read();
    }
  }

  void send_close() {
    set_deadline(std::chrono::steady_clock::now() + loop().core().options.timeouts.linger);
    // A paused read must go on: the peer's answer to the close arrives through it.
    if (std::exchange(read_paused_, false)) read();
    stream_.async_close(close_reason_, [self = self()](const error_code& ec) {
      if (ec) self->abort();
      self->finish(self->close_reason_.code);
    });
  }

  void finish(std::uint16_t code) {
    if (std::exchange(finished_, true)) return;
    {
      const std::lock_guard lock{mutex_};
      closing_ = true;
      queue_.clear();
    }
    abort();
    loop().unlink(*this);
    const auto handler = std::exchange(handler_, nullptr);
    if (open_) handler->on_closed(*this, code);
    --loop().core().websockets;
    loop().core().connection_closed();
  }

  static constexpr std::size_t buffer_bytes_kept = 64 * 1024;

  Stream stream_;
  beast::http::request<beast::http::empty_body> handshake_;
  beast::flat_buffer buffer_;
  std::shared_ptr<WebSocketHandler> handler_;
  const WebSocketOptions options_;
  bool open_ = false;
  bool finished_ = false;
  bool writing_ = false;
  bool close_sent_ = false;
  bool read_paused_ = false;
  Message sending_{};
  beast::websocket::close_reason close_reason_;

  // Under mutex_: what other threads reach.
  std::mutex mutex_;
  std::deque<Message> queue_;
  std::size_t queued_bytes_ = 0;
  bool closing_ = false;
};

class EchoHandler final : public WebSocketHandler {
 public:
  void on_open(std::shared_ptr<WebSocket>) override {}
  void on_message(WebSocket& socket, MessageKind kind, std::string_view payload) override {
    if (!socket.send(kind, std::string{payload})) socket.close(1013, "read faster");
  }
  void on_closed(WebSocket&, std::uint16_t) override {}
};

}  // namespace

void start_websocket(WebSocketStart start) {
  std::make_shared<WebSocketSession>(std::move(start))->begin();
}

std::shared_ptr<WebSocketHandler> make_echo_handler() { return std::make_shared<EchoHandler>(); }

WebSocketOptions echo_options() {
  constexpr std::size_t mebibyte = std::size_t{1} << 20;
  return {.message_bytes_max = 16 * mebibyte, .send_queue_bytes_max = 32 * mebibyte};
}

}  // namespace perdure::http
