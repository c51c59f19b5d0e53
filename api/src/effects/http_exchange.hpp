// SPDX-License-Identifier: Apache-2.0
// HttpExchange: one attempt at one call: resolve, connect, ask, read, and follow.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <optional>
#include <vector>

#include "effects/http_call.hpp"
#include "effects/http_core.hpp"
#include "http/transport.hpp"

namespace perdure::effects {

/// Lifecycle  lives until its coroutine has ended; the effect is answered once, by whatever ends
///            it first: the response, an error, the deadline, a cancel, a stop.
/// Threads    the core's loop.
class HttpExchange : public std::enable_shared_from_this<HttpExchange> {
 public:
  HttpExchange(std::shared_ptr<HttpPerformer::Core> core, std::shared_ptr<Effect> effect,
               HttpCall call);

  void start();
  /// Answers the effect with an error, and closes the connection.
  void abort(Error error);

 private:
  using Executor = boost::asio::io_context::executor_type;
  template <class T>
  using Task = boost::asio::awaitable<T, Executor>;
  using Endpoints = std::vector<boost::asio::ip::tcp::endpoint>;
  using Timer = boost::asio::basic_waitable_timer<
      std::chrono::steady_clock, boost::asio::wait_traits<std::chrono::steady_clock>, Executor>;

  struct Answer {
    int status = 0;
    Json headers = Json::object();
    std::string body = {};
    bool truncated = false;
  };

  Task<void> run();
  Task<Result<Json>> perform();
  /// Without following.
  Task<Result<Answer>> ask();
  /// Those that may be connected to. Errors: unavailable, forbidden.
  Task<Result<Endpoints>> resolve();
  void watch_connecting();
  Task<Result<void>> connect(const Endpoints& endpoints);
  Task<Result<void>> shake_hands();
  Task<Result<Answer>> read();
  /// Takes room for a piece of the body. Errors: unavailable: the owner's responses fill it.
  Result<void> hold_body(std::size_t bytes);
  /// The place to go on at, if the answer is a redirect that is followed.
  [[nodiscard]] Result<bool> redirect(const Answer& answer);
  [[nodiscard]] Result<Json> result_of(Answer answer) const;
  void finish(Result<Json> result);
  void close();
  [[nodiscard]] Error unavailable(std::string_view what) const;

  const std::shared_ptr<HttpPerformer::Core> core_;
  std::shared_ptr<Effect> effect_;  ///< null once it was answered
  HttpCall call_;
  const std::uint64_t number_;
  const OwnerKey owner_;
  const std::string host_;      ///< and port, that was asked first: a redirect may lead to another
  std::size_t body_bytes_ = 0;  ///< that it holds of Core::bodies
  std::unique_ptr<http::Channel> channel_;
  /// The socket of an attempt to connect, before it is the channel's.
  std::optional<http::Channel::Socket> connecting_;
  Timer deadline_;
  Timer connect_deadline_;
  int connects_ = 0;      ///< the number of the attempt to connect that is under way
  int connect_late_ = 0;  ///< the one that took too long
};

}  // namespace perdure::effects
