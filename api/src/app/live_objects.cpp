// SPDX-License-Identifier: Apache-2.0
// Lists of objects, live: an object as each turn left it is in its history.
#include "app/live_source.hpp"
#include "perdure/actors/noun.hpp"
#include "perdure/runtime/access.hpp"

namespace perdure::api {

namespace {

class LiveObjectList final : public LiveSource {
 public:
  LiveObjectList(const Runtime& runtime, LiveObjects of, Principal reader)
      : runtime_(runtime),
        kind_(*runtime.find_kind(of.request.kind)),
        lives_(of.request.lives),
        whose_(of.request.whose),
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

  [[nodiscard]] EventUse whole(const Event&) const override { return EventUse::skipped; }

  [[nodiscard]] Result<std::vector<ListStep>> steps(const Event& event, const std::string& id,
                                                    Seq /*known*/) const override {
    const auto after = runtime_.inspect_at(event.source, event.seq);
    if (!after) return std::vector<ListStep>{};
    ListStep step{.name = {{"id", id}}, .was_in = was_in(event), .is_in = is_in_(*after)};
    if (step.is_in && may_be_shown(*after)) {
      PERDURE_TRY(body, shown_(*after));
      step.shown = std::move(body);
    }
    return std::vector{std::move(step)};
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
  const std::function<Result<Json>(const ObjectView&)> shown_;
  const Principal reader_;
};

}  // namespace

LiveSourcePtr live_objects(const Runtime& runtime, LiveObjects of, Principal reader) {
  return std::make_unique<LiveObjectList>(runtime, std::move(of), std::move(reader));
}

}  // namespace perdure::api
