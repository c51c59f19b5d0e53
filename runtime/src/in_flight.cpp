// SPDX-License-Identifier: Apache-2.0
#include "in_flight.hpp"

#include "directory.hpp"

namespace perdure::runtime {

Stay InFlight::land() {
  if (!seat_) return {};
  auto* const directory = cell_->directory();
  if (directory == nullptr) {
    seat_.forget();
    return {};
  }
  directory->leave(*cell_);
  return seat_.give_back();
}

}  // namespace perdure::runtime
