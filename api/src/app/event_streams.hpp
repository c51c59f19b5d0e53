// SPDX-License-Identifier: Apache-2.0
// EventStreams: the open streams and sockets that tell of events (/events, a job, live lists), and
// the one thread that feeds them.
//
// A commit that published something only wakes that thread. It reads what is new once for all, and
// finds those whom it concerns by the owner and the grantees of its object; a stream that nothing
// concerns costs nothing. Each of the others in turn gets one page of what follows its own cursor,
// so a client that reads slowly holds its own queue and nothing else: it is left out until the
// queue has room, and goes on where it stopped.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "app/context.hpp"
#include "app/event_outlet.hpp"
#include "perdure/runtime/events.hpp"

namespace perdure::api {

/// What becomes of one event in one stream.
enum class EventUse {
  skipped,
  sent,
  sent_as_last,
  withdrawn,  ///< the stream ends: its reader may not read what it is about any more
  gone,       ///< the stream ends: what it is about was deleted
  /// What the event tells of is not kept any more, or more has changed than it tells: as
  /// StreamRules::lost says.
  lost,
};

/// A stream of something else than what its query finds.
struct StreamRules {
  /// Called on the streams' thread. May set `text`, which is sent in place of the event itself.
  /// Empty function: every event is sent, and the stream goes on. Errors cut the stream: its client
  /// comes again.
  std::function<Result<EventUse>(const Event&, EventText& text)> use = {};
  /// Of which objects events are looked at.
  enum class Sight {
    readable,  ///< those that the reader may see now
    all,       ///< also those that it may not see any more: `use` decides what it is told
  } sight = Sight::readable;
  /// The owner, or grantee, whose objects alone it is about. Empty: it follows from the reader, and
  /// from its role as that changes.
  std::string concerns = {};
  /// What a reader is told whose place in the log is not kept any more.
  enum class Lost {
    told,        ///< that it missed something; the stream goes on
    begins_anew  ///< the same, without a place to come back to; the stream ends
  } lost = Lost::told;
  /// Sent before all events, as what stood at the place where the stream begins.
  std::string first_event = {};
  std::string first_data = {};
  /// The object that all events are of, if they are of one: the stream ends when its reader may not
  /// read that any more, as far as this says who owns it and with whom it is shared.
  std::optional<ObjectMeta> of = {};
  /// Until this cursor what is sent names no place to come back to: whoever is cut off before it
  /// begins anew. Empty: from the beginning on it does.
  std::string settled_at = {};
};

/// Lifecycle  the thread starts with the first stream; the destructor ends it. Streams end by their
///            clients, by a drain, or when their key no longer holds.
/// Threads    open: any.
/// Limits     one stream a connection; each holds at most its HTTP queue's bound.
class EventStreams {
 public:
  explicit EventStreams(Application::Services& services) : services_(services) {}
  ~EventStreams();
  EventStreams(const EventStreams&) = delete;
  EventStreams& operator=(const EventStreams&) = delete;

  /// Answers the request with what `query` finds from its cursor on, as Server-Sent Events or, if
  /// it asks for the upgrade, as frames of a WebSocket; `query.after` is not empty.
  void open(ContextPtr context, EventQuery query, StreamRules rules = {});

 private:
  struct Stream;
  using StreamPtr = std::shared_ptr<Stream>;  // shared with the callbacks of its connection
  class Socket;

  void start(StreamPtr stream, std::unique_ptr<EventOutlet> outlet);
  /// Has the thread look at a stream.
  void call_for(StreamPtr stream);
  void wake();
  void wake_locked(std::unique_lock<std::mutex> lock);

  // The thread's own.
  struct Calls;
  void work();
  [[nodiscard]] bool wait(Calls& calls);
  void take_in(const StreamPtr& stream);
  void let_go(Stream& stream);
  void look_after(Stream& stream);
  void read_log();
  void touch_those(const Event& event, const std::string& before);
  void touch(Stream& stream, const Event& event, const std::string& before);
  void touch_all();
  void feed_ready();
  /// One page. Whether the stream has been given all that is there, or all that it takes.
  enum class Fed { all, more };
  [[nodiscard]] Fed feed(Stream& stream);
  [[nodiscard]] Fed tell_lost(Stream& stream);
  [[nodiscard]] bool tell_lost_until(Stream& stream, const std::string& place);
  [[nodiscard]] bool send(Stream& stream, const Event& event);
  [[nodiscard]] bool admits(Stream& stream);
  struct Judged;
  /// False when it cannot be done now: the stream is cut.
  [[nodiscard]] bool judge(Stream& stream, const Event& event) const;
  void follow_role(Stream& stream);
  void leave_others(Stream& stream);
  [[nodiscard]] std::set<Stream*>& others_of(const Stream& stream);
  void check_keys();
  /// Ends those that may not go on.
  void look_again_at(const std::set<Stream*>& streams);
  void tell_places();
  Result<EventText> text_of(EventForm form, const Event& event);

  Application::Services& services_;

  std::mutex mutex_;  // guards what stands until the next blank line
  std::condition_variable changed_;
  std::vector<StreamPtr> calls_;
  bool awake_ = false;
  bool asked_again_ = false;  ///< a key was looked at: those that wait for it may go on
  bool stopping_ = false;

  std::unordered_map<Stream*, StreamPtr> streams_;
  std::map<std::string, std::set<Stream*>, std::less<>> by_reader_;  ///< owners' texts
  std::set<Stream*> all_seeing_;
  std::set<Stream*> ready_;   ///< that may have more, and whose clients take it
  std::set<Stream*> unsure_;  ///< whose keys are being asked about
  std::string looked_to_;     ///< the cursor up to which the log was read for all
  std::unique_ptr<EventWatch> watch_;
  bool grants_moved_ = false;  ///< a key or a user has changed: the next look is due at once
  std::chrono::nanoseconds keys_checked_{};
  std::chrono::nanoseconds places_told_{};
  using Place = std::pair<EventForm, std::uint64_t>;
  std::map<Place, EventText> texts_;  ///< encoded once for all streams of a round
  std::thread thread_;                ///< started under mutex_
};

}  // namespace perdure::api
