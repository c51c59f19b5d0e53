// SPDX-License-Identifier: Apache-2.0
// Tickets: what browsers open WebSockets and event streams with, as they can send no header there.
//
// A ticket stands for the API key that asked for it, once and for a short time, and has that key's
// scopes and no more. Tickets are kept in memory alone: a restart ends them, and clients ask again.
#pragma once

#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "app/key_cache.hpp"
#include "perdure/base/result.hpp"
#include "perdure/base/shared_room.hpp"

namespace perdure::api {

/// Threads  any.
/// Limits   1,000 tickets of one key that are neither used nor expired; 100,000 in all that have
///          not expired, which owners share as a SharedRoom says: one alone has half of them.
class Tickets {
 public:
  static constexpr std::chrono::seconds lifetime{30};
  static constexpr std::size_t tickets_max = 100'000;
  static constexpr std::size_t tickets_of_key_max = 1'000;

  Tickets(const Clock& clock, Random& random)
      : clock_(clock), random_(random), tag_key_{random.next(), random.next()} {}

  /// 256 random bits as text that needs no escape in a URL. `owner` is the key's.
  /// Errors  rate_limited  the key or its owner has too many; overloaded  all owners together have.
  [[nodiscard]] Result<std::string> issue(std::shared_ptr<KeyRecord> key, OwnerKey owner);
  /// The key that the ticket stands for; null when it was used before, has expired or never was.
  [[nodiscard]] std::shared_ptr<KeyRecord> redeem(std::string_view ticket);

 private:
  struct Issued {
    SipTag tag;
    OwnerKey owner;
    Milliseconds expires;
  };
  struct Ticket {
    std::shared_ptr<KeyRecord> key;  // shared with the cache of keys
    Milliseconds expires;
  };
  struct Hasher {
    std::size_t operator()(const SipTag& tag) const noexcept { return tag[0]; }
  };
  using Open = std::unordered_map<SipTag, Ticket, Hasher>;

  void drop_expired(Milliseconds now);
  void erase(Open::iterator found);

  const Clock& clock_;
  Random& random_;
  const SipKey tag_key_;

  std::mutex mutex_;           // guards the rest
  Open open_;                  ///< by tag: what is not kept cannot leak
  std::deque<Issued> issued_;  ///< by expiry; used ones are still in it
  SharedRoom room_{tickets_max};
  std::unordered_map<const KeyRecord*, std::size_t> counts_;  ///< open ones of each key
};

}  // namespace perdure::api
