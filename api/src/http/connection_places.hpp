// SPDX-License-Identifier: Apache-2.0
// Who may have how many of the server's connections: a bound for all, and a share for each address.
//
// An IPv4 address counts for itself, also where it comes mapped into IPv6; an IPv6 address counts
// with its /64, which is what one subscriber is given. Connections beyond a bound hear so while
// there are places for that, a few for each address; further ones are closed unheard.
//
// Threads  any. A mutex, held for a look into a table, at accept and at close.
// Limits   the table has a row for each address with an open connection, so at most as many as
//          there are connections.
#pragma once

#include <boost/asio/ip/address.hpp>
#include <compare>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>

#include "perdure/api/http/server.hpp"
#include "perdure/base/fair_queue.hpp"
#include "perdure/base/time.hpp"

namespace perdure::http {

/// Whether a connection is within the bounds; one beyond them hears so and is closed.
enum class Admission { admitted, server_full, address_full };

/// Connections that may hear why they are refused, of all addresses and of one.
inline constexpr std::size_t refused_connections_max = 128;
inline constexpr std::size_t refused_of_address_max = 16;

/// A share is no smaller than this unless it is set, however few connections there may be.
inline constexpr std::size_t least_share = 16;

/// `Limits::connections_per_address`, or what stands in for it.
[[nodiscard]] std::size_t share_of_address(const Limits& limits) noexcept;

/// What of an address counts.
struct AddressKey {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  bool operator==(const AddressKey&) const = default;
};

[[nodiscard]] AddressKey address_key(const boost::asio::ip::address& address);

/// Whose turn it is, and whose memory, where no principal is known.
[[nodiscard]] OwnerKey owner_key(const AddressKey& key) noexcept;

class ConnectionPlaces {
 public:
  explicit ConnectionPlaces(const Limits& limits);

  /// A place, to be given back; nothing when the connection is to be closed unheard.
  [[nodiscard]] std::optional<Admission> take(const AddressKey& key);
  void give_back(const AddressKey& key, Admission admission);

  [[nodiscard]] std::size_t open() const;
  /// Addresses with a connection.
  [[nodiscard]] std::size_t addresses() const;
  /// True when no connection is open; false at the deadline.
  bool wait_until_empty(Milliseconds deadline);

 private:
  struct Counts {
    std::size_t admitted = 0;
    std::size_t refused = 0;
  };
  struct KeyHash {
    std::size_t operator()(const AddressKey& key) const noexcept { return owner_key(key); }
  };

  const std::size_t connections_max_;
  const std::size_t share_;
  mutable std::mutex mutex_;
  std::condition_variable emptied_;
  // Under mutex_.
  Counts all_;
  std::unordered_map<AddressKey, Counts, KeyHash> of_address_;
};

/// One connection's place, from accept until it is closed, whatever it becomes meanwhile.
/// Threads  one at a time.
class Place {
 public:
  Place(std::shared_ptr<ConnectionPlaces> places, const AddressKey& key, Admission admission)
      : places_(std::move(places)), key_(key), admission_(admission) {}
  Place(Place&&) noexcept = default;
  Place& operator=(Place&&) = delete;
  ~Place() { leave(); }

  [[nodiscard]] Admission admission() const noexcept { return admission_; }
  [[nodiscard]] const AddressKey& key() const noexcept { return key_; }
  /// Gives it back, the first time.
  void leave() {
    if (const auto places = std::move(places_)) places->give_back(key_, admission_);
  }

 private:
  std::shared_ptr<ConnectionPlaces> places_;  // null once it is given back
  AddressKey key_;
  Admission admission_;
};

}  // namespace perdure::http
