// SPDX-License-Identifier: Apache-2.0
// EventStreams: the open streams and sockets of /events, and the one thread that feeds them.
//
// A commit that published something only wakes that thread. It gives each stream in turn one page
// of what follows the stream's own cursor, so a client that reads slowly holds its own queue and
// nothing else: it is left out until the queue has room, and goes on where it stopped.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "app/context.hpp"
#include "app/event_outlet.hpp"
#include "perdure/runtime/events.hpp"

namespace perdure::api {

/// What becomes of one event in one stream.
enum class EventUse { skipped, sent, sent_as_last };

/// A stream of less than what its query finds.
struct StreamRules {
  /// Called on the streams' thread. Empty function: every event is sent, and the stream goes on.
  std::function<EventUse(const Event&)> use = {};
  /// Sent before all events, as what stood at the place where the stream begins.
  std::string first_event = {};
  std::string first_data = {};
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

  void open_socket(Context& context, StreamPtr stream);
  void start(StreamPtr stream, std::unique_ptr<EventOutlet> outlet);
  void wake();
  void work();
  void feed_all(const std::vector<StreamPtr>& streams);
  /// One page; true when more is there and the client takes it.
  bool feed(Stream& stream);
  [[nodiscard]] bool admits(Stream& stream);
  void tell_places(const std::vector<StreamPtr>& streams);
  Result<EventText> text_of(EventForm form, const Event& event);

  Application::Services& services_;

  std::mutex mutex_;  // guards streams_, awake_, stopping_
  std::condition_variable changed_;
  std::vector<StreamPtr> streams_;
  bool awake_ = false;
  bool stopping_ = false;

  // The thread's own.
  using Place = std::pair<EventForm, std::uint64_t>;
  std::map<Place, EventText> texts_;  ///< encoded once for all streams of a round
  std::thread thread_;                ///< started under mutex_
};

}  // namespace perdure::api
