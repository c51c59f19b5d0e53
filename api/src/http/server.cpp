// SPDX-License-Identifier: Apache-2.0
#include "perdure/api/http/server.hpp"

#include <algorithm>
#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <future>
#include <optional>
#include <vector>

#include "http/session.hpp"
#include "http/tls_context.hpp"

namespace perdure::http {

namespace {

/// After accept failed (no file descriptors left), before it is tried again.
constexpr auto accept_pause = std::chrono::milliseconds{100};

/// An address as it is; of a name (`localhost`) all that the machine knows of it, those of IPv4
/// first: whoever connects to the name tries them all, and older programs those alone.
Result<std::vector<asio::ip::tcp::endpoint>> addresses_of(const ServerOptions& options,
                                                          asio::io_context& context) {
  error_code ec;
  const auto address = asio::ip::make_address(options.address, ec);
  std::vector<asio::ip::tcp::endpoint> endpoints;
  if (!ec) {
    endpoints.emplace_back(address, options.port);
    return endpoints;
  }
  asio::ip::tcp::resolver resolver{context};
  const auto found = resolver.resolve(options.address, std::to_string(options.port),
                                      asio::ip::resolver_base::passive, ec);
  if (ec) {
    return fail(ErrorCode::invalid,
                "no address of this machine has the name " + options.address + ": " + ec.message());
  }
  for (const auto& entry : found) endpoints.push_back(entry.endpoint());
  std::ranges::stable_partition(endpoints, [](const auto& one) { return one.address().is_v4(); });
  return endpoints;
}

}  // namespace

class Server::Impl {
 public:
  Impl(ServerOptions options, Services services, Handler& handler)
      : core_(std::make_shared<Core>(std::move(options), std::move(services), handler)) {
    const auto count = std::max(1U, core_->options.io_threads);
    for (unsigned i = 0; i < count; ++i) loops_.push_back(std::make_shared<IoLoop>(core_));
    acceptor_.emplace(loops_.front()->context());
    retry_.emplace(loops_.front()->context());
  }

  ~Impl() { drain(Milliseconds{0}); }

  Result<void> listen();
  error_code listen_on(const asio::ip::tcp::endpoint& endpoint);
  void drain(Milliseconds deadline);
  Result<void> reload_tls();

  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
  [[nodiscard]] Connections connections() const noexcept {
    return {.open = core_->places->open(), .websockets = core_->websockets};
  }

 private:
  using Executor = asio::io_context::executor_type;

  void accept_next();
  void take(Channel::Socket socket, std::shared_ptr<IoLoop> loop);

  std::shared_ptr<Core> core_;
  std::vector<std::shared_ptr<IoLoop>> loops_;
  std::optional<asio::basic_socket_acceptor<asio::ip::tcp, Executor>> acceptor_;
  std::optional<asio::basic_waitable_timer<std::chrono::steady_clock,
                                           asio::wait_traits<std::chrono::steady_clock>, Executor>>
      retry_;
  std::size_t next_loop_ = 0;
  std::uint16_t port_ = 0;
  bool started_ = false;

  std::mutex drain_mutex_;  // one drain at a time
  bool stopped_ = false;    // under drain_mutex_

