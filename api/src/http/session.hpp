// SPDX-License-Identifier: Apache-2.0
// One HTTP connection: reads a request, has it handled, writes the answer, and again.
//
// The session is a step machine. `advance` takes steps for as long as buffered bytes allow, and
// returns where the next one waits for the socket or for the handler; the completion then calls
// `advance` again. So pipelined requests need no recursion and are answered in order.
//
// One thread steps it at a time: its loop's, but for an answer that a thread with DirectAnswers
// sends itself. That thread takes only what nobody else is stepping and never waits; the loop may
// wait for the one `sendmsg` of it. Only the loop closes a session.
#pragma once

#include <array>
#include <atomic>
#include <boost/asio/buffer.hpp>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "http/header_scanner.hpp"
#include "http/io_loop.hpp"
#include "http/least_pace.hpp"
#include "http/read_buffer.hpp"
#include "http/request_parser.hpp"
#include "http/response_head.hpp"
#include "http/streamed_body.hpp"
#include "http/transport.hpp"
#include "perdure/api/http/coding.hpp"
#include "perdure/api/http/handler.hpp"

namespace perdure::http {

/// Beyond this a connection's bytes are counted (`Services::memory`).
inline constexpr std::size_t kept_uncounted_bytes = ReadBuffer::idle_bytes;

/// Threads  what Exchange has from any; all else on the loop's.
/// Limits   what it keeps beyond `kept_uncounted_bytes` is counted by a Hold (`Services::memory`):
///          for the client's address until the handler says for whom.
class Session final : public Connection, public Exchange {
 public:
  /// After this much was sent at once, other connections of the loop have their turn.
  static constexpr std::size_t turn_bytes_max = std::size_t{256} * 1024;

  Session(std::shared_ptr<IoLoop> loop, Channel channel, Place place);

  void start();

  void read_body(BodyWanted&& wanted) override;
  void answer(Response&& response) override;
  std::shared_ptr<BodySink> stream(Response&& head, StreamOptions&& options) override;
  void accept_websocket(std::shared_ptr<WebSocketHandler> handler,
                        const WebSocketOptions& options) override;
  void abandon() noexcept override;

  void on_deadline() override;
  void on_wake() override;
  void begin_drain() override;
  void abort() override;

 private:
  enum class Phase {
    handshake,
    idle,         ///< no byte of the next request has come
    header,       ///< some have
    handling,     ///< the handler has the request
    body,         ///< the handler wants it, and it is being read
    compressing,  ///< the pool has the body of the answer
    writing,
    streaming,    ///< the body is made while it is sent
    skipping,     ///< the request was answered without its body, which is short
    turned_away,  ///< there is no place for it; its first request says how to tell it
    lingering,    ///< nothing more is written; reads and drops, so that no reset hits the client
    closed,
  };
  enum class Step { again, wait };
  enum class ReplyKind { none, response, stream, websocket, abandoned };

  /// Held by whoever steps. Recursive: a stream's callbacks may come back into their session.
  using Stepping = std::scoped_lock<std::recursive_mutex>;

  void enter(Phase phase, Milliseconds timeout);
  void enter(Phase phase, Milliseconds timeout, Instant at);
  void advance();
  void begin_slice();
  void give_way();
  Step take_step();
  Step step_header();
  Step step_turned_away();
  Step refuse_head(const Refusal& refusal, std::string_view head);
  Step take_body_at_hand();
  Step begin_body();
  Step write_continue();
  Step step_body();
  Step finish_body();
  Step refuse_body(const Refusal& refusal);
  Step step_skip();
  Step dispatch();
  Step handled();
  Step respond();
  Step refuse(const Refusal& refusal);
  Step accept_or_refuse_websocket();
  Step send(Response&& response);
  Step begin_answer();
  Step finish_exchange();
  void report(Instant finished);

  /// Where the body's end is told, and its size where that is known.
  struct BodyShape {
    BodyForm form = BodyForm::sized;
    std::uint64_t body_bytes = 0;
    std::string_view extra_lines = {};
  };
  void write_head(const BodyShape& shape, Instant started);
  [[nodiscard]] bool is_bodiless() const;

