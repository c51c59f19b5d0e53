// SPDX-License-Identifier: Apache-2.0
#include "effects/name_lookups.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>

namespace perdure::effects {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

void NameLookups::ask(const std::string& host, const std::string& port, Found found) {
  Place place{host, port};
  auto& waiting = waiting_[place];
  waiting.push_back(std::move(found));
  if (waiting.size() > 1) return;
  asio::post(threads_, [this, place = std::move(place), guard = asio::make_work_guard(loop_)] {
    error_code ec;
    asio::io_context context;
    tcp::resolver resolver{context};
    Endpoints endpoints;
    for (const auto& entry :
         resolver.resolve(place.first, place.second, tcp::resolver::numeric_service, ec)) {
      endpoints.push_back(entry.endpoint());
    }
    asio::post(loop_, [this, place, ec, endpoints = std::move(endpoints)] {
      answer(place, ec, endpoints);
    });
  });
}

void NameLookups::answer(const Place& place, error_code ec, const Endpoints& endpoints) {
  const auto asked = waiting_.extract(place);
  for (const auto& found : asked.mapped()) found(ec, endpoints);
}

}  // namespace perdure::effects
