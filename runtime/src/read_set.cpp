// SPDX-License-Identifier: Apache-2.0
#include "read_set.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "perdure/base/check.hpp"

namespace perdure::runtime {

namespace {

std::size_t size_of(const storage::RecordRow& row) { return row.record.size(); }
std::size_t size_of(const storage::EntryRow& row) { return bytes_of(row); }
std::size_t size_of(const storage::IndexRow& row) {
  return row.key.size() + row.id.size() + row.value.size();
}
std::size_t size_of(const storage::AlarmRow& row) { return row.name.size() + row.body.size(); }
std::size_t size_of(const storage::PinRow& row) { return row.body.size(); }
std::size_t size_of(const std::string& value) { return value.size(); }
std::size_t size_of(std::uint64_t /*number*/) { return 0; }
template <class Row>
std::size_t size_of(const std::optional<Row>& row) {
  return row ? size_of(*row) : 0;
}
template <class Row>
std::size_t size_of(const std::vector<Row>& rows) {
  std::size_t bytes = 0;
  for (const auto& row : rows) bytes += size_of(row);
  return bytes;
}

}  // namespace

void ReadSet::put(std::vector<storage::Read> reads, std::vector<storage::ReadAnswer> answers) {
  PERDURE_CHECK(reads.size() == answers.size(), "one answer for each read");
  for (std::size_t i = 0; i < reads.size(); ++i) {
    bytes_ +=
        std::visit([](const auto& answer) { return answer ? size_of(*answer) : 0; }, answers[i]);
    answers_.insert_or_assign(std::move(reads[i]), std::move(answers[i]));
  }
}

const storage::ReadAnswer* ReadSet::find_or_note(const storage::Read& read) const {
  if (const auto found = answers_.find(read); found != answers_.end()) return &found->second;
  const bool is_noted = std::ranges::find(lacking_, read) != lacking_.end();
  if (!is_full() && !is_noted) lacking_.push_back(read);
  return nullptr;
}

Error ReadSet::not_here() const {
  if (!is_full()) {
    return {.code = ErrorCode::unavailable, .detail = "the rows are being fetched"};
  }
  return {.code = ErrorCode::too_large,
          .detail = fmt::format("a turn reads at most {} times, and {} bytes, from a store that is "
                                "elsewhere",
                                turn_reads_max, turn_read_bytes_max)};
}

Result<void> ReadSet::walk_index(std::string_view kind, std::string_view index,
                                 const storage::KeyRange& range,
                                 const std::optional<storage::IndexRow>& after,
                                 const storage::IndexReader& read) const {
  PERDURE_TRY(rows, find(storage::IndexRead{std::string{kind}, std::string{index}, range, after}));
  for (const auto& row : rows) {
    if (read(row.key, row.id, row.value) == storage::Walk::end) return {};
  }
  return {};
}

}  // namespace perdure::runtime
