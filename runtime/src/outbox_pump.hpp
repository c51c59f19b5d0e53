// SPDX-License-Identifier: Apache-2.0
// OutboxPump: carries out what waits in the outbox.
//
// Items wait in one lane each: messages of one pair of objects share one and go one after another,
// an effect has one of its own. The commit of the turn that a message becomes takes the item from
// the outbox; the pump only tries until that has happened. So a crash at any moment repeats
// attempts, never effects on objects.
//
// Owners take turns, at messages and at effects, and share the memory: an owner has no more items
// here than there is room left. Its others wait on disk, behind the first of them in their order.
#pragma once

#include <functional>
#include <map>
#include <set>

#include "attempt_end.hpp"
#include "envelope.hpp"
#include "lanes.hpp"
#include "outbox_attempt.hpp"
#include "perdure/base/fair_queue.hpp"
#include "perdure/base/shared_room.hpp"
#include "perdure/base/watched_mutex.hpp"
#include "performer_line.hpp"

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

/// Threads  arrived, items, set_performer and the callbacks it hands out: any. step, is_waiting,
///          next: one. Its lock is held over no call of others, and over no decoding: commits of
///          all owners take it.
/// Limits   in memory: 65,536 items and 128 MiB of them, and 64 MiB of results that wait for their
///          turns; of each an owner has at most what is left free. Past it items wait on disk, and
///          a result is dropped and its effect done again, after a second. 1,024 messages are under
///          way at a time, 256 of one owner; effects as the performer says.
class OutboxPump {
 public:
  OutboxPump(const storage::Store& store, const Clock& clock, Random& random, PumpEffects effects);
  ~OutboxPump();

  /// A commit has put items into the outbox, the first at `position`.
  void arrived(std::uint64_t position, const std::vector<std::string>& bodies);
  void set_performer(std::string name, Performer perform, Concurrency concurrency);

  /// Whether a message from one object to another is under way, or may be: not all that waits on
  /// disk has been looked at. `owner` is the sender's.
  [[nodiscard]] bool is_waiting(const ObjectId& from, const ObjectId& to, const std::string& owner);

  /// Moves what can move. True when something did.
  bool step();
  /// When `step` has something to do again, if time alone brings it; monotonic.
  [[nodiscard]] std::optional<Milliseconds> next() const;
  /// What is known is forgotten, and read again: the store was exchanged.
  void reset();
  /// Cancels the attempts at effects; nothing new is begun.
  void stop();

  /// Items in memory with `position >= from`, in order: for operators.
  [[nodiscard]] std::vector<OutboxItem> items(std::uint64_t from, std::size_t limit) const;

  /// Lanes, places and sleepers agree, and so does the store's outbox. Aborts otherwise.
  void check_invariants() const;

 private:
  static constexpr std::size_t items_max = 65'536;
  static constexpr std::size_t items_bytes_max = 128u << 20;
  static constexpr std::size_t results_bytes_max = 64u << 20;
  static constexpr std::size_t messages_running_max = 1'024;
  static constexpr std::size_t owner_messages_running_max = 256;

  struct Item {
    std::uint64_t position;
    std::shared_ptr<const Sent> sent;  ///< shared with attempts, which may outlive it
    OwnerKey owner = 0;                ///< the sender's
    std::size_t bytes = 0;             ///< that it holds of bytes_room_
    std::size_t result_bytes = 0;      ///< that it holds of results_room_
    int attempt = 1;
    enum class Status { waiting, running, backing_off } status = Status::waiting;
    bool has_turn = false;     ///< it was taken from messages_
    bool buried = false;       ///< its dead letter is on the way
    Milliseconds retry_at{0};  ///< monotonic, as all times here: how long things take
    std::string error = {};
    std::shared_ptr<OutboxAttempt> running = {};
    std::optional<Result<Json>> result = {};  ///< of an effect: only to be handed over
  };
  using Action = std::function<void()>;  ///< to be done outside of the lock

  static FairQueue<std::uint64_t> new_messages() {
    return FairQueue<std::uint64_t>{
        {.owner_running_max = owner_messages_running_max, .running_max = messages_running_max}};
  }

