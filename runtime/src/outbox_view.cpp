// SPDX-License-Identifier: Apache-2.0
// The outbox as operators see it, and as its invariants say it is.
#include <limits>
#include <set>

#include "outbox_pump.hpp"
#include "perdure/base/time.hpp"

namespace perdure {

void to_json(Json& json, const OutboxItem& item) {
  using Status = OutboxItem::Status;
  using Type = OutboxItem::Type;
  json = {{"position", item.position},
          {"type", item.type == Type::message  ? "message"
                   : item.type == Type::effect ? "effect"
                                               : "cancel"},
          {"status", item.status == Status::running       ? "running"
                     : item.status == Status::backing_off ? "backing_off"
                                                          : "waiting"},
          {"from", to_string(item.from)},
          {"to", item.to},
          {"command", item.command},
          {"payload", item.payload},
          {"attempt", item.attempt}};
  if (item.retry_at) json["retry_at"] = format_rfc3339(*item.retry_at);
  if (!item.error.empty()) json["error"] = item.error;
}

}  // namespace perdure

namespace perdure::runtime {

std::vector<OutboxItem> OutboxPump::items(std::uint64_t from, std::size_t limit) const {
  const std::scoped_lock lock{mutex_};
  const auto offset = clock_.now() - clock_.monotonic();
  std::vector<OutboxItem> found;
  for (auto at = items_.lower_bound(from); at != items_.end() && found.size() < limit; ++at) {
    const auto& item = at->second;
    const auto& sent = *item.sent;
    using Status = OutboxItem::Status;
    found.push_back({.position = item.position,
                     .type = sent.type,
                     .from = sent.from,
                     .to = sent.type == Sent::Type::message ? to_string(sent.to) : sent.performer,
                     .command = sent.type == Sent::Type::message ? sent.command : sent.then,
                     .payload = sent.payload,
                     .attempt = item.attempt,
                     .status = item.status == Item::Status::running       ? Status::running
                               : item.status == Item::Status::backing_off ? Status::backing_off
                                                                          : Status::waiting,
                     .retry_at = item.status == Item::Status::backing_off
                                     ? std::optional{offset + item.retry_at}
                                     : std::nullopt,
                     .error = item.error});
  }
  return found;
}

void OutboxPump::check_invariants() const {
  const std::scoped_lock lock{mutex_};
  if (stopped_) return;
  check_lanes();
  check_performers();
  check_store();
}

void OutboxPump::check_lanes() const {
  std::size_t in_lanes = 0;
  std::size_t messages = 0;
  lanes_.check_invariants();
  lanes_.each([&](const Lanes::Name& lane, const auto& positions) {
    in_lanes += positions.size();
    for (const auto position : positions) {
      PERDURE_CHECK(items_.contains(position), "a lane of " + lane.first + " names no item");
    }
    const auto& front = items_.at(positions.front());
    const auto performer = performers_.find(front.sent->performer);
    const bool waits_for_performer =
        performer != performers_.end() && performer->second.waits(front.owner, waiting_of(front));
    const bool is_message = front.sent->type == Sent::Type::message;
    if (is_message && front.status == Item::Status::waiting) ++messages;
    switch (front.status) {
      case Item::Status::waiting:
        PERDURE_CHECK(ready_.contains(front.position) || waits_for_performer || is_message,
                      "an item from " + lane.first + " waits for nobody");
        break;
      case Item::Status::backing_off:
        PERDURE_CHECK(sleeping_.contains({front.retry_at, front.position}),
                      "nobody wakes an item from " + lane.first);
        break;
      case Item::Status::running: break;
    }
  });
  PERDURE_CHECK(in_lanes == items_.size(), "an item without a lane");
  PERDURE_CHECK(messages == messages_.waiting(), "a message waits for no turn");
  PERDURE_CHECK(items_room_.used() == items_.size(), "the room of items is off");
  messages_.check_invariants();
}

void OutboxPump::check_performers() const {
  std::map<std::string, std::size_t> running;
  for (const auto& [position, item] : items_) {
    if (item.running) ++running[item.sent->performer];
  }
  for (const auto& [name, performer] : performers_) {
    PERDURE_CHECK(performer.running() == running[name], "the count of attempts of " + name);
    PERDURE_CHECK(!performer.perform() || performer.running() <= performer.concurrency().all,
                  name + " has more attempts than it may");
  }
}

void OutboxPump::check_store() const {
  std::set<std::uint64_t> known;
  for (const auto& [position, item] : items_) known.insert(position);
  if (!more_on_disk_) {
    for (const auto& arrival : arrivals_) known.insert(arrival.position);
  }
  const auto rows = store_.outbox(0, std::numeric_limits<std::size_t>::max());
  if (!rows) return;
  std::set<std::uint64_t> durable;
  for (const auto& row : *rows) {
    durable.insert(row.position);
    const bool is_new = row.position >= next_position_;
    if ((is_new && more_on_disk_) || known.contains(row.position)) continue;
    const auto sent = decode_sent(row);
    const auto behind = sent ? behind_.find(owner_key(sent->sender_owner)) : behind_.end();
    PERDURE_CHECK(behind != behind_.end() && row.position >= behind->second,
                  "the pump misses a durable item");
  }
  for (const auto& [position, item] : items_) {
    PERDURE_CHECK(durable.contains(position), "the pump has an item that is not durable");
  }
}

}  // namespace perdure::runtime
