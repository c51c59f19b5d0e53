// SPDX-License-Identifier: Apache-2.0
// Subscriptions: objects that are woken by events. Each is an object of the kind `subscription`
// with its topics, its target and its cursor; handing events on is a turn of it, which sends them
// to the target and moves the cursor in one commit. So the target gets each event exactly once, in
// the log's order.
#pragma once

#include <atomic>
#include <map>
#include <optional>
#include <set>

#include "event_window.hpp"
#include "paced_turns.hpp"
#include "perdure/base/time.hpp"
#include "perdure/base/watched_mutex.hpp"
#include "perdure/runtime/call.hpp"
#include "perdure/runtime/kind.hpp"
#include "version.hpp"

namespace perdure::runtime {

inline constexpr std::string_view subscription_kind_name = "subscription";

/// The kind: `subscribe` (creates) `{topics, kind, id, command, after?, by_name?, batch_max?}`;
/// `change {topics, from?}`: other topics (none: nothing is passed on) for what comes after the
/// cursor `from`, or at once. What the target has had from there may come to it again. `command`,
/// `by_name` and `batch_max` may be changed with the topics. `pause` and `resume`: nothing is
/// passed on meanwhile; it goes on where it was, unless retention has passed it. `pass_on` is the
/// runtime's own. Removed like any object, or by the runtime when its target is purged; a deleted
/// target is passed over.
///
/// `by_name` lists first parts of topics that wildcards do not stand for: with `["webhook"]` the
/// pattern `webhook.*` matches `webhook.created`, but `**` and `*.created` do not. For targets that
/// publish themselves: else many that listen to everything hear of each other without end.
///
/// The target's command is given one event, a CloudEvent. With `batch_max` it is given
/// `{events: [...]}`: up to so many at once, each as JSON text, so that a target that many events
/// come to takes few turns for them.
[[nodiscard]] Kind subscription_kind();

/// Those that have looked at all of the log cost nothing until an event comes that may be theirs:
/// one reader, the tail, looks at each new event for all of them. The others are due, and read what
/// it has found for their owner, or the log itself. What is passed on waits in the outbox: the next
/// page follows when the target has taken it, so that a slow one holds no memory but lags behind in
/// the log. Owners take turns.
/// Limits  a page has 100 events and 256 KiB; 256 are on their way at a time, 64 of one owner. An
///         owner's subscriptions together take `owner_pages_per_second`; the host's own have no
///         such bound. What comes meanwhile is on the next page, so a fan-out to many takes more
///         time and not more turns.
/// Threads  changed, and the callbacks it hands out: any. step: one.
class Subscriptions {
 public:
  using CallObject = std::function<void(Call, ReplyHandler)>;
  /// Whether what was passed on before waits still: from, to, owner.
  using IsWaiting = std::function<bool(const ObjectId&, const ObjectId&, const std::string&)>;
  static constexpr std::uint32_t owner_pages_per_second = 1'000;
  /// `wake` is called when `step` has something to do.
  Subscriptions(const storage::Store& store, const Clock& clock, EventFeed& feed, CallObject call,
                IsWaiting is_waiting, std::function<void()> wake);

  /// A subscription object has a new durable version.
  void changed(const ObjectId& object, const Version& version);
  /// True when something moved.
  bool step();
  /// When `step` has something to do again, if time alone brings it; monotonic.
  [[nodiscard]] std::optional<Milliseconds> next() const;
  void reset();
  /// Each subscription that is durable is known, with its cursor. Aborts otherwise.
  void check_invariants();

 private:
  struct Topics {
    std::vector<std::string> patterns;  ///< none: nothing matches
    std::string until = {};             ///< up to this cursor; empty: from then on
    bool operator==(const Topics&) const = default;
  };
  struct Subscription {
    std::vector<Topics> topics;        ///< by place; the last one has no end
    std::vector<std::string> by_name;  ///< see subscription_kind
    bool paused = false;
    ObjectId target;
    std::string owner;
    std::string cursor;
    bool busy = false;
    std::string looked_to = {};    ///< nothing matched up to here
    bool due = false;              ///< there may be something to pass on
    bool queued = false;           ///< it is in turns_
    std::uint64_t changes = 0;     ///< of its object, as far as they are known here
    std::uint64_t generation = 0;  ///< in which its turn was taken

