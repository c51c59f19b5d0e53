// SPDX-License-Identifier: Apache-2.0
#include "perdure/storage/store.hpp"

#include <type_traits>

#include "perdure/base/check.hpp"

namespace perdure::storage {

const HealthTraits& describe(Health health) noexcept {
  static constexpr HealthTraits writable{"writable", "accepts writes"};
  static constexpr HealthTraits no_space{
      "disk_full",
      "writes have stopped: the disk is full; they go on by themselves when it has space again"};
  static constexpr HealthTraits size_limit{
      "file_size_limit",
      "writes have stopped: a file would grow past the process's limit of file sizes (ulimit -f, "
      "LimitFSIZE); raise it and restart the server"};
  static constexpr HealthTraits write_protected{
      "read_only_file_system",
      "writes have stopped: the file system is mounted read-only; see the system's log for why, "
      "mount it writable and restart the server"};
  static constexpr HealthTraits damaged{
      "damaged",
      "writes have stopped: a file of the store is damaged; stop the server, see what is hit with "
      "perdure check, and restore a backup"};
  static constexpr HealthTraits displaced{
      "directory_gone",
      "writes have stopped: the data directory, or what is in it, was removed, moved or replaced; "
      "stop the server, put it back and start again"};
  static constexpr HealthTraits read_only{
      "disk_failed",
      "writes have stopped: the disk failed; see that it is sound and restart the server"};
  switch (health) {
    case Health::writable: return writable;
    case Health::no_space: return no_space;
    case Health::size_limit: return size_limit;
    case Health::write_protected: return write_protected;
    case Health::damaged: return damaged;
    case Health::displaced: return displaced;
    case Health::read_only: return read_only;
  }
  check_failed("health", "a health without words");
}

Result<std::vector<IndexRow>> StoreReader::index(std::string_view kind, std::string_view index,
                                                 const KeyRange& range,
                                                 const std::optional<IndexRow>& after) const {
  std::vector<IndexRow> rows;
  PERDURE_TRY_VOID(
      walk_index(kind, index, range, after,
                 [&](std::string_view key, std::string_view id, std::string_view value) {
                   rows.push_back({std::string{key}, std::string{id}, std::string{value}});
                   return Walk::go_on;
                 }));
  return rows;
}

ReadAnswer read_one(const StoreReader& reader, const Read& read) {
  return std::visit(
      [&reader](const auto& one) -> ReadAnswer {
        using R = std::decay_t<decltype(one)>;
        if constexpr (std::is_same_v<R, LastRecordRead>) {
          return reader.last_record(one.object);
        } else if constexpr (std::is_same_v<R, RecordRead>) {
          return reader.record(one.object, one.seq);
        } else if constexpr (std::is_same_v<R, JournalRead>) {
          return reader.journal(one.object, one.from, one.until, one.direction, one.limit);
        } else if constexpr (std::is_same_v<R, FloorRead>) {
          return reader.floor(one.object);
        } else if constexpr (std::is_same_v<R, EntryRead>) {
          return reader.entry(one.object, one.key, one.as_of);
        } else if constexpr (std::is_same_v<R, EntriesRead>) {
          return reader.entries(one.object, one.range, one.as_of);
        } else if constexpr (std::is_same_v<R, IndexRead>) {
          return reader.index(one.kind, one.index, one.range, one.after);
        } else if constexpr (std::is_same_v<R, ClaimRead>) {
          return reader.claim(one.key, one.now);
        } else if constexpr (std::is_same_v<R, CountRead>) {
          return reader.count(one.name);
        } else if constexpr (std::is_same_v<R, AlarmRead>) {
          return reader.alarm(one.object, one.name);
        } else if constexpr (std::is_same_v<R, AlarmsRead>) {
          return reader.alarms(one.object, one.from, one.limit);
        } else {
          return reader.pins(one.object, one.from, one.limit);
        }
      },
      read);
}

std::vector<ReadAnswer> StoreReader::read(std::span<const Read> reads) const {
  std::vector<ReadAnswer> answers;
  answers.reserve(reads.size());
  for (const auto& one : reads) answers.push_back(read_one(*this, one));
  return answers;
}

std::string prefix_end(std::string prefix) {
  while (!prefix.empty()) {
    const auto last = static_cast<unsigned char>(prefix.back());
    if (last != 0xFF) {
      prefix.back() = static_cast<char>(last + 1);
      return prefix;
    }
    prefix.pop_back();
  }
  return prefix;
}

}  // namespace perdure::storage
