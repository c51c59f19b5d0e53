// SPDX-License-Identifier: Apache-2.0
// A TCP connection with or without TLS, as one type: sessions and WebSockets are compiled once.
//
// Everywhere the concrete executor of io_context is named: the type-erased default costs a
// quarter of all throughput.
#pragma once

#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <memory>
#include <optional>
#include <utility>

namespace perdure::http {

namespace asio = boost::asio;
using boost::system::error_code;

/// Models Asio's AsyncStream, so that Beast can stand on it.
class Channel {
 public:
  using executor_type = asio::io_context::executor_type;
  using Socket = asio::basic_stream_socket<asio::ip::tcp, executor_type>;
  using TlsStream = asio::ssl::stream<Socket>;

  /// `tls` null = plain.
  Channel(Socket socket, std::shared_ptr<asio::ssl::context> tls) : context_(std::move(tls)) {
    if (context_) {
      tls_ = std::make_unique<TlsStream>(std::move(socket), *context_);
    } else {
      plain_.emplace(std::move(socket));
    }
  }

  [[nodiscard]] bool is_tls() const noexcept { return tls_ != nullptr; }
  [[nodiscard]] Socket& socket() { return tls_ ? tls_->next_layer() : *plain_; }
  [[nodiscard]] TlsStream& tls() { return *tls_; }
  [[nodiscard]] executor_type get_executor() { return socket().get_executor(); }

  template <class Buffers, class Token>
  auto async_read_some(const Buffers& buffers, Token&& token) {
    if (tls_) return tls_->async_read_some(buffers, std::forward<Token>(token));
    return plain_->async_read_some(buffers, std::forward<Token>(token));
  }

  template <class Buffers, class Token>
  auto async_write_some(const Buffers& buffers, Token&& token) {
    if (tls_) return tls_->async_write_some(buffers, std::forward<Token>(token));
    return plain_->async_write_some(buffers, std::forward<Token>(token));
  }

  /// The close that follows drops what was not sent, and the peer hears of a reset: an ordinary end
  /// could be taken for the end of a body, and what waits would stay with the kernel.
  void reset_on_close() {
    error_code ec;
    socket().set_option(asio::socket_base::linger{true, 0}, ec);
  }

  /// Neither blocks nor waits; what does not fit is left to `async_write_some`. Plain only.
  template <class Buffers>
  std::size_t write_now(const Buffers& buffers, error_code& ec) {
    return plain_->write_some(buffers, ec);
  }

 private:
  std::shared_ptr<asio::ssl::context> context_;  // outlives the stream, whatever is reloaded
  std::optional<Socket> plain_;
  std::unique_ptr<TlsStream> tls_;  // apart: most of a plain connection's bytes otherwise
};

}  // namespace perdure::http
