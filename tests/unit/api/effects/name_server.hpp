// SPDX-License-Identifier: Apache-2.0
// A real name server over UDP, which knows a few names by their beginnings.
#pragma once

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/udp.hpp>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <thread>

namespace perdure::effects {

/// `never…` gets no answer, `missing…` does not exist; every other name has the address 127.0.0.1
/// and no IPv6 one. Threads  any.
class NameServer {
 public:
  explicit NameServer(std::uint8_t ttl = 60)
      : ttl_(ttl), thread_([this] {
          serve();
          loop_.run();
        }) {}
  ~NameServer() {
    loop_.stop();
    thread_.join();
  }

  [[nodiscard]] std::string address() const {
    return "127.0.0.1:" + std::to_string(socket_.local_endpoint().port());
  }
  /// Questions for IPv4 addresses of a name.
  [[nodiscard]] int asked(const std::string& name) const {
    const std::scoped_lock lock{mutex_};
    const auto found = asked_.find(name);
    return found == asked_.end() ? 0 : found->second;
  }

 private:
  using udp = boost::asio::ip::udp;

  void serve() {
    socket_.async_receive_from(boost::asio::buffer(packet_), from_,
                               [this](const auto& error, std::size_t size) {
                                 if (error) return;
                                 const auto answer = answer_to(std::string{packet_.data(), size});
                                 if (!answer.empty())
                                   socket_.send_to(boost::asio::buffer(answer), from_);
                                 serve();
                               });
  }

  std::string answer_to(const std::string& question) {
    std::string name;
    std::size_t at = 12;
    while (question.at(at) != 0) {
      const auto length = static_cast<unsigned char>(question.at(at));
      name += (name.empty() ? "" : ".") + question.substr(at + 1, length);
      at += 1 + length;
    }
    const bool is_v4 = question.at(at + 2) == 1;
    if (is_v4) {
      const std::scoped_lock lock{mutex_};
      ++asked_[name];
    }
    if (name.starts_with("never")) return {};
    const bool is_known = !name.starts_with("missing");
    auto answer = question.substr(0, at + 5);
    answer[2] = '\x81';
    answer[3] = is_known ? '\x80' : '\x83';
    const bool has_address = is_known && is_v4;
    for (std::size_t i = 6; i < 12; ++i) answer[i] = 0;
    if (!has_address) return answer;
    answer[7] = 1;
    const std::array<char, 16> record{'\xc0', 12, 0,   1, 0, 1, 0, 0, 0, static_cast<char>(ttl_),
                                      0,      4,  127, 0, 0, 1};
    return answer.append(record.data(), record.size());
  }

  const std::uint8_t ttl_;
  boost::asio::io_context loop_;
  udp::socket socket_{loop_, {boost::asio::ip::make_address("127.0.0.1"), 0}};
  // The thread's.
  std::array<char, 1'024> packet_{};
  udp::endpoint from_;

  mutable std::mutex mutex_;  // guards asked_
  std::map<std::string, int> asked_;
  std::thread thread_;
};

}  // namespace perdure::effects
