// SPDX-License-Identifier: Apache-2.0
// StreamMemory: the streams of an object as its newest turn leaves them, which may be ahead of the
// disk.
//
// Limits  tails of streams_kept_max streams; the others are read again when they are written to.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "stream_rows.hpp"

namespace perdure::runtime {

/// What readers are told once a turn is durable.
struct StreamChunk {
  std::string stream;
  std::vector<StreamItem> items = {};
  bool is_dropped = false;  ///< before these items
};
using StreamNews = std::vector<StreamChunk>;
using StreamNewsPtr = std::shared_ptr<const StreamNews>;  // shared: readers keep it; immutable

/// What a turn does to streams.
struct StreamDecision {
  /// As the turn leaves them; Status::none: it is gone.
  std::map<std::string, StreamTail, std::less<>> tails = {};
  bool drops_all = false;    ///< that were there before
  std::int64_t counted = 0;  ///< what it adds to the bytes that are counted
  StreamNews news = {};
};

/// Threads  one at a time (the activation's).
class StreamMemory {
 public:
  /// Errors: those of load_tail.
  [[nodiscard]] Result<StreamTail> tail(const storage::StoreReader& store, const ObjectId& object,
                                        std::string_view name) const;
  /// Bytes that are counted for the object's streams. Each turn that changes them asks, so none is
  /// on its way when it is first asked for. Errors: those of the store.
  [[nodiscard]] Result<std::uint64_t> counted(const storage::StoreReader& store,
                                              const ObjectId& object);
  /// Keys of rows that begin with `prefix` and may be put by turns on their way.
  [[nodiscard]] std::vector<std::string> keys_on_their_way(std::string_view prefix) const;
  /// Streams that are known, with their tails.
  [[nodiscard]] const std::map<std::string, StreamTail, std::less<>>& tails() const {
    return tails_;
  }

  /// The turn goes out as that submission.
  void decided(const StreamDecision& decision, const storage::WriteSet& write_set,
               std::uint64_t submission);
  /// Forgets what submissions up to `settled` put.
  void forget(std::uint64_t settled);
  /// A turn that was decided has not come to be.
  void clear();

  static constexpr std::size_t streams_kept_max = 8;

 private:
  struct Put {
    std::uint64_t submission;
    std::string key;
  };
  std::map<std::string, StreamTail, std::less<>> tails_;
  std::vector<Put> puts_;  ///< in order
  std::optional<std::uint64_t> counted_;
};

/// The name of the count of the bytes of an object's closed rows.
[[nodiscard]] std::string stream_count(const ObjectId& object);

}  // namespace perdure::runtime
