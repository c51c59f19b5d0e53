// SPDX-License-Identifier: Apache-2.0
// Which items of the outbox are in the pump's memory; the others wait on disk.
#include "outbox_pump.hpp"
#include "perdure/runtime/options.hpp"

namespace perdure::runtime {

namespace {

constexpr std::size_t rows_at_once = 1'024;
/// Of commits since the last step, before they are taken in.
constexpr std::size_t arrivals_max = 65'536;
constexpr std::size_t arrivals_bytes_max = 16u << 20;
/// Owners with items that wait on disk; past it all later items wait there until there are fewer.
constexpr std::size_t behind_max = 4'096;
/// What an item takes beside its body.
constexpr std::size_t item_overhead_bytes = 1'024;
constexpr std::size_t item_bytes_max =
    limits::sent_payload_bytes_max + limits::sent_context_bytes_max + 2 * item_overhead_bytes;

}  // namespace

void OutboxPump::arrived(std::uint64_t position, const std::vector<std::string>& bodies) {
  {
    const std::scoped_lock lock{mutex_};
    for (const auto& body : bodies) {
      arrivals_bytes_ += body.size();
      if (arrivals_.size() >= arrivals_max || arrivals_bytes_ > arrivals_bytes_max) {
        more_on_disk_ = true;
        break;
      }
      arrivals_.push_back({position++, body});
    }
  }
  effects_.wake();
}

OutboxPump::Rows OutboxPump::decode(const std::vector<storage::OutboxRow>& rows) {
  Rows decoded;
  decoded.reserve(rows.size());
  for (const auto& row : rows) {
    auto sent = decode_sent(row);
    // One that is damaged stays on disk.
    auto whole = sent ? std::optional{std::move(*sent)} : std::nullopt;
    decoded.push_back({row.position, row.body.size(), std::move(whole)});
  }
  return decoded;
}

bool OutboxPump::take_arrivals() {
  std::vector<storage::OutboxRow> arrived;
  std::uint64_t generation = 0;
  {
    const std::scoped_lock lock{mutex_};
    if (stopped_ || arrivals_.empty()) return false;
    arrived.swap(arrivals_);
    arrivals_bytes_ = 0;
    generation = generation_;
  }
  auto rows = decode(arrived);
  const std::scoped_lock lock{mutex_};
  if (generation != generation_) return true;  // all is read again
  for (auto& row : rows) {
    if (row.position < next_position_) continue;  // read from the disk before
    // In order and without a gap, or from the disk.
    if (more_on_disk_ || row.position != next_position_ || behind_.size() >= behind_max) {
      more_on_disk_ = true;
      break;
    }
    next_position_ = row.position + 1;
    accept(std::move(row));
  }
  return true;
}

void OutboxPump::accept(Row&& row) {
  if (!row.sent) return;
  const auto owner = owner_key(row.sent->sender_owner);
  // In order: behind one that waits on disk nothing of its owner comes in.
  if (!behind_.contains(owner) && take_in(std::move(row), owner)) return;
  behind_.try_emplace(owner, row.position);
}

bool OutboxPump::take_in(Row&& row, OwnerKey owner) {
  const auto bytes = row.body_bytes + item_overhead_bytes;
  if (!items_room_.fits(owner, 1) || !bytes_room_.take(owner, bytes)) return false;
  PERDURE_CHECK(items_room_.take(owner, 1), "there was room for an item");
  Item fresh{.position = row.position,
             .sent = std::make_shared<const Sent>(std::move(*row.sent)),
             .owner = owner,
             .bytes = bytes};
  auto& item = items_.emplace(row.position, std::move(fresh)).first->second;
  if (lanes_.enter(Lanes::of(*item.sent), row.position)) make_ready(item);
  return true;
}

void OutboxPump::let_go(const Item& item) {
  items_room_.give_back(item.owner, 1);
  bytes_room_.give_back(item.owner, item.bytes);
  results_room_.give_back(item.owner, item.result_bytes);
}

std::optional<OwnerKey> OutboxPump::next_behind() const {
  for (const auto& [owner, from] : behind_) {
    // Half of what it may have is gone: so each reading of the disk brings some.
    const auto holds = items_room_.held(owner);
    const auto bytes = bytes_room_.held(owner);
    if (items_room_.fits(owner, holds + 1) && bytes_room_.fits(owner, bytes + item_bytes_max)) {
      return owner;
    }
  }
  return {};
}

bool OutboxPump::has_to_read() const {
  return (more_on_disk_ && behind_.size() < behind_max) || next_behind().has_value();
}

bool OutboxPump::read_on() {
  std::uint64_t from = 0;
  std::optional<OwnerKey> owner;
  {
    const std::scoped_lock lock{mutex_};
    if (stopped_) return false;
    owner = next_behind();
    if (!owner && (!more_on_disk_ || behind_.size() >= behind_max)) return false;
    from = owner ? behind_.at(*owner) : next_position_;
  }
  const auto stored = store_.outbox(from, rows_at_once);
  if (!stored) return false;
  auto rows = decode(*stored);
  const std::scoped_lock lock{mutex_};
  if (owner) return catch_up(*owner, from, std::move(rows));
  if (from != next_position_) return false;
  for (auto& row : rows) {
    next_position_ = row.position + 1;
    accept(std::move(row));
  }
  // What was committed after the read is among the arrivals.
  if (rows.empty()) more_on_disk_ = false;
  return true;
}

bool OutboxPump::catch_up(OwnerKey owner, std::uint64_t from, Rows&& rows) {
  const auto behind = behind_.find(owner);
  if (behind == behind_.end() || behind->second != from) return false;
  bool is_level = rows.size() < rows_at_once;
  for (auto& row : rows) {
    is_level |= row.position >= next_position_;  // from there on all owners' items are read
    if (row.position >= next_position_) break;
    behind->second = row.position;
    const bool is_its = row.sent && owner_key(row.sent->sender_owner) == owner;
    if (is_its && !take_in(std::move(row), owner)) return row.position != from;
    behind->second = row.position + 1;
  }
  if (is_level) behind_.erase(behind);
  return true;
}

bool OutboxPump::is_waiting(const ObjectId& from, const ObjectId& to, const std::string& owner) {
  // What others have sent meanwhile is no reason to wait.
  static_cast<void>(take_arrivals());
  const std::scoped_lock lock{mutex_};
  return more_on_disk_ || behind_.contains(owner_key(owner)) ||
         lanes_.first(Lanes::of_messages(from, to)).has_value();
}

}  // namespace perdure::runtime