  std::mutex tls_mutex_;
  std::shared_ptr<asio::ssl::context> tls_;  // under tls_mutex_; null = plain
};

Result<void> Server::Impl::listen() {
  const auto& options = core_->options;
  if (!options.tls.certificate_chain.empty()) {
    PERDURE_TRY(context, make_tls_context(options.tls));
    tls_ = std::move(context);
  }
  PERDURE_TRY(endpoints, addresses_of(options, loops_.front()->context()));
  error_code ec;
  for (const auto& endpoint : endpoints) {
    ec = listen_on(endpoint);
    if (!ec) break;
  }
  if (ec) {
    return fail(ErrorCode::unavailable, "cannot listen on " + options.address + ":" +
                                            std::to_string(options.port) + ": " + ec.message());
  }
  port_ = acceptor_->local_endpoint(ec).port();
  accept_next();
  for (const auto& loop : loops_) loop->start();
  started_ = true;
  return {};
}

error_code Server::Impl::listen_on(const asio::ip::tcp::endpoint& endpoint) {
  error_code ec;
  error_code ignored;
  acceptor_->close(ignored);
  acceptor_->open(endpoint.protocol(), ec);
  if (!ec) acceptor_->set_option(asio::socket_base::reuse_address{true}, ec);
  if (!ec) acceptor_->bind(endpoint, ec);
  if (!ec) acceptor_->listen(asio::socket_base::max_listen_connections, ec);
  return ec;
}

void Server::Impl::accept_next() {
  auto loop = loops_[next_loop_];
  next_loop_ = (next_loop_ + 1) % loops_.size();
  auto& context = loop->context();
  acceptor_->async_accept(
      context, [this, loop = std::move(loop)](const error_code& ec, Channel::Socket socket) {
        if (!acceptor_->is_open() || ec == asio::error::operation_aborted) return;
        if (!ec) {
          take(std::move(socket), loop);
          return accept_next();
        }
        retry_->expires_after(accept_pause);
        retry_->async_wait([this](const error_code& cancelled) {
          if (!cancelled && acceptor_->is_open()) accept_next();
        });
      });
}

void Server::Impl::take(Channel::Socket socket, std::shared_ptr<IoLoop> loop) {
  error_code ec;
  const auto remote = socket.remote_endpoint(ec);
  if (ec) return;  // it has gone already
  const auto key = address_key(remote.address());
  const auto admission = core_->places->take(key);
  if (!admission) return;
  Place place{core_->places, key, *admission};
  std::shared_ptr<asio::ssl::context> tls;
  {
    const std::lock_guard lock{tls_mutex_};
    tls = tls_;
  }
  auto& target = *loop;
  auto session = std::make_shared<Session>(
      std::move(loop), Channel{std::move(socket), std::move(tls)}, std::move(place));
  if (target.is_current_thread()) {
    session->start();
  } else {
    asio::post(target.context(), [session = std::move(session)] { session->start(); });
  }
}

void Server::Impl::drain(Milliseconds deadline) {
  const std::lock_guard lock{drain_mutex_};
  if (!started_ || std::exchange(stopped_, true)) return;
  core_->draining = true;
  std::promise<void> closed;
  asio::post(loops_.front()->context(), [this, &closed] {
    error_code ec;
    acceptor_->close(ec);
    retry_->cancel();
    closed.set_value();
  });
  closed.get_future().wait();
  for (const auto& loop : loops_) {
    asio::post(loop->context(), [loop] { loop->drain_connections(); });
  }
  core_->places->wait_until_empty(deadline);
  for (const auto& loop : loops_) loop->stop();
  core_->gzip_pool.stop();
}

Result<void> Server::Impl::reload_tls() {
  if (core_->options.tls.certificate_chain.empty()) return {};
  PERDURE_TRY(context, make_tls_context(core_->options.tls));
  const std::lock_guard lock{tls_mutex_};
  tls_ = std::move(context);
  return {};
}

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Server::~Server() = default;

Result<std::unique_ptr<Server>> Server::start(ServerOptions options, Services services,
                                              Handler& handler) {
  auto impl = std::make_unique<Impl>(std::move(options), std::move(services), handler);
  PERDURE_TRY_VOID(impl->listen());
  return std::unique_ptr<Server>{new Server{std::move(impl)}};
}

std::uint16_t Server::port() const noexcept { return impl_->port(); }
Connections Server::connections() const noexcept { return impl_->connections(); }
void Server::drain(Milliseconds deadline) { impl_->drain(deadline); }
Result<void> Server::reload_tls() { return impl_->reload_tls(); }

}  // namespace perdure::http
