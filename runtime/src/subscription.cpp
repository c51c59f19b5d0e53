// SPDX-License-Identifier: Apache-2.0
#include "subscription.hpp"

#include <cstdlib>

#include "fields.hpp"
#include "index_keys.hpp"
#include "record.hpp"

namespace perdure::runtime {

namespace {

constexpr std::size_t events_a_turn = 100;
/// Past this many events without a match the cursor is made durable all the same, so that a restart
/// need not look at them again.
constexpr std::uint64_t unmatched_max = 10'000;

std::uint64_t position_of(const std::string& cursor) {
  const auto dash = cursor.find('-');
  if (dash == std::string::npos) return 0;
  return std::strtoull(cursor.c_str() + dash + 1, nullptr, 10);  // 0 for what is no number
}

Result<Json> subscribe(Turn&, Json& self, const Json& payload) {
  if (!payload.is_object()) return bad_member("", "type", "a subscription is an object");
  const auto topics = payload.value("topics", Json::array());
  if (!topics.is_array() || topics.empty() || topics.size() > 100) {
    return bad_member("/topics", "required", "is a list of 1 to 100 patterns");
  }
  for (const auto& topic : topics) {
    if (!topic.is_string()) return bad_member("/topics", "type", "is a list of patterns");
    PERDURE_TRY_VOID(validate_topic_pattern(topic.get_ref<const std::string&>()));
  }
  PERDURE_TRY(kind, text_member(payload, "kind", "", 200));
  PERDURE_TRY(id, text_member(payload, "id", "", 200));
  PERDURE_TRY(command, text_member(payload, "command", "", 200));
  PERDURE_TRY(after, text_member(payload, "after", "0", 200));
  if (!validate(ObjectId{kind, id})) return bad_member("/id", "required", "names no object");
  if (command.empty()) return bad_member("/command", "required", "is the target's command");
  self = {{"topics", topics}, {"kind", kind}, {"id", id}, {"command", command}, {"cursor", after}};
  return self;
}

/// `{from, to, events, lost}`: nothing when the cursor has moved meanwhile.
void pass_on_turn(Turn& turn, Json& self, const Json& batch) {
  if (self.at("cursor") != batch.at("from")) return;
  const ObjectId target{self.at("kind"), self.at("id")};
  if (batch.at("lost").get<bool>()) self["lost_at"] = format_rfc3339(turn.now());
  for (const auto& event : batch.at("events")) {
    turn.send({.to = target, .command = self.at("command"), .payload = event});
  }
  self["cursor"] = batch.at("to");
}

}  // namespace

Kind subscription_kind() {
  return kind<Json>(std::string{subscription_kind_name})
      .command("subscribe", subscribe, {.creates = Creates::yes})
      .command("pass_on", pass_on_turn)
      .index({.name = "created_at", .fields = {"$created_at"}});
}

Subscriptions::Subscriptions(const storage::Store& store, EventFeed& feed, CallObject call,
                             std::function<void()> wake)
    : store_(store),
      feed_(feed),
      call_(std::move(call)),
      wake_(std::move(wake)),
      watch_(feed.watch(wake_)) {}

void Subscriptions::changed(const ObjectId& object, const Version& version) {
  const std::scoped_lock lock{mutex_};
  if (!version.meta.exists()) {
    subscriptions_.erase(object.id);
    return;
  }
  const auto& state = *static_cast<const Json*>(version.state.get());
  auto& subscription = subscriptions_[object.id];
  subscription.topics = state.at("topics").get<std::vector<std::string>>();
  subscription.owner = version.meta.origin->owner;
  subscription.cursor = state.at("cursor");
  subscription.looked_to.clear();
}

void Subscriptions::load() {
  const auto kind = subscription_kind();
  std::optional<storage::IndexRow> after;
  for (;;) {
    const auto rows = store_.index(subscription_kind_name, index_names::by_id, {}, after);
    if (!rows) return;  // the next step tries again
    for (const auto& row : *rows) {
      const ObjectId object{std::string{subscription_kind_name}, row.id};
      const auto record = store_.last_record(object);
      if (!record || !*record) continue;
      const auto version = decode_version(kind.definition(), object, **record);
      if (version) changed(object, **version);
    }
    if (rows->empty()) break;
    after = rows->back();
  }
  loaded_ = true;
}

bool Subscriptions::step() {
  if (!loaded_) load();
  bool moved = false;
  std::vector<std::pair<std::string, Subscription>> idle;
  {
    const std::scoped_lock lock{mutex_};
    for (const auto& [id, subscription] : subscriptions_) {
      if (!subscription.busy) idle.emplace_back(id, subscription);
    }
  }
  for (auto& [id, subscription] : idle) {
    const auto from = subscription.looked_to.empty() ? subscription.cursor : subscription.looked_to;
    // As its owner sees the log; a subscription of the host sees all of it.
    const Principal reader{
        .role = subscription.owner.empty() ? Principal::Role::system : Principal::Role::user,
        .user_id = subscription.owner};
    const auto page = feed_.read({.after = from,
                                  .topics = subscription.topics,
                                  .principal = reader,
                                  .limit = events_a_turn});
    if (!page || page->next == from) continue;
    moved = true;
    // A subscription from now on gets its place at once.
    const bool far = subscription.cursor.empty() ||
                     position_of(page->next) > position_of(subscription.cursor) + unmatched_max;
    if (page->events.empty() && !page->lost && !far) {
      const std::scoped_lock lock{mutex_};
      const auto found = subscriptions_.find(id);
      if (found != subscriptions_.end()) found->second.looked_to = page->next;
      continue;
    }
    Json events = Json::array();
    for (const auto& event : page->events) events.push_back(Json::parse(event->body));
    {
      const std::scoped_lock lock{mutex_};
      const auto found = subscriptions_.find(id);
      if (found == subscriptions_.end()) continue;
      found->second.busy = true;
    }
    call_({.target = {std::string{subscription_kind_name}, id},
           .name = "pass_on",
           .payload = {{"from", subscription.cursor},
                       {"to", page->next},
                       {"events", std::move(events)},
                       {"lost", page->lost}}},
          [this, id = id](const Result<Reply>&) {
            {
              const std::scoped_lock lock{mutex_};
              const auto found = subscriptions_.find(id);
              if (found != subscriptions_.end()) found->second.busy = false;
            }
            wake_();
          });
  }
  return moved;
}

void Subscriptions::reset() {
  const std::scoped_lock lock{mutex_};
  subscriptions_.clear();
  loaded_ = false;
}

}  // namespace perdure::runtime
