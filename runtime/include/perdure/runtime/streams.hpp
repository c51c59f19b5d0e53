// SPDX-License-Identifier: Apache-2.0
// Streams: text of an object that grows while others read it, such as the answer of a model.
//
//   auto writer = runtime.streams().write(run, "answer", {.number = 1}).value();
//   writer->append("Once");                        // many of these share a row and a commit
//   writer->append(" upon a time");
//   writer->end(StreamEnd::done);
//
//   auto reader = runtime.streams().follow(run, "answer", {}, who, wake).value();
//   for (const auto& item : reader->read().value()) show(item);
//
// A stream is a line of items: an attempt begins, deltas, an end. Items are rows in the object's
// key space, beside its journal: they make no record and no seq, and are no part of its state, its
// past, its snapshots, its exports and its clones. They count towards the bytes of the object's
// owner, and go with the object's life: a purge, an erasure and the next life take them along.
//
// Offsets   dense from 1, over all attempts, never given twice in the life of a stream. A reader
//           who says which offset it has seen gets each later item once, after a reconnect and
//           after a crash of the server, too.
// Attempts  who writes has a number that rises. A later attempt shuts out the earlier ones
//           (`stale_attempt`); its first item tells readers that the text begins anew.
// Ends      `done` and `failed` are for good; after `cut` another attempt may follow.
// Threads   any, for Streams; one at a time for a reader and a writer.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "perdure/base/object_id.hpp"
#include "perdure/base/result.hpp"
#include "perdure/base/time.hpp"
#include "perdure/runtime/principal.hpp"

namespace perdure {

enum class StreamEnd {
  done,
  failed,
  cut,  ///< the writer went without a word; another attempt may follow
};
[[nodiscard]] std::string_view name_of(StreamEnd end);

struct StreamItem {
  enum class Type { delta, began, ended };
  std::uint64_t offset = 0;
  std::uint64_t attempt = 0;
  std::uint32_t mark = 0;  ///< of the attempt, by chance: tells it from any other one
  Type type = Type::delta;
  std::string text = {};  ///< of a delta; of an end, what the writer says of it
  StreamEnd end = StreamEnd::done;

  bool operator==(const StreamItem&) const = default;
};

/// A reader's place: after the item at `offset`, which stands in the attempt with that mark.
struct StreamCursor {
  std::uint64_t offset = 0;  ///< 0: before all items
  std::uint32_t mark = 0;    ///< 0: not said

  [[nodiscard]] static StreamCursor after(const StreamItem& item) {
    return {item.offset, item.mark};
  }
  /// `57`, or `57.1a2b3c4d` with its mark. Errors: invalid (`/after`).
  [[nodiscard]] static Result<StreamCursor> parse(std::string_view text);
  [[nodiscard]] std::string text() const;
};

struct StreamInfo {
  std::string name;
  std::uint64_t attempt = 0;
  std::uint64_t last_offset = 0;
  std::uint64_t bytes = 0;  ///< of its rows
  enum class Status { open, cut, done, failed } status = Status::open;
};

/// One reader, who hears of what is committed.
///
/// Limits  a slow one costs nothing: what it has not read is in the store.
class StreamReader {
 public:
  virtual ~StreamReader() = default;
  /// The next items, at most so many, and no more once they have limits::stream_read_bytes_max.
  /// Empty: there are none yet, and `wake` is called when there are, once for each empty answer.
  /// After an end that is for good there are never more.
  /// Errors  gone (the stream was dropped, with its object's life or by itself), not_found,
  ///         forbidden (the reader may not read the object any more): all for good. unavailable,
  ///         corrupt: the store's; it may be asked again.
  [[nodiscard]] virtual Result<std::vector<StreamItem>> read(std::size_t items_max = 1'000) = 0;
  [[nodiscard]] virtual StreamCursor cursor() const = 0;
};

/// Whose text a writer's is. `number` rises with each attempt; `principal` needs the right to
/// change the object.
struct StreamAttempt {
  std::uint64_t number = 1;
  Principal principal = {};
  Seq life = 0;  ///< of the object, by its born seq; 0: whichever there is
};

/// One attempt's writer. What is appended goes to the disk as soon as what went before is there, so
/// that a fast writer's deltas share commits by themselves. The first error is for good.
///
/// Lifetime  must not outlive its runtime. One that goes without having ended leaves a `cut`.
class StreamWriter {
 public:
  virtual ~StreamWriter() = default;
  /// Errors  overloaded: limits::stream_writer_bytes_max wait for the disk; nothing was taken.
  ///         too_large: a delta of more than limits::stream_delta_bytes_max.
  ///         conflict after `end`; what broke the writer, otherwise:
  ///         conflict (`stale_attempt`, `stream_ended`, `streams`), too_large (the stream),
  ///         not_found, quota_exceeded, unavailable, outcome_unknown.
  virtual Result<void> append(std::string text) = 0;
  /// Ends the attempt, after what was appended. `note` is at most limits::stream_note_bytes_max.
  virtual Result<void> end(StreamEnd how, std::string note = {}) = 0;
  /// `done` is called when all that was given before is durable, or will never be, on any thread.
  /// It must not block.
  virtual void flush(std::function<void(Result<void>)> done) = 0;
  [[nodiscard]] virtual std::uint64_t attempt() const = 0;
};

class Streams {
 public:
  virtual ~Streams() = default;

