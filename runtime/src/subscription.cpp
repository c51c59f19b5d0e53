// SPDX-License-Identifier: Apache-2.0
#include "subscription.hpp"

#include <algorithm>

#include "index_keys.hpp"
#include "record.hpp"

namespace perdure::runtime {

namespace {

constexpr std::size_t events_a_turn = 100;
constexpr std::size_t event_bytes_a_turn = 256u << 10;
/// Turns of one step: alarms, messages and effects of all owners wait meanwhile.
constexpr std::size_t turns_at_once = 32;
/// Looked at again in one step, of those whose events wait in the outbox.
constexpr std::size_t blocked_at_once = 1'024;
/// Past this many events without a match the cursor is made durable all the same, so that a restart
/// need not look at them again.
constexpr std::uint64_t unmatched_max = 10'000;
constexpr std::size_t tail_events_at_once = 1'000;

bool has_texts(const Json& json, const char* member) {
  const auto found = json.find(member);
  return found != json.end() && found->is_array() &&
         std::ranges::all_of(*found, [](const Json& one) { return one.is_string(); });
}

bool has_text(const Json& json, const char* member) {
  const auto found = json.find(member);
  return found != json.end() && found->is_string();
}

/// Whether a state says what `put` reads.
bool is_subscription(const Json& state) {
  if (!state.is_object() || !has_texts(state, "topics")) return false;
  if (state.contains("by_name") && !has_texts(state, "by_name")) return false;
  const auto earlier = state.find("earlier");
  const bool has_earlier = earlier != state.end();
  if (has_earlier && !earlier->is_array()) return false;
  return has_text(state, "kind") && has_text(state, "id") && has_text(state, "cursor") &&
         (!has_earlier || std::ranges::all_of(*earlier, [](const Json& topics) {
           return topics.is_object() && has_texts(topics, "topics") && has_text(topics, "until");
         }));
}

}  // namespace

Subscriptions::Subscriptions(const storage::Store& store, const Clock& clock, EventFeed& feed,
                             CallObject call, IsWaiting is_waiting, std::function<void()> wake)
    : store_(store),
      clock_(clock),
      feed_(feed),
      call_(std::move(call)),
      is_waiting_(std::move(is_waiting)),
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
  const auto readers = readers_.find(found->second.owner);
  readers->second.ids.erase(id);
  if (readers->second.ids.empty()) readers_.erase(readers);
  blocked_.erase(id);
  subscriptions_.erase(found);
  reading_ = !loaded_ || !subscriptions_.empty();
}

void Subscriptions::put(const std::string& id, const Version& version) {
  const auto& state = *static_cast<const Json*>(version.state.get());
  if (!is_subscription(state)) return forget(id);  // from before such states were refused
  auto& subscription = subscriptions_[id];
  ++subscription.changes;
  const auto patterns = [](const Json& json) {
    return json.at("topics").get<std::vector<std::string>>();
  };
  std::vector<Topics> topics;
  for (const auto& earlier : state.value("earlier", Json::array())) {
    topics.push_back({patterns(earlier), earlier.at("until")});
  }
  topics.push_back({patterns(state)});
  auto by_name = state.value("by_name", std::vector<std::string>{});
  const auto& owner = version.meta.origin->owner.text();
  if (subscription.owner != owner) {
    const auto before = readers_.find(subscription.owner);
    if (before != readers_.end()) before->second.ids.erase(id);
  }
  auto& readers = readers_[owner];
  const bool is_new = readers.ids.insert(id).second;
  if (is_new || topics != subscription.topics || by_name != subscription.by_name) readers.changed();
  subscription.topics = std::move(topics);
  subscription.by_name = std::move(by_name);
  subscription.paused = state.contains("paused");
  subscription.target = {state.at("kind"), state.at("id")};
  subscription.owner = owner;
  subscription.cursor = state.at("cursor");
  subscription.looked_to.clear();
  subscription.due = true;
  queue(id, subscription);
  reading_ = true;
}

