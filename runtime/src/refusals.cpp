// SPDX-License-Identifier: Apache-2.0
#include "refusals.hpp"

namespace perdure::runtime {

namespace {

constexpr auto retry_after = std::chrono::seconds{5};

}  // namespace

Unexpected stopping() { return fail(ErrorCode::unavailable, "the runtime is stopping"); }

Unexpected writes_have_stopped(storage::Health health) {
  const auto& traits = storage::describe(health);
  Error error{.code = ErrorCode::unavailable,
              .detail = std::string{traits.detail},
              .fields = {{"storage", std::string{traits.name}, std::string{traits.detail}}}};
  error.retry_after = retry_after;
  return fail(std::move(error));
}

Result<void> check_health(const storage::Store& store) {
  const auto health = store.health();
  if (health == storage::Health::writable) return {};
  return writes_have_stopped(health);
}

Unexpected opened_again() {
  Error error{.code = ErrorCode::unavailable,
              .detail = "the store was opened again; nothing was changed"};
  error.retry_after = std::chrono::seconds{1};
  return fail(std::move(error));
}

Unexpected unknown_outcome(const Error& cause) {
  Error error{.code = ErrorCode::outcome_unknown,
              .detail = "the change may or may not have happened: " + cause.detail};
  error.retry_after = retry_after;
  return fail(std::move(error));
}

}  // namespace perdure::runtime