  /// Begins an attempt, with its first commit, which is under way when this returns: whether it is
  /// refused, `flush` tells. Errors: invalid (`/stream`, `/attempt`).
  [[nodiscard]] virtual Result<std::unique_ptr<StreamWriter>> write(const ObjectId& object,
                                                                    std::string stream,
                                                                    StreamAttempt attempt) = 0;
  /// Reads on from a cursor. The stream need not be there yet. `wake` is called on a thread of the
  /// runtime, must not block, and must not end a reader; it may come when there is nothing.
  /// Errors  not_found, forbidden; gone: the cursor is of another stream, or of an attempt that is
  ///         not there; overloaded: limits::stream_readers_max; those of the store.
  [[nodiscard]] virtual Result<std::unique_ptr<StreamReader>> follow(
      const ObjectId& object, std::string stream, StreamCursor after, Principal principal,
      std::function<void()> wake) = 0;
  /// The streams of an object, by name. Errors: not_found, forbidden; those of the store.
  [[nodiscard]] virtual Result<std::vector<StreamInfo>> list(const ObjectId& object,
                                                             const Principal& principal) const = 0;
  /// Ends a stream's being: its rows go, and its readers hear `gone`. Nothing happens when there is
  /// none. `done` as in StreamWriter::flush.
  virtual void drop(const ObjectId& object, std::string stream, const Principal& principal,
                    std::function<void(Result<void>)> done) = 0;
};

namespace limits {
inline constexpr std::size_t stream_name_bytes_max = 128;
inline constexpr std::size_t stream_delta_bytes_max = 64u << 10;
inline constexpr std::size_t stream_note_bytes_max = 1u << 10;
/// Of one stream, with what its rows add.
inline constexpr std::size_t stream_bytes_max = 8u << 20;
/// Of one object.
inline constexpr std::size_t object_streams_max = 64;
/// Of one turn, over all its streams.
inline constexpr std::size_t turn_deltas_max = 10'000;
/// What a writer may have that is not on the disk.
inline constexpr std::size_t stream_writer_bytes_max = 1u << 20;
/// Of one read.
inline constexpr std::size_t stream_read_bytes_max = 256u << 10;
inline constexpr std::size_t stream_readers_max = 65'536;
/// What has been committed and is in memory for the readers of one stream, and for those of all.
inline constexpr std::size_t stream_tail_bytes_max = 64u << 10;
inline constexpr std::size_t stream_tails_bytes_max = 32u << 20;
/// So long a stream that has ended for good is kept, unless it is dropped before.
inline constexpr std::chrono::hours ended_stream_kept{24};
}  // namespace limits

}  // namespace perdure
