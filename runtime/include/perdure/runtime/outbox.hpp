// SPDX-License-Identifier: Apache-2.0
// What a turn asks of others: messages to objects, and effects outside. Both are written to the
// outbox in the turn's commit, and go out after it.
//
// A message takes effect exactly once: the receiver's commit removes it from the outbox. Messages
// from one object to another arrive in the order in which they were sent, and one that keeps being
// refused holds up only that pair, until its attempts are used up and it becomes a dead letter.
#pragma once

#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>

#include "perdure/base/object_id.hpp"
#include "perdure/runtime/retry.hpp"
#include "perdure/schemas/json.hpp"

namespace perdure {

/// A command for another object.
struct Message {
  ObjectId to;
  std::string command;
  Json payload = nullptr;
  /// A command of the sender that is to receive the answer, as
  /// `{"context", "reply"}` or `{"context", "error": {"code", "detail"}}` (error_from_json reads an
  /// own error of the receiver's kind out of it); empty: nobody asks.
  /// With it a refusal by the receiver is an answer; without, it is tried again.
  std::string then = {};
  Json context = nullptr;  ///< given back to `then`
  RetryPolicy retry = {};
  /// Of the receiver, if the message creates it; empty text: the host. Default: the sender's owner.
  std::optional<std::string> owner = {};
  /// The life of the receiver that is meant, by its born seq: in another one the message ends
  /// without an effect, and `then` gets not_found. 0: whichever there is. What an object sends to
  /// itself is always for the life that sends it, and so are answers and results of effects.
  Seq life = 0;
};

/// Work outside of the process's objects, done by a registered performer, at least once.
struct EffectRequest {
  std::string performer;
  Json payload = nullptr;
  /// A command of the object that receives the result, as a Message's `then` does. Empty: the
  /// result is dropped.
  std::string then = {};
  Json context = nullptr;
  RetryPolicy retry = {};
  Milliseconds timeout{0};  ///< of one attempt; 0: none
  int priority = 0;  ///< higher ones first, among those of an owner that wait for the performer
};

/// One attempt at an effect, as its performer sees it. Shared: the performer keeps it until it is
/// done; dropping it without an answer counts as a failed attempt.
///
/// Threads  any.
class Effect {
 public:
  virtual ~Effect() = default;
  [[nodiscard]] virtual const ObjectId& object() const = 0;
  /// Of the object; empty: the host's.
  [[nodiscard]] virtual const std::string& owner() const = 0;
  [[nodiscard]] virtual const std::string& id() const = 0;
  [[nodiscard]] virtual const Json& payload() const = 0;
  [[nodiscard]] virtual int attempt() const = 0;  ///< from 1
  /// True when nobody wants the result any more: cancelled, timed out, or stopping.
  [[nodiscard]] virtual bool cancelled() const = 0;
  /// Called once, when `cancelled` becomes true; at once when it is already.
  virtual void on_cancel(std::function<void()> callback) = 0;
  /// Sends the object a command while the work goes on, such as progress. Best effort.
  virtual void tell(std::string command, Json payload) = 0;
  /// The end of this attempt; later calls are ignored. An error of a code that `describe` calls
  /// retryable, or `internal`, is tried again, not before its `retry_after` (`overloaded`
  /// means that there was no attempt: it does not count as one); any other is final.
  virtual void finish(Result<Json> result) = 0;
};

/// Starts the work and returns at once; it must not block.
using Performer = std::function<void(std::shared_ptr<Effect>)>;

/// Attempts of a performer at the same time: owners whose effects wait take turns.
struct Concurrency {
  std::size_t all = 16;
  std::size_t owner = std::numeric_limits<std::size_t>::max();  ///< of them, of one owner
};

/// The event of a new dead letter: `{id, type, from, attempts, error}`, and what was given up as
/// `command`, with `to` or `performer`, or `name`. It belongs to the owner of what was given up.
inline constexpr std::string_view dead_letter_topic = "dead_letter.created";

/// An item of the outbox, as operators see it.
struct OutboxItem {
  std::uint64_t position;
  enum class Type { message, effect, cancel } type;
  ObjectId from;
  std::string to;  ///< an object, or a performer's name
  std::string command;
  Json payload;
  int attempt = 1;
  enum class Status { waiting, running, backing_off } status = Status::waiting;
  std::optional<Timestamp> retry_at = {};  ///< when backing off
  std::string error = {};                  ///< of the last attempt
};

/// `{position, type, status, from, to, command, payload, attempt, retry_at?, error?}`.
void to_json(Json& json, const OutboxItem& item);

}  // namespace perdure
