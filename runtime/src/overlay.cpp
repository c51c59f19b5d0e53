// SPDX-License-Identifier: Apache-2.0
#include "overlay.hpp"

#include "perdure/runtime/turn.hpp"

namespace perdure::runtime {

namespace {

template <class T>
T value_or_throw(Result<T> result) {
  if (!result) throw Failure(std::move(result).error());
  return std::move(result).value();
}

// Walks pending rows (both maps merged, in the range's order) beside chunks of stored rows.
class Merge {
 public:
  Merge(const EntryRange& range, std::map<std::string, const PendingEntry*> pending)
      : range_(range), pending_(std::move(pending)) {}

  [[nodiscard]] bool full() const {
    return found_.size() >= range_.limit || bytes_ >= range_.bytes_max;
  }

  /// A stored row comes next: all pending rows before it come first; one of its key hides it.
  void add_stored(storage::EntryRow row) {
    take_pending_before(row.key);
    if (full()) return;
    if (const auto same = pending_.find(row.key); same != pending_.end()) {
      take(same);
      return;
    }
    add({std::move(row.key), std::move(row.value), row.seq});
  }
  void finish() {
    while (!pending_.empty() && !full()) take(next());
  }
  [[nodiscard]] std::vector<Entry> found() && { return std::move(found_); }

 private:
  using Place = std::map<std::string, const PendingEntry*>::iterator;

  Place next() {
    return range_.order == Order::ascending ? pending_.begin() : std::prev(pending_.end());
  }
  void take_pending_before(const std::string& key) {
    while (!pending_.empty() && !full()) {
      const auto place = next();
      const bool before =
          range_.order == Order::ascending ? place->first < key : place->first > key;
      if (!before) return;
      take(place);
    }
  }
  void take(Place place) {
    if (const auto& [seq, value] = *place->second; value) {
      add({place->first, *value, seq});
    }
    pending_.erase(place);
  }
  void add(Entry entry) {
    bytes_ += entry.key.size() + entry.value.size();
    found_.push_back(std::move(entry));
  }

  const EntryRange& range_;
  std::map<std::string, const PendingEntry*> pending_;
  std::vector<Entry> found_;
  std::size_t bytes_ = 0;
};

bool may_go_on(const storage::KeyRange& range, const std::vector<storage::EntryRow>& found) {
  if (found.size() >= range.limit) return true;
  std::size_t bytes = 0;
  for (const auto& row : found) bytes += bytes_of(row);
  return bytes >= range.bytes_max;
}

}  // namespace

void put_over(PendingEntries& pending, PendingEntries&& written) {
  if (pending.empty()) {
    pending = std::move(written);
    return;
  }
  while (!written.empty()) {
    auto put = pending.insert(written.extract(written.begin()));
    if (!put.inserted) put.position->second = std::move(put.node.mapped());
  }
}

void close_gaps(storage::Gaps& gaps, const PendingEntries& written, const std::string& from,
                const std::string& until) {
  if (gaps.size() == 0) return;
  for (auto at = written.lower_bound(from); at != written.end(); ++at) {
    if (!until.empty() && at->first >= until) break;
    if (at->second.value) gaps.put(at->first);
  }
}

const PendingEntry* LayeredEntries::pending(std::string_view key) const {
  for (const auto* layer : {newest_, older_}) {
    if (layer == nullptr) continue;
    if (const auto found = layer->find(key); found != layer->end()) return &found->second;
  }
  return nullptr;
}

std::optional<Entry> LayeredEntries::get(std::string_view key) const {
  if (const auto* found = pending(key)) {
    if (!found->value || found->seq < born_seq_) return {};
    return Entry{std::string{key}, *found->value, found->seq};
  }
  auto row = value_or_throw(store_.entry(object_, key, as_of_));
  if (!row || row->seq < born_seq_) return {};
  return Entry{std::move(row->key), std::move(row->value), row->seq};
}

std::map<std::string, const PendingEntry*> LayeredEntries::pending_in(
    const EntryRange& range) const {
  std::map<std::string, const PendingEntry*> rows;
  for (const auto* layer : {newest_, older_}) {
    if (layer == nullptr) continue;
    for (auto at = layer->lower_bound(range.from); at != layer->end(); ++at) {
      if (!range.until.empty() && at->first >= range.until) break;
      // The newest layer comes first and stays.
      if (at->second.seq >= born_seq_) rows.emplace(at->first, &at->second);
    }
  }
  return rows;
}

std::vector<storage::EntryRow> LayeredEntries::stored(const storage::KeyRange& range) const {
  auto rows = value_or_throw(store_.entries(object_, range, as_of_, gaps_));
  // The walk did not see what is on its way to the store.
  if (gaps_ != nullptr && older_ != nullptr) close_gaps(*gaps_, *older_, range.from, range.until);
  return rows;
}

std::vector<Entry> LayeredEntries::range(const EntryRange& range) const {
  Merge merge{range, pending_in(range)};
  storage::KeyRange chunk{.from = range.from,
                          .until = range.until,
                          .direction = range.order == Order::ascending
                                           ? storage::Direction::forward
                                           : storage::Direction::backward,
                          .limit = range.limit,
                          .bytes_max = range.bytes_max};
  while (!merge.full() && chunk.limit > 0) {
    auto rows = stored(chunk);
    const bool last = !may_go_on(chunk, rows);
    if (!rows.empty()) {
      // The next chunk starts just after the last row, or ends just before it.
      if (chunk.direction == storage::Direction::forward) {
        chunk.from = rows.back().key + '\x01';  // keys hold no NUL: this is the next one
      } else {
        chunk.until = rows.back().key;
      }
    }
    for (auto& row : rows) {
      if (row.seq >= born_seq_) merge.add_stored(std::move(row));
    }
    if (last) break;
  }
  merge.finish();
  return std::move(merge).found();
}

}  // namespace perdure::runtime
