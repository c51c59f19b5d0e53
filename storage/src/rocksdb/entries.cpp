// SPDX-License-Identifier: Apache-2.0
// Reads of entries: for each key the newest version at or below a seq.
#include "keys.hpp"
#include "rocksdb/store.hpp"

namespace perdure::storage {
namespace {

/// So many older versions are stepped over one by one; then a Seek is cheaper.
constexpr int steps_before_seek = 4;

/// A row of the entries table, taken apart. Borrows from the scan until its next step.
struct Version {
  std::string_view prefix;  ///< object-prefix key NUL
  Seq seq;
};

Result<Version> version_at(const Scan& scan, std::size_t object_prefix_bytes) {
  const auto row = scan.key();
  const auto seq = keys::seq_of(row);
  const bool has_key = row.size() > object_prefix_bytes + keys::seq_bytes + 1;
  if (!seq || !has_key || row[row.size() - keys::seq_bytes - 1] != '\0') {
    return rows::misshapen(rows::Table::entries, row);
  }
  return Version{row.substr(0, row.size() - keys::seq_bytes), *seq};
}

/// The value in a row's content, or none for a tombstone.
Result<std::optional<std::string>> value_of(std::string_view row, std::string_view content) {
  const auto tombstone = rows::is_tombstone(content);
  if (!tombstone) return rows::misshapen(rows::Table::entries, row);
  if (*tombstone) return std::optional<std::string>{};
  return std::optional<std::string>{std::in_place, content.substr(1)};
}

/// Walks over the keys of one object's entries, in either direction.
///
/// However many versions a key has, each key costs a few steps and at most two seeks.
class EntryWalk {
 public:
  EntryWalk(const Database& database, const std::string& object_prefix, const KeyRange& range,
            Seq as_of, Gaps* gaps)
      : scan_(database, rows::Table::entries, object_prefix + range.from,
              range.until.empty() ? prefix_end(object_prefix) : object_prefix + range.until),
        object_prefix_bytes_(object_prefix.size()),
        direction_(range.direction),
        as_of_(as_of),
        until_(range.until),
        finder_(direction_ == Direction::forward ? gaps : nullptr, range.from) {
    if (const auto end = finder_.leap(range.from)) {
      scan_.seek(object_prefix + std::string{*end});
    } else {
      scan_.start(direction_);
    }
  }

  /// The next entry, or none when the walk is over.
  [[nodiscard]] Result<std::optional<EntryRow>> next() {
    std::optional<EntryRow> row;
    for (;;) {
      PERDURE_TRY(more, step(row));
      if (!more) finder_.ended(until_);
      if (row) finder_.found(row->key);
      if (row || !more) return row;
      finder_.passed();
    }
  }

 private:
  /// Takes the key under the walk and moves to the next one; true until the walk is over.
  [[nodiscard]] Result<bool> step(std::optional<EntryRow>& row) {
    row.reset();
    if (!scan_.valid()) {
      PERDURE_TRY_VOID(scan_.status());
      return false;
    }
    PERDURE_TRY(version, version_at(scan_, object_prefix_bytes_));
    const auto key = version.prefix.substr(object_prefix_bytes_);
    if (const auto end = finder_.leap(key.substr(0, key.size() - 1))) {
      scan_.seek(std::string{version.prefix.substr(0, object_prefix_bytes_)}.append(*end));
      return true;
    }
    prefix_.assign(version.prefix);
    if (direction_ == Direction::forward) {
      PERDURE_TRY_VOID(take_forward(version.seq, row));
      skip_rest_forward();
    } else {
      PERDURE_TRY_VOID(take_backward(version.seq, row));
    }
    return true;
  }

  [[nodiscard]] bool on_same_key() const {
    const auto key = scan_.key();
    return key.size() == prefix_.size() + keys::seq_bytes && key.starts_with(prefix_);
  }

