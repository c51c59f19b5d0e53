// SPDX-License-Identifier: Apache-2.0
// A load client for WS /chat: one thread, raw epoll, no library: it is not what is measured.
//
//   bench_sockets PORT KEY SOCKETS idle
//   bench_sockets PORT KEY SOCKETS SECONDS WINDOW CONTENT_BYTES
//
// Reads conversation ids from standard input, a line each, up to an empty line; socket i goes to
// the i-th of them, round and round. `idle` prints `open` and waits for the end of standard input.
// Else socket 0 sends messages, at most WINDOW ahead of what all sockets together have heard, and
// the line `sent deliveries seconds cpu_seconds p50_us p99_us` is printed.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <string>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

[[noreturn]] void die(const char* what) {
  std::perror(what);
  std::exit(1);
}

/// Counts the frames of type `message` in what one socket hears; knows only whole, short heads.
class FrameCounter {
 public:
  /// Returns how many messages began in these bytes.
  std::size_t count(const char* data, std::size_t size) {
    std::size_t messages = 0;
    while (size > 0) {
      const auto skipped = std::min<std::uint64_t>(skip_, size);
      skip_ -= skipped;
      data += skipped;
      size -= skipped;
      if (size == 0) break;
      const auto taken = std::min(size, needed() - held_);
      std::memcpy(head_.data() + held_, data, taken);
      held_ += taken;
      data += taken;
      size -= taken;
      if (held_ == needed()) messages += finish_head();
    }
    return messages;
  }

  /// Frames of any type that began.
  [[nodiscard]] std::uint64_t heads() const { return heads_; }

 private:
  static constexpr std::size_t kind_at = 9;  // in {"type":"message"

  [[nodiscard]] std::size_t size_bytes() const {
    const auto first = static_cast<unsigned char>(head_[1]) & 0x7FU;
    return first == 126 ? 2 : first == 127 ? 8 : 0;
  }
  [[nodiscard]] std::uint64_t payload_bytes() const {
    std::uint64_t bytes = static_cast<unsigned char>(head_[1]) & 0x7FU;
    if (size_bytes() == 0) return bytes;
    bytes = 0;
    for (std::size_t i = 0; i < size_bytes(); ++i) {
      bytes = bytes << 8U | static_cast<unsigned char>(head_[2 + i]);
    }
    return bytes;
  }
  [[nodiscard]] std::size_t needed() const {
    if (held_ < 2) return 2;
    const auto head = 2 + size_bytes();
    if (held_ < head) return head;
    return head + std::min<std::uint64_t>(payload_bytes(), kind_at + 1);
  }
  std::size_t finish_head() {
    if (held_ < 2 || held_ < 2 + size_bytes() || held_ != needed()) return 0;
    const auto head = 2 + size_bytes();
    ++heads_;
    const bool is_message = held_ > head + kind_at && head_[head + kind_at] == 'm';
    skip_ = payload_bytes() - (held_ - head);
    held_ = 0;
    return is_message ? 1 : 0;
  }

  std::array<char, 24> head_{};
  std::size_t held_ = 0;
  std::uint64_t skip_ = 0;
  std::uint64_t heads_ = 0;
};

struct Socket {
  int fd = -1;
  std::uint64_t heard = 0;
  FrameCounter frames;
};

int connect_to(std::uint16_t port) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (fd < 0 || connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof(to)) != 0) die("connect");
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  return fd;
}

void ask_for_upgrade(int fd, const std::string& key, const std::string& conversation) {
  const auto request = "GET /chat/" + conversation +
                       " HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
                       "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                       "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nAuthorization: Bearer " +
                       key + "\r\n\r\n";
  if (write(fd, request.data(), request.size()) < 0) die("write");
}

/// Until the first frame is there: messages begin after it.
void await_welcome(Socket& socket) {
  std::string text;
  std::array<char, 16384> buffer{};
  bool upgraded = false;
  while (socket.frames.heads() == 0) {
    const auto got = read(socket.fd, buffer.data(), buffer.size());
    if (got <= 0) die("upgrade");
    text.append(buffer.data(), static_cast<std::size_t>(got));
    if (!upgraded) {
      const auto end = text.find("\r\n\r\n");
      if (end == std::string::npos) continue;
      if (!text.starts_with("HTTP/1.1 101")) {
        std::fprintf(stderr, "%s\n", text.c_str());
        std::exit(1);
      }
      upgraded = true;
      text.erase(0, end + 4);
    }
    socket.frames.count(text.data(), text.size());
    text.clear();
  }
  fcntl(socket.fd, F_SETFL, O_NONBLOCK);
}

std::vector<Socket> open_all(std::uint16_t port, const std::string& key, std::size_t count,
                             const std::vector<std::string>& conversations) {
  constexpr std::size_t at_once = 100;
  std::vector<Socket> sockets(count);
  for (std::size_t first = 0; first < count; first += at_once) {
    const auto last = std::min(first + at_once, count);
    for (auto i = first; i < last; ++i) {
      sockets[i].fd = connect_to(port);
      ask_for_upgrade(sockets[i].fd, key, conversations[i % conversations.size()]);
    }
    for (auto i = first; i < last; ++i) await_welcome(sockets[i]);
  }
  return sockets;
}

