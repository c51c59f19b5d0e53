// SPDX-License-Identifier: Apache-2.0
#include "use_order.hpp"

namespace perdure::runtime {

UseOrder::Place UseOrder::add(Cell& cell) {
  const auto place = cells_.insert(cells_.end(), &cell);
  if (looked_at_ == cells_.end()) looked_at_ = place;
  return place;
}

void UseOrder::use(Place place) {
  if (looked_at_ == place) ++looked_at_;
  cells_.splice(cells_.end(), cells_, place);
  if (looked_at_ == cells_.end()) looked_at_ = place;
}

void UseOrder::remove(Place place) {
  if (looked_at_ == place) ++looked_at_;
  cells_.erase(place);
}

}  // namespace perdure::runtime
