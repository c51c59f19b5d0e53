// SPDX-License-Identifier: Apache-2.0
// How often and when to try again what failed: alarms, messages, effects.
#pragma once

#include <chrono>
#include <optional>

#include "perdure/base/random.hpp"
#include "perdure/base/time.hpp"
#include "perdure/schemas/json.hpp"

namespace perdure {

/// Exponential backoff with jitter. As JSON: `{attempts, backoff_ms, factor, ceiling_ms}`, all
/// optional.
struct RetryPolicy {
  int attempts = 8;  ///< in all, the first one included; 1 to 1,000
  Milliseconds backoff{500};
  double factor = 2.0;
  Milliseconds ceiling{std::chrono::minutes{10}};
  static constexpr Milliseconds asked_max{std::chrono::hours{24}};

  /// The wait after failed attempt number `attempt` (from 1): half of it is jitter, so that those
  /// who failed together do not come back together. Who was asked may want more time
  /// (`Error::retry_after`), whatever `ceiling` says, but no more than `asked_max`.
  [[nodiscard]] Milliseconds wait_after(int attempt, Random& random,
                                        std::optional<Milliseconds> asked = {}) const;
};

void to_json(Json& json, const RetryPolicy& retry);
/// Whether what was called could not answer for now: another try says nothing about the caller.
[[nodiscard]] bool is_busy(const Error& error);
/// Errors: invalid, naming members under `pointer` (a JSON Pointer into the caller's body).
[[nodiscard]] Result<RetryPolicy> parse_retry(const Json& json, const std::string& pointer);

}  // namespace perdure
