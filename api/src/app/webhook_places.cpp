// SPDX-License-Identifier: Apache-2.0
#include "app/webhook_places.hpp"

namespace perdure::api {

namespace {

constexpr std::size_t rows_at_once = 100;

}  // namespace

WebhookPlaces::WebhookPlaces() : taken_(std::make_shared<Taken>()) {}

Result<WebhookPlaces::Place> WebhookPlaces::take(const Runtime& runtime, const std::string& owner,
                                                 std::size_t most) {
  Place place{};
  {
    // Those being made first: one that is done in between is counted twice, and never not at all.
    const std::scoped_lock lock{taken_->mutex};
    place.others = taken_->by_owner[owner]++;
  }
  place.held = std::shared_ptr<void>{taken_.get(), [taken = taken_, owner](void*) {
                                       const std::scoped_lock lock{taken->mutex};
                                       const auto found = taken->by_owner.find(owner);
                                       if (--found->second == 0) taken->by_owner.erase(found);
                                     }};
  ListRequest request{.kind = "webhook", .index = "$owner", .owner = owner, .limit = rows_at_once};
  while (place.others < most) {
    PERDURE_TRY(page, runtime.list(request));
    place.others += page.items.size();
    if (page.next_cursor.empty()) break;
    request.cursor = std::move(page.next_cursor);
  }
  return place;
}

}  // namespace perdure::api
