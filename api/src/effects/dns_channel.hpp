// SPDX-License-Identifier: Apache-2.0
// DnsChannel: questions to name servers, and to the hosts file, without a thread (c-ares on Asio).
//
// c-ares says which of its sockets it waits for and until when; the loop waits for them, and tells
// c-ares. Name servers are those of /etc/resolv.conf as it is when the channel is opened, or those
// that were configured.
#pragma once

#include <ares.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "perdure/base/result.hpp"

namespace perdure::effects {

/// What is known of a name. `ttl` is the shortest of its addresses'.
struct NameAnswer {
  std::vector<boost::asio::ip::address> addresses;
  std::chrono::seconds ttl{0};
};

/// Threads    the loop's.
/// Lifecycle  its destructor answers what is still asked (`unavailable`); the loop outlives it.
/// Limits     a question waits for a name server for 1 s, 2 s and 4 s; `addresses_max` of a name.
class DnsChannel {
 public:
  static constexpr std::size_t addresses_max = 16;
  /// Errors  unavailable  no name server in time, or its answer cannot be used
  ///         not_found    there is no such name, or it has no address.
  using Answered = std::function<void(Result<NameAnswer>)>;

  /// Shape   `servers`: HOST:PORT with addresses as hosts; none: the system's.
  /// Errors  invalid (`/resolver`); unavailable: the system refuses.
  [[nodiscard]] static Result<std::unique_ptr<DnsChannel>> open(
      boost::asio::io_context& loop, const std::vector<std::string>& servers);
  ~DnsChannel();
  DnsChannel(const DnsChannel&) = delete;
  DnsChannel& operator=(const DnsChannel&) = delete;

  /// Calls `answered` later, on the loop.
  void ask(const std::string& name, Answered answered);

 private:
  /// A socket of c-ares, which closes it.
  struct Socket {
    boost::asio::posix::stream_descriptor descriptor;
    bool wants_read = false;
    bool wants_write = false;
    bool awaits_read = false;
    bool awaits_write = false;
  };
  struct Question {
    boost::asio::io_context& loop;
    Answered answered;
  };

  explicit DnsChannel(boost::asio::io_context& loop);

  static void socket_changed(void* self, ares_socket_t number, int readable, int writable);
  static void on_answer(void* question, int status, int timeouts, ares_addrinfo* found);
  void want(ares_socket_t number, bool readable, bool writable);
  void await(ares_socket_t number, const std::shared_ptr<Socket>& socket);
  void process(ares_socket_t readable, ares_socket_t writable);
  void set_timer();

  boost::asio::io_context& loop_;
  ares_channel channel_ = nullptr;
  /// Shared with the waits on them, which may end after c-ares has closed the socket.
  std::unordered_map<ares_socket_t, std::shared_ptr<Socket>> sockets_;
  boost::asio::steady_timer timer_;
  const std::shared_ptr<char> alive_ = std::make_shared<char>();  ///< gone with the channel
};

}  // namespace perdure::effects