void Subscriptions::set_due(const std::string& id, Subscription& subscription) {
  subscription.due = true;
  queue(id, subscription);
}

void Subscriptions::queue(const std::string& id, Subscription& subscription) {
  if (!subscription.due || subscription.busy || subscription.paused || subscription.queued) return;
  subscription.queued = true;
  blocked_.erase(id);
  const auto pace =
      subscription.owner.empty() ? PacedTurns::Pace::none : PacedTurns::Pace::of_owner;
  // One place for each, so it needs no bound.
  turns_.push(perdure::owner_key(subscription.owner), std::string{id}, clock_.monotonic(), pace);
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
  bool moved = unblock();
  std::size_t most = 0;
  {
    const std::scoped_lock lock{mutex_};
    turns_.advance(clock_.monotonic());
    most = turns_.waiting();  // those that have a turn now; who is due again has the next one
  }
  for (std::size_t i = 0; i < most; ++i) {
    if (i == turns_at_once) return true;
    const auto turn = take_turn();
    if (!turn) break;
    const auto& [id, subscription] = *turn;
    if (is_waiting_(object_of(id), subscription.target, subscription.owner)) {
      end_turn(id, subscription, Ended::blocked);
      continue;
    }
    const auto done = read_for(id, subscription);
    moved |= done != Done::nothing;
    if (done != Done::called) end_turn(id, subscription, Ended::read);
  }
  return moved;
}

std::optional<Milliseconds> Subscriptions::next() const {
  const std::scoped_lock lock{mutex_};
  const auto next = turns_.next();
  if (!next) return {};
  return std::chrono::ceil<Milliseconds>(*next);
}

bool Subscriptions::unblock() {
  std::vector<Blocked> blocked;
  {
    const std::scoped_lock lock{mutex_};
    auto at = blocked_.upper_bound(unblocked_to_);
    for (std::size_t i = 0; i < std::min(blocked_at_once, blocked_.size()); ++i, ++at) {
      if (at == blocked_.end()) at = blocked_.begin();
      const auto& subscription = subscriptions_.at(*at);
      blocked.push_back({*at, subscription.target, subscription.owner});
      unblocked_to_ = *at;
    }
  }
  bool moved = false;
  for (const auto& [id, target, owner] : blocked) {
    if (is_waiting_(object_of(id), target, owner)) continue;
    const std::scoped_lock lock{mutex_};
    const auto found = subscriptions_.find(id);
    if (blocked_.erase(id) == 0 || found == subscriptions_.end()) continue;
    queue(id, found->second);
    moved = true;
  }
  return moved;
}

ObjectId Subscriptions::object_of(const std::string& id) {
  return {std::string{subscription_kind_name}, id};
}

std::optional<std::pair<std::string, Subscriptions::Subscription>> Subscriptions::take_turn() {
  const std::scoped_lock lock{mutex_};
  while (auto turn = turns_.take()) {
    const auto found = subscriptions_.find(turn->item);
    // It has gone, or is another one of that name and owner.
    const bool has_turn = found != subscriptions_.end() && found->second.queued &&
                          perdure::owner_key(found->second.owner) == turn->owner;
    if (!has_turn || found->second.busy || found->second.paused) {
      if (has_turn) found->second.queued = false;
      turns_.finish(turn->owner, 0);
      continue;
    }
    found->second.queued = false;
    found->second.generation = generation_;
    return std::pair{turn->item, found->second};
  }
  return {};
}

