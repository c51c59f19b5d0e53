// SPDX-License-Identifier: Apache-2.0
#include "connection.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>

namespace attacker {

namespace {

using std::chrono::duration;

constexpr std::size_t filler_at_once = 256u << 10;
constexpr std::size_t flood_frames_max = 64;  ///< of a connection that wait to be sent

sockaddr_in address_of(std::uint32_t address, std::uint16_t port) {
  sockaddr_in made{};
  made.sin_family = AF_INET;
  made.sin_port = htons(port);
  made.sin_addr.s_addr = address;
  return made;
}

void set(int fd, int level, int option, int value) {
  setsockopt(fd, level, option, &value, sizeof(value));
}

/// Reads, and says when the last of the bytes came to the socket: a process of low priority may
/// read them much later.
ssize_t receive(int fd, char* buffer, std::size_t size, Clock::time_point& arrived) {
  std::array<char, 64> control{};
  iovec part{.iov_base = buffer, .iov_len = size};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  const auto got = recvmsg(fd, &message, 0);
  arrived = Clock::now();
  const auto* first = got > 0 ? CMSG_FIRSTHDR(&message) : nullptr;
  if (first == nullptr || first->cmsg_type != SCM_TIMESTAMPNS) return got;
  timespec at{};
  std::memcpy(&at, CMSG_DATA(first), sizeof(at));
  const auto since_epoch = std::chrono::seconds{at.tv_sec} + std::chrono::nanoseconds{at.tv_nsec};
  const auto ago = std::chrono::system_clock::now().time_since_epoch() - since_epoch;
  if (ago.count() > 0) arrived -= ago;
  return got;
}

/// What is to be sent next of a request, of which `sent` bytes are gone.
std::string_view rest_of(const Request& request, std::uint64_t sent) {
  static const std::string filler(filler_at_once, 'x');
  if (sent < request.bytes.size()) return std::string_view{request.bytes}.substr(sent);
  const auto left = request.bytes.size() + request.filler - sent;
  return std::string_view{filler}.substr(0, left);
}

/// How many bytes the rate allows by now, of which `used` are gone.
std::size_t allowance(double rate, Clock::time_point since, std::uint64_t used) {
  if (rate <= 0) return SIZE_MAX;
  const auto all = rate * duration<double>(Clock::now() - since).count() + 1;
  return all <= static_cast<double>(used) ? 0 : static_cast<std::size_t>(all) - used;
}

}  // namespace

Connection::~Connection() {
  if (fd_ >= 0) ::close(fd_);
}

void Connection::open(Clock::time_point now) {
  if (!group_.has_more() && asked_.empty()) return;
  fd_ = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  if (fd_ < 0) {
    ++group_.outcome.refused;
    opens_at_ = now + group_.pause();
    return;
  }
  set(fd_, IPPROTO_TCP, TCP_NODELAY, 1);
  // Closed connections leave no port in TIME_WAIT: thousands are opened in a run.
  const linger at_once{.l_onoff = 1, .l_linger = 0};
  setsockopt(fd_, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
  if (group_.plan.rate > 0) set(fd_, SOL_SOCKET, SO_TIMESTAMPNS, 1);
  if (group_.plan.receive_buffer > 0) set(fd_, SOL_SOCKET, SO_RCVBUF, group_.plan.receive_buffer);
  if (!group_.plan.source.empty()) {
    set(fd_, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
    const auto from = address_of(inet_addr(group_.plan.source.c_str()), 0);
    bind(fd_, reinterpret_cast<const sockaddr*>(&from), sizeof(from));
  }
  const auto to = address_of(htonl(INADDR_LOOPBACK), target_.port);
  if (connect(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof(to)) != 0 &&
      errno != EINPROGRESS) {
    ++group_.outcome.refused;
    return close();
  }
  state_ = State::connecting;
  polled_ = EPOLLOUT;
  epoll_event event{.events = polled_, .data = {.ptr = this}};
  epoll_ctl(poll_, EPOLL_CTL_ADD, fd_, &event);
}

void Connection::close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
  state_ = State::closed;
  reader_ = {};
  sending_.clear();
  asked_.clear();
  sent_ = received_ = 0;
  is_upgraded_ = is_write_blocked_ = false;
  opens_at_ = Clock::now();
  if (group_.plan.mode != Mode::fresh) opens_at_ += group_.pause();
}

void Connection::opened() {
  int error = 0;
  socklen_t size = sizeof(error);
  getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &size);
  if (error != 0) {
    ++group_.outcome.refused;
    group_.outcome.unanswered += asked_.size();
    return close();
  }
  state_ = State::open;
  opened_at_ = Clock::now();
  if (group_.plan.mode == Mode::fresh) {
    sending_.push_back({&group_.take(), 0});
    send();
  } else {
    fill(opened_at_);
  }
  if (state_ == State::open) ask_poll();
}

void Connection::closed_by_peer() {
  ++group_.outcome.closed;
  group_.outcome.unanswered += asked_.size();
  close();
}

bool Connection::takes_more() const {
  const auto& plan = group_.plan;
  if (state_ != State::open || !group_.has_more()) return false;
  switch (plan.mode) {
    case Mode::ask: return asked_.size() < plan.depth;
    case Mode::fresh: return false;
    case Mode::hold: return sent_ == 0 && sending_.empty();
    case Mode::flood:
      return (sent_ == 0 && sending_.empty()) ||
             (is_upgraded_ && sending_.size() < flood_frames_max && !is_write_blocked_);
  }
  return false;
}

void Connection::fill(Clock::time_point now) {
  const auto& plan = group_.plan;
  if (plan.mode == Mode::fresh) {
    // Its one request begins with the connection.
    if (state_ != State::closed || now < opens_at_ || !group_.has_more()) return;
    if (plan.rate > 0 && group_.waiting.empty()) return;
    asked_.push_back(plan.rate > 0 ? group_.waiting.front() : now);
    if (plan.rate > 0) group_.waiting.pop_front();
    return open(now);
  }
  bool has_new = false;
  while (takes_more()) {
    const bool opens = sent_ == 0 && sending_.empty();
    const bool is_scheduled = plan.rate > 0 && !(plan.mode == Mode::flood && opens);
    if (is_scheduled && group_.waiting.empty()) break;
    const auto began = is_scheduled ? group_.waiting.front() : now;
    if (is_scheduled) group_.waiting.pop_front();
    if (plan.mode == Mode::flood) {
      const auto& frames = plan.requests;
      const auto frame = opens ? 0 : 1 + group_.next++ % (frames.size() - 1);
      sending_.push_back({&frames[frame], 0});
    } else {
      sending_.push_back({&group_.take(), 0});
      asked_.push_back(began);
    }
    has_new = true;
  }
  if (has_new && !is_write_blocked_) send();
}

void Connection::send() {
  is_write_blocked_ = false;
  // Once, for what the rate allows grows while it is used.
  auto allowed = allowance(group_.plan.send_rate, opened_at_, sent_);
  while (!sending_.empty() && allowed > 0) {
    auto& now = sending_.front();
    const auto rest = rest_of(*now.request, now.sent);
    const auto done = ::send(fd_, rest.data(), std::min(rest.size(), allowed), MSG_NOSIGNAL);
    if (done < 0) {
      if (errno != EAGAIN) return closed_by_peer();
      is_write_blocked_ = true;
      break;
    }
    allowed -= static_cast<std::size_t>(done);
    sent_ += static_cast<std::size_t>(done);
    group_.outcome.sent_bytes += static_cast<std::size_t>(done);
    now.sent += static_cast<std::size_t>(done);
    if (now.sent == now.request->bytes.size() + now.request->filler) sending_.pop_front();
  }
  ask_poll();
}

void Connection::read() {
  static thread_local std::array<char, 256 << 10> buffer;
  for (int turn = 0; turn < 4 && state_ == State::open; ++turn) {
    const auto size =
        std::min(buffer.size(), allowance(group_.plan.read_rate, opened_at_, received_));
    if (size == 0) break;
    auto arrived = Clock::time_point{};
    const auto got = receive(fd_, buffer.data(), size, arrived);
    if (got == 0 || (got < 0 && errno != EAGAIN)) return closed_by_peer();
    if (got < 0) break;
    received_ += static_cast<std::size_t>(got);
    group_.outcome.received_bytes += static_cast<std::size_t>(got);
    if (!consume(buffer.data(), buffer.data() + got, arrived)) return;
    if (static_cast<std::size_t>(got) < size) break;
  }
  if (state_ == State::open) ask_poll();
}

/// False when the connection is closed by it.
bool Connection::consume(const char* data, const char* end, Clock::time_point arrived) {
  for (;;) {
    switch (reader_.read(data, end)) {
      case Found::nothing: return true;
      case Found::garbage: closed_by_peer(); return false;
      case Found::head:
        ++group_.outcome.answers[reader_.status()];
        is_upgraded_ = reader_.status() == 101;
        break;
      case Found::end:
        answered(arrived);
        if (state_ != State::open) return false;  // or it is a new connection
        break;
    }
  }
}

void Connection::answered(Clock::time_point arrived) {
  if (!asked_.empty()) {
    note_latency(asked_.front(), arrived);
    asked_.pop_front();
  }
  // A refusal that comes before the whole request was sent ends the connection.
  const bool is_early = asked_.empty() && !sending_.empty();
  const bool is_fresh = group_.plan.mode == Mode::fresh;
  if (is_fresh || is_early) close();
  if (!is_early) fill(Clock::now());
}

void Connection::note_latency(Clock::time_point began, Clock::time_point now) {
  const duration<float, std::milli> passed = now - began;
  group_.outcome.latencies_ms.push_back(passed.count());
}

void Connection::ask_poll() {
  const std::uint32_t wanted = (group_.plan.read_rate > 0 ? 0U : EPOLLIN) |
                               (is_write_blocked_ && group_.plan.send_rate <= 0 ? EPOLLOUT : 0U);
  if (wanted == polled_ || fd_ < 0) return;
  polled_ = wanted;
  epoll_event event{.events = wanted, .data = {.ptr = this}};
  epoll_ctl(poll_, EPOLL_CTL_MOD, fd_, &event);
}

void Connection::ready(std::uint32_t events) {
  if (state_ == State::connecting) return opened();
  if (state_ == State::open && (events & EPOLLOUT) != 0) send();
  if (state_ == State::open && group_.plan.read_rate > 0 && (events & EPOLLHUP) != 0) {
    return closed_by_peer();
  }
  if (state_ == State::open && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) read();
}

void Connection::tick(Clock::time_point now) {
  if (state_ == State::closed && group_.plan.mode != Mode::fresh && now >= opens_at_) open(now);
  if (state_ == State::open && group_.plan.send_rate > 0) send();
  if (state_ == State::open && group_.plan.read_rate > 0) read();
  fill(now);
}

void Connection::finish(Clock::time_point now) {
  if (state_ == State::open) ++group_.outcome.open;
  group_.outcome.pending += asked_.size();
  for (const auto began : asked_) note_latency(began, now);
}

bool Connection::is_done() const {
  return group_.plan.order == Order::each && !group_.has_more() && asked_.empty();
}

}  // namespace attacker
