// SPDX-License-Identifier: Apache-2.0
#include "http/lingering_close.hpp"

#include <array>

namespace perdure::http {

namespace {

class Drain final : public std::enable_shared_from_this<Drain> {
 public:
  Drain(Channel& channel, std::size_t bytes_max, std::function<void()> done)
      : channel_(channel), left_(bytes_max), done_(std::move(done)) {}

  void start() {
    if (!channel_.is_tls()) return drop();
    // Its answer is not needed: what comes now is dropped as it is, not decrypted.
    channel_.tls().async_shutdown([self = shared_from_this()](const error_code&) { self->drop(); });
  }

 private:
  void drop() {
    error_code ec;
    channel_.socket().shutdown(asio::socket_base::shutdown_send, ec);
    read();
  }

  void read() {
    channel_.socket().async_read_some(
        asio::buffer(bytes_), [self = shared_from_this()](const error_code& ec, std::size_t count) {
          if (ec || count >= self->left_) return self->done_();
          self->left_ -= count;
          self->read();
        });
  }

  Channel& channel_;
  std::size_t left_;
  const std::function<void()> done_;
  std::array<char, std::size_t{16} * 1024> bytes_;
};

}  // namespace

void linger_before_close(Channel& channel, std::size_t bytes_max, std::function<void()> done) {
  std::make_shared<Drain>(channel, bytes_max, std::move(done))->start();
}

}  // namespace perdure::http
