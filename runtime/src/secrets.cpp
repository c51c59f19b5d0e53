// SPDX-License-Identifier: Apache-2.0
#include "secrets.hpp"

#include <algorithm>

namespace perdure {

namespace {

/// Where a dotted member stands: in which object, and under which name.
struct Place {
  Json* holder = nullptr;  ///< null: there is no such object
  std::string name;
};

Place place_of(Json& state, const std::string& member) {
  Json* at = &state;
  for (std::size_t start = 0;;) {
    if (!at->is_object()) return {};
    const auto dot = member.find('.', start);
    auto name = member.substr(start, dot - start);
    if (dot == std::string::npos) return {at, std::move(name)};
    const auto found = at->find(name);
    if (found == at->end()) return {};
    at = &*found;
    start = dot + 1;
  }
}

}  // namespace

Json without_secrets(const KindDefinition& kind, Json state) {
  for (const auto& member : kind.secrets) {
    if (const auto place = place_of(state, member); place.holder != nullptr) {
      place.holder->erase(place.name);
    }
  }
  return state;
}

namespace runtime {

void keep_secrets(const KindDefinition& kind, const Json& before, Json& state) {
  Json kept = before;
  for (const auto& member : kind.secrets) {
    const auto from = place_of(kept, member);
    const auto to = place_of(state, member);
    if (from.holder == nullptr || to.holder == nullptr || to.holder->contains(to.name)) continue;
    if (const auto secret = from.holder->find(from.name); secret != from.holder->end()) {
      (*to.holder)[to.name] = *secret;
    }
  }
}

Json secrets_of(const KindDefinition& kind, const Json& state) {
  Json copy = state;
  auto secrets = Json::object();
  for (const auto& member : kind.secrets) {
    const auto place = place_of(copy, member);
    if (place.holder == nullptr) continue;
    const auto found = place.holder->find(place.name);
    if (found != place.holder->end()) secrets[member] = *found;
  }
  return secrets;
}

void put_secrets(const Json& secrets, Json& state) {
  for (const auto& [member, secret] : secrets.items()) {
    const auto place = place_of(state, member);
    if (place.holder != nullptr) (*place.holder)[place.name] = secret;
  }
}

}  // namespace runtime

}  // namespace perdure
