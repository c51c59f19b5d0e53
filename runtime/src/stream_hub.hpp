// SPDX-License-Identifier: Apache-2.0
// StreamHub: the streams of all objects, as those outside of turns see them.
//
// A reader has one number, the offset that it hears next. What commits have added is kept in memory
// for those who read the stream just now (its *tail*); who is behind it reads rows. So a slow
// reader costs nothing, and no reader waits for another.
#pragma once

#include <atomic>
#include <deque>
#include <unordered_map>
#include <vector>

#include "attendance.hpp"
#include "cell.hpp"
#include "intake.hpp"
#include "perdure/base/watched_mutex.hpp"
#include "stream_memory.hpp"

namespace perdure::runtime {

/// A stream that somebody reads.
struct StreamChannel {
  StreamChannel(ObjectId object_id, std::string name)
      : object(std::move(object_id)), stream(std::move(name)) {}

  const ObjectId object;
  const std::string stream;

  WatchedMutex mutex;  // guards the rest
  std::vector<std::shared_ptr<Attendee>> readers;
  /// The last commits' items, without a gap between them.
  std::deque<std::shared_ptr<const std::vector<StreamItem>>> tail;
  std::size_t tail_bytes = 0;
  std::uint64_t last = 0;  ///< the offset of the newest item that was told of; 0: none yet
};
using StreamChannelPtr = std::shared_ptr<StreamChannel>;  // shared with the committer's thread

/// Threads  any.
class StreamHub final : public Streams {
 public:
  /// All must outlive it.
  struct Around {
    const storage::Store& store;
    Intake& intake;
    const KindTable& kinds;
  };
  explicit StreamHub(Around around) : around_(around) {}

  Result<std::unique_ptr<StreamWriter>> write(const ObjectId& object, std::string stream,
                                              StreamAttempt attempt) override;
  Result<std::unique_ptr<StreamReader>> follow(const ObjectId& object, std::string stream,
                                               StreamCursor after, Principal principal,
                                               std::function<void()> wake) override;
  Result<std::vector<StreamInfo>> list(const ObjectId& object,
                                       const Principal& principal) const override;
  void drop(const ObjectId& object, std::string stream, const Principal& principal,
            std::function<void(Result<void>)> done) override;

  /// Of a turn that is durable. On the committer's thread.
  void committed(const Cell& cell, const StreamNewsPtr& news);
  /// Another version of an object is durable: some may not read it any more.
  void changed(const ObjectMeta& meta, Reach reach);

  /// What is in memory adds up. Aborts otherwise.
  void check_invariants() const;

 private:
  class Reader;

  [[nodiscard]] StreamChannelPtr find(const ObjectId& object, std::string_view stream) const;
  /// Errors: overloaded.
  [[nodiscard]] Result<StreamChannelPtr> enter(const ObjectId& object, const std::string& stream,
                                               const std::shared_ptr<Attendee>& reader);
  void leave(const StreamChannelPtr& channel, const std::shared_ptr<Attendee>& reader);
  void keep(StreamChannel& channel, const StreamChunk& chunk, const StreamNewsPtr& keeper);
  void forget_tail(StreamChannel& channel);

  const Around around_;
  std::atomic<std::size_t> readers_{0};
  std::atomic<std::size_t> tail_bytes_{0};

  mutable WatchedMutex mutex_;  // guards the rest; taken before a channel's
  std::unordered_map<ObjectId, std::vector<StreamChannelPtr>> channels_;
};

}  // namespace perdure::runtime
