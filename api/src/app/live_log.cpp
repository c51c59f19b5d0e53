// SPDX-License-Identifier: Apache-2.0
// Lists of logs, live: which rows a turn wrote, its record in the object's journal says; what they
// were before and after it, the object's entries as of then.
#include <algorithm>
#include <iterator>
#include <set>

#include "app/live_source.hpp"

namespace perdure::api {

namespace {

/// Turns that one event tells of at most; past them the list begins anew.
constexpr std::size_t silent_turns_max = 1'000;

Unexpected below_history() {
  return fail(ErrorCode::gone, "the history of the object does not reach back so far");
}

class LiveLogList final : public LiveSource {
 public:
  LiveLogList(const Runtime& runtime, LiveLog of, Principal reader)
      : runtime_(runtime),
        of_(std::move(of)),
        parent_(of_.parent.object()),
        prefix_(of_.log.prefix(of_.asked)),
        reader_(std::move(reader)) {}

  [[nodiscard]] std::vector<std::string> topics() const override {
    auto topics = of_.log.topics;
    std::ranges::move(topics_of_parent(parent_.kind), std::back_inserter(topics));
    return topics;
  }

  [[nodiscard]] std::optional<std::string> subject(const Event& event) const override {
    if (event.source != parent_ || ends_parent(event)) return {};
    if (!of_.log.of_item.empty() && !is_of_item(event)) return {};
    return parent_.id;
  }

  [[nodiscard]] EventUse whole(const Event& event) const override {
    const auto& item = of_.log.of_item;
    const bool is_end = event.topic == item + ".deleted" || event.topic == item + ".purged";
    if (!item.empty() && is_end && event.source == parent_ && names_item(event)) {
      return EventUse::gone;
    }
    return use_of_parent(runtime_, parent_, reader_, event);
  }

  [[nodiscard]] Result<std::vector<ListStep>> steps(const Event& event, const std::string&,
                                                    Seq known) const override {
    PERDURE_TRY(turns, turns_of(event, known));
    std::vector<ListStep> steps;
    for (const auto& key : turns.keys) {
      PERDURE_TRY(step, step_of(key, turns.before, event.seq));
      if (step.was_in || step.is_in) steps.push_back(std::move(step));
    }
    return steps;
  }

 private:
  [[nodiscard]] bool ends_parent(const Event& event) const {
    return std::ranges::count(topics_of_parent(parent_.kind), event.topic) > 0;
  }

  [[nodiscard]] bool names_item(const Event& event) const {
    const auto body = parse_stored_json(event.body);
    return body && body->at("data").value("id", Json()) == of_.asked.value("id", Json());
  }

  /// Whether an event may be about the log's own item: any of the object itself, and its own.
  [[nodiscard]] bool is_of_item(const Event& event) const {
    if (!event.topic.starts_with(of_.log.of_item + '.')) return true;
    return names_item(event) && !event.topic.ends_with(".deleted") &&
           !event.topic.ends_with(".purged");
  }

  /// The turns that an event tells of: its own, and those before it that published nothing.
  struct Turns {
    Seq before = 0;  ///< the newest turn that is not among them
    std::set<std::string> keys = {};
  };
  [[nodiscard]] Result<Turns> turns_of(const Event& event, Seq known) const {
    Turns turns;
    std::size_t count = 0;
    bool is_over = false;
    const auto read = runtime_.journal(parent_, known + 1, event.seq, Order::descending,
                                       [&](const JournalRecord& record) {
                                         is_over = record.seq != event.seq && publishes(record);
                                         if (is_over || count == silent_turns_max) return false;
                                         ++count;
                                         turns.before = record.seq - 1;
                                         for (const auto& change : record.entries) {
                                           if (change.key.starts_with(prefix_))
                                             turns.keys.insert(change.key);
                                         }
                                         return true;
                                       });
    if (!read) return fail(read.error());
    if (count == 0 || (count == silent_turns_max && !is_over)) return below_history();
    return turns;
  }

  [[nodiscard]] bool publishes(const JournalRecord& record) const {
    return std::ranges::any_of(record.events, [&](const JournalEvent& event) {
      return std::ranges::any_of(of_.log.topics, [&](const std::string& pattern) {
        return topic_matches(pattern, event.topic);
      });
    });
  }

  [[nodiscard]] Result<ListStep> step_of(const std::string& key, Seq seq_before, Seq seq) const {
    PERDURE_TRY(before, row(key, seq_before));
    PERDURE_TRY(after, row(key, seq));
    const auto& known = after.is_null() ? before : after;
    ListStep step{.was_in = !before.is_null(), .is_in = !after.is_null()};
    if (!known.is_null()) step.name = {{of_.log.id, known.at(of_.log.id)}};
    if (step.is_in) step.shown = std::move(after);
    return step;
  }

  /// As the list shows it after a turn; null: it does not.
  [[nodiscard]] Result<Json> row(const std::string& key, Seq seq) const {
    if (seq == 0) return Json();
    PERDURE_TRY(found, runtime_.entries(parent_, {.from = key, .until = key + '\x01', .limit = 1},
                                        AsOf{seq}));
    if (found.empty()) return Json();
    PERDURE_TRY_VOID(parse_stored_json(found.front().value));  // the log takes it for JSON
    return of_.log.shown(of_.parent, of_.asked, found.front());
  }

  const Runtime& runtime_;
  const LiveLog of_;
  const ObjectId parent_;
  const std::string prefix_;
  const Principal reader_;
};

}  // namespace

LiveSourcePtr live_log(const Runtime& runtime, LiveLog of, Principal reader) {
  return std::make_unique<LiveLogList>(runtime, std::move(of), std::move(reader));
}

}  // namespace perdure::api
