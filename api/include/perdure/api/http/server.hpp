// SPDX-License-Identifier: Apache-2.0
// The HTTP/1.1 server: listens, keeps every bound, and hands well-formed requests to one Handler.
//
// Each connection lives on one io thread. Requests of a connection are answered one at a time in
// their order; whatever is refused by this layer is refused with a problem made by the injected
// renderer, so that all errors of the product look the same.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "perdure/api/http/handler.hpp"
#include "perdure/base/random.hpp"
#include "perdure/base/result.hpp"
#include "perdure/base/time.hpp"

namespace perdure::http {

struct Limits {
  std::size_t header_bytes_max = 16 * 1024;  ///< past it 431
  std::size_t url_bytes_max = 8 * 1024;      ///< past it 414
  std::size_t header_fields_max = 100;       ///< past it 431
  std::size_t connections_max = 10'000;      ///< past it 503, and the connection is closed
  /// Of one address, or of one /64 of IPv6: past it the same. 0 = a quarter of `connections_max`,
  /// 16 at least.
  std::size_t connections_per_address = 0;
};

struct Timeouts {
  Milliseconds header = std::chrono::seconds{10};      ///< first byte to end of header; TLS too
  Milliseconds body = std::chrono::seconds{30};        ///< used up below bytes_per_s_min
  Milliseconds idle = std::chrono::seconds{75};        ///< between two requests
  Milliseconds write = std::chrono::seconds{30};       ///< used up below bytes_per_s_min
  Milliseconds handler = std::chrono::seconds{60};     ///< then 503, and the answer is dropped
  Milliseconds stream_idle = std::chrono::minutes{5};  ///< a streamed body without a heartbeat
  Milliseconds linger = std::chrono::seconds{2};       ///< for the client to read an error
  /// What a client moves of a body, an answer or a message at least: `body` and `write` are what it
  /// may fall behind that at any time. 0 = they are the time for all of it.
  std::size_t bytes_per_s_min = 16 * 1024;
};

struct TlsFiles {
  std::string certificate_chain;  ///< PEM; empty = no TLS
  std::string private_key;        ///< PEM
};

enum class Echo { off, on };

struct ServerOptions {
  /// An IP address, or a name of this machine: the first of its addresses that can be listened on,
  /// those of IPv4 first.
  std::string address = "127.0.0.1";
  std::uint16_t port = 0;  ///< 0 = any; see `Server::port`
  unsigned io_threads = 1;
  TlsFiles tls = {};
  Limits limits = {};
  Timeouts timeouts = {};
  /// A debug build aborts when a handler takes more processor time of its io thread.
  Milliseconds loop_held_max{5};
  Echo websocket_echo = Echo::off;  ///< serves `/ws/echo`, for protocol conformance suites
};

/// A refusal of this layer, to be rendered.
struct Problem {
  int status = 500;
  std::string_view code;  ///< stable, such as `malformed`
  std::string detail;
  std::string_view request_id;
  std::string_view path;  ///< as it was sent, without the query; empty when it could not be read
  /// Its Origin field, empty when there was none; nothing when that is not known.
  std::optional<std::string_view> origin = {};
};

/// What makes an exchange last: its work, or that somebody reads a stream with heartbeats, which
/// goes on for as long as its reader likes.
enum class LastsFor { its_work, its_reader };

/// One request that was answered, or refused.
/// Lifetime  its texts end with the call.
struct Finished {
  std::string_view method;  ///< `-` when the request line could not be read
  int status = 0;
  std::chrono::nanoseconds duration{};  ///< from the end of the header to the last byte written
  std::size_t body_bytes_in = 0;
  std::size_t bytes_out = 0;
  std::string_view request_id;
  std::string_view path;   ///< as it was sent, without the query; empty when it could not be read
  std::string_view route;  ///< `Response::route`
  std::string_view cause;  ///< `Response::cause`
  LastsFor lasts_for = LastsFor::its_work;
};

/// What the server needs from outside. The callbacks run on io threads, on_finished also on threads
/// with DirectAnswers, and must not block.
struct Services {
  const Clock& clock;
  Random& random;
  std::function<Response(const Problem&)> render_problem;
  /// Counts what connections make the server keep: buffers, bodies and answers of more than a few
  /// KiB. It outlives the server and all requests; null = nothing is counted.
  MemoryBudget* memory = nullptr;
  std::function<void(const Finished&)> on_finished = {};
  /// Runs `serve`, which is the life of an io thread, on that thread; null = it just runs.
  std::function<void(const std::function<void()>& serve)> around_io_thread = {};
  /// Runs on an io thread after each burst of handlers, and before the thread sleeps. It returns
  /// true when it wants to run again after another look at the connections.
  std::function<bool()> after_burst = {};
};

struct Connections {
  std::size_t open = 0;  ///< WebSockets included
  std::size_t websockets = 0;
};

/// Lifecycle  start … drain, or the destructor, which closes everything at once. `handler`, the
///            clock and the random source outlive the server; responders may outlive it.
/// Threads    every method may be called from any thread but an io thread.
class Server {
 public:
  /// Listens and starts the io threads.
  /// Errors  unavailable  the address cannot be listened on.
  ///         invalid      the address or the TLS files cannot be used.
  [[nodiscard]] static Result<std::unique_ptr<Server>> start(ServerOptions options,
                                                             Services services, Handler& handler);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  [[nodiscard]] std::uint16_t port() const noexcept;
  [[nodiscard]] Connections connections() const noexcept;

  /// Stops accepting, closes idle connections, lets running requests finish with
  /// `Connection: close`, says 1001 to WebSockets, and at the deadline cuts what is left.
  /// Returns when no connection is open. Calling it again does nothing.
  void drain(Milliseconds deadline);

  /// Reads the TLS files again; new connections use them.
  /// Errors  invalid  the files cannot be used; the old certificate stays in use.
  Result<void> reload_tls();

 private:
  class Impl;
  explicit Server(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace perdure::http
