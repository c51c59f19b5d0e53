// SPDX-License-Identifier: Apache-2.0
#include "log_trimmer.hpp"

#include <algorithm>
#include <utility>

#include "perdure/schemas/json.hpp"

namespace perdure::runtime {

namespace {

/// Rows that one step reads: about a millisecond.
constexpr std::size_t rows_at_once = 512;
/// Rows that go with one write: commits get their turn in between.
constexpr std::size_t erased_at_once = 64;
/// More rows than this are not read to be discounted: counting anew is as cheap.
constexpr std::uint64_t discounted_max = 8 * rows_at_once;

bool is_gap(const storage::EventRow& row) { return row.gap_first > 0; }

OwnerKey owner_of(std::string_view body) {
  const auto event = parse_stored_json(body);
  if (!event || !event->is_object()) return 0;
  const auto found = event->find("owner");
  if (found == event->end() || !found->is_string()) return 0;
  return owner_key(found->get_ref<const std::string&>());
}

/// By which a row's age is told; none: it cannot be read.
std::optional<Timestamp> time_of(const storage::EventRow& row) {
  const auto json = parse_stored_json(row.body);
  if (!json || !json->is_object()) return {};
  const auto time = parse_rfc3339(json->value("time", ""));
  return time ? std::optional{*time} : std::nullopt;
}

}  // namespace

LogTrimmer::LogTrimmer(storage::Store& store, const Times& times, EventRetention retention)
    : store_(store), times_(times), retention_(retention) {}

std::uint64_t LogTrimmer::share() const {
  return std::max<std::uint64_t>(retention_.events_max * retention_.owner_share_percent / 100, 1);
}

void LogTrimmer::reset() {
  learned_ = live_ = walked_ = 0;
  counts_.clear();
  greedy_.clear();
  open_.reset();
}

void LogTrimmer::trim_old() {
  const auto range = store_.event_range();
  if (!range || range->first >= range->last) return;
  // Times do not go back by much along the log: a binary search finds the age's bound.
  const auto oldest = times_.sure(retention_.age) - retention_.age;
  auto low = range->first;
  auto high = range->last;
  while (low < high) {
    const auto middle = low + (high - low) / 2;
    const auto rows = store_.events(middle, 1);
    if (!rows || rows->empty()) return;
    const auto time = time_of(rows->front());
    if (time && *time < oldest) {
      low = std::min(rows->front().position + 1, high);
    } else {
      high = middle;
    }
  }
  if (low == range->first) return;
  forget_below(*range, low);
  static_cast<void>(store_.trim_events(low));
}

bool LogTrimmer::trim_many() {
  if (std::exchange(epoch_, store_.epoch()) != store_.epoch()) reset();
  const auto range = store_.event_range();
  if (!range || range->first > range->last) return false;
  if (range->last - range->first + 1 <= retention_.events_max) {
    reset();
    return false;
  }
  if (!learn(*range)) return learned_ > 0;
  if (live_ <= retention_.events_max) return false;
  if (greedy_.empty() || !drop_some(*range)) trim_front(*range);
  return live_ > retention_.events_max;
}

bool LogTrimmer::learn(const storage::EventRange& range) {
  const auto from = std::max(learned_ + 1, range.first);
  if (from > range.last) return true;
  const auto rows = store_.events(from, rows_at_once);
  if (!rows) {
    trim_blindly(range);
    return false;
  }
  for (const auto& row : *rows) count(row);
  learned_ = rows->empty() ? range.last : rows->back().position;
  return learned_ >= range.last;
}

void LogTrimmer::count(const storage::EventRow& row) {
  if (is_gap(row)) return;
  ++live_;
  const auto owner = owner_of(row.body);
  if (++counts_[owner] > share()) mark_greedy(owner);
}

void LogTrimmer::mark_greedy(OwnerKey owner) {
  if (!greedy_.insert(owner).second) return;
  walked_ = 0;  // its oldest events may be anywhere
  open_.reset();
}

void LogTrimmer::discount(const storage::EventRow& row) {
  if (is_gap(row)) return;
  live_ -= std::min<std::uint64_t>(live_, 1);
  const auto owner = owner_of(row.body);
  const auto found = counts_.find(owner);
  if (found == counts_.end()) return;
  // One that is about at its share does not come and go with each event.
  if (--found->second <= share() / 2) greedy_.erase(owner);
  if (found->second == 0) counts_.erase(found);
}

bool LogTrimmer::drop_some(const storage::EventRange& range) {
  walked_ = std::max(walked_, range.first);
  const auto rows = store_.events(walked_, rows_at_once);
  if (!rows || rows->empty()) return false;
  for (const auto& row : *rows) {
    if (live_ <= retention_.events_max) break;
    if (row.position >= range.last) {
      write_gap();
      return false;
    }
    walked_ = row.position + 1;
    pass(row);
  }
  write_gap();
  return true;
}

void LogTrimmer::pass(const storage::EventRow& row) {
  if (!is_gap(row) && !greedy_.contains(owner_of(row.body))) {
    write_gap();
    open_.reset();
    return;
  }
  const bool begins = !open_;
  if (begins) open_ = OpenGap{.first = is_gap(row) ? row.gap_first : row.position};
  open_->last = row.position;
  open_->erased.push_back(row.position);
  if (!begins || !is_gap(row)) ++open_->fresh;
  if (is_gap(row)) {
    open_->gap.add(decode_gap(row.body));
  } else {
    open_->gap.add_event(row.body);
    discount(row);
  }
  if (open_->erased.size() >= erased_at_once) write_gap();
}

void LogTrimmer::write_gap() {
  if (!open_ || open_->fresh == 0) return;
  const auto dropped = store_.drop_events({.first = open_->first,
                                           .last = open_->last,
                                           .erased = std::move(open_->erased),
                                           .body = encode_gap(open_->gap)});
  if (!dropped) return reset();
  open_->erased = {open_->last};
  open_->fresh = 0;
}

void LogTrimmer::trim_front(const storage::EventRange& range) {
  const auto rows = store_.events(range.first, rows_at_once);
  if (!rows || rows->empty()) return trim_blindly(range);
  auto first = range.first;
  for (const auto& row : *rows) {
    if (live_ <= retention_.events_max || row.position >= range.last) break;
    discount(row);
    first = row.position + 1;
  }
  if (first == range.first) return;
  if (!store_.trim_events(first)) return reset();
  if (walked_ < first) open_.reset();
  walked_ = std::max(walked_, first);
}

void LogTrimmer::trim_blindly(const storage::EventRange& range) {
  reset();
  static_cast<void>(store_.trim_events(range.last + 1 - retention_.events_max));
}

void LogTrimmer::forget_below(const storage::EventRange& range, std::uint64_t first) {
  if (learned_ == 0) return;
  if (first - range.first > discounted_max) return reset();
  auto position = range.first;
  while (position < first) {
    const auto rows = store_.events(position, rows_at_once);
    if (!rows || rows->empty()) return reset();
    for (const auto& row : *rows) {
      if (row.position < first && row.position <= learned_) discount(row);
      position = row.position + 1;
    }
  }
  if (walked_ < first) open_.reset();
  walked_ = std::max(walked_, first);
}

}  // namespace perdure::runtime
