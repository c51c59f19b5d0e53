// SPDX-License-Identifier: Apache-2.0
// OutboxPump: carries out what waits in the outbox.
//
// Items wait in one lane each: messages of one pair of objects share one and go one after another,
// an effect has one of its own. The commit of the turn that a message becomes takes the item from
// the outbox; the pump only tries until that has happened. So a crash at any moment repeats
// attempts, never effects on objects.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <unordered_map>

#include "envelope.hpp"
#include "outbox_item.hpp"

namespace perdure::runtime {

/// What the pump needs of the runtime. All may be called from any thread.
struct PumpEffects {
  /// Makes a call that carries out an item.
  std::function<void(Call, Receipt, ReplyHandler)> call;
  /// Makes an ordinary call, for Effect::tell.
  std::function<void(Call)> tell;
  /// After a step: so many items are in memory now.
  std::function<void(std::size_t)> changed;
  /// Something changed from outside of `step`: step soon.
  std::function<void()> wake;
};

struct PerformerOptions {
  Performer perform;
  std::size_t concurrency = 16;  ///< attempts at the same time
};

/// Threads  arrived, items, set_performer and the callbacks it hands out: any. step, next: one.
class OutboxPump {
 public:
  OutboxPump(const storage::Store& store, const Clock& clock, Random& random, PumpEffects effects);
  ~OutboxPump();

  /// A commit has put items into the outbox, the first at `position`.
  void arrived(std::uint64_t position, const std::vector<std::string>& bodies);
  void set_performer(std::string name, PerformerOptions options);

  /// Moves what can move. True when something did.
  bool step();
  /// When `step` has something to do again, if time alone brings it.
  [[nodiscard]] std::optional<Timestamp> next() const;
  /// What is known is forgotten, and read again: the store was exchanged.
  void reset();
  /// Cancels the attempts at effects; nothing new is begun.
  void stop();

  /// Items in memory with `position >= from`, in order: for operators.
  [[nodiscard]] std::vector<OutboxItem> items(std::uint64_t from, std::size_t limit) const;

  /// Lanes, places and sleepers agree, and so does the store's outbox. Aborts otherwise.
  void check_invariants() const;

 private:
  class Attempt;
  struct Item {
    std::uint64_t position;
    Sent sent;
    int attempt = 1;
    enum class Status { waiting, running, backing_off } status = Status::waiting;
    bool buried = false;  ///< its dead letter is on the way
    Timestamp retry_at = {};
    std::string error = {};
    std::shared_ptr<Attempt> running = {};
    std::optional<Result<Json>> result = {};  ///< of an effect: only to be handed over
  };
  using Lane = std::pair<std::string, std::string>;  ///< from and to, or from and effect id

  struct Waiting {  ///< for a performer: higher priority first, then older
    int priority;
    std::uint64_t position;
    bool operator<(const Waiting& other) const {
      return priority != other.priority ? priority > other.priority : position < other.position;
    }
  };
  struct PerformerState {
    PerformerOptions options;
    std::size_t running = 0;
    std::set<Waiting> waiting;
  };

  using Action = std::function<void()>;  ///< to be done outside of the lock

  void accept(std::uint64_t position, std::string_view body);
  bool read_on();
  bool take_arrivals();
  void begin(Item& item, std::vector<Action>& actions);
  void begin_effect(Item& item, std::vector<Action>& actions);
  void begin_message(Item& item, std::vector<Action>& actions);
  [[nodiscard]] Action calling(Call call, Receipt receipt);
  void give_result(Item& item, Result<Json> result, std::vector<Action>& actions);
  void bury(Item& item, const Error& error, std::vector<Action>& actions);
  void finished_call(std::uint64_t generation, std::uint64_t position, const Result<Reply>& reply);
  void finished_effect(std::uint64_t generation, std::uint64_t position, int attempt,
                       Result<Json> result);
  void carry_out_cancel(Item& item, std::vector<Action>& actions);
  void fail_attempt(Item& item, const Error& error, std::vector<Action>& actions);
  void back_off(Item& item, const Error& error, Milliseconds wait);
  void remove(std::uint64_t position);
  void make_ready(Item& item);
  void check_timeouts(Timestamp now, std::vector<Action>& actions);
  void hand_over(Item& item, std::vector<Action>& actions);
  void check_lanes() const;
  void check_performers() const;
  void check_store() const;
  static Lane lane_of(const Item& item);

  const storage::Store& store_;
  const Clock& clock_;
  Random& random_;
  const PumpEffects effects_;

  /// How attempts reach the pump; performers may keep them for longer than the pump is there.
  struct Link {
    std::mutex mutex;
    OutboxPump* pump;
  };
  const std::shared_ptr<Link> link_;

  mutable std::mutex mutex_;  // guards the rest
  std::vector<std::pair<std::uint64_t, std::string>> arrivals_;
  std::map<std::uint64_t, Item> items_;
  std::map<Lane, std::deque<std::uint64_t>> lanes_;
  std::map<std::string, PerformerState, std::less<>> performers_;
  std::set<std::uint64_t> ready_;
  std::set<std::pair<Timestamp, std::uint64_t>> sleeping_;  ///< backing off, or to time out
  std::uint64_t next_position_ = 1;                         ///< all below it have been in memory
  bool more_on_disk_ = true;
  bool stopped_ = false;
  std::size_t told_ = 0;          ///< items, when `changed` was called last
  std::uint64_t generation_ = 0;  ///< callbacks of an earlier one are ignored
  std::uint64_t epoch_;           ///< of the store that the items were read from
};

}  // namespace perdure::runtime