  Step start_stream();
  Step pump_stream();
  Step finish_stream();
  void count_sent(std::size_t count);
  void write_stream();
  void await_producer();
  void on_stream_deadline();
  void watch_client();
  void end_stream(StreamEnd how);
  void cut_stream(StreamEnd how);

  Response render(const Refusal& refusal);
  Coding choose_coding();
  bool compress_elsewhere();
  void take_compressed();
  void tell_gzip();
  void extend_body_deadline();
  [[nodiscard]] Fit reserve_body();
  void drop_body_wanted();
  /// Closes with the answer where a body that nobody wanted is too long to be read over.
  void settle_unread_body();
  [[nodiscard]] Hold hold_for(std::optional<OwnerKey> owner);

  /// Counts the connection itself, with its read buffer where that has grown.
  [[nodiscard]] Fit count_connection();
  /// Counts the body of `reply_` until it is written, or replaces it by a refusal.
  void count_reply();

  void read_more();
  void on_read(error_code ec, std::size_t count);
  Step write_pending();
  void write_some();
  void await_reader(Instant from);
  bool reader_keeps_up();
  void linger();
  void on_read_lingering(const error_code& ec);
  void say_goodbye();
  void close();
  void begin_tls(Admission admission);
  Step refuse_connection();
  bool claim() noexcept { return !claimed_.exchange(true, std::memory_order_acq_rel); }
  void reply_ready();
  bool answer_here();

  std::recursive_mutex stepping_;
  Channel channel_;
  Place place_;
  Phase phase_ = Phase::idle;
  std::string peer_;
  OwnerKey address_ = 0;
  Hold kept_;  ///< counts what the connection itself keeps

  // The request that is being read or handled.
  ReadBuffer input_;
  HeaderScanner scanner_;
  RequestParser parser_;
  Request request_;
  Framing framing_;
  std::string request_id_;
  std::string_view method_name_ = "-";
  std::optional<std::string> origin_;  ///< as `Problem::origin`
  std::string path_;                   ///< kept for `Finished`: the handler has taken the request
  Headers upgrade_headers_;            ///< only of an upgrade: the handler has taken the request
  std::size_t body_bytes_in_ = 0;
  Instant body_started_{};
  LeastPace body_pace_;
  Instant exchange_started_{};
  bool client_takes_gzip_ = false;
  bool reading_ = false;    ///< a read is in flight, and the buffer is its
  bool timed_out_ = false;  ///< a read was cancelled by `on_deadline`

  // A body that came after its head.
  bool body_unread_ = false;  ///< some of it was not parsed yet
  BodyWanted body_wanted_;    ///< written by the handler, read by the loop once that was told
  std::atomic<bool> body_waits_{false};
  bool body_wanted_inline_ = false;
  ReadBody incoming_;

  // The answer. Whoever wins `claimed_` writes the reply; the loop reads it after `on_wake`.
  std::atomic<bool> claimed_{true};
  std::atomic<bool> reply_waits_{false};
  ReplyKind reply_kind_ = ReplyKind::none;
  Response reply_;
  std::shared_ptr<StreamedBody> stream_;  ///< shared with its writer; null but while streaming
  std::shared_ptr<WebSocketHandler> websocket_handler_;
  WebSocketOptions websocket_options_;
  bool in_handle_ = false;
  Instant slice_ends_{};
  bool answered_inline_ = false;

  // What is being written.
  std::string head_;
  std::string compressed_;  ///< the pool's until `compressed_waits_`
  std::atomic<bool> compressed_waits_{false};
  bool varies_ = false;  ///< the body depends on Accept-Encoding
  Hold written_hold_;    ///< counts the body that is being written
  std::string_view body_;
  std::size_t written_ = 0;
  bool close_after_ = false;
  LastsFor lasts_for_ = LastsFor::its_work;
  bool stream_writing_ = false;
  LeastPace reader_pace_;  ///< of the client, while something waits to be sent
};

}  // namespace perdure::http
