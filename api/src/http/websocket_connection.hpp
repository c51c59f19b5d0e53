// SPDX-License-Identifier: Apache-2.0
// One WebSocket: messages in, a bounded queue of messages out, pings, and how it ends.
//
// Threads   `send` and `close` from any; all else on the loop's.
// Lifetime  its socket's operations and the handler's WebSocket share it.
// Limits    WebSocketOptions; a peer that does not keep to the least pace is cut off, be it that it
//           does not read or that it does not send the rest of a message.
#pragma once

#include <array>
#include <atomic>
#include <boost/beast/websocket/stream.hpp>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "http/frame_head.hpp"
#include "http/io_loop.hpp"
#include "http/least_pace.hpp"
#include "http/queue_hold.hpp"
#include "http/tailed_channel.hpp"
#include "http/websocket_session.hpp"

namespace perdure::http {

class WebSocketSession final : public Connection, public WebSocket {
 public:
  explicit WebSocketSession(WebSocketStart&& start)
      : Connection(start.loop),
        place_(std::move(start.place)),
        kept_(std::move(start.kept)),
        stream_(TailedChannel{std::move(start.channel)}),
        handler_(std::move(start.handler)),
        options_(start.options),
        queue_hold_(std::move(start.queued)) {}

  void begin(const Headers& fields, const std::string& request_id);

  using WebSocket::send;
  Result<Room> send(MessageKind kind, std::span<const Body> payloads) override;
  void close(std::uint16_t code, std::string reason) override;

  void on_wake() override {
    // Before the queue is looked at: what is put there later asks again.
    pump_asked_.exchange(false, std::memory_order_acq_rel);
    pump();
  }
  void on_deadline() override;
  void begin_drain() override { close(close_code::going_away, "the server is stopping"); }
  void abort() override { beast_close_socket(stream_.next_layer()); }

 private:
  using Stream = boost::beast::websocket::stream<TailedChannel>;

  /// Of a message beside its payload, so that empty ones are bounded, too.
  static constexpr std::size_t message_overhead_bytes = 64;
  /// Where most messages fit whole; what a longer one needs is given back after it.
  static constexpr std::size_t short_message_bytes = 256;

  struct Message {
    MessageKind kind;
    Body payload;
    FrameHead head = {};

    [[nodiscard]] std::size_t cost() const { return cost_of(payload); }
  };

  static std::size_t cost_of(const Body& payload) {
    return payload.size() + message_overhead_bytes;
  }

  std::shared_ptr<WebSocketSession> self() {
    return std::static_pointer_cast<WebSocketSession>(shared_from_this());
  }

  void set_options(const std::string& request_id);
  void opened();

  void read();
  void on_read(const error_code& ec, std::size_t count);
  void await_message();
  void deliver(std::string_view payload);
  bool is_backlogged();

  void request_pump();
  void pump();
  bool take_queue();
  void take_tail();
  void on_written(const error_code& ec);
  void send_close();
  void begin_closing();  ///< the peer has the linger time to end its side
  void refuse(std::uint16_t code);
  void finish(std::uint16_t code);
  void leave();

  void heard();
  bool keep_up(Instant at);
  void rearm();
  void ping();

  Place place_;
  const Hold kept_;
  Stream stream_;
  std::shared_ptr<WebSocketHandler> handler_;
  const WebSocketOptions options_;
  bool open_ = false;
  bool finished_ = false;
  bool writing_ = false;
  bool closing_handshake_ = false;
  bool close_sent_ = false;
  bool read_paused_ = false;
  bool pinged_ = false;   ///< since it was heard last
  bool pinging_ = false;  ///< a ping is on its way out
  Instant last_heard_{};
  Instant drop_at_{};       ///< if nothing is heard after the ping
  LeastPace reader_pace_;   ///< while something waits to be sent
  LeastPace message_pace_;  ///< while a message is not whole
  std::array<char, short_message_bytes> short_message_{};
  std::string long_message_;      ///< what has come of one that is longer, and room for more
  std::size_t message_held_ = 0;  ///< what has come of one that is not whole
  std::array<unsigned char, 4> last_words_{};
  std::vector<Message> sending_;
  std::size_t next_ = 0;   ///< in `sending_`
  std::size_t taken_ = 0;  ///< from there on: on their way out
  std::atomic<bool> pump_asked_{false};

  // Under mutex_: what other threads reach.
  std::mutex mutex_;
  std::vector<Message> queue_;
  std::size_t queued_bytes_ = 0;  ///< those of `sending_` included
  QueueHold queue_hold_;
  bool wants_room_ = false;
  bool closing_ = false;
  bool overflown_ = false;
  std::uint16_t close_code_ = 0;  // fixed once closing_, as the reason is
  std::string close_reason_;
};

}  // namespace perdure::http
