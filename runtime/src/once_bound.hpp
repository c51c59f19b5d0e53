// SPDX-License-Identifier: Apache-2.0
// OnceBound: how many idempotency keys a principal may use within the window.
//
// The window is divided into four periods. The commit that keeps a reply adds to the count of its
// period, and refuses it past what the periods before have left of the bound: so the bound is
// exact, whoever comes at the same time and whatever crashes. A key counts until the period that it
// came in has wholly left the window. Of the counts there are five for a principal, used again and
// again, and those of the periods before are remembered.
#pragma once

#include <array>
#include <unordered_map>

#include "envelope.hpp"
#include "perdure/base/watched_mutex.hpp"
#include "perdure/storage/store.hpp"

namespace perdure::runtime {

/// What the commit of a reply of so many bytes adds to its principal's count. One of more than
/// 1 KiB counts as several. `room.period` is not 0.
[[nodiscard]] storage::CountChange once_count(const Principal& principal, const OnceRoom& room,
                                              std::size_t stored_bytes);

/// The store's refusal in the caller's words; any other error stays as it is.
[[nodiscard]] Error explain_once(std::uint64_t keys_max, std::chrono::seconds window, Timestamp now,
                                 Error error);

/// Threads  any.
class OnceBound {
 public:
  OnceBound(std::uint64_t keys_max, std::chrono::seconds window);

  /// Where a new key counts. Administrators have no bound; the host's own keys are not counted.
  /// Errors  rate_limited, with `retry_after`; those of the store.
  [[nodiscard]] Result<OnceRoom> room(const Principal& principal, const storage::StoreReader& rows,
                                      Timestamp now);
  /// No more users are known than may be. Aborts otherwise.
  void check_invariants() const;

 private:
  static constexpr std::size_t periods_before = 4;  ///< that may have keys of the window
  struct Known {
    std::uint32_t period = 0;
    Timestamp looked_at{};
    std::array<std::uint64_t, periods_before> before{};  ///< the latest first
    std::uint64_t used = 0;  ///< of the period, about: what others add is seen when it matters
    [[nodiscard]] std::uint64_t used_before() const;
  };

  [[nodiscard]] Result<Known> look(const std::string& user, std::uint32_t period,
                                   const storage::StoreReader& rows, Timestamp now) const;
  [[nodiscard]] Error full(const Known& known, Timestamp now) const;

  const std::uint64_t keys_max_;
  const std::chrono::seconds window_;

  mutable WatchedMutex mutex_;  // guards the rest
  std::unordered_map<std::string, Known> known_;
};

}  // namespace perdure::runtime
