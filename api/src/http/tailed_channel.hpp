// SPDX-License-Identifier: Apache-2.0
// A channel whose next write can take more bytes along than its caller knows of: Beast writes one
// frame at a time, and frames that wait behind it leave in the same system call.
#pragma once

#include <algorithm>
#include <boost/asio/associator.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/bind_handler.hpp>
#include <boost/beast/core/role.hpp>
#include <span>
#include <vector>

#include "http/transport.hpp"

namespace perdure::http {

/// Tells a writer of its own bytes only. It runs where `inner` would.
template <class Handler>
struct OwnBytesHandler {
  Handler inner;
  std::size_t own_bytes;

  void operator()(const error_code& ec, std::size_t written) {
    inner(ec, std::min(written, own_bytes));
  }
};

/// Models Asio's AsyncStream, as Channel does.
/// Threads  the loop's.
class TailedChannel : public Channel {
 public:
  explicit TailedChannel(Channel&& channel) : Channel(std::move(channel)) {}

  /// The write that has the byte at `place` is followed by `tail`: what is put between it and
  /// anything else would tear a frame apart. The write must be given whole in one call.
  /// Lifetime  borrows the bytes until that write completes.
  void set_tail(const void* place, std::span<const asio::const_buffer> tail) {
    place_ = place;
    pieces_.assign(tail.begin(), tail.end());
  }

  template <class Buffers, class Token>
  auto async_write_some(const Buffers& buffers, Token&& token) {
    return asio::async_initiate<Token, void(error_code, std::size_t)>(
        [this](auto handler, const Buffers& own) {
          if (!takes_tail(own)) return Channel::async_write_some(own, std::move(handler));
          const auto own_bytes = asio::buffer_size(own);
          pieces_.insert(pieces_.begin(), asio::buffer_sequence_begin(own),
                         asio::buffer_sequence_end(own));
          place_ = nullptr;
          asio::async_write(static_cast<Channel&>(*this),
                            std::span<const asio::const_buffer>{pieces_},
                            OwnBytesHandler<decltype(handler)>{std::move(handler), own_bytes});
        },
        token, buffers);
  }

 private:
  template <class Buffers>
  [[nodiscard]] bool takes_tail(const Buffers& own) const {
    if (place_ == nullptr) return false;
    return std::any_of(asio::buffer_sequence_begin(own), asio::buffer_sequence_end(own),
                       [this](const asio::const_buffer& piece) { return piece.data() == place_; });
  }

  const void* place_ = nullptr;
  std::vector<asio::const_buffer> pieces_;
};

// What Beast asks of the stream below it. Its own teardown closes with bytes unread, which the
// session does in its own way.
inline void teardown(boost::beast::role_type, TailedChannel&, error_code& ec) { ec = {}; }

template <class Handler>
void async_teardown(boost::beast::role_type, TailedChannel& channel, Handler&& handler) {
  asio::post(channel.get_executor(),
             boost::beast::bind_front_handler(std::forward<Handler>(handler), error_code{}));
}

inline void beast_close_socket(TailedChannel& channel) {
  error_code ec;
  channel.socket().close(ec);
}

}  // namespace perdure::http

template <template <class, class> class Associator, class Handler, class Default>
struct boost::asio::associator<Associator, perdure::http::OwnBytesHandler<Handler>, Default>
    : Associator<Handler, Default> {
  static auto get(const perdure::http::OwnBytesHandler<Handler>& handler) noexcept {
    return Associator<Handler, Default>::get(handler.inner);
  }
  static auto get(const perdure::http::OwnBytesHandler<Handler>& handler,
                  const Default& otherwise) noexcept {
    return Associator<Handler, Default>::get(handler.inner, otherwise);
  }
};
