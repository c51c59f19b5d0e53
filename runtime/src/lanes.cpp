// SPDX-License-Identifier: Apache-2.0
#include "lanes.hpp"

#include <algorithm>

namespace perdure::runtime {

Lanes::Name Lanes::of(const Sent& sent) {
  switch (sent.type) {
    case Sent::Type::message: return of_messages(sent.from, sent.to);
    case Sent::Type::effect: return of_effect(sent.from, sent.effect_id);
    case Sent::Type::cancel: break;
  }
  return {to_string(sent.from), "cancel " + sent.effect_id};
}

Lanes::Name Lanes::of_messages(const ObjectId& from, const ObjectId& to) {
  return {to_string(from), to_string(to)};
}

Lanes::Name Lanes::of_effect(const ObjectId& from, const std::string& effect_id) {
  return {to_string(from), "effect " + effect_id};
}

bool Lanes::enter(Name lane, Position position) {
  auto& positions = lanes_[std::move(lane)];
  PERDURE_CHECK(positions.empty() || positions.back() < position, "an item overtakes another");
  positions.push_back(position);
  return positions.size() == 1;
}

std::optional<Lanes::Position> Lanes::leave(const Name& lane) {
  const auto found = lanes_.find(lane);
  PERDURE_CHECK(found != lanes_.end(), "there is no lane from " + lane.first);
  auto& positions = found->second;
  positions.pop_front();
  if (!positions.empty()) return positions.front();
  lanes_.erase(found);
  return {};
}

std::optional<Lanes::Position> Lanes::first(const Name& lane) const {
  const auto found = lanes_.find(lane);
  if (found == lanes_.end()) return {};
  return found->second.front();
}

void Lanes::check_invariants() const {
  for (const auto& [name, positions] : lanes_) {
    PERDURE_CHECK(!positions.empty(), "an empty lane of " + name.first);
    PERDURE_CHECK(std::ranges::is_sorted(positions),
                  "a lane of " + name.first + " is out of order");
  }
}

}  // namespace perdure::runtime