void Subscriptions::end_turn(const std::string& id, const Subscription& as, Ended how) {
  const std::scoped_lock lock{mutex_};
  if (as.generation != generation_) return;
  turns_.finish(perdure::owner_key(as.owner), how == Ended::blocked ? 0 : 1);
  const auto found = subscriptions_.find(id);
  if (found == subscriptions_.end()) return;
  if (how == Ended::passed_on) found->second.busy = false;
  if (how != Ended::blocked) return queue(id, found->second);
  if (!found->second.busy && !found->second.queued) blocked_.insert(id);
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
      for (auto& [id, subscription] : subscriptions_) {
        // It has looked at what is before the tail, and need not again.
        const bool looked = !subscription.due && subscription.topics.size() == 1 && !page->lost;
        if (looked) subscription.looked_to = tail_;
        set_due(id, subscription);
      }
      for (auto& [owner, readers] : readers_) readers.window.end();
      swept_ = page->next;
    }
    auto before = tail_;
    for (const auto& event : page->events) {
      if (all) break;
      wake_readers_of(event, before, event->owner.text(), Relation::own);
      if (!event->owner.is_host()) wake_readers_of(event, before, "", Relation::shared);
      for (const auto& grant : event->grants) {
        wake_readers_of(event, before, grant.grantee.text(), Relation::shared);
      }
      before = event->cursor;
    }
    tail_ = page->next;
    if (page->at_end) return;
  }
}

bool Subscriptions::is_wanted(Readers& readers, const std::string& topic) const {
  if (const auto known = readers.wanted.find(topic); known != readers.wanted.end()) {
    return known->second;
  }
  if (readers.wanted.size() >= wanted_topics_max) readers.wanted.clear();
  const bool wanted = std::ranges::any_of(readers.ids, [&](const std::string& id) {
    const auto& subscription = subscriptions_.at(id);
    return subscription.topics.size() > 1 ||
           subscription.wants(subscription.topics.back().patterns, topic);
  });
  readers.wanted.emplace(topic, wanted);
  return wanted;
}

void Subscriptions::wake_readers_of(const EventPtr& event, const std::string& before,
                                    const std::string& owner, Relation relation) {
  const auto found = readers_.find(owner);
  if (found == readers_.end() || !is_wanted(found->second, event->topic)) return;
  auto& readers = found->second;
  const bool has_window = !owner.empty() && readers.ids.size() >= window_readers_min;
  if (relation == Relation::own && has_window) {
    readers.window.add(before, event);
  } else {
    readers.window.end();  // whether what is shared may be read is asked when it is
  }
  for (const auto& id : readers.ids) {
    auto& subscription = subscriptions_.at(id);
    if (subscription.due) continue;
    const bool wanted = subscription.topics.size() > 1 ||
                        subscription.wants(subscription.topics.back().patterns, event->topic);
    if (wanted) set_due(id, subscription);
  }
}

bool Subscriptions::Subscription::wants(const std::vector<std::string>& patterns,
                                        std::string_view topic) const {
  const bool only_by_name = std::ranges::any_of(
      by_name, [&](const std::string& name) { return names_first_part(name, topic); });
  return std::ranges::any_of(patterns, [&](const std::string& pattern) {
    return topic_matches(pattern, topic) && (!only_by_name || names_first_part(pattern, topic));
  });
}

Subscriptions::Done Subscriptions::read_for(const std::string& id,
                                            const Subscription& subscription) {
  const auto from = subscription.looked_to.empty() ? subscription.cursor : subscription.looked_to;
  const auto& topics = *std::ranges::find_if(subscription.topics, [&](const Topics& candidate) {
    return candidate.until.empty() || position_of(candidate.until) > position_of(from);
  });
  auto page = look(subscription, topics, from);
  if (!page) return Done::nothing;
  // One from now on, or from the oldest event on, gets its place at once: what retention takes
  // after that is noticed.
  const bool placed = names_place(subscription.cursor);
  const bool far = position_of(page->next) > position_of(subscription.cursor) + unmatched_max;
  if (page->events.empty() && !page->lost && placed && !far) {
    looked(id, subscription, *page);
    return page->next != from ? Done::moved : Done::nothing;
  }
  auto target = Target::there;
  if (!page->events.empty()) {
    const auto found = find_target(subscription.target);
    if (!found) return Done::nothing;
    target = *found;
  }
  if (target == Target::purged) {
    call(id, subscription, std::string{builtin::remove}, nullptr);
    return Done::called;
  }
  if (target == Target::deleted) page->events.clear();
  Json events = Json::array();
  for (const auto& event : page->events) events.push_back(event->body);
  Json wanted{{"topics", topics.patterns}};
  if (!topics.until.empty()) wanted["until"] = topics.until;
  call(id, subscription, "pass_on",
       {{"from", subscription.cursor},
        {"at", from},
        {"topics", std::move(wanted)},
        {"to", page->next},
        {"events", std::move(events)},
        {"lost", page->lost}});
  return Done::called;
}

