// SPDX-License-Identifier: Apache-2.0
#include "change_events.hpp"

#include <algorithm>

#include "event_feed.hpp"
#include "perdure/base/uri.hpp"
#include "record.hpp"

namespace perdure::runtime {

namespace {

PublishedEvent event_of(const KindDefinition& kind, const ObjectMeta& meta, std::string_view verb,
                        Json changed) {
  return {kind.name + '.' + std::string{verb},
          {{"id", meta.object().id}, {"seq", meta.seq}, {"changed", std::move(changed)}}};
}

/// The members that differ, but for the silent ones; null stands for one that is not there.
Json changed_members(const ChangeEvents& rules, const Json& before, const Json& after) {
  auto changed = Json::array();
  if (!after.is_object()) return changed;
  const auto look = [&](const std::string& name, const Json& value, const Json& other) {
    if (std::ranges::count(rules.silent, name) > 0) return;
    const auto found = other.is_object() ? other.find(name) : Json::const_iterator{};
    const bool is_there = other.is_object() && found != other.end();
    if (is_there ? *found != value : !value.is_null()) changed.push_back(name);
  };
  for (const auto& [name, value] : after.items()) look(name, value, before);
  if (!before.is_object()) return changed;
  for (const auto& [name, value] : before.items()) {
    if (!after.contains(name)) look(name, value, after);
  }
  return changed;
}

}  // namespace

std::optional<PublishedEvent> change_event(const KindDefinition& kind, const ObjectMeta& before,
                                           const ObjectMeta& after, const Json& state_before,
                                           const Json& state_after) {
  if (!kind.changes) return {};
  if (!after.exists()) return event_of(kind, after, "deleted", Json::array());
  if (before.origin != after.origin) {
    return event_of(kind, after, "created", changed_members(*kind.changes, nullptr, state_after));
  }
  if (!before.exists()) return event_of(kind, after, "restored", Json::array());
  auto changed = changed_members(*kind.changes, state_before, state_after);
  if (changed.empty()) return {};
  return event_of(kind, after, "updated", std::move(changed));
}

std::optional<PublishedEvent> purge_event(const KindDefinition& kind, const ObjectMeta& after) {
  if (!kind.changes) return {};
  return event_of(kind, after, "purged", Json::array());
}

std::string cloud_event(const ObjectMeta& meta, const std::string& traceparent, std::size_t index,
                        const PublishedEvent& event) {
  const auto& object = meta.object();
  Json body{{"specversion", "1.0"},
            {"id", event_id(object, meta.seq, index)},
            {"source", to_uri_reference(object)},
            {"type", event.topic},
            {"subject", object.id},
            {"time", format_rfc3339(meta.updated_at)},
            {"datacontenttype", "application/json"},
            {"owner", meta.origin->owner.text()},
            {"data", event.data}};
  if (meta.grants) {
    auto& grantees = body[std::string{event_grantees}] = Json::array();
    for (const auto& grant : *meta.grants) grantees.push_back(grant.grantee.text());
  }
  // The extension of CloudEvents for distributed tracing.
  if (!traceparent.empty()) body["traceparent"] = traceparent;
  return dump_json(body);
}

}  // namespace perdure::runtime
