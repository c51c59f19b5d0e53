// SPDX-License-Identifier: Apache-2.0
// The event log as its readers see it: what turns published (Turn::publish), as CloudEvents 1.0, in
// the order of their commits, without a gap, from a cursor on.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "perdure/base/object_id.hpp"
#include "perdure/base/result.hpp"
#include "perdure/runtime/object_meta.hpp"
#include "perdure/runtime/principal.hpp"
#include "perdure/runtime/retry.hpp"

namespace perdure {

/// One event. Immutable and shared by all its readers.
struct Event {
  std::uint64_t position;
  std::string cursor;  ///< of the place right after it
  std::string id;
  std::string topic;
  ObjectId source;
  Seq seq = 0;                      ///< of the turn that published it
  Owner owner;                      ///< of the object
  std::vector<ObjectGrant> grants;  ///< of the object, as its turn left them, or withdrew them
  std::string body;                 ///< the CloudEvent, JSON text
};
using EventPtr = std::shared_ptr<const Event>;

/// Whether a topic matches a pattern: dotted, `*` stands for one part, `**` for any rest (at least
/// one part), `*` alone for every topic.
[[nodiscard]] bool topic_matches(std::string_view pattern, std::string_view topic);
/// Whether a pattern's first part is the topic's own, and no wildcard.
[[nodiscard]] bool names_first_part(std::string_view pattern, std::string_view topic);
/// Errors: invalid when a pattern's part is neither a name nor a wildcard, or `**` is not the last.
[[nodiscard]] Result<void> validate_topic_pattern(std::string_view pattern);

/// The position of the last event before a cursor's place; 0 for what is no cursor. Positions of
/// one log can be compared.
[[nodiscard]] std::uint64_t position_of(std::string_view cursor);

struct EventQuery {
  /// From where: a cursor, "0" for the oldest event that is kept, or empty for what comes from now.
  std::string after = "0";
  std::vector<std::string> topics = {};  ///< patterns; none: every topic
  /// Sees events of objects that it may read: what is shared with it, as long as it is.
  Principal principal = {};
  std::size_t limit = 100;
};

struct EventPage {
  std::vector<EventPtr> events;
  /// Where to go on; events that did not match are behind it.
  std::string next;
  /// Events between `after` and the first that is kept are gone: the reader missed some.
  bool lost = false;
  bool at_end = false;  ///< nothing more is there for now
};

/// While it lives, its callback is called after each commit that published something.
class EventWatch {
 public:
  virtual ~EventWatch() = default;
};

/// What a subscriber is handed at once: events in the log's order, the first one right after those
/// of the batch before it.
struct EventBatch {
  std::vector<EventPtr> events;  ///< may be empty when `lost`
  /// Events before these, which the subscriber had not had yet, are gone: it was away for longer
  /// than the log keeps them.
  bool lost = false;
};

/// Takes a batch. When it returns without an error the batch is done with; after an error, or an
/// exception, it comes again after a while. Events of a batch that was under way in a crash come
/// again, too: at least once, in order. It may block: its subscriber has a thread of its own.
using EventHandler = std::function<Result<void>(const EventBatch&)>;

struct SubscriberOptions {
  /// Of the durable cursor, which is the object `subscriber/NAME`. As ids of objects are.
  std::string name;
  std::vector<std::string> topics = {};  ///< patterns; none: every topic
  /// Where a name that is new begins: a cursor, "0" for the oldest event that is kept, or empty for
  /// what comes from now. A name that is known goes on where it was.
  std::string from = "0";
  std::size_t batch_max = 100;  ///< events at once; 1 to 1,000
  /// Between attempts at a batch; `attempts` has no meaning here: nothing is skipped.
  RetryPolicy retry = {.backoff = Milliseconds{100}, .ceiling = Milliseconds{30'000}};
};

/// Hands events to its handler, on one thread of its own, while it lives.
/// Lifecycle  the destructor waits for a handler that runs. It must not outlive its runtime.
class Subscriber {
 public:
  virtual ~Subscriber() = default;

  struct State {
    std::string cursor;      ///< of the place after all that has been handled; empty: not begun yet
    int failed = 0;          ///< attempts at the present batch
    std::string error = {};  ///< of the last attempt that failed; empty once one did not
  };
  /// Threads  any.
  [[nodiscard]] virtual State state() const = 0;
};

}  // namespace perdure