  // What is in memory: outbox_memory.cpp.
  struct Row {
    std::uint64_t position;
    std::size_t body_bytes;
    std::optional<Sent> sent;  ///< none: it is damaged
  };
  using Rows = std::vector<Row>;
  [[nodiscard]] static Rows decode(const std::vector<storage::OutboxRow>& rows);
  void accept(Row&& row);
  /// False: there is no room.
  bool take_in(Row&& row, OwnerKey owner);
  void let_go(const Item& item);
  bool read_on();
  bool catch_up(OwnerKey owner, std::uint64_t from, Rows&& rows);
  [[nodiscard]] std::optional<OwnerKey> next_behind() const;
  [[nodiscard]] bool has_to_read() const;
  /// Takes the lock. True when there were any.
  bool take_arrivals();

  void begin(Item& item, std::vector<Action>& actions);
  void begin_messages(std::vector<Action>& actions);
  void begin_message(Item& item, std::vector<Action>& actions);
  void end_turn(Item& item);
  void begin_effects(std::vector<Action>& actions);
  /// Adds to a call what has to be read from the store. What cannot be read is tried again.
  using Complete = std::function<Result<void>(Call&)>;
  [[nodiscard]] Action calling(Call call, Receipt receipt, Complete complete = {});
  /// The born seq of an object's present life; 0: it has none, or is damaged.
  /// Errors  those of a store that cannot be read now.
  [[nodiscard]] Result<Seq> life_now(const ObjectId& object) const;
  void give_result(Item& item, Result<Json> result, std::vector<Action>& actions);
  void bury(Item& item, const Error& error, std::vector<Action>& actions);
  void finished_call(std::uint64_t generation, std::uint64_t position, const Result<Reply>& reply);
  void finished_effect(std::uint64_t generation, std::uint64_t position, int attempt,
                       Result<Json> result);
  void carry_out_cancel(Item& item, std::vector<Action>& actions);
  [[nodiscard]] static Tried tried(const Item& item);
  /// Does what follows a failed attempt.
  void follow(AttemptEnd end, Item& item, const Error& error, std::vector<Action>& actions);
  void back_off(Item& item, const Error& error, Milliseconds wait);
  void remove(std::uint64_t position);
  void make_ready(Item& item);
  void check_timeouts(Milliseconds now, std::vector<Action>& actions);
  void hand_over(Item& item, std::vector<Action>& actions);
  void check_lanes() const;
  void check_performers() const;
  void check_store() const;
  [[nodiscard]] bool is_durable(std::uint64_t position) const;
  [[nodiscard]] PerformerLine& line_of(const Item& item);
  static PerformerLine::Waiting waiting_of(const Item& item);

  const storage::Store& store_;
  const Clock& clock_;
  Random& random_;
  const PumpEffects effects_;

  const std::shared_ptr<AttemptLink> link_;  // shared with attempts, which may outlive the pump

  mutable WatchedMutex mutex_;  // guards the rest
  std::vector<storage::OutboxRow> arrivals_;
  std::size_t arrivals_bytes_ = 0;
  std::map<std::uint64_t, Item> items_;
  SharedRoom items_room_{items_max};
  SharedRoom bytes_room_{items_bytes_max};
  SharedRoom results_room_{results_bytes_max};
  /// Owners with items below next_position_ that are on disk only: the first one's position. All
  /// of the owner's items from there on are on disk only.
  std::map<OwnerKey, std::uint64_t> behind_;
  Lanes lanes_;
  std::map<std::string, PerformerLine, std::less<>> performers_;
  FairQueue<std::uint64_t> messages_ = new_messages();  ///< first ones of their lanes, by position
  std::set<std::uint64_t> ready_;                       ///< cancels, and results to be handed over
  std::set<std::pair<Milliseconds, std::uint64_t>> sleeping_;  ///< backing off, or to time out
  std::uint64_t next_position_ = 1;                            ///< all below it have been looked at
  bool more_on_disk_ = true;                                   ///< from next_position_ on
  bool stopped_ = false;
  std::size_t told_ = 0;          ///< items, when `changed` was called last
  std::uint64_t generation_ = 0;  ///< callbacks of an earlier one are ignored
  std::uint64_t epoch_;           ///< of the store that the items were read from
};

}  // namespace perdure::runtime
