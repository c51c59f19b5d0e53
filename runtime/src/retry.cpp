// SPDX-License-Identifier: Apache-2.0
#include "perdure/runtime/retry.hpp"

#include <algorithm>
#include <cmath>

#include "fields.hpp"

namespace perdure {

Milliseconds RetryPolicy::wait_after(int attempt, Random& random,
                                     std::optional<Milliseconds> asked) const {
  const double longest = static_cast<double>(ceiling.count());
  const double wait = std::min(
      static_cast<double>(backoff.count()) * std::pow(factor, std::max(attempt - 1, 0)), longest);
  const double jitter = static_cast<double>(random.next() >> 11) * 0x1p-53;  // 0 <= jitter < 1
  const Milliseconds own{static_cast<std::int64_t>(wait * (0.5 + 0.5 * jitter))};
  return std::max(own, std::min(asked.value_or(Milliseconds{0}), asked_max));
}

bool is_busy(const Error& error) {
  switch (error.code) {
    case ErrorCode::overloaded:
    case ErrorCode::unavailable:
    case ErrorCode::index_building:
    case ErrorCode::outcome_unknown:
    case ErrorCode::stale_epoch:
    case ErrorCode::deadline_exceeded: return true;
    default: return false;
  }
}

void to_json(Json& json, const RetryPolicy& retry) {
  json = {{"attempts", retry.attempts},
          {"backoff_ms", retry.backoff.count()},
          {"factor", retry.factor},
          {"ceiling_ms", retry.ceiling.count()}};
}

Result<RetryPolicy> parse_retry(const Json& json, const std::string& pointer) {
  constexpr std::int64_t day_ms = 24 * 60 * 60 * 1000;
  if (!json.is_object()) {
    return runtime::bad_member(pointer, "type",
                               "is an object of attempts, backoff_ms, factor and ceiling_ms");
  }
  for (const auto& [name, value] : json.items()) {
    if (name != "attempts" && name != "backoff_ms" && name != "factor" && name != "ceiling_ms") {
      return runtime::bad_member(append_step(pointer, name), "unknown",
                                 "is no member of a retry policy");
    }
  }
  RetryPolicy retry;
  using runtime::whole_member;
  PERDURE_TRY(attempts, whole_member(json, "attempts", retry.attempts, 1, 1'000, pointer));
  PERDURE_TRY(backoff, whole_member(json, "backoff_ms", retry.backoff.count(), 1, day_ms, pointer));
  PERDURE_TRY(ceiling,
              whole_member(json, "ceiling_ms", retry.ceiling.count(), 1, 7 * day_ms, pointer));
  retry.attempts = static_cast<int>(attempts);
  retry.backoff = Milliseconds{backoff};
  retry.ceiling = Milliseconds{ceiling};
  if (const auto factor = json.find("factor"); factor != json.end() && !factor->is_null()) {
    if (!factor->is_number() || *factor < 1.0 || *factor > 100.0) {
      return runtime::bad_member(pointer + "/factor", "range", "is a number from 1 to 100");
    }
    retry.factor = *factor;
  }
  return retry;
}

}  // namespace perdure
