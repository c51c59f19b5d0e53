// SPDX-License-Identifier: Apache-2.0
#include "attempt_end.hpp"

#include "perdure/runtime/retry.hpp"

namespace perdure::runtime {

namespace {

/// Whether another attempt at an effect could end otherwise.
bool may_try_again(const Error& error) {
  return describe(error.code).retry == Retry::yes || error.code == ErrorCode::internal;
}

}  // namespace

AttemptEnd after_call(const Tried& tried, const Result<Reply>& reply, bool was_taken) {
  if (reply || was_taken) return AttemptEnd::removal;
  return is_busy(reply.error()) ? AttemptEnd::same_again : after_failure(tried);
}

AttemptEnd after_effect(const Tried& tried, const Result<Json>& result) {
  if (result) return AttemptEnd::handing_over;
  if (result.error().code == ErrorCode::overloaded) return AttemptEnd::same_again;
  if (may_try_again(result.error())) return after_failure(tried);
  return tried.is_asked ? AttemptEnd::handing_over : AttemptEnd::burial;
}

AttemptEnd after_failure(const Tried& tried) {
  if (tried.is_buried) return AttemptEnd::burial_again;
  if (tried.attempt < tried.attempts_max) return AttemptEnd::next_attempt;
  const bool can_be_told = tried.is_effect && !tried.has_result && tried.is_asked;
  return can_be_told ? AttemptEnd::handing_over : AttemptEnd::burial;
}

}  // namespace perdure::runtime