    [[nodiscard]] bool wants(const std::vector<std::string>& patterns,
                             std::string_view topic) const;
  };

  /// The subscriptions of an owner, and what the tail has found for them.
  struct Readers {
    std::set<std::string> ids;
    /// Whether one of them may want events of a topic; forgotten when what they want changes.
    std::map<std::string, bool, std::less<>> wanted;
    EventWindow window;  ///< of the owner's own events

    void changed() {
      wanted.clear();
      window.end();
    }
  };
  enum class Relation { own, shared };

  enum class Target { there, deleted, purged };
  enum class Done { nothing, moved, called };
  enum class Ended { blocked, read, passed_on };  ///< how it ended

  static constexpr std::size_t running_max = 256;
  static constexpr std::size_t owner_running_max = 64;
  /// An owner with fewer has no window, so that all windows together hold 8 KiB a subscription.
  static constexpr std::size_t window_readers_min = 16;
  static constexpr std::size_t wanted_topics_max = 1'000;
  static PacedTurns new_turns() {
    return PacedTurns{{.owner_running_max = owner_running_max, .running_max = running_max},
                      Rate{owner_pages_per_second}};
  }

  void load();
  // Under the lock.
  void put(const std::string& id, const Version& version);
  void forget(const std::string& id);
  void set_due(const std::string& id, Subscription& subscription);
  void queue(const std::string& id, Subscription& subscription);

  /// One whose events wait, and whom they wait for.
  struct Blocked {
    std::string id;
    ObjectId target;
    std::string owner;
  };

  [[nodiscard]] static ObjectId object_of(const std::string& id);
  /// Queues those again whose target has taken what waited. True when there are any.
  bool unblock();
  [[nodiscard]] std::optional<std::pair<std::string, Subscription>> take_turn();
  void end_turn(const std::string& id, const Subscription& as, Ended how);
  /// Looks at what is new in the log: whose it may be is due.
  void read_tail();
  /// Reads on for one that is due.
  Done read_for(const std::string& id, const Subscription& subscription);
  /// It has found nothing in a page; after the last one it is not due any more.
  void looked(const std::string& id, const Subscription& as, const EventPage& page);
  [[nodiscard]] bool knows(const std::string& id);
  /// `before` is the cursor of the place before the event.
  void wake_readers_of(const EventPtr& event, const std::string& before, const std::string& owner,
                       Relation relation);
  [[nodiscard]] bool is_wanted(Readers& readers, const std::string& topic) const;
  /// As `look`, out of the owner's window; none: it does not reach back far enough.
  [[nodiscard]] std::optional<EventPage> look_into_window(const Subscription& subscription,
                                                          const Topics& topics,
                                                          const std::string& from);
  [[nodiscard]] Result<EventPage> look_into_log(const Subscription& subscription,
                                                const Topics& topics, const std::string& from);
  /// What there is to pass on after a cursor. Errors: those of the store.
  [[nodiscard]] Result<EventPage> look(const Subscription& subscription, const Topics& topics,
                                       const std::string& from);
  [[nodiscard]] Result<Target> find_target(const ObjectId& object) const;
  /// Has the subscription's object do something; until it has, it is left alone.
  void call(const std::string& id, const Subscription& as, std::string command, Json payload);

  const storage::Store& store_;
  const Clock& clock_;
  EventFeed& feed_;
  const CallObject call_;
  const IsWaiting is_waiting_;
  const std::function<void()> wake_;

  mutable WatchedMutex mutex_;  // guards the rest
  std::map<std::string, Subscription> subscriptions_;
  std::map<std::string, Readers, std::less<>> readers_;  ///< by owner
  PacedTurns turns_ = new_turns();                       ///< who is due and may read
  std::set<std::string> blocked_;  ///< who is due, but what it passed on waits still
  std::string unblocked_to_;       ///< of blocked_: looked at last
  std::uint64_t generation_ = 0;   ///< callbacks of an earlier one are ignored
  /// Whether an event may be of interest to one of them: looked at for each.
  std::atomic<bool> reading_{true};
  std::string tail_;   ///< who is not due has looked at what is before this, at least
  std::string swept_;  ///< where the tail was when all were last due
  bool loaded_ = false;
  std::unique_ptr<EventWatch> watch_;
};

}  // namespace perdure::runtime
