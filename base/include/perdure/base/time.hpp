// SPDX-License-Identifier: Apache-2.0
// Time as the product sees it: UTC milliseconds, read from an injected clock.
//
// Nothing below `main` reads the system clock: the simulator replaces `Clock`.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "perdure/base/result.hpp"

namespace perdure {

using Milliseconds = std::chrono::milliseconds;
using Timestamp = std::chrono::sys_time<Milliseconds>;

[[nodiscard]] inline std::int64_t to_unix_ms(Timestamp time) {
  return time.time_since_epoch().count();
}
[[nodiscard]] inline Timestamp from_unix_ms(std::int64_t ms) { return Timestamp{Milliseconds{ms}}; }

/// RFC 3339 in UTC with milliseconds: `2026-11-21T03:30:31.000Z`.
[[nodiscard]] std::string format_rfc3339(Timestamp time);

/// Reads an RFC 3339 date-time with any offset and any number of fraction digits (kept to
/// milliseconds, truncated). Errors: malformed.
[[nodiscard]] Result<Timestamp> parse_rfc3339(std::string_view text);

/// Threads  every method may be called from any thread.
class Clock {
 public:
  virtual ~Clock() = default;
  /// Wall time. May step in either direction.
  [[nodiscard]] virtual Timestamp now() const = 0;
  /// Time since an arbitrary start; never goes back, and passes while the machine sleeps.
  [[nodiscard]] virtual Milliseconds monotonic() const = 0;
};

class SystemClock final : public Clock {
 public:
  [[nodiscard]] Timestamp now() const override;
  [[nodiscard]] Milliseconds monotonic() const override;
};

}  // namespace perdure