void Subscriptions::looked(const std::string& id, const Subscription& as, const EventPage& page) {
  const std::scoped_lock lock{mutex_};
  const auto found = subscriptions_.find(id);
  // One that has changed meanwhile is due as before, from its new cursor.
  if (found == subscriptions_.end() || found->second.changes != as.changes) return;
  found->second.looked_to = page.next;
  if (!page.at_end) return;
  found->second.due = false;
}

Result<EventPage> Subscriptions::look(const Subscription& subscription, const Topics& topics,
                                      const std::string& from) {
  if (topics.patterns.empty()) {
    EventPage nothing;
    nothing.next = topics.until.empty() ? from : topics.until;
    nothing.at_end = topics.until.empty();
    return nothing;
  }
  auto page = look_into_window(subscription, topics, from);
  if (!page) {
    PERDURE_TRY(read, look_into_log(subscription, topics, from));
    page = std::move(read);
  }
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < page->events.size(); ++i) {
    bytes += page->events[i]->body.size();
    if (i == 0 || bytes <= event_bytes_a_turn) continue;
    page->next = page->events[i - 1]->cursor;
    page->at_end = false;
    page->events.resize(i);
  }
  return std::move(*page);
}

std::optional<EventPage> Subscriptions::look_into_window(const Subscription& subscription,
                                                         const Topics& topics,
                                                         const std::string& from) {
  if (!topics.until.empty() || subscription.owner.empty()) return {};
  const std::scoped_lock lock{mutex_};
  const auto readers = readers_.find(subscription.owner);
  if (readers == readers_.end() || !readers->second.window.covers(from)) return {};
  return readers->second.window.read(from, tail_, events_a_turn, [&](const Event& event) {
    return subscription.wants(topics.patterns, event.topic);
  });
}

Result<EventPage> Subscriptions::look_into_log(const Subscription& subscription,
                                               const Topics& topics, const std::string& from) {
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
  std::erase_if(page.events, [&](const EventPtr& event) {
    return !subscription.wants(topics.patterns, event->topic);
  });
  return std::move(page);
}

Result<Subscriptions::Target> Subscriptions::find_target(const ObjectId& object) const {
  PERDURE_TRY(row, store_.last_record(object));
  if (!row) return Target::there;  // the first event begins its life
  PERDURE_TRY(record, decode_record(object, *row));
  if (record.root.empty()) return Target::purged;
  return record.meta.deleted_at ? Target::deleted : Target::there;
}

void Subscriptions::call(const std::string& id, const Subscription& as, std::string command,
                         Json payload) {
  {
    const std::scoped_lock lock{mutex_};
    const auto found = subscriptions_.find(id);
    const bool is_it = found != subscriptions_.end() && found->second.generation == as.generation;
    if (is_it) found->second.busy = true;
  }
  call_({.target = object_of(id), .name = std::move(command), .payload = std::move(payload)},
        [this, id, as](const Result<Reply>&) {
          end_turn(id, as, Ended::passed_on);
          wake_();
        });
}

void Subscriptions::check_invariants() {
  const auto rows = store_.index(subscription_kind_name, index_names::by_id, {.limit = 10'000}, {});
  const std::scoped_lock lock{mutex_};
  turns_.check_invariants();
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
  readers_.clear();
  blocked_.clear();
  turns_ = new_turns();
  ++generation_;
  tail_.clear();
  loaded_ = false;
  reading_ = true;
}

}  // namespace perdure::runtime