  Result<void> take(std::optional<EntryRow>& row) {
    PERDURE_TRY(content, scan_.content());
    PERDURE_TRY(value, value_of(scan_.key(), content));
    if (value) {
      row =
          EntryRow{prefix_.substr(object_prefix_bytes_, prefix_.size() - object_prefix_bytes_ - 1),
                   keys::seq_of(scan_.key()).value_or(0), std::move(*value)};
    }
    return {};
  }

  /// The walk stands on the newest version of the key.
  Result<void> take_forward(Seq newest_seq, std::optional<EntryRow>& row) {
    if (newest_seq > as_of_) {
      scan_.seek(keys::at_seq(prefix_, as_of_));
      if (!scan_.valid() || !on_same_key()) return scan_.status();
    }
    return take(row);
  }

  void skip_rest_forward() {
    for (int step = 0; step < steps_before_seek; ++step) {
      if (!scan_.valid() || !on_same_key()) return;
      scan_.next();
    }
    if (!scan_.valid() || !on_same_key()) return;
    auto after = prefix_;
    after.back() = '\1';  // above every version: the NUL that ends the key, raised by one
    scan_.seek(after);
  }

  /// The walk stands on the oldest version of the key: it goes up to the newest visible one.
  Result<void> take_backward(Seq oldest_seq, std::optional<EntryRow>& row) {
    bool left_key = false;
    if (oldest_seq <= as_of_) {
      PERDURE_TRY_VOID(take(row));
      for (int step = 0; step < steps_before_seek && !left_key; ++step) {
        scan_.prev();
        left_key = !scan_.valid() || !on_same_key();
        if (left_key) break;
        if (keys::seq_of(scan_.key()).value_or(0) > as_of_) break;
        row.reset();
        PERDURE_TRY_VOID(take(row));
      }
      if (!left_key && keys::seq_of(scan_.key()).value_or(0) <= as_of_) {
        scan_.seek(keys::at_seq(prefix_, as_of_));
        row.reset();
        if (scan_.valid() && on_same_key()) PERDURE_TRY_VOID(take(row));
      }
    }
    PERDURE_TRY_VOID(scan_.status());
    if (!left_key) scan_.seek_for_prev(prefix_);  // below every version of the key
    return {};
  }

  Scan scan_;
  const std::size_t object_prefix_bytes_;
  const Direction direction_;
  const Seq as_of_;
  const std::string& until_;
  GapFinder finder_;
  std::string prefix_;  ///< of the key that is being taken
};

}  // namespace

Result<std::optional<EntryRow>> RocksdbStore::entry(const ObjectId& id, std::string_view key,
                                                    Seq as_of) const {
  const auto prefix = keys::entry_prefix(keys::object_prefix(id), key);
  rocksdb::ReadOptions options;
  options.prefix_same_as_start = true;  // the prefix is the entry's: its bloom filters serve
  const auto row = database().iterate(options, rows::Table::entries);
  row->Seek(slice(keys::at_seq(prefix, as_of)));
  if (!row->status().ok()) return fail_status("cannot read", row->status());
  if (!row->Valid()) return std::optional<EntryRow>{};
  const auto found = view(row->key());
  PERDURE_TRY(content, rows::unseal(rows::Table::entries, found, view(row->value())));
  PERDURE_TRY(value, value_of(found, content));
  if (!value) return std::optional<EntryRow>{};
  return std::optional{
      EntryRow{std::string{key}, keys::seq_of(found).value_or(0), std::move(*value)}};
}

Result<std::vector<EntryRow>> RocksdbStore::entries(const ObjectId& id, const KeyRange& range,
                                                    Seq as_of, Gaps* gaps) const {
  std::vector<EntryRow> found;
  if (range.limit == 0 || (!range.until.empty() && range.until <= range.from)) return found;
  EntryWalk walk{database(), keys::object_prefix(id), range, as_of, gaps};
  for (std::size_t bytes = 0; found.size() < range.limit && bytes < range.bytes_max;) {
    PERDURE_TRY(row, walk.next());
    if (!row) break;
    bytes += bytes_of(*row);
    found.push_back(std::move(*row));
  }
  return found;
}

}  // namespace perdure::storage
