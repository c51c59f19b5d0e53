// SPDX-License-Identifier: Apache-2.0
// What stands behind the server: a Handler gets each request with a Responder, and answers once,
// from any thread, now or later.
#pragma once

#include <functional>
#include <memory>

#include "perdure/api/http/body_writer.hpp"
#include "perdure/api/http/message.hpp"
#include "perdure/api/http/websocket.hpp"

namespace perdure::http {

/// A body that was read after its request had been judged.
struct ReadBody {
  std::string bytes;
  Hold hold;  ///< counts them
};

/// How an unread body is to be read.
struct BodyWanted {
  std::size_t bytes_max = 0;  ///< past it the client gets a 413
  /// For whom it is kept; nobody: the client's address.
  std::optional<OwnerKey> owner = {};
  /// Gets the whole body, on the connection's thread. It is destroyed without a call when none
  /// arrives: the client left, was too slow or sent too much, and has been answered.
  std::function<void(ReadBody&&)> done;
};

/// One request that waits for its answer. The session implements it, and so can a test.
/// Threads  any; exactly one of the four that end it is called, once.
class Exchange {
 public:
  virtual ~Exchange() = default;
  /// At most once, before any of the four. Only of a request whose body is unread.
  virtual void read_body(BodyWanted&& wanted);
  virtual void answer(Response&& response) = 0;
  virtual std::shared_ptr<BodySink> stream(Response&& head, StreamOptions&& options) = 0;
  virtual void accept_websocket(std::shared_ptr<WebSocketHandler> handler,
                                const WebSocketOptions& options) = 0;
  /// Nobody will answer: the client gets a 500.
  virtual void abandon() noexcept = 0;
};

/// The right and the duty to answer one request. Dropping it unused answers 500.
/// Threads  may be moved to and used on any thread; an answer given inside `handle` is written
///          without a detour, others return to the connection's thread in bursts, or are sent where
///          they are given (DirectAnswers).
class Responder {
 public:
  explicit Responder(std::shared_ptr<Exchange> exchange) : exchange_(std::move(exchange)) {}
  Responder(Responder&&) noexcept = default;
  Responder& operator=(Responder&& other) noexcept;
  Responder(const Responder&) = delete;
  Responder& operator=(const Responder&) = delete;
  ~Responder();

  /// Reads the body of a request that came without it: once, before the answer. A request that is
  /// answered without it costs the client no upload: a short body is read over, a longer one ends
  /// the connection.
  void read_body(BodyWanted wanted) { exchange_->read_body(std::move(wanted)); }

  /// A second answer is a bug and aborts. One after the handler deadline is dropped.
  void send(Response response);

  /// Answers with `head`, and with a body that follows piece by piece; a body of `head` is its
  /// first piece. It is never compressed. Where no body belongs (HEAD, 204, 304) the stream
  /// closes as `finished` at once. The next request of the connection waits for its end.
  [[nodiscard]] BodyWriter stream(Response head, StreamOptions options = {});

  /// Only for a request with `upgrade == Upgrade::websocket`; for others a bug, and aborts.
  void accept_websocket(std::shared_ptr<WebSocketHandler> handler,
                        const WebSocketOptions& options = {});

 private:
  std::shared_ptr<Exchange> take();

  std::shared_ptr<Exchange> exchange_;
};

class Handler {
 public:
  virtual ~Handler() = default;
  /// Threads  called on the io threads; it must not block.
  virtual void handle(Request&& request, Responder responder) = 0;
};

/// A handler that judges nothing before a request's body is there: it gets all requests whole.
class WholeRequestHandler : public Handler {
 public:
  explicit WholeRequestHandler(std::size_t body_bytes_max) : body_bytes_max_(body_bytes_max) {}
  void handle(Request&& request, Responder responder) final;

 protected:
  virtual void handle_whole(Request&& request, Responder responder) = 0;
  /// Of this request; past it the answer is a 413.
  [[nodiscard]] virtual std::size_t body_bytes_max(const Request& /*request*/) const {
    return body_bytes_max_;
  }

 private:
  const std::size_t body_bytes_max_;
};

}  // namespace perdure::http
