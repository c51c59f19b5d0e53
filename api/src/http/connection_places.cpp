// SPDX-License-Identifier: Apache-2.0
#include "http/connection_places.hpp"

#include <algorithm>
#include <cstring>
#include <string_view>

#include "perdure/base/check.hpp"

namespace perdure::http {

std::size_t share_of_address(const Limits& limits) noexcept {
  if (limits.connections_per_address > 0) return limits.connections_per_address;
  return std::max(limits.connections_max / 4, least_share);
}

AddressKey address_key(const boost::asio::ip::address& address) {
  constexpr std::uint64_t mapped = 0xFFFF'0000'0000;
  if (address.is_v4()) return {.low = mapped | address.to_v4().to_uint()};
  const auto bytes = address.to_v6().to_bytes();
  const auto number = [&](std::size_t at, std::size_t count) {
    std::uint64_t value = 0;
    for (auto end = at + count; at < end; ++at) value = value << 8U | bytes[at];
    return value;
  };
  if (address.to_v6().is_v4_mapped()) return {.low = number(8, 8)};
  return {.high = number(0, 8)};
}

ConnectionPlaces::ConnectionPlaces(const Limits& limits)
    : connections_max_(limits.connections_max), share_(share_of_address(limits)) {}

OwnerKey owner_key(const AddressKey& key) noexcept {
  char bytes[sizeof key];
  std::memcpy(bytes, &key, sizeof key);
  return perdure::owner_key(std::string_view{bytes, sizeof bytes});
}

std::optional<Admission> ConnectionPlaces::take(const AddressKey& key) {
  const std::lock_guard lock{mutex_};
  auto& mine = of_address_[key];
  const auto server_full = all_.admitted >= connections_max_;
  if (!server_full && mine.admitted < share_) {
    ++all_.admitted;
    ++mine.admitted;
    return Admission::admitted;
  }
  if (all_.refused < refused_connections_max && mine.refused < refused_of_address_max) {
    ++all_.refused;
    ++mine.refused;
    return server_full ? Admission::server_full : Admission::address_full;
  }
  if (mine.admitted + mine.refused == 0) of_address_.erase(key);
  return {};
}

void ConnectionPlaces::give_back(const AddressKey& key, Admission admission) {
  const std::lock_guard lock{mutex_};
  const auto found = of_address_.find(key);
  PERDURE_CHECK(found != of_address_.end(), "a place is given back once");
  const auto count = admission == Admission::admitted ? &Counts::admitted : &Counts::refused;
  --(all_.*count);
  auto& mine = found->second;
  --(mine.*count);
  if (mine.admitted + mine.refused == 0) of_address_.erase(found);
  if (of_address_.empty()) emptied_.notify_all();
}

std::size_t ConnectionPlaces::open() const {
  const std::lock_guard lock{mutex_};
  return all_.admitted + all_.refused;
}

std::size_t ConnectionPlaces::addresses() const {
  const std::lock_guard lock{mutex_};
  return of_address_.size();
}

bool ConnectionPlaces::wait_until_empty(Milliseconds deadline) {
  std::unique_lock lock{mutex_};
  return emptied_.wait_for(lock, deadline, [this] { return of_address_.empty(); });
}

}  // namespace perdure::http
