// SPDX-License-Identifier: Apache-2.0
// NameLookups: the addresses of hosts, asked for on threads that may block.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/thread_pool.hpp>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace perdure::effects {

/// Questions for a host that is being asked for already wait for that answer: however many calls
/// a server gets whose name is slow to find, they hold one thread.
///
/// Threads    all methods and callbacks: the loop's; `join` any other.
/// Lifecycle  join before it, or the loop, is destroyed.
class NameLookups {
 public:
  using Endpoints = std::vector<boost::asio::ip::tcp::endpoint>;
  using Found = std::function<void(boost::system::error_code, const Endpoints&)>;

  explicit NameLookups(boost::asio::io_context& loop) : loop_(loop) {}

  /// Calls `found` later, on the loop, which does not end before.
  void ask(const std::string& host, const std::string& port, Found found);
  /// Waits for the questions that are being asked.
  void join() { threads_.join(); }

 private:
  using Place = std::pair<std::string, std::string>;

  void answer(const Place& place, boost::system::error_code ec, const Endpoints& endpoints);

  boost::asio::io_context& loop_;
  std::map<Place, std::vector<Found>> waiting_;
  boost::asio::thread_pool threads_{8};  ///< getaddrinfo blocks
};

}  // namespace perdure::effects
