// SPDX-License-Identifier: Apache-2.0
// Turn: what a command handler is given beside its state; View: the same for a query.
//
// A turn runs on a copy of the state. Everything it does becomes durable together, or leaves no
// trace: a handler that returns an error or throws has done nothing. Its reply, events and reads
// leave only when its record is durable (the output gate).
//
// A handler may run more than once before its commit, and only the last run counts. So it takes
// time and randomness from the turn, which gives each run the same, and touches nothing outside.
#pragma once

#include <exception>
#include <optional>
#include <string>
#include <typeinfo>

#include "perdure/base/random.hpp"
#include "perdure/base/result.hpp"
#include "perdure/runtime/alarm.hpp"
#include "perdure/runtime/entries.hpp"
#include "perdure/runtime/object_meta.hpp"
#include "perdure/runtime/outbox.hpp"
#include "perdure/runtime/principal.hpp"
#include "perdure/runtime/streams.hpp"

namespace perdure {

/// Ends a handler with `error`; for places where returning a Result is clumsy.
class Failure : public std::exception {
 public:
  explicit Failure(Error error) : error_(std::move(error)), text_(to_string(error_)) {}
  [[nodiscard]] const Error& error() const { return error_; }
  [[nodiscard]] const char* what() const noexcept override { return text_.c_str(); }

 private:
  Error error_;
  std::string text_;
};

/// Threads   only on the thread that runs the handler.
/// Lifetime  ends with the handler call; do not keep a reference.
class Turn {
 public:
  virtual ~Turn() = default;

  /// The object as it was before this turn (seq 0 when this turn creates it).
  [[nodiscard]] virtual const ObjectMeta& meta() const = 0;
  [[nodiscard]] const ObjectId& object() const { return meta().object(); }
  /// The wall clock's time when the call was accepted. It may be earlier than that of a turn
  /// before, when the clock was set back; the record's time (`meta().updated_at`) never is.
  [[nodiscard]] virtual Timestamp now() const = 0;
  /// The same moment for measuring how long something takes, compared with other steady times only:
  /// while the process lives it passes evenly, whoever sets the wall clock. A process begins with
  /// the wall clock's time, so a stamp of an earlier one may lie ahead of it.
  [[nodiscard]] virtual Timestamp steady_now() const = 0;
  /// The same numbers in each run of this turn. Not for secrets.
  [[nodiscard]] virtual Random& random() = 0;
  [[nodiscard]] virtual const Principal& principal() const = 0;
  [[nodiscard]] virtual Entries& entries() = 0;
  /// Shows, in key order, the entries with a prefix that the turn has changed so far, a restore and
  /// an import among them: as they were before the turn and as they are now.
  virtual void each_changed(std::string_view prefix, const ChangedEntryReader& read) const = 0;

  /// Publishes an event in the same commit. `topic` is a dotted name.
  /// Limits  100 events a turn, 64 KiB each.
  virtual void publish(std::string topic, Json data) = 0;

  /// Takes a key that nobody else may hold, such as an e-mail address, or fails the turn with
  /// `conflict` (field `key`, space `space`) when the commit finds it taken.
  virtual void claim(std::string space, std::string key) = 0;
  virtual void release(std::string space, std::string key) = 0;

  /// Sets a named alarm of this object in the same commit; a name that is set replaces its alarm.
  /// Limits  100 alarms a turn.
  virtual void set_alarm(AlarmSpec alarm) = 0;
  /// Removes an alarm; false when there is none of that name.
  virtual bool cancel_alarm(std::string_view name) = 0;
  /// The alarm as it stands after what this turn did to it.
  [[nodiscard]] virtual std::optional<Alarm> alarm(std::string_view name) const = 0;

  /// Sends a command to an object, to be run after this turn's commit, exactly once.
  /// Limits  1,000 messages and effects a turn.
  virtual void send(Message message) = 0;
  /// Asks for outside work, to be done after this turn's commit. Returns its id.
  virtual std::string request(EffectRequest effect) = 0;
  /// Asks for an effect of this object to be given up: its `then` gets the error `cancelled`,
  /// unless the result is there first.
  virtual void cancel(std::string effect_id) = 0;

  /// Adds a delta to a stream of this object, in the same commit (streams.hpp): to the attempt that
  /// is open, else to a new one. Limits: 10,000 deltas a turn, 64 KiB each.
  virtual void append(std::string stream, std::string text) = 0;
  /// Ends the open attempt of a stream, whoever writes it, in the same commit.
  virtual void end_stream(std::string stream, StreamEnd how, std::string note = {}) = 0;
  /// Takes the rows of a stream away, such as when its text has become part of the state.
  virtual void drop_stream(std::string stream) = 0;

  /// The members of this activation; see KindBuilder::members. What is done to them is not undone
  /// when the turn fails.
  template <class M>
  [[nodiscard]] M& members() {
    return *static_cast<M*>(members_of(typeid(M)));
  }

  /// Says that this turn changes nothing: the reply is given (and kept for its idempotency key),
  /// but there is no record and no new seq. Whatever the handler did before or after is dropped.
  /// Shape  not in the turn that creates the object.
  virtual void change_nothing() = 0;
  /// Says that this turn changes nothing that clients see, such as entries that follow from others:
  /// `updated_at` and `updated_by` stay as they were. There is a record, and a new seq.
  /// Shape  not in the turn that creates the object.
  virtual void keep_up() = 0;

  /// A new UUIDv7 from the turn's time and randomness.
  [[nodiscard]] std::string new_id() { return make_uuid_v7(now(), random()); }

 private:
  [[nodiscard]] virtual void* members_of(const std::type_info& type) = 0;
};

/// Threads, Lifetime  as Turn.
class View {
 public:
  virtual ~View() = default;
  [[nodiscard]] virtual const ObjectMeta& meta() const = 0;
  [[nodiscard]] virtual Timestamp now() const = 0;
  [[nodiscard]] virtual const Principal& principal() const = 0;
  [[nodiscard]] virtual const EntryReader& entries() const = 0;
};

}  // namespace perdure
