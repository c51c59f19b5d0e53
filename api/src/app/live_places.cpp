// SPDX-License-Identifier: Apache-2.0
#include "app/live_places.hpp"

namespace perdure::api {

LivePlaces::LivePlaces() : taken_(std::make_shared<Taken>()) {}

LivePlace LivePlaces::take(OwnerKey owner, std::size_t most) {
  {
    const std::scoped_lock lock{taken_->mutex};
    auto& count = taken_->by_owner[owner];
    if (count >= most) return nullptr;
    ++count;
  }
  // The pointer holds no object: only its end matters.
  return LivePlace{taken_.get(), [taken = taken_, owner](void*) {
                     const std::scoped_lock lock{taken->mutex};
                     const auto found = taken->by_owner.find(owner);
                     if (--found->second == 0) taken->by_owner.erase(found);
                   }};
}

}  // namespace perdure::api
