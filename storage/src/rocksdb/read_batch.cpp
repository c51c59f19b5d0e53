// SPDX-License-Identifier: Apache-2.0
// Batches of reads: rows that are found by their whole keys are asked for table by table, in one
// call of RocksDB each; the others one after another.
#include <map>
#include <utility>

#include "keys.hpp"
#include "rocksdb/store.hpp"

namespace perdure::storage {

namespace {

/// The row that answers a read, if a whole key names it.
struct RowName {
  rows::Table table;
  std::string key;
};

std::optional<RowName> row_of(const Read& read) {
  if (const auto* record = std::get_if<RecordRead>(&read)) {
    return RowName{rows::Table::records,
                   keys::at_seq(keys::object_prefix(record->object), record->seq)};
  }
  if (const auto* claim = std::get_if<ClaimRead>(&read)) {
    return RowName{rows::Table::claims, keys::claim(claim->key.space, claim->key.key)};
  }
  if (const auto* count = std::get_if<CountRead>(&read)) {
    return RowName{rows::Table::meta, keys::count(count->name)};
  }
  if (const auto* alarm = std::get_if<AlarmRead>(&read)) {
    return RowName{rows::Table::alarms,
                   keys::alarm(keys::object_prefix(alarm->object), alarm->name)};
  }
  return {};
}

}  // namespace

std::vector<ReadAnswer> RocksdbStore::read(std::span<const Read> reads) const {
  struct Lookup {
    std::vector<std::size_t> places;  ///< of the reads
    std::vector<std::string> keys;
  };
  std::map<rows::Table, Lookup> lookups;
  for (std::size_t place = 0; place < reads.size(); ++place) {
    auto row = row_of(reads[place]);
    if (!row) continue;
    auto& lookup = lookups[row->table];
    lookup.places.push_back(place);
    lookup.keys.push_back(std::move(row->key));
  }
  std::vector<std::optional<ReadAnswer>> found(reads.size());
  for (const auto& [table, lookup] : lookups) {
    const auto& [places, keys] = lookup;
    // One is found as fast by itself.
    if (places.size() < 2) continue;
    auto contents = database().get_all(table, keys);
    for (std::size_t i = 0; i < places.size(); ++i) {
      found[places[i]] = answer_of(reads[places[i]], keys[i], std::move(contents[i]));
    }
  }
  std::vector<ReadAnswer> answers;
  answers.reserve(reads.size());
  for (std::size_t place = 0; place < reads.size(); ++place) {
    answers.push_back(found[place] ? std::move(*found[place]) : read_one(*this, reads[place]));
  }
  return answers;
}

ReadAnswer RocksdbStore::answer_of(const Read& read, std::string_view key, Content content) const {
  if (const auto* record = std::get_if<RecordRead>(&read)) {
    if (!content) return Result<RecordRow>{fail(std::move(content).error())};
    if (!*content) return explain_absence(record->object, record->seq);
    return Result<RecordRow>{RecordRow{record->seq, std::move(**content)}};
  }
  if (const auto* claim = std::get_if<ClaimRead>(&read)) {
    return parse_claim(key, content, claim->now);
  }
  if (std::holds_alternative<CountRead>(read)) return parse_count(key, content);
  const auto& alarm = std::get<AlarmRead>(read);
  return parse_alarm(key, content, alarm.object, alarm.name);
}

}  // namespace perdure::storage
