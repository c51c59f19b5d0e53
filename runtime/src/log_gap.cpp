// SPDX-License-Identifier: Apache-2.0
#include "log_gap.hpp"

#include <algorithm>

#include "event_feed.hpp"
#include "perdure/runtime/access.hpp"

namespace perdure::runtime {

void LogGap::add_event(std::string_view body) {
  const auto event = parse_stored_json(body);
  if (!event || !event->is_object()) {
    all = true;
    return bound();
  }
  readers.insert(event->value("owner", ""));
  time = event->value("time", "");
  if (const auto shared = event->find(event_grantees); shared != event->end()) {
    for (const auto& grantee : *shared) {
      if (grantee.is_string()) readers.insert(grantee.get<std::string>());
    }
  }
  bound();
}

void LogGap::add(const LogGap& other) {
  readers.insert(other.readers.begin(), other.readers.end());
  all = all || other.all;
  time = std::max(time, other.time);
  bound();
}

void LogGap::bound() {
  all = all || readers.size() > readers_max;
  if (all) readers.clear();
}

bool LogGap::concerns(const Principal& reader) const {
  if (all || is_privileged(reader)) return true;
  return std::ranges::any_of(readers, [&](const std::string& name) {
    const auto owner = Owner::from_text(name);
    return permits(reader, {.owner = owner}, Action::read).allowed();
  });
}

std::string encode_gap(const LogGap& gap) {
  return dump_json({{"all", gap.all}, {"readers", gap.readers}, {"time", gap.time}});
}

LogGap decode_gap(std::string_view body) {
  const auto json = parse_stored_json(body);
  try {
    if (json) return {json->at("readers"), json->at("all"), json->at("time")};
  } catch (const std::exception&) {
  }
  return {.all = true};
}

}  // namespace perdure::runtime
