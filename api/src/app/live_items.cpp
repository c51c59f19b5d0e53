// SPDX-License-Identifier: Apache-2.0
// Lists of the items in one object, live: an item as each turn left it is among the object's
// entries as of then.
#include <algorithm>
#include <iterator>

#include "app/live_source.hpp"
#include "perdure/actors/items.hpp"
#include "perdure/actors/noun.hpp"
#include "perdure/runtime/access.hpp"

namespace perdure::api {

namespace {

class LiveItemList final : public LiveSource {
 public:
  LiveItemList(const Runtime& runtime, LiveItems of, actors::ItemMembership is_in, Principal reader)
      : runtime_(runtime),
        of_(std::move(of)),
        parent_(of_.parent.object()),
        many_changed_(of_.items.one + '.' + std::string{actors::item_topic::many_changed}),
        is_in_(std::move(is_in)),
        reader_(std::move(reader)) {}

  [[nodiscard]] std::vector<std::string> topics() const override {
    std::vector<std::string> topics;
    for (const char* verb : {"created", "updated", "deleted", "restored", "purged"}) {
      topics.push_back(of_.items.one + '.' + verb);
    }
    topics.push_back(many_changed_);
    std::ranges::move(topics_of_parent(parent_.kind), std::back_inserter(topics));
    return topics;
  }

  [[nodiscard]] std::optional<std::string> subject(const Event& event) const override {
    const bool is_of_one =
        event.topic.starts_with(of_.items.one + '.') && event.topic != many_changed_;
    if (event.source != parent_ || !is_of_one) return {};
    const auto body = parse_stored_json(event.body);
    if (!body) return {};
    return body->at("data").at("id").get<std::string>();
  }

  [[nodiscard]] EventUse whole(const Event& event) const override {
    if (event.source == parent_ && event.topic == many_changed_) return EventUse::lost;
    return use_of_parent(runtime_, parent_, reader_, event);
  }

  [[nodiscard]] Result<std::vector<ListStep>> steps(const Event& event, const std::string& id,
                                                    Seq /*known*/) const override {
    auto after = item(id, event.seq);
    if (!after && after.error().code == ErrorCode::gone) return fail(std::move(after).error());
    if (!after) return std::vector<ListStep>{};
    ListStep step{
        .name = {{"id", id}}, .was_in = was_in(event, id), .is_in = *after && is_in_(**after)};
    if (step.is_in) {
      step.shown = actors::item_body(of_.parent, parent_.kind + "_id", std::move(**after));
    }
    return std::vector{std::move(step)};
  }

 private:
  /// As it is stored after a turn; none: there is none.
  [[nodiscard]] Result<std::optional<Json>> stored(const std::string& many, const std::string& id,
                                                   Seq seq) const {
    const auto key = actors::item_key(many, id);
    PERDURE_TRY(found, runtime_.entries(parent_, {.from = key, .until = key + '\x01', .limit = 1},
                                        AsOf{seq}));
    if (found.empty()) return std::optional<Json>{};
    PERDURE_TRY(json, parse_stored_json(found.front().value));
    return std::optional{std::move(json)};
  }

  /// The same with null for what names a deleted item, as lists take it.
  [[nodiscard]] Result<std::optional<Json>> item(const std::string& id, Seq seq) const {
    PERDURE_TRY(found, stored(of_.items.many, id, seq));
    if (!found) return std::optional<Json>{};
    for (const auto& reference : of_.items.references) {
      auto& value = found->at(reference.field);
      if (!value.is_string()) continue;
      PERDURE_TRY(named, stored(reference.many, value.get<std::string>(), seq));
      if (!named || named->contains("deleted_at")) value = nullptr;
    }
    return std::optional{std::move(*found)};
  }

  [[nodiscard]] bool was_in(const Event& event, const std::string& id) const {
    if (event.seq < 2) return false;
    const auto before = item(id, event.seq - 1);
    if (before) return *before && is_in_(**before);
    return !event.topic.ends_with(".purged") || of_.are_deleted;
  }

  const Runtime& runtime_;
  const LiveItems of_;
  const ObjectId parent_;
  const std::string many_changed_;
  const actors::ItemMembership is_in_;
  const Principal reader_;
};

}  // namespace

std::vector<std::string> topics_of_parent(const std::string& kind) {
  return {kind + ".deleted", kind + ".purged", kind + ".unshared"};
}

EventUse use_of_parent(const Runtime& runtime, const ObjectId& parent, const Principal& reader,
                       const Event& event) {
  if (event.source != parent) return EventUse::skipped;
  const auto verb = std::string_view{event.topic}.substr(event.topic.rfind('.') + 1);
  const bool is_end =
      event.topic.starts_with(parent.kind + '.') && (verb == "deleted" || verb == "purged");
  if (!is_end && verb != "unshared") return EventUse::skipped;
  const auto now = runtime.inspect(parent);
  // If it is back, its list begins anew.
  if (is_end) return now && now->meta.exists() ? EventUse::lost : EventUse::gone;
  const bool may_read = now && permits(reader, possession_of(now->meta), Action::read).allowed();
  return may_read ? EventUse::skipped : EventUse::withdrawn;
}

LiveSourcePtr live_items(const Runtime& runtime, LiveItems of, actors::ItemMembership is_in,
                         Principal reader) {
  return std::make_unique<LiveItemList>(runtime, std::move(of), std::move(is_in),
                                        std::move(reader));
}

}  // namespace perdure::api
