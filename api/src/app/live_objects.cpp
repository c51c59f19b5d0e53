// SPDX-License-Identifier: Apache-2.0
// Lists of objects, live: an object as each turn left it is in its history.
#include <algorithm>

#include "app/live_source.hpp"
#include "perdure/actors/noun.hpp"
#include "perdure/runtime/access.hpp"

namespace perdure::api {

namespace {

using WhenDeleted = ReferenceDefinition::WhenDeleted;

/// Whether an event of some kind ends, or brings back, what others may refer to.
bool is_of_an_end(const std::string& topic) {
  return topic.ends_with(".deleted") || topic.ends_with(".restored") || topic.ends_with(".purged");
}

/// A filter by a reference that reads as null where its object is gone: what such a list has
/// changes with objects that are not listed.
struct ReferenceFilter {
  std::string kind;
  std::vector<Json> values;

  /// What others see of `object` has changed whether what refers to it is in the list.
  [[nodiscard]] bool looks_at(const ObjectId& object) const {
    return object.kind == kind && std::ranges::any_of(values, [&](const Json& value) {
             return value.is_null() || value == object.id;
           });
  }
};

std::vector<ReferenceFilter> reference_filters(const KindDefinition& kind,
                                               const ListRequest& request) {
  std::vector<ReferenceFilter> found;
  for (const auto& condition : request.where) {
    const auto filter = std::ranges::find(kind.lists.filters, condition.name, &ListFilter::name);
    if (filter == kind.lists.filters.end()) continue;
    const auto reference =
        std::ranges::find(kind.references, filter->field, &ReferenceDefinition::field);
    if (reference == kind.references.end()) continue;
    if (reference->when_deleted == WhenDeleted::goes_along) continue;
    found.push_back({reference->kind, condition.values});
  }
  return found;
}

class LiveObjectList final : public LiveSource {
 public:
  LiveObjectList(const Runtime& runtime, LiveObjects of, Principal reader)
      : runtime_(runtime),
        kind_(*runtime.find_kind(of.request.kind)),
        lives_(of.request.lives),
        whose_(of.request.whose),
        filters_(reference_filters(kind_, of.request)),
        is_in_(std::move(of.is_in)),
        shown_(std::move(of.shown)),
        reader_(std::move(reader)) {}

  /// Of changes, as a rule one event for each turn.
  [[nodiscard]] std::vector<std::string> topics() const override {
    std::vector<std::string> topics;
    for (const char* verb :
         {"created", "updated", "deleted", "restored", "purged", "shared", "unshared"}) {
      topics.push_back(kind_.name + '.' + verb);
    }
    for (const auto& filter : filters_) {
      if (filter.kind == kind_.name) continue;
      for (const char* verb : {"deleted", "restored", "purged"}) {
        topics.push_back(filter.kind + '.' + verb);
      }
    }
    const auto* noun = actors::find_noun(kind_.name);
    if (noun != nullptr && noun->made_by == actors::Noun::MadeBy::host) {
      for (const auto& topic : noun->topics) topics.push_back(topic.topic);
    }
    return topics;
  }

  [[nodiscard]] std::optional<std::string> subject(const Event& event) const override {
    if (event.source.kind != kind_.name) return {};
    return event.source.id;
  }

  [[nodiscard]] EventUse whole(const Event& event) const override {
    return moves_others(event) ? EventUse::lost : EventUse::skipped;
  }

  [[nodiscard]] Result<std::vector<ListStep>> steps(const Event& event, const std::string& id,
                                                    Seq /*known*/) const override {
    if (moves_others(event)) {
      return fail(ErrorCode::gone, "what refers to the object is not told one by one");
    }
    const auto after = runtime_.inspect_at(event.source, event.seq);
    if (!after) return std::vector<ListStep>{};
    ListStep step{.name = {{"id", id}}, .was_in = was_in(event), .is_in = is_listed(*after)};
    if (step.is_in && may_be_shown(*after)) {
      PERDURE_TRY(body, shown_(*after));
      step.shown = std::move(body);
    }
    return std::vector{std::move(step)};
  }

 private:
  [[nodiscard]] bool moves_others(const Event& event) const {
    return is_of_an_end(event.topic) &&
           std::ranges::any_of(filters_, [&](const ReferenceFilter& filter) {
             return filter.looks_at(event.source);
           });
  }

  /// References are compared as clients read them; what goes along with what it refers to leaves by
  /// its own deletion.
  [[nodiscard]] bool is_listed(const ObjectView& view) const {
    if (filters_.empty()) return is_in_(view);
    auto state = runtime_.without_dead_references(kind_, view.state);
    for (const auto& reference : kind_.references) {
      if (reference.when_deleted != WhenDeleted::goes_along) continue;
      if (const auto kept = view.state.find(reference.field); kept != view.state.end()) {
        state[reference.field] = *kept;
      }
    }
    return is_in_({view.meta, std::move(state)});
  }

  [[nodiscard]] bool was_in(const Event& event) const {
    if (event.seq < 2) return false;
    const auto before = runtime_.inspect_at(event.source, event.seq - 1);
    if (before) return is_listed(*before);
    // What is below the history that is kept may have been in it: to leave twice is no harm. A
    // purge takes the history of what was deleted before.
    return !event.topic.ends_with(".purged") || lives_ == ListRequest::Lives::deleted;
  }

  // A right that was withdrawn since then counts already; its own event takes the item away.
  [[nodiscard]] bool may_be_shown(const ObjectView& view) const {
    using Whose = ListRequest::Whose;
    if (whose_ != Whose::shared && whose_ != Whose::readable) return true;
    const auto now = runtime_.inspect(view.meta.object());
    return now && permits(reader_, possession_of(now->meta, kind_.reach), Action::read).allowed();
  }

  const Runtime& runtime_;
  const KindDefinition& kind_;
  const ListRequest::Lives lives_;
  const ListRequest::Whose whose_;
  const std::vector<ReferenceFilter> filters_;
  const ListMembership is_in_;
  const std::function<Result<Json>(const ObjectView&)> shown_;
  const Principal reader_;
};

}  // namespace

LiveSourcePtr live_objects(const Runtime& runtime, LiveObjects of, Principal reader) {
  return std::make_unique<LiveObjectList>(runtime, std::move(of), std::move(reader));
}

}  // namespace perdure::api
