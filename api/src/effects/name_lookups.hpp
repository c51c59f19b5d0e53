// SPDX-License-Identifier: Apache-2.0
// NameLookups: the addresses of hosts.
//
// A literal address needs no look-up and waits for none. Calls to one name share the look-up that
// is under way, and its answer for a while. Look-ups are bounded, in all and for each owner, and
// owners take turns: names that nobody answers for hold up those of their owner at most.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "effects/dns_channel.hpp"
#include "perdure/base/fair_queue.hpp"

namespace perdure::effects {

/// The address that a host is, if it is one: four decimal numbers, or an IPv6 address.
[[nodiscard]] std::optional<boost::asio::ip::address> literal_address(const std::string& host);
/// Whether a host that is no literal address ends in a number (`127.1`, `0x7f.1`, `2130706433`).
/// Some resolvers take those for addresses, so that they would get past a rule for names; no
/// public name looks like that. They are refused.
[[nodiscard]] bool ends_in_number(std::string_view host);

/// Threads    the loop's.
/// Lifecycle  `stop` before the loop ends: it answers what is still asked.
/// Limits     `running_max` look-ups at once, `owner_running_max` of one owner; `waiting_max` that
///            wait, `owner_waiting_max` of one owner; `kept_max` answers, each for its time to
///            live, a second to a minute; a failure is kept for a second.
class NameLookups {
 public:
  static constexpr std::size_t running_max = 1'024;
  static constexpr std::size_t owner_running_max = 256;
  static constexpr std::size_t waiting_max = 4'096;
  static constexpr std::size_t owner_waiting_max = 1'024;
  static constexpr std::size_t kept_max = 4'096;
  static constexpr std::chrono::seconds kept_least{1};
  static constexpr std::chrono::seconds kept_most{60};

  using Endpoints = std::vector<boost::asio::ip::tcp::endpoint>;
  /// Errors  forbidden    the host ends in a number and is no address.
  ///         overloaded   as many look-ups wait as may.
  ///         unavailable  the name cannot be resolved, or the caller has left.
  using Found = std::function<void(Result<Endpoints>)>;
  /// A number for each call of `ask`, so that its caller can leave.
  using Caller = std::uint64_t;

  /// Shape  `servers`: as DnsChannel has them.
  NameLookups(boost::asio::io_context& loop, std::vector<std::string> servers)
      : loop_(loop), servers_(std::move(servers)) {}

  /// Calls `found` later, on the loop.
  void ask(Caller caller, OwnerKey owner, const std::string& name, std::uint16_t port, Found found);
  /// `found` of a caller is called soon, with an error, if it has not been.
  void leave(Caller caller);
  void stop();

  /// Look-ups under way.
  [[nodiscard]] std::size_t running() const { return queue_.running(); }

 private:
  using Steady = std::chrono::steady_clock;
  struct Waiter {
    Caller caller;
    std::uint16_t port;
    Found found;
  };
  struct LookUp {
    bool running = false;
    std::vector<Waiter> waiting = {};
    std::set<OwnerKey> queued = {};  ///< owners that have it in the queue
  };
  struct Kept {
    Result<NameAnswer> answer;
    Steady::time_point until;
  };

  void answer_later(std::uint16_t port, Found found, const Result<NameAnswer>& answer);
  [[nodiscard]] const Result<NameAnswer>* kept(const std::string& host);
  void keep(const std::string& host, const Result<NameAnswer>& answer);
  void forget_first();
  void begin_next();
  void begin(OwnerKey owner, const std::string& host);
  void answered(OwnerKey owner, const std::string& host, const Result<NameAnswer>& answer);

  boost::asio::io_context& loop_;
  const std::vector<std::string> servers_;
  /// While something is asked: a new one reads what the system says of name servers anew.
  std::unique_ptr<DnsChannel> channel_;
  std::map<std::string, LookUp> look_ups_;
  std::map<Caller, std::string> hosts_by_caller_;
  FairQueue<std::string> queue_{{.waiting_max = waiting_max,
                                 .owner_waiting_max = owner_waiting_max,
                                 .owner_running_max = owner_running_max,
                                 .running_max = running_max}};
  std::map<std::string, Kept> kept_;
  std::set<std::pair<Steady::time_point, std::string>> kept_until_;
  bool stopped_ = false;
};

}  // namespace perdure::effects
