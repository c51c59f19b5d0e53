// SPDX-License-Identifier: Apache-2.0
// Short ways to write units and to read outcomes in tests.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "perdure/storage/store.hpp"

namespace perdure::storage {

inline constexpr Timestamp default_now{Milliseconds{1'000'000}};

inline Timestamp at_ms(std::int64_t ms) { return from_unix_ms(ms); }

inline std::string record_text(const ObjectId& object, Seq seq) {
  return "record " + to_string(object) + " " + std::to_string(seq);
}

inline WriteSet make_turn(std::uint64_t epoch, const ObjectId& object, Seq expected_seq) {
  return {.object = object,
          .epoch = epoch,
          .expected_seq = expected_seq,
          .record = record_text(object, expected_seq + 1)};
}

inline WriteSet make_housekeeping(std::uint64_t epoch, const ObjectId& object, Seq expected_seq) {
  return {.object = object, .epoch = epoch, .expected_seq = expected_seq};
}

inline Unit make_unit(WriteSet write_set) {
  Unit unit;
  unit.write_sets.push_back(std::move(write_set));
  return unit;
}

inline Outcome commit_one(Store& store, std::vector<WriteSet> write_sets,
                          Timestamp now = default_now) {
  const Unit unit{std::move(write_sets)};
  auto outcomes = store.commit({&unit, 1}, now);
  PERDURE_CHECK(outcomes.size() == 1, "one outcome for each unit");
  return std::move(outcomes.front());
}

inline Outcome commit_one(Store& store, WriteSet write_set, Timestamp now = default_now) {
  std::vector<WriteSet> write_sets;
  write_sets.push_back(std::move(write_set));
  return commit_one(store, std::move(write_sets), now);
}

/// None for a success.
template <class T>
std::optional<ErrorCode> code_of(const Result<T>& result) {
  if (result) return {};
  return result.error().code;
}

inline std::vector<std::optional<ErrorCode>> codes_of(const std::vector<Outcome>& outcomes) {
  std::vector<std::optional<ErrorCode>> codes;
  for (const auto& outcome : outcomes) codes.push_back(code_of(outcome));
  return codes;
}

inline std::vector<Seq> seqs_of(const std::vector<RecordRow>& rows) {
  std::vector<Seq> seqs;
  for (const auto& row : rows) seqs.push_back(row.seq);
  return seqs;
}

/// `key=value` for each row.
inline std::vector<std::string> texts_of(const std::vector<EntryRow>& rows) {
  std::vector<std::string> texts;
  for (const auto& row : rows) texts.push_back(row.key + "=" + row.value);
  return texts;
}

}  // namespace perdure::storage
