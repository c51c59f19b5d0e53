// SPDX-License-Identifier: Apache-2.0
#include "change_events.hpp"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "event_feed.hpp"
#include "grants.hpp"
#include "perdure/base/uri.hpp"
#include "perdure/schemas/write_json.hpp"
#include "record.hpp"

namespace perdure::runtime {

namespace {

PublishedEvent event_of(const KindDefinition& kind, const ObjectMeta& meta, std::string_view verb,
                        std::string_view member, Json value) {
  PublishedEvent event{kind.name + '.' + std::string{verb},
                       {{"id", meta.object().id}, {"seq", meta.seq}}};
  event.data[std::string{member}] = std::move(value);
  return event;
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

const std::vector<ObjectGrant>& grants_of(const ObjectMeta& meta) {
  static const std::vector<ObjectGrant> none;
  return meta.grants ? *meta.grants : none;
}

/// What was granted, or granted in another role, and what was withdrawn.
void add_grant_events(const KindDefinition& kind, const ObjectMeta& before, const ObjectMeta& after,
                      std::vector<PublishedEvent>& events) {
  if (before.grants == after.grants) return;
  const auto& old_grants = grants_of(before);
  const auto& new_grants = grants_of(after);
  const auto add = [&](std::string_view verb, const ObjectGrant& grant) {
    auto event = event_of(kind, after, verb, "grantee", grant.grantee.text());
    event.also_to = grant.grantee;
    events.push_back(std::move(event));
  };
  for (const auto& grant : new_grants) {
    if (std::ranges::find(old_grants, grant) == old_grants.end()) add("shared", grant);
  }
  for (const auto& grant : old_grants) {
    if (!is_granted(after, grant.grantee.text())) add("unshared", grant);
  }
}

/// Who may read the object beside its owner, as a member of its event.
void add_grantees(std::string& text, const ObjectMeta& meta, const PublishedEvent& event) {
  static_assert(event_grantees == "grantees");  // its place among the members
  std::vector<std::string_view> grantees;
  for (const auto& grant : grants_of(meta)) grantees.push_back(grant.grantee.text());
  if (event.also_to && std::ranges::count(grantees, event.also_to->text()) == 0) {
    grantees.push_back(event.also_to->text());
  }
  std::string_view before{R"(,"grantees":[)"};
  for (const auto grantee : grantees) {
    text += std::exchange(before, ",");
    write_json_string(text, grantee);
  }
  if (!grantees.empty()) text += ']';
}

}  // namespace

void add_change_events(const KindDefinition& kind, const ObjectMeta& before,
                       const ObjectMeta& after, const Json& state_before, const Json& state_after,
                       std::vector<PublishedEvent>& events) {
  if (!kind.changes) return;
  const auto add = [&](std::string_view verb, Json changed = Json::array()) {
    events.push_back(event_of(kind, after, verb, "changed", std::move(changed)));
  };
  if (!after.exists()) return add("deleted");
  const bool is_new = before.origin != after.origin;
  if (!is_new && !before.exists()) return add("restored");
  if (kind.changes->tells == ChangeEvents::Tells::ends) return;
  if (is_new) return add("created", changed_members(*kind.changes, nullptr, state_after));
  auto changed = changed_members(*kind.changes, state_before, state_after);
  if (!changed.empty()) add("updated", std::move(changed));
  add_grant_events(kind, before, after, events);
}

std::optional<PublishedEvent> purge_event(const KindDefinition& kind, const ObjectMeta& after) {
  if (!kind.changes) return {};
  return event_of(kind, after, "purged", "changed", Json::array());
}

std::string cloud_event(const ObjectMeta& meta, const std::string& traceparent, std::size_t index,
                        const PublishedEvent& event) {
  // The text of a JSON object, its members in byte order as `dump_json` has them. An event is
  // written in its turn and only passed on afterwards, so nobody needs it as values.
  const auto& object = meta.object();
  std::string text{R"({"data":)"};
  const auto add = [&](std::string_view before, std::string_view value) {
    text += before;
    write_json_string(text, value);
  };
  write_json(text, event.data);
  text += R"(,"datacontenttype":"application/json")";
  add_grantees(text, meta, event);
  add(R"(,"id":)", event_id(object, meta.seq, index));
  add(R"(,"owner":)", meta.origin->owner.text());
  add(R"(,"source":)", to_uri_reference(object));
  text += R"(,"specversion":"1.0")";
  add(R"(,"subject":)", object.id);
  add(R"(,"time":)", format_rfc3339(meta.updated_at));
  // The extension of CloudEvents for distributed tracing.
  if (!traceparent.empty()) add(R"(,"traceparent":)", traceparent);
  add(R"(,"type":)", event.topic);
  text += '}';
  return text;
}

}  // namespace perdure::runtime
