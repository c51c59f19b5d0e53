// SPDX-License-Identifier: Apache-2.0
#include "flights.hpp"

namespace perdure::runtime {

namespace {

Unexpected overloaded(std::string detail) {
  Error error{.code = ErrorCode::overloaded, .detail = std::move(detail)};
  error.retry_after = std::chrono::seconds{1};
  return fail(std::move(error));
}

}  // namespace

void Seat::rest() {
  if (flights_ == nullptr || std::exchange(resting_, true)) return;
  flights_->counts_->resting.fetch_add(1, std::memory_order_relaxed);
}

void Seat::wake() {
  if (flights_ == nullptr || !std::exchange(resting_, false)) return;
  flights_->counts_->resting.fetch_sub(1, std::memory_order_relaxed);
}

Stay Seat::give_back() {
  wake();
  auto* const flights = std::exchange(flights_, nullptr);
  if (flights == nullptr) return {};
  Stay stay{flights->counts_->guests};
  if (caller_) flights->shares_.give_back(*caller_);
  flights->counts_->in_flight.fetch_sub(1, std::memory_order_release);
  return stay;
}

Result<Seat> Flights::take_seat(std::optional<OwnerKey> caller) {
  auto& in_flight = counts_->in_flight;
  if (in_flight.fetch_add(1, std::memory_order_relaxed) >= limits_.most) {
    in_flight.fetch_sub(1, std::memory_order_relaxed);
    return overloaded("the server has as many calls waiting as it may");
  }
  if (caller && !shares_.take(*caller, limits_.most_of_caller)) {
    in_flight.fetch_sub(1, std::memory_order_relaxed);
    return overloaded("as many calls of one caller are waiting as may");
  }
  return Seat{*this, caller};
}

Seat Flights::take_extra_seat() {
  counts_->in_flight.fetch_add(1, std::memory_order_relaxed);
  return Seat{*this, {}};
}

std::shared_ptr<void> Flights::invite() {
  counts_->guests.fetch_add(1, std::memory_order_relaxed);
  return {nullptr,
          [counts = counts_](void*) { counts->guests.fetch_sub(1, std::memory_order_release); }};
}

void Flights::check_invariants() const {
  PERDURE_CHECK(counts_->resting.load() <= in_flight(), "more calls rest than are in flight");
  PERDURE_CHECK(shares_.total() <= in_flight(), "callers have more in flight than there is");
}

}  // namespace perdure::runtime
