// SPDX-License-Identifier: Apache-2.0
// Flights: the calls under way: how many there are, whose they are, and whether anybody still needs
// the runtime.
//
// A call's end has two moments (ADR 35). When its answer goes out, the call gives its seat back:
// whoever gets the answer finds the object quiet, and room for the next call. The thread that hands
// the answer out is still in the runtime's code then, so it stays as a guest until the handler has
// returned. A runtime that stops waits for both.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <optional>
#include <utility>

#include "flight_shares.hpp"
#include "perdure/base/result.hpp"

namespace perdure::runtime {

class Flights;

/// A thread that the runtime waits for.
///
/// Threads  one. Lifetime: within the runtime's; it lives on a stack.
class Stay {
 public:
  Stay() = default;
  explicit Stay(std::atomic<std::size_t>& guests) : guests_(&guests) {
    guests_->fetch_add(1, std::memory_order_relaxed);
  }
  Stay(Stay&& other) noexcept : guests_(std::exchange(other.guests_, nullptr)) {}
  Stay& operator=(Stay&&) = delete;
  ~Stay() {
    if (guests_ != nullptr) guests_->fetch_sub(1, std::memory_order_release);
  }

 private:
  std::atomic<std::size_t>* guests_ = nullptr;
};

/// A call's place among those in flight. Gives itself back.
///
/// Threads  one at a time. Lifetime: within that of Flights, unless `forget` was called.
class Seat {
 public:
  Seat() = default;
  Seat(Seat&& other) noexcept
      : flights_(std::exchange(other.flights_, nullptr)),
        caller_(other.caller_),
        resting_(std::exchange(other.resting_, false)) {}
  Seat& operator=(Seat&& other) noexcept {
    std::swap(flights_, other.flights_);
    std::swap(caller_, other.caller_);
    std::swap(resting_, other.resting_);
    return *this;
  }
  ~Seat() { static_cast<void>(give_back()); }

  explicit operator bool() const { return flights_ != nullptr; }
  /// Whose share of the calls in flight it takes; none: nobody's.
  [[nodiscard]] std::optional<OwnerKey> caller() const { return caller_; }
  /// Its call waits for others, so nothing of it is on its way; and not any more.
  void rest();
  void wake();
  /// Frees the seat. The runtime stays until what this returns is gone.
  Stay give_back();
  /// The counts are gone with their runtime.
  void forget() { flights_ = nullptr; }

 private:
  friend class Flights;
  Seat(Flights& flights, std::optional<OwnerKey> caller) : flights_(&flights), caller_(caller) {}

  Flights* flights_ = nullptr;
  std::optional<OwnerKey> caller_ = {};
  bool resting_ = false;
};

/// Threads  any.
class Flights {
 public:
  struct Limits {
    std::size_t most;
    std::size_t most_of_caller = most;
  };

  explicit Flights(Limits limits) : limits_(limits) {}
  Flights(const Flights&) = delete;
  Flights& operator=(const Flights&) = delete;

  /// Counts a call of `caller`, which has a share; none: of the host. Errors: overloaded.
  [[nodiscard]] Result<Seat> take_seat(std::optional<OwnerKey> caller);
  /// Counts what has no bound, since it goes with a call that has been let in.
  [[nodiscard]] Seat take_extra_seat();
  /// Keeps the runtime until the last copy is gone. May outlive this.
  [[nodiscard]] std::shared_ptr<void> invite();

  [[nodiscard]] std::size_t in_flight() const {
    return counts_->in_flight.load(std::memory_order_acquire);
  }
  /// Those of them that do not wait for others.
  [[nodiscard]] std::size_t moving() const {
    const auto resting = counts_->resting.load(std::memory_order_relaxed);
    const auto all = in_flight();
    return all > resting ? all - resting : 0;
  }
  /// Nothing is in flight, and no thread is handing out an answer.
  [[nodiscard]] bool over() const {
    // In this order: a guest is counted before its seat is given back.
    return in_flight() == 0 && counts_->guests.load(std::memory_order_acquire) == 0;
  }
  /// The shares add up to no more than is in flight. Aborts otherwise. Not while calls come and go.
  void check_invariants() const;

 private:
  friend class Seat;
  struct Counts {
    std::atomic<std::size_t> in_flight{0};
    std::atomic<std::size_t> resting{0};
    std::atomic<std::size_t> guests{0};
  };

  const Limits limits_;
  FlightShares shares_;
  const std::shared_ptr<Counts> counts_ = std::make_shared<Counts>();
};

}  // namespace perdure::runtime
