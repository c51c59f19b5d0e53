// SPDX-License-Identifier: Apache-2.0
#include "subscription.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "fields.hpp"
#include "index_keys.hpp"
#include "record.hpp"

namespace perdure::runtime {

namespace {

constexpr std::size_t events_a_turn = 100;
constexpr std::size_t topics_max = 100;
/// Changes of topics that have not come to pass yet; past it one takes effect at once.
constexpr std::size_t changes_max = 16;
/// Past this many events without a match the cursor is made durable all the same, so that a restart
/// need not look at them again.
constexpr std::uint64_t unmatched_max = 10'000;
constexpr std::size_t tail_events_at_once = 1'000;

Result<Json> read_topics(const Json& payload, std::size_t least) {
  auto topics = payload.is_object() ? payload.value("topics", Json()) : Json();
  if (!topics.is_array() || topics.size() < least || topics.size() > topics_max) {
    return bad_member("/topics", "required",
                      fmt::format("is a list of {} to {} patterns", least, topics_max));
  }
  for (const auto& topic : topics) {
    if (!topic.is_string()) return bad_member("/topics", "type", "is a list of patterns");
    PERDURE_TRY_VOID(validate_topic_pattern(topic.get_ref<const std::string&>()));
  }
  return topics;
}

Result<Json> subscribe(Turn&, Json& self, const Json& payload) {
  if (!payload.is_object()) return bad_member("", "type", "a subscription is an object");
  PERDURE_TRY(topics, read_topics(payload, 1));
  PERDURE_TRY(kind, text_member(payload, "kind", "", 200));
  PERDURE_TRY(id, text_member(payload, "id", "", 200));
  PERDURE_TRY(command, text_member(payload, "command", "", 200));
  PERDURE_TRY(after, text_member(payload, "after", "0", 200));
  if (!validate(ObjectId{kind, id})) return bad_member("/id", "required", "names no object");
  if (command.empty()) return bad_member("/command", "required", "is the target's command");
  self = {{"topics", topics}, {"kind", kind}, {"id", id}, {"command", command}, {"cursor", after}};
  return self;
}

/// What holds at a place in the log: `{topics, until}`, without `until` when it has no end.
Json topics_at(const Json& self, const std::string& cursor) {
  for (const auto& earlier : self.value("earlier", Json::array())) {
    const auto until = earlier.at("until").get<std::string_view>();
    if (position_of(until) > position_of(cursor)) return earlier;
  }
  return {{"topics", self.at("topics")}};
}

/// `{from, at, topics, to, events, lost}`: nothing when the cursor, or what is wanted after `at`,
/// has changed meanwhile.
void pass_on_turn(Turn& turn, Json& self, const Json& batch) {
  if (self.at("cursor") != batch.at("from") ||
      topics_at(self, batch.at("at")) != batch.at("topics")) {
    return turn.change_nothing();
  }
  const ObjectId target{self.at("kind"), self.at("id")};
  if (batch.at("lost").get<bool>()) self["lost_at"] = format_rfc3339(turn.now());
  for (const auto& event : batch.at("events")) {
    turn.send({.to = target, .command = self.at("command"), .payload = event});
  }
  self["cursor"] = batch.at("to");
  if (!self.contains("earlier")) return;
  std::erase_if(self["earlier"].get_ref<Json::array_t&>(), [&](const Json& topics) {
    return position_of(topics.at("until").get<std::string_view>()) <=
           position_of(self["cursor"].get<std::string_view>());
  });
}

Result<Json> change(Turn&, Json& self, const Json& payload) {
  PERDURE_TRY(topics, read_topics(payload, 0));
  PERDURE_TRY(from, text_member(payload, "from", "", 200));
  auto earlier = self.value("earlier", Json::array());
  if (from.empty() || earlier.size() >= changes_max) {
    earlier.clear();
  } else if (position_of(from) > position_of(self.at("cursor").get<std::string_view>())) {
    earlier.push_back({{"topics", self.at("topics")}, {"until", from}});
  } else {
    earlier.clear();
    self["cursor"] = from;
  }
  self["topics"] = std::move(topics);
  self["earlier"] = std::move(earlier);
  return self;
}

}  // namespace

Kind subscription_kind() {
  return kind<Json>(std::string{subscription_kind_name})
      .command("subscribe", subscribe, {.creates = Creates::yes})
      .command("change", change)
      .command("pass_on", pass_on_turn)
      .index({.name = "created_at", .fields = {"$created_at"}});
}

Subscriptions::Subscriptions(const storage::Store& store, EventFeed& feed, CallObject call,
                             std::function<void()> wake)
    : store_(store),
      feed_(feed),
      call_(std::move(call)),
      wake_(std::move(wake)),
      watch_(feed.watch([this] {
        if (reading_) wake_();
      })) {}

void Subscriptions::changed(const ObjectId& object, const Version& version) {
  {
    const std::scoped_lock lock{mutex_};
    if (!version.meta.exists()) return forget(object.id);
    put(object.id, version);
  }
  wake_();
}

void Subscriptions::forget(const std::string& id) {
  const auto found = subscriptions_.find(id);
  if (found == subscriptions_.end()) return;
  ids_by_owner_[found->second.owner].erase(id);
  subscriptions_.erase(found);
  due_.erase(id);
  reading_ = !loaded_ || !subscriptions_.empty();
}

void Subscriptions::put(const std::string& id, const Version& version) {
  const auto& state = *static_cast<const Json*>(version.state.get());
  auto& subscription = subscriptions_[id];
  ids_by_owner_[subscription.owner].erase(id);
  ++subscription.changes;
  const auto patterns = [](const Json& json) {
    return json.at("topics").get<std::vector<std::string>>();
  };
  subscription.topics.clear();
  for (const auto& earlier : state.value("earlier", Json::array())) {
    subscription.topics.push_back({patterns(earlier), earlier.at("until")});
  }
  subscription.topics.push_back({patterns(state)});
  subscription.target = {state.at("kind"), state.at("id")};
  subscription.owner = version.meta.origin->owner;
  subscription.cursor = state.at("cursor");
  subscription.looked_to.clear();
  ids_by_owner_[subscription.owner].insert(id);
  set_due(id, subscription);
  reading_ = true;
}

void Subscriptions::set_due(const std::string& id, Subscription& subscription) {
  if (!std::exchange(subscription.due, true)) due_.insert(id);
}

bool Subscriptions::knows(const std::string& id) {
  const std::scoped_lock lock{mutex_};
  return subscriptions_.contains(id);
}

void Subscriptions::load() {
  const auto kind = subscription_kind();
  std::optional<storage::IndexRow> after;
  for (;;) {
    const auto rows = store_.index(subscription_kind_name, index_names::by_id, {}, after);
    if (!rows) return;  // the next step tries again
    for (const auto& row : *rows) {
      const ObjectId object{std::string{subscription_kind_name}, row.id};
      if (knows(row.id)) continue;  // from a commit, which is not older
      const auto record = store_.last_record(object);
      if (!record && record.error().code == ErrorCode::unavailable) return;  // the same
      if (!record || !*record) continue;
      const auto version = decode_version(kind.definition(), object, **record);
      if (version) changed(object, **version);
    }
    if (rows->empty()) break;
    after = rows->back();
  }
  const std::scoped_lock lock{mutex_};
  loaded_ = true;
  reading_ = !subscriptions_.empty();
}

bool Subscriptions::step() {
  if (!loaded_) load();
  read_tail();
  std::vector<std::pair<std::string, Subscription>> ready;
  {
    const std::scoped_lock lock{mutex_};
    for (const auto& id : due_) {
      const auto& subscription = subscriptions_.at(id);
      if (!subscription.busy) ready.emplace_back(id, subscription);
    }
  }
  bool moved = false;
  for (const auto& [id, subscription] : ready) moved |= read_for(id, subscription);
  return moved;
}

void Subscriptions::read_tail() {
  // Whose topics matter is not known here: who looks does.
  const Principal everything{.role = Principal::Role::system};
  for (;;) {
    if (tail_.empty() || !reading_) {
      // All that are there, if any, are due, and look from a place before this one.
      auto end = feed_.end();
      if (end) swept_ = tail_ = std::move(*end);
      return;
    }
    const auto page =
        feed_.read({.after = tail_, .principal = everything, .limit = tail_events_at_once});
    if (!page || page->next == tail_) return;
    const std::scoped_lock lock{mutex_};
    const bool all = page->lost || position_of(page->next) > position_of(swept_) + unmatched_max;
    if (all) {
      for (auto& [id, subscription] : subscriptions_) set_due(id, subscription);
      swept_ = page->next;
    }
    for (const auto& event : page->events) {
      if (all) break;
      wake_readers_of(*event, event->owner);
      if (!event->owner.empty()) wake_readers_of(*event, "");
    }
    tail_ = page->next;
    if (page->at_end) return;
  }
}

void Subscriptions::wake_readers_of(const Event& event, const std::string& owner) {
  const auto ids = ids_by_owner_.find(owner);
  if (ids == ids_by_owner_.end()) return;
  for (const auto& id : ids->second) {
    auto& subscription = subscriptions_.at(id);
    if (subscription.due) continue;
    const bool wanted =
        subscription.topics.size() > 1 ||
        std::ranges::any_of(subscription.topics.back().patterns, [&](const std::string& pattern) {
          return topic_matches(pattern, event.topic);
        });
    if (wanted) set_due(id, subscription);
  }
}

bool Subscriptions::read_for(const std::string& id, const Subscription& subscription) {
  const auto from = subscription.looked_to.empty() ? subscription.cursor : subscription.looked_to;
  const auto& topics = *std::ranges::find_if(subscription.topics, [&](const Topics& candidate) {
    return candidate.until.empty() || position_of(candidate.until) > position_of(from);
  });
  auto page = look(subscription, topics, from);
  if (!page) return false;
  // One from now on, or from the oldest event on, gets its place at once: what retention takes
  // after that is noticed.
  const bool placed = names_place(subscription.cursor);
  const bool far = position_of(page->next) > position_of(subscription.cursor) + unmatched_max;
  if (page->events.empty() && !page->lost && placed && !far) {
    looked(id, subscription, *page);
    return page->next != from;
  }
  auto target = Target::there;
  if (!page->events.empty()) {
    const auto found = find_target(subscription.target);
    if (!found) return false;
    target = *found;
  }
  if (target == Target::purged) {
    call(id, std::string{builtin::remove}, nullptr);
    return true;
  }
  if (target == Target::deleted) page->events.clear();
  Json events = Json::array();
  for (const auto& event : page->events) events.push_back(Json::parse(event->body));
  Json wanted{{"topics", topics.patterns}};
  if (!topics.until.empty()) wanted["until"] = topics.until;
  call(id, "pass_on",
       {{"from", subscription.cursor},
        {"at", from},
        {"topics", std::move(wanted)},
        {"to", page->next},
        {"events", std::move(events)},
        {"lost", page->lost}});
  return true;
}

void Subscriptions::looked(const std::string& id, const Subscription& as, const EventPage& page) {
  const std::scoped_lock lock{mutex_};
  const auto found = subscriptions_.find(id);
  // One that has changed meanwhile is due as before, from its new cursor.
  if (found == subscriptions_.end() || found->second.changes != as.changes) return;
  found->second.looked_to = page.next;
  if (!page.at_end) return;
  found->second.due = false;
  due_.erase(id);
}

Result<EventPage> Subscriptions::look(const Subscription& subscription, const Topics& topics,
                                      const std::string& from) {
  if (topics.patterns.empty()) {
    EventPage nothing;
    nothing.next = topics.until.empty() ? from : topics.until;
    nothing.at_end = topics.until.empty();
    return nothing;
  }
  // As its owner sees the log; a subscription of the host sees all of it.
  const Principal reader{
      .role = subscription.owner.empty() ? Principal::Role::system : Principal::Role::user,
      .user_id = subscription.owner};
  PERDURE_TRY(
      page,
      feed_.read(
          {.after = from, .topics = topics.patterns, .principal = reader, .limit = events_a_turn}));
  const auto end = position_of(topics.until);
  if (!topics.until.empty() && position_of(page.next) > end) {
    std::erase_if(page.events, [&](const EventPtr& event) { return event->position > end; });
    page.next = topics.until;
    page.at_end = false;
  }
  return std::move(page);
}

Result<Subscriptions::Target> Subscriptions::find_target(const ObjectId& object) const {
  PERDURE_TRY(row, store_.last_record(object));
  if (!row) return Target::there;  // the first event begins its life
  PERDURE_TRY(record, decode_record(object, *row));
  if (record.root.empty()) return Target::purged;
  return record.meta.deleted_at ? Target::deleted : Target::there;
}

void Subscriptions::call(const std::string& id, std::string command, Json payload) {
  {
    const std::scoped_lock lock{mutex_};
    const auto found = subscriptions_.find(id);
    if (found == subscriptions_.end()) return;
    found->second.busy = true;
  }
  call_({.target = {std::string{subscription_kind_name}, id},
         .name = std::move(command),
         .payload = std::move(payload)},
        [this, id](const Result<Reply>&) {
          {
            const std::scoped_lock lock{mutex_};
            const auto found = subscriptions_.find(id);
            if (found != subscriptions_.end()) found->second.busy = false;
          }
          wake_();
        });
}

void Subscriptions::check_invariants() {
  const auto rows = store_.index(subscription_kind_name, index_names::by_id, {.limit = 10'000}, {});
  const std::scoped_lock lock{mutex_};
  if (!loaded_ || !rows) return;
  for (const auto& row : *rows) {
    const ObjectId object{std::string{subscription_kind_name}, row.id};
    const auto record = store_.last_record(object);
    if (!record || !*record) continue;
    const auto version = decode_version(subscription_kind().definition(), object, **record);
    if (!version) continue;
    const auto known = subscriptions_.find(row.id);
    PERDURE_CHECK(known != subscriptions_.end(), "nobody reads events for subscription " + row.id);
    const auto& state = *static_cast<const Json*>((*version)->state.get());
    PERDURE_CHECK(known->second.cursor == state.at("cursor").get_ref<const std::string&>(),
                  "the cursor of " + row.id + " is off");
  }
}

void Subscriptions::reset() {
  const std::scoped_lock lock{mutex_};
  subscriptions_.clear();
  ids_by_owner_.clear();
  due_.clear();
  tail_.clear();
  loaded_ = false;
  reading_ = true;
}

}  // namespace perdure::runtime
