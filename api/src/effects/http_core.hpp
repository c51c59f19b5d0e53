// SPDX-License-Identifier: Apache-2.0
// HttpPerformer::Core: the thread that runs all calls, and what they share.
#pragma once

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ssl/context.hpp>
#include <map>
#include <set>
#include <thread>

#include "effects/address_policy.hpp"
#include "effects/name_lookups.hpp"
#include "perdure/api/effects/http_performer.hpp"
#include "perdure/base/shared_room.hpp"

namespace perdure::effects {

class HttpExchange;

/// Threads  begin, check_url, stop: any. All else: the loop's.
class HttpPerformer::Core : public std::enable_shared_from_this<HttpPerformer::Core> {
 public:
  Core(HttpOptions with, AddressPolicy addresses, std::shared_ptr<boost::asio::ssl::context> tls,
       const Clock& with_clock);
  ~Core();

  void begin(std::shared_ptr<Effect> effect);
  void stop();
  [[nodiscard]] bool stopped() const { return stopped_.load(); }

  const HttpOptions options;
  const AddressPolicy policy;
  const std::shared_ptr<boost::asio::ssl::context> tls;  // shared with the connections
  const Clock& clock;
  boost::asio::io_context io{1};
  NameLookups lookups{io, options.resolver};

  std::set<std::shared_ptr<HttpExchange>> running;  ///< on the loop: to end them at a stop
  std::map<std::string, SharedRoom> host_rooms;     ///< places of `running`, by authority
  SharedRoom bodies{options.bodies_bytes_max};      ///< bytes of responses that are being read
  std::uint64_t next_number = 1;                    ///< of an exchange

 private:
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
  std::atomic<bool> stopped_{false};
  std::thread thread_;
};

}  // namespace perdure::effects
