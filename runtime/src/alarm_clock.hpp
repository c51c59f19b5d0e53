// SPDX-License-Identifier: Apache-2.0
// AlarmClock: finds alarms that are due, and has them fired at the pace that their objects and
// owners may have.
//
// The store keeps all alarms by due time; the clock holds the near window of them, and those that
// are due and wait for their turn (AlarmLines). A commit that sets an alarm within the window adds
// it. An alarm that was moved meanwhile is recognised when it fires, so an entry too many does no
// harm.
//
// An owner with more due alarms than it may have in memory is *behind*: the rest of its alarms stay
// in the store, and are read again from the first that was left out, in passes, when it has room.
// Nobody else is read more slowly for it: the window goes on.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <unordered_map>
#include <unordered_set>

#include "alarm_lines.hpp"
#include "envelope.hpp"
#include "perdure/base/watched_mutex.hpp"

namespace perdure::runtime {

/// Threads  set, reset, and the callbacks that it hands out: any. The rest: one.
/// Limits   the constants here, and those of AlarmLines.
class AlarmClock {
 public:
  /// Runs an alarm as a turn of its object; `done` hears whether it has been dealt with.
  using Fire = std::function<void(const ObjectId&, Tick, std::function<void(bool)> done)>;
  /// Who shares a rate with an object; none: nobody does. Errors: those of a store that cannot be
  /// read now; its alarms wait, since a rate of their own would be one too many.
  using OwnerOf = std::function<Result<std::optional<std::string>>(const ObjectId&)>;

  AlarmClock(const storage::Store& store, const Clock& clock, const AlarmLimits& limits,
             OwnerOf owner_of, Fire fire);

  /// A commit has moved an alarm, or removed it (without `due`).
  void set(const ObjectId& object, const storage::AlarmChange& change);

  /// Fires what is due. True when something moved, so that there may be more to do at once.
  bool step();
  /// When `step` has something to do again, at the latest.
  [[nodiscard]] Timestamp next() const;
  /// What is known is forgotten, and read again: the store was exchanged.
  void reset();

  /// All alarms that the store has within the window are known, or left out of an owner that is
  /// behind; and counts agree. Aborts otherwise.
  void check_invariants() const;

  /// Alarms in memory that are due or will be soon.
  [[nodiscard]] std::size_t held() const;

 private:
  using Place = storage::AlarmPlace;
  /// One reading of alarms that were left out, from the first of them on.
  struct Pass {
    Place at;
    std::unordered_set<OwnerKey> fed;  ///< owners with room for all that was read so far
  };
  struct Running {
    OwnerKey owner;
    bool is_set_again = false;  ///< found due once more while it ran
  };
  struct Ended {
    Place alarm;
    bool dealt_with;
    Microseconds at;
  };

  [[nodiscard]] Microseconds monotonic() const { return clock_.monotonic(); }
  [[nodiscard]] Result<OwnerKey> owner_of(const ObjectId& object);
  [[nodiscard]] bool is_known(OwnerKey owner, const Place& alarm) const;
  bool forget_all();
  void settle_ended();
  bool read_window();
  bool move_due();
  void admit(const Place& alarm);
  /// Leaves an alarm to a later look into the store.
  void read_again(const Place& alarm);
  void leave_out(OwnerKey owner, const Place& alarm);
  void begin_pass();
  /// Reads on in the pass.
  bool feed();
  /// False when its owner cannot be read now.
  [[nodiscard]] bool feed(const Place& alarm);
  [[nodiscard]] Timestamp read_until() const;
  /// Whether the alarm is not due yet, as far as the window knows.
  [[nodiscard]] bool is_in_window(const Place& alarm) const;
  bool fire_due();
  [[nodiscard]] bool is_pausing() const;
  void pause(Microseconds since);

  const storage::Store& store_;
  const Clock& clock_;
  const OwnerOf find_owner_;
  const Fire fire_;

  AlarmLines lines_;
  std::map<Place, Running> running_;
  /// Of owners that are behind: no alarm up to this one was left out.
  std::unordered_map<OwnerKey, Place> behind_;
  std::optional<Pass> pass_;
  std::unordered_map<ObjectId, OwnerKey> owners_;  ///< as they were looked up
  Microseconds read_not_before_{0};                ///< something could not be run, or read

  mutable WatchedMutex mutex_;  // guards the rest
  std::set<Place> window_;      ///< all up to read_to_ that are not in lines_ or running_
  Place read_to_;
  std::vector<Ended> ended_;
  bool forgets_ = false;
};

}  // namespace perdure::runtime
