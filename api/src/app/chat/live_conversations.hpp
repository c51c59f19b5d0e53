// SPDX-License-Identifier: Apache-2.0
// LiveConversations: all conversations that somebody has a socket to, and the one thread that feeds
// them.
//
// The sockets belong to this gateway, not to the objects: a conversation may hibernate, crash and
// come back meanwhile. A commit that published a message only wakes the thread. It reads the event
// log for which conversations have something new, reads that from their entries, which wakes no
// object, and sends one encoded text to all members.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "app/chat/live_conversation.hpp"
#include "app/context.hpp"

namespace perdure::api::chat {

/// Lifecycle  the thread starts with the first socket; the destructor ends it. Sockets end by
///            their clients, by a drain, or for one of the reasons in close_reasons.hpp.
/// Threads    any.
/// Limits     a socket's queue holds 1 MiB of shared texts; past it the socket is closed with 1013.
class LiveConversations {
 public:
  explicit LiveConversations(Application::Services& services) : services_(services) {}
  ~LiveConversations();
  LiveConversations(const LiveConversations&) = delete;
  LiveConversations& operator=(const LiveConversations&) = delete;

  /// The owner of a conversation that somebody has a socket to already.
  [[nodiscard]] std::optional<Owner> owner_of(const ObjectId& conversation) const;
  /// Upgrades a request of somebody who may read the conversation; without `after` from now on.
  void open(Context& context, Entrance entrance);

  // ---- for members
  void join(MemberPtr member);
  void leave(MemberPtr member);
  void signal(MemberPtr member, FrameType type, Json body);
  void wake();

 private:
  struct Input {
    enum class What { join, leave, signal } what;
    MemberPtr member;
    FrameType type = FrameType::ping;
    Json body = nullptr;
  };
  using Found = std::unordered_map<ObjectId, LiveConversation>::iterator;

  void post(Input input);
  void work();
  /// Waits for something to do; false at the end.
  bool take_inputs(std::vector<Input>& inputs, std::optional<Milliseconds> tell_at);
  [[nodiscard]] bool follow_events();
  void read_events();
  void apply(Input& input);
  void join_now(const MemberPtr& member);
  void leave_now(const MemberPtr& member);
  void feed_all();
  [[nodiscard]] std::optional<Milliseconds> tell_presence();
  void check_all();
  /// Ends a conversation whose fate that is; returns the one after it.
  Found settle(Found found, LiveConversation::Fate fate);
  Found forget(Found found);
  void want_feed(LiveConversation& conversation);

  Application::Services& services_;

  mutable std::mutex mutex_;  // guards inputs_ to owners_
  std::condition_variable changed_;
  std::vector<Input> inputs_;
  bool awake_ = false;
  bool stopping_ = false;
  std::unordered_map<ObjectId, Owner> owners_;  ///< of all conversations that are open
  std::uint64_t connections_ = 0;

  // The thread's own.
  std::unordered_map<ObjectId, LiveConversation> open_;
  std::vector<ObjectId> to_feed_;  ///< those that are unfinished
  std::vector<ObjectId> to_tell_;  ///< those in which somebody has come or gone
  std::unique_ptr<EventWatch> watch_;
  std::string cursor_;  ///< of the event log; empty: not followed
  Milliseconds checked_at_{0};
  std::thread thread_;  ///< started under mutex_
};

}  // namespace perdure::api::chat
