// SPDX-License-Identifier: Apache-2.0
#include "effects/dns_channel.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <cstring>
#include <optional>
#include <utility>

namespace perdure::effects {

namespace asio = boost::asio;
namespace ip = asio::ip;
using boost::system::error_code;

namespace {

/// For the first answer of a name server; c-ares doubles it with each try.
constexpr int timeout_ms = 1'000;
constexpr int tries = 3;

std::optional<ip::address> address_of(const sockaddr* address) {
  if (address == nullptr) return {};
  if (address->sa_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, address, sizeof v4);
    return ip::address_v4{ntohl(v4.sin_addr.s_addr)};
  }
  if (address->sa_family == AF_INET6) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, address, sizeof v6);
    ip::address_v6::bytes_type bytes;
    std::memcpy(bytes.data(), &v6.sin6_addr, bytes.size());
    return ip::address_v6{bytes, v6.sin6_scope_id};
  }
  return {};
}

NameAnswer answer_in(const ares_addrinfo* found) {
  NameAnswer answer{.ttl = std::chrono::hours{24}};
  for (const auto* node = found->nodes; node != nullptr; node = node->ai_next) {
    const auto address = address_of(node->ai_addr);
    if (!address || answer.addresses.size() == DnsChannel::addresses_max) continue;
    answer.addresses.push_back(*address);
    answer.ttl = std::min(answer.ttl, std::chrono::seconds{std::max(node->ai_ttl, 0)});
  }
  return answer;
}

Unexpected refusal(int status) {
  const bool is_unknown = status == ARES_ENOTFOUND || status == ARES_ENODATA ||
                          status == ARES_EBADNAME || status == ARES_ENONAME;
  return fail(is_unknown ? ErrorCode::not_found : ErrorCode::unavailable, ares_strerror(status));
}

}  // namespace

DnsChannel::DnsChannel(asio::io_context& loop) : loop_(loop), timer_(loop) {}

Result<std::unique_ptr<DnsChannel>> DnsChannel::open(asio::io_context& loop,
                                                     const std::vector<std::string>& servers) {
  static const int library = ares_library_init(ARES_LIB_INIT_ALL);
  std::unique_ptr<DnsChannel> channel{new DnsChannel{loop}};
  ares_options options{};
  options.timeout = timeout_ms;
  options.tries = tries;
  options.sock_state_cb = &DnsChannel::socket_changed;
  options.sock_state_cb_data = channel.get();
  const int status =
      library != ARES_SUCCESS
          ? library
          : ares_init_options(&channel->channel_, &options,
                              ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB);
  if (status != ARES_SUCCESS) {
    channel->channel_ = nullptr;
    return fail(ErrorCode::unavailable,
                fmt::format("name servers cannot be asked: {}", ares_strerror(status)));
  }
  if (servers.empty()) return channel;
  const auto list = fmt::format("{}", fmt::join(servers, ","));
  if (ares_set_servers_ports_csv(channel->channel_, list.c_str()) != ARES_SUCCESS) {
    const auto message = "\"" + list + "\" is no list of name servers, such as 10.0.0.53:53";
    Error error{.code = ErrorCode::invalid, .detail = message};
    error.fields.push_back({"/resolver", "format", message});
    return fail(std::move(error));
  }
  return channel;
}

DnsChannel::~DnsChannel() {
  if (channel_ != nullptr) ares_destroy(channel_);
}

void DnsChannel::ask(const std::string& name, Answered answered) {
  const ares_addrinfo_hints hints{
      .ai_flags = 0, .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_protocol = 0};
  auto question = std::make_unique<Question>(Question{loop_, std::move(answered)});
  // Owned by c-ares from here on: it calls back once, perhaps at once.
  ares_getaddrinfo(channel_, name.c_str(), nullptr, &hints, &DnsChannel::on_answer,
                   question.release());
  set_timer();
}

void DnsChannel::on_answer(void* question, int status, int, ares_addrinfo* found) {
  const std::unique_ptr<Question> asked{static_cast<Question*>(question)};
  Result<NameAnswer> answer = refusal(status);
  if (status == ARES_SUCCESS && found != nullptr) {
    answer = answer_in(found);
    if (answer->addresses.empty()) answer = refusal(ARES_ENODATA);
  }
  if (found != nullptr) ares_freeaddrinfo(found);
  // Later: c-ares must not be called, nor destroyed, within its callbacks.
  asio::post(asked->loop, [answered = std::move(asked->answered), answer = std::move(answer)] {
    answered(answer);
  });
}

void DnsChannel::socket_changed(void* self, ares_socket_t number, int readable, int writable) {
  static_cast<DnsChannel*>(self)->want(number, readable != 0, writable != 0);
}

void DnsChannel::want(ares_socket_t number, bool readable, bool writable) {
  const auto found = sockets_.find(number);
  if (!readable && !writable) {
    if (found == sockets_.end()) return;
    // c-ares closes it next. What waits for it ends.
    found->second->wants_read = found->second->wants_write = false;
    found->second->descriptor.release();
    sockets_.erase(found);
    return;
  }
  if (found == sockets_.end()) {
    const auto socket = std::make_shared<Socket>(Socket{asio::posix::stream_descriptor{loop_}});
    error_code ec;
    socket->descriptor.assign(number, ec);
    if (ec) return;  // nobody waits for it: the question ends by its time
    sockets_.emplace(number, socket);
    socket->wants_read = readable;
    socket->wants_write = writable;
    return await(number, socket);
  }
  found->second->wants_read = readable;
  found->second->wants_write = writable;
  await(number, found->second);
}

void DnsChannel::await(ares_socket_t number, const std::shared_ptr<Socket>& socket) {
  using Wait = asio::posix::descriptor_base;
  if (socket->wants_read && !std::exchange(socket->awaits_read, true)) {
    socket->descriptor.async_wait(Wait::wait_read, [this, number, socket](error_code ec) {
      socket->awaits_read = false;
      if (ec || !socket->wants_read) return;
      process(number, ARES_SOCKET_BAD);
      if (socket->wants_read) await(number, socket);
    });
  }
  if (socket->wants_write && !std::exchange(socket->awaits_write, true)) {
    socket->descriptor.async_wait(Wait::wait_write, [this, number, socket](error_code ec) {
      socket->awaits_write = false;
      if (ec || !socket->wants_write) return;
      process(ARES_SOCKET_BAD, number);
      if (socket->wants_write) await(number, socket);
    });
  }
}

void DnsChannel::process(ares_socket_t readable, ares_socket_t writable) {
  ares_process_fd(channel_, readable, writable);
  set_timer();
}

void DnsChannel::set_timer() {
  timeval at_most{};
  const auto* wait = ares_timeout(channel_, nullptr, &at_most);
  if (wait == nullptr) {
    timer_.cancel();
    return;
  }
  // One more than the whole milliseconds, so that c-ares finds its time has come.
  timer_.expires_after(std::chrono::milliseconds{wait->tv_sec * 1'000 + wait->tv_usec / 1'000 + 1});
  // It may be on its way when the channel goes.
  timer_.async_wait([this, alive = std::weak_ptr{alive_}](error_code ec) {
    if (!ec && !alive.expired()) process(ARES_SOCKET_BAD, ARES_SOCKET_BAD);
  });
}

}  // namespace perdure::effects