/// A masked text frame; the mask is zero, so the payload goes as it is.
std::string message_frame(std::size_t content_bytes) {
  const auto payload = R"({"type":"message","content":")" + std::string(content_bytes, 'x') + "\"}";
  std::string frame{'\x81'};
  if (payload.size() < 126) {
    frame += static_cast<char>(0x80U | payload.size());
  } else {
    frame += static_cast<char>(0x80U | 126U);
    frame += static_cast<char>(payload.size() >> 8U);
    frame += static_cast<char>(payload.size() & 0xFFU);
  }
  return frame + std::string(4, '\0') + payload;
}

class Load {
 public:
  Load(std::vector<Socket>& sockets, std::uint64_t window, std::size_t content_bytes)
      : sockets_(sockets), window_(window), frame_(message_frame(content_bytes)) {
    for (std::size_t i = 0; i < sockets_.size(); ++i) {
      epoll_event event{.events = EPOLLIN, .data = {.u64 = i}};
      if (epoll_ctl(epoll_, EPOLL_CTL_ADD, sockets_[i].fd, &event) != 0) die("epoll_ctl");
    }
  }

  void run(std::chrono::seconds duration) {
    const auto begin = Clock::now();
    const auto cpu = cpu_seconds();
    const auto end = begin + duration;
    while (Clock::now() < end) {
      send_some();
      listen_for(std::chrono::milliseconds{0});
    }
    const auto late = Clock::now() + std::chrono::seconds{10};
    while (deliveries_ < sent_at_.size() * sockets_.size() && Clock::now() < late) {
      listen_for(std::chrono::milliseconds{10});
    }
    const std::chrono::duration<double> took = Clock::now() - begin;
    const auto [least, most] = std::ranges::minmax_element(sockets_, {}, &Socket::heard);
    if (least->heard != sent_at_.size() || most->heard != sent_at_.size()) {
      std::fprintf(stderr, "sockets heard %llu to %llu of %zu messages\n",
                   static_cast<unsigned long long>(least->heard),
                   static_cast<unsigned long long>(most->heard), sent_at_.size());
      std::exit(1);
    }
    std::sort(latencies_us_.begin(), latencies_us_.end());
    std::printf("%zu %llu %.3f %.3f %u %u\n", sent_at_.size(),
                static_cast<unsigned long long>(deliveries_), took.count(), cpu_seconds() - cpu,
                quantile(0.5), quantile(0.99));
  }

 private:
  static double cpu_seconds() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    const auto seconds = [](const timeval& time) {
      return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
    };
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
  }
  [[nodiscard]] std::uint32_t quantile(double part) const {
    if (latencies_us_.empty()) return 0;
    return latencies_us_[static_cast<std::size_t>(part *
                                                  static_cast<double>(latencies_us_.size() - 1))];
  }

  void send_some() {
    while (sent_at_.size() * sockets_.size() < deliveries_ + window_ * sockets_.size()) {
      if (write(sockets_[0].fd, frame_.data(), frame_.size()) !=
          static_cast<ssize_t>(frame_.size())) {
        return;
      }
      sent_at_.push_back(Clock::now());
    }
  }

  void listen_for(std::chrono::milliseconds timeout) {
    static std::array<epoll_event, 1024> events;
    static std::vector<char> buffer(1U << 20U);
    const int count = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()),
                                 static_cast<int>(timeout.count()));
    const auto now = Clock::now();
    for (int i = 0; i < count; ++i) {
      auto& socket = sockets_[events.at(static_cast<std::size_t>(i)).data.u64];
      const auto got = read(socket.fd, buffer.data(), buffer.size());
      if (got <= 0) die("a socket was closed");
      const auto messages = socket.frames.count(buffer.data(), static_cast<std::size_t>(got));
      if (messages == 0) continue;
      deliveries_ += messages;
      socket.heard += messages;
      note_latency(now, sent_at_[socket.heard - 1]);
    }
  }

  void note_latency(Clock::time_point now, Clock::time_point sent) {
    if (++sampled_ % 16 != 0) return;
    latencies_us_.push_back(static_cast<std::uint32_t>(
        std::chrono::duration_cast<std::chrono::microseconds>(now - sent).count()));
  }

  std::vector<Socket>& sockets_;
  const std::uint64_t window_;
  const std::string frame_;
  const int epoll_ = epoll_create1(0);
  std::vector<Clock::time_point> sent_at_;
  std::uint64_t deliveries_ = 0;
  std::uint64_t sampled_ = 0;
  std::vector<std::uint32_t> latencies_us_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5 && argc != 7) {
    std::fprintf(stderr, "usage: see the head of bench/sockets/main.cpp\n");
    return 2;
  }
  std::vector<std::string> conversations;
  for (std::string line; std::getline(std::cin, line) && !line.empty();) {
    conversations.push_back(line);
  }
  auto sockets = open_all(static_cast<std::uint16_t>(std::strtoul(argv[1], nullptr, 10)), argv[2],
                          std::strtoul(argv[3], nullptr, 10), conversations);
  if (argc == 5) {
    std::printf("open\n");
    std::fflush(stdout);
    std::cin.get();
    return 0;
  }
  Load load{sockets, std::strtoull(argv[5], nullptr, 10), std::strtoul(argv[6], nullptr, 10)};
  load.run(std::chrono::seconds{std::strtol(argv[4], nullptr, 10)});
}
