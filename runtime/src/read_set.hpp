// SPDX-License-Identifier: Apache-2.0
// ReadSet: the rows that one turn has been given to read, where reads of the store are slow.
//
// A turn reads from it as from the store. What is not there fails as `unavailable`, and is noted:
// the turn then comes to nothing, whatever it returns, and runs again when the rows have been
// fetched. A handler may run more than once before its commit, so nothing tells it (ADR 36).
//
// What a turn has read stays as it was read until the turn is over. Nobody but the activation
// changes the object's own rows; what the turn saw of others is checked by its commit.
//
// Threads  one at a time.
// Limits   `turn_reads_max` reads and `turn_read_bytes_max` of rows; past one the turn fails as
//          `too_large`.
#pragma once

#include <map>
#include <string_view>
#include <utility>
#include <vector>

#include "perdure/storage/store.hpp"

namespace perdure::runtime {

inline constexpr std::size_t turn_reads_max = 10'000;
inline constexpr std::size_t turn_read_bytes_max = 64u << 20;

class ReadSet final : public storage::StoreReader {
 public:
  /// Reads that were asked for and were not there.
  [[nodiscard]] bool lacks() const { return !lacking_.empty(); }
  [[nodiscard]] std::vector<storage::Read> take_lacking() { return std::exchange(lacking_, {}); }
  /// One answer for each read.
  void put(std::vector<storage::Read> reads, std::vector<storage::ReadAnswer> answers);
  /// Nothing was put into it.
  [[nodiscard]] bool empty() const { return answers_.empty(); }

  [[nodiscard]] Result<std::optional<storage::RecordRow>> last_record(
      const ObjectId& id) const override {
    return find(storage::LastRecordRead{id});
  }
  [[nodiscard]] Result<storage::RecordRow> record(const ObjectId& id, Seq seq) const override {
    return find(storage::RecordRead{id, seq});
  }
  [[nodiscard]] Result<std::vector<storage::RecordRow>> journal(const ObjectId& id, Seq from,
                                                                Seq until,
                                                                storage::Direction direction,
                                                                std::size_t limit) const override {
    return find(storage::JournalRead{id, from, until, direction, limit});
  }
  [[nodiscard]] Result<Seq> floor(const ObjectId& id) const override {
    return find(storage::FloorRead{id});
  }
  [[nodiscard]] Result<std::optional<storage::EntryRow>> entry(const ObjectId& id,
                                                               std::string_view key,
                                                               Seq as_of) const override {
    return find(storage::EntryRead{id, std::string{key}, as_of});
  }
  /// Gaps are those of a walk, and the store does this one elsewhere: it leaps over none.
  [[nodiscard]] Result<std::vector<storage::EntryRow>> entries(
      const ObjectId& id, const storage::KeyRange& range, Seq as_of,
      storage::Gaps* /*gaps*/) const override {
    return find(storage::EntriesRead{id, range, as_of});
  }
  [[nodiscard]] Result<void> walk_index(std::string_view kind, std::string_view index,
                                        const storage::KeyRange& range,
                                        const std::optional<storage::IndexRow>& after,
                                        const storage::IndexReader& read) const override;
  [[nodiscard]] Result<std::optional<std::string>> claim(const storage::ClaimKey& key,
                                                         Timestamp now) const override {
    return find(storage::ClaimRead{key, now});
  }
  [[nodiscard]] Result<std::uint64_t> count(std::string_view name) const override {
    return find(storage::CountRead{std::string{name}});
  }
  [[nodiscard]] Result<std::optional<storage::AlarmRow>> alarm(
      const ObjectId& id, std::string_view name) const override {
    return find(storage::AlarmRead{id, std::string{name}});
  }
  [[nodiscard]] Result<std::vector<storage::AlarmRow>> alarms(const ObjectId& id,
                                                              std::string_view from,
                                                              std::size_t limit) const override {
    return find(storage::AlarmsRead{id, std::string{from}, limit});
  }
  [[nodiscard]] Result<std::vector<storage::PinRow>> pins(const ObjectId& id, Seq from,
                                                          std::size_t limit) const override {
    return find(storage::PinsRead{id, from, limit});
  }

 private:
  template <class R>
  [[nodiscard]] Result<typename R::Answer> find(R read) const {
    const storage::Read wanted{std::move(read)};
    const auto* answer = find_or_note(wanted);
    if (answer == nullptr) return fail(not_here());
    return std::get<Result<typename R::Answer>>(*answer);
  }
  /// Null: it is not there, and noted if there is room for it.
  [[nodiscard]] const storage::ReadAnswer* find_or_note(const storage::Read& read) const;
  [[nodiscard]] Error not_here() const;
  [[nodiscard]] bool is_full() const {
    return answers_.size() >= turn_reads_max || bytes_ >= turn_read_bytes_max;
  }

  std::map<storage::Read, storage::ReadAnswer> answers_;
  std::size_t bytes_ = 0;
  mutable std::vector<storage::Read> lacking_;
};

}  // namespace perdure::runtime
