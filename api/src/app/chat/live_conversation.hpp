// SPDX-License-Identifier: Apache-2.0
// LiveConversation: the sockets of one conversation, and how far each of them has heard.
//
// Messages have dense seqs, so one number for each member says all: the seq that it hears next. A
// member that is where the conversation is gets what is new as it comes, one text shared by all.
// One that is behind (it resumes, or more has come at once than a queue should hold) is fed page by
// page, as its own queue has room, until it has caught up.
#pragma once

#include <optional>
#include <vector>

#include "app/chat/member.hpp"
#include "app/close_reasons.hpp"
#include "perdure/runtime/runtime.hpp"

namespace perdure::api::chat {

/// Threads  that of LiveConversations alone.
class LiveConversation {
 public:
  /// What became of the conversation while it was not looked at.
  enum class Fate { lives, deleted, rewritten };

  LiveConversation(Application::Services& services, const ObjectView& view);

  [[nodiscard]] const ObjectId& object() const { return object_; }
  [[nodiscard]] const Owner& owner() const { return meta_.origin->owner; }
  [[nodiscard]] const std::vector<MemberPtr>& members() const { return members_; }

  /// Lets a member in, or closes it: `rewritten` when it has seen what is not there any more.
  void join(const MemberPtr& member);
  void leave(const MemberPtr& member);
  void signal(Member& member, FrameType type, const Json& body);

  /// An event of the log says that the message `seq` is there.
  [[nodiscard]] Fate heard_of(std::uint64_t seq);
  /// Events were lost, or a read failed: what is there has to be looked for.
  void look_again() {
    stale_ = true;
    event_seq_.reset();
  }
  /// Reads what is new and gives it to whom it is for; a page for each member that is behind.
  /// Returns whether more is to be done without waiting for anybody.
  [[nodiscard]] bool feed(const std::function<void()>& wake);
  /// Something is to be fed once there is room, or the store can be read again.
  [[nodiscard]] bool is_unfinished() const { return stale_ || behind_ > 0; }

  /// Tells all who has come and gone, if it is time; when it will be, if it is not.
  [[nodiscard]] std::optional<Milliseconds> tell_presence(Milliseconds now);

  /// Once in a while: keys, deletion, a restored past. `wake` as LiveGrant::look has it.
  [[nodiscard]] Fate check(Milliseconds now, const std::function<void()>& wake);
  void close_all(const CloseReason& reason);

 private:
  /// What has become of the object since it was last looked at.
  [[nodiscard]] Fate look(Milliseconds now);

  struct Page {
    std::vector<http::Body> frames;
    std::uint64_t first = 0;
    std::size_t bytes = 0;
    bool is_full = false;  ///< there may be more after it
  };

  [[nodiscard]] Result<Page> read(std::uint64_t first) const;
  /// After a page was read, and before it is sent: whoever a share was withdrawn from before the
  /// page's last message hears none of it. Costs nothing while nobody has a share.
  void renew_grants();
  void broadcast(const Page& page, const std::function<void()>& wake);
  bool feed_behind(const std::function<void()>& wake);
  bool feed_page(Member& member, const Page& page);
  [[nodiscard]] bool admits(Member& member, const std::function<void()>& wake);
  void send(Member& member, std::span<const http::Body> frames);
  void send_to_others(const Member* sender, const Frame& frame);
  void stir(Milliseconds now);

  Application::Services& services_;
  const ObjectId object_;
  ObjectMeta meta_;  ///< as it was last looked at: who may be here
  std::vector<MemberPtr> members_;
  std::size_t behind_ = 0;  ///< members that had not caught up when they were last looked at
  std::uint64_t next_;      ///< the seq that is read next
  std::optional<std::uint64_t> event_seq_;  ///< of the last event
  bool stale_ = false;

  // Changes of the object's seq are looked into; the rest of the time nobody reads anything.
  SeqWatch watch_;
  Milliseconds seen_at_;

  // What members have not been told yet.
  std::vector<Presence> joined_;
  std::vector<Presence> left_;
  std::vector<Presence> updated_;
  std::optional<Milliseconds> tell_at_;
  Pace typing_;
};

}  // namespace perdure::api::chat
