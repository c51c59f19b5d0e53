// SPDX-License-Identifier: Apache-2.0
// The rows of streams (ADR 40), and what a write does to them. Pure: a tail and a change in, rows
// and a tail out.
//
// A row holds items of one attempt that follow each other; its key says which is the first. Rows
// are *open* while they are few and small, and then written again with each commit that adds to
// them; as soon as the open ones hold so many items or bytes together they become one, which is
// *closed* and never changes. So each token may have a commit of its own, and at rest there is a
// row for hundreds of them. What is closed is counted for the owner.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "perdure/runtime/streams.hpp"
#include "perdure/storage/store.hpp"

namespace perdure::runtime {

namespace index_names {
inline constexpr std::string_view stream = "$stream";              ///< rows of streams
inline constexpr std::string_view stream_ended = "$stream_ended";  ///< by time: when one ended
}  // namespace index_names

inline constexpr std::size_t items_per_open_row_max = 16;
inline constexpr std::size_t items_per_row_max = 256;
inline constexpr std::size_t row_bytes_max = 16u << 10;

/// What somebody wants of one stream.
struct StreamChange {
  std::string name;
  std::uint64_t attempt = 0;  ///< of the writer; 0: a turn, which writes whichever is open
  bool begins = false;        ///< the attempt, with this change
  std::vector<std::string> deltas = {};
  std::optional<StreamEnd> end = {};
  std::string note = {};  ///< of the end
  bool drops = false;     ///< nothing else, then
  /// Of a drop: only if that is when it ended; the row that says so goes in any case.
  std::optional<Timestamp> ended_at = {};
};
using StreamChangePtr = std::shared_ptr<const StreamChange>;

/// Items as rows hold them.
struct OpenRow {
  std::uint64_t first = 0;
  std::size_t items = 0;
  std::string bytes = {};
  bool is_stored = false;  ///< in some form
  bool has_grown = false;  ///< since
};

/// All that the next write of a stream has to know of it.
struct StreamTail {
  enum class Status { none, open, cut, done, failed };
  Status status = Status::none;
  std::uint64_t attempt = 0;
  std::uint32_t mark = 0;
  std::uint64_t next = 1;          ///< the offset of the next item
  std::uint64_t closed_bytes = 0;  ///< of the rows that are closed
  std::vector<OpenRow> open = {};  ///< oldest first
  std::optional<Timestamp> ended_at = {};

  [[nodiscard]] bool is_over() const { return status == Status::done || status == Status::failed; }
  [[nodiscard]] std::uint64_t bytes() const;
};

/// What a change comes to.
struct StreamStep {
  StreamTail tail;
  std::vector<storage::IndexChange> rows = {};
  std::vector<StreamItem> items = {};
};

struct StreamMoment {
  Timestamp now;
  std::uint32_t mark;  ///< for an attempt that begins
};

/// Errors  conflict: `stale_attempt`, `stream_ended` (field `/attempt`); too_large.
[[nodiscard]] Result<StreamStep> write_stream(const ObjectId& object, StreamTail tail,
                                              const StreamChange& change,
                                              const StreamMoment& moment);

/// Errors: invalid (`/stream`).
[[nodiscard]] Result<void> check_stream_name(std::string_view name);

// ---- reading

/// A row as it is stored. Lifetime: borrows from what it was parsed from.
struct StreamRow {
  std::string_view name;
  std::uint64_t first;
  std::uint64_t attempt;
  std::uint32_t mark;
  bool is_closed;
  std::uint64_t before;  ///< bytes of the closed rows before it
  std::string_view items;
  std::size_t size;  ///< of the value, which is what is counted
};

/// All rows of an object, or of one of its streams, from an offset on.
[[nodiscard]] std::string stream_prefix(const ObjectId& object);
[[nodiscard]] std::string stream_prefix(const ObjectId& object, std::string_view name);
[[nodiscard]] std::string stream_key(const ObjectId& object, std::string_view name,
                                     std::uint64_t first);
/// Where a stream stands among those that have ended.
[[nodiscard]] storage::IndexChange ended_row(storage::IndexChange::Op op, std::string_view name,
                                             Timestamp at);

/// Is shown the rows of a range that are the object's, with their keys.
using StreamRowReader =
    std::function<Result<storage::Walk>(std::string_view key, const StreamRow&)>;
/// Errors: corrupt; those of the store and of `read`.
[[nodiscard]] Result<void> walk_stream(const storage::StoreReader& store, const ObjectId& object,
                                       const storage::KeyRange& range, const StreamRowReader& read);

/// Adds the items of a row. Errors: corrupt.
[[nodiscard]] Result<void> read_items(const StreamRow& row, std::vector<StreamItem>& items);
/// When the row's last item says that the stream ended for good. Errors: corrupt.
[[nodiscard]] Result<std::optional<Timestamp>> ended_in(const StreamRow& row);

/// A stream as it is stored. Errors: those of walk_stream.
[[nodiscard]] Result<StreamTail> load_tail(const storage::StoreReader& store,
                                           const ObjectId& object, std::string_view name);
/// The names of an object's streams, in order.
[[nodiscard]] Result<std::vector<std::string>> stream_names(const storage::StoreReader& store,
                                                            const ObjectId& object);
/// Items after an offset, as many as are wanted and no more than limits::stream_read_bytes_max of
/// text. Errors: as above; unavailable when rows are joined faster than they can be read.
[[nodiscard]] Result<std::vector<StreamItem>> items_after(const storage::StoreReader& store,
                                                          const ObjectId& object,
                                                          std::string_view name,
                                                          std::uint64_t offset,
                                                          std::size_t items_max);

}  // namespace perdure::runtime
