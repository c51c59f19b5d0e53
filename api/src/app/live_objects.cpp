// SPDX-License-Identifier: Apache-2.0
// Lists of objects, live: an object as each turn left it is in its history.
#include "app/live_source.hpp"
#include "app/object_list.hpp"
#include "perdure/actors/noun.hpp"
#include "perdure/base/check.hpp"
#include "perdure/runtime/access.hpp"

namespace perdure::api {

namespace {

class LiveObjects final : public LiveSource {
 public:
  LiveObjects(const Runtime& runtime, const ListRequest& request, ListMembership is_in,
              Principal reader)
      : runtime_(runtime),
        kind_(*runtime.find_kind(request.kind)),
        lives_(request.lives),
        whose_(request.whose),
        is_in_(std::move(is_in)),
        reader_(std::move(reader)) {}

  /// Of changes, as a rule one event for each turn.
  [[nodiscard]] std::vector<std::string> topics() const override {
    const auto* noun = actors::find_noun(kind_.name);
    PERDURE_CHECK(noun != nullptr, kind_.name);
    std::vector<std::string> topics;
    for (const char* verb :
         {"created", "updated", "deleted", "restored", "purged", "shared", "unshared"}) {
      topics.push_back(kind_.name + '.' + verb);
    }
    if (noun->made_by == actors::Noun::MadeBy::host) {
      for (const auto& topic : noun->topics) topics.push_back(topic.topic);
    }
    return topics;
  }

  [[nodiscard]] std::optional<std::string> subject(const Event& event) const override {
    if (event.source.kind != kind_.name) return {};
    return event.source.id;
  }

  [[nodiscard]] EventUse whole(const Event&) const override { return EventUse::skipped; }

  [[nodiscard]] Result<std::optional<ListStep>> step(const Event& event,
                                                     const std::string&) const override {
    const auto after = runtime_.inspect_at(event.source, event.seq);
    if (!after) return std::optional<ListStep>{};
    ListStep step{.was_in = was_in(event), .is_in = is_in_(*after)};
    if (step.is_in && may_be_shown(*after)) {
      PERDURE_TRY(body, listed_body(runtime_, kind_, *after));
      step.shown = std::move(body);
    }
    return std::optional{std::move(step)};
  }

 private:
  /// References are compared as clients read them.
  [[nodiscard]] bool is_listed(const ObjectView& view) const {
    if (kind_.references.empty()) return is_in_(view);
    return is_in_({view.meta, runtime_.without_dead_references(kind_, view.state)});
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
  const ListMembership is_in_;
  const Principal reader_;
};

}  // namespace

LiveSourcePtr live_objects(const Runtime& runtime, const ListRequest& request, ListMembership is_in,
                           Principal reader) {
  return std::make_unique<LiveObjects>(runtime, request, std::move(is_in), std::move(reader));
}

}  // namespace perdure::api
