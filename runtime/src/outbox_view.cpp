// SPDX-License-Identifier: Apache-2.0
// The outbox as operators see it.
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
  std::vector<OutboxItem> found;
  for (auto at = items_.lower_bound(from); at != items_.end() && found.size() < limit; ++at) {
    const auto& item = at->second;
    const auto& sent = item.sent;
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
                                     ? std::optional{item.retry_at}
                                     : std::nullopt,
                     .error = item.error});
  }
  return found;
}

}  // namespace perdure::runtime
