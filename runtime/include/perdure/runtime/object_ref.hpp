// SPDX-License-Identifier: Apache-2.0
// Handles of objects: Object<State>, whose commands and queries are declared with their types, and
// ObjectRef, which takes any name and JSON.
//
//   const auto alice = runtime->object(counter, "alice");              // an Object<Counter>
//   const auto total = co_await alice.call(add, {.by = 2});            // a Result<std::int64_t>
//   const auto again = alice.once("five").within(1s).call(add, {.by = 5}).get();
//
// A handle holds nothing open and costs little to make; its object is there as soon as it is named.
// Lifetime  must not outlive its runtime.
#pragma once

#include <optional>
#include <string>
#include <type_traits>

#include "perdure/runtime/call.hpp"
#include "perdure/runtime/declarations.hpp"
#include "perdure/runtime/future.hpp"
#include "perdure/runtime/outbox.hpp"
#include "perdure/runtime/transaction.hpp"

namespace perdure {

class Runtime;

class ObjectRef {
 public:
  ObjectRef(Runtime& runtime, ObjectId id) : runtime_(&runtime), id_(std::move(id)) {}

  [[nodiscard]] const ObjectId& id() const { return id_; }

  /// Runs a command; the future is ready when what it changed is durable.
  template <class Payload = Json>
  detail::FutureGiven<Reply, Payload> call(std::string command, const Payload& payload = {}) const {
    return detail::FutureGiven<Reply, Payload>{
        pend({.target = id_, .name = std::move(command), .payload = Json(payload)})};
  }
  /// Asks a query; what it saw is durable when the future is ready.
  template <class Payload = Json>
  detail::FutureGiven<Reply, Payload> ask(std::string query, const Payload& payload = {}) const {
    return detail::FutureGiven<Reply, Payload>{pend({.target = id_,
                                                     .type = CallType::query,
                                                     .name = std::move(query),
                                                     .payload = Json(payload)})};
  }
  /// With all that a call can carry; `target` is set here.
  detail::FutureGiven<Reply, Call> send(Call call) const {
    return detail::FutureGiven<Reply, Call>{pend(std::move(call))};
  }

 private:
  [[nodiscard]] std::shared_ptr<runtime::PendingCall> pend(Call call) const;

  Runtime* runtime_;
  ObjectId id_;
};

namespace detail {

/// The object, and what goes with each call of a handle.
struct Handle {
  Runtime* runtime;
  ObjectId id;
  Principal principal = {};
  std::string idempotency_key = {};
  std::optional<Seq> if_seq = {};
  std::optional<Milliseconds> deadline = {};  ///< from the call on; none: the runtime's
  std::optional<std::string> owner = {};
  std::string request_id = {};
  std::string traceparent = {};
  Executor* executor = nullptr;  ///< null: the runtime's

  [[nodiscard]] std::shared_ptr<runtime::PendingCall> send(CallType type, std::string_view name,
                                                           Json payload) const;
};

}  // namespace detail

template <class State>
class Object {
 public:
  Object(Runtime& runtime, ObjectId id) : handle_{.runtime = &runtime, .id = std::move(id)} {}

  [[nodiscard]] const ObjectId& id() const { return handle_.id; }

  // ---- the same object, with something that goes with its calls. See Call.

  /// They are somebody else's than the host's.
  [[nodiscard]] Object as(const Principal& principal) const {
    return with([&](auto& handle) { handle.principal = principal; });
  }
  Object as(Principal&& principal) const = delete;  // give it a name: see NamedFuture
  /// Coroutines go on there.
  [[nodiscard]] Object on(Executor& executor) const {
    return with([&](auto& handle) { handle.executor = &executor; });
  }
  /// Under an idempotency key: for one call, and its retries.
  [[nodiscard]] Object once(std::string idempotency_key) const {
    return with([&](auto& handle) { handle.idempotency_key = std::move(idempotency_key); });
  }
  /// With another deadline than the runtime's; no_deadline: none.
  [[nodiscard]] Object within(Milliseconds deadline) const {
    return with([&](auto& handle) { handle.deadline = deadline; });
  }
  /// Only while the object is at that seq.
  [[nodiscard]] Object at(Seq seq) const {
    return with([&](auto& handle) { handle.if_seq = seq; });
  }
  /// What the call creates is theirs.
  [[nodiscard]] Object owned_by(std::string owner) const {
    return with([&](auto& handle) { handle.owner = std::move(owner); });
  }
  /// As parts of a request that is traced.
  [[nodiscard]] Object traced(std::string request_id, std::string traceparent) const {
    return with([&](auto& handle) {
      handle.request_id = std::move(request_id);
      handle.traceparent = std::move(traceparent);
    });
  }

  // ---- calls

  template <class Payload, class Value>
  Future<Value> call(const Command<State, Payload, Value>& command,
                     const std::type_identity_t<Payload>& payload) const {
    return Future<Value>{handle_.send(CallType::command, command.name, Json(payload))};
  }
  template <class Payload, class Value>
  detail::FutureGiven<Value, Payload> call(const Command<State, Payload, Value>& command,
                                           std::type_identity_t<Payload>&& payload) const {
    return detail::FutureGiven<Value, Payload>{
        handle_.send(CallType::command, command.name, Json(std::move(payload)))};
  }
  template <class Value>
  Future<Value> call(const Command<State, void, Value>& command) const {
    return Future<Value>{handle_.send(CallType::command, command.name, Json::object())};
  }
  template <class Payload, class Value>
  Future<Value> ask(const Query<State, Payload, Value>& query,
                    const std::type_identity_t<Payload>& payload) const {
    return Future<Value>{handle_.send(CallType::query, query.name, Json(payload))};
  }
  template <class Payload, class Value>
  detail::FutureGiven<Value, Payload> ask(const Query<State, Payload, Value>& query,
                                          std::type_identity_t<Payload>&& payload) const {
    return detail::FutureGiven<Value, Payload>{
        handle_.send(CallType::query, query.name, Json(std::move(payload)))};
  }
  template <class Value>
  Future<Value> ask(const Query<State, void, Value>& query) const {
    return Future<Value>{handle_.send(CallType::query, query.name, Json::object())};
  }

 private:
  template <class Change>
  [[nodiscard]] Object with(const Change& change) const {
    auto other = *this;
    change(other.handle_);
    return other;
  }

  detail::Handle handle_;
};

/// A step of a transaction, checked as a call is.
template <class State, class Payload, class Value>
[[nodiscard]] Result<Value> run_step(Transaction& transaction, const KindName<State>& kind,
                                     std::string id, const Command<State, Payload, Value>& command,
                                     const std::type_identity_t<Payload>& payload) {
  return detail::read_reply<Value>(transaction.run({.object = kind.object(std::move(id)),
                                                    .command = std::string{command.name},
                                                    .payload = Json(payload)}));
}

/// A message to an object, for Turn::send.
template <class State, class Payload, class Value>
[[nodiscard]] Message message_to(const KindName<State>& kind, std::string id,
                                 const Command<State, Payload, Value>& command,
                                 const std::type_identity_t<Payload>& payload) {
  return {.to = kind.object(std::move(id)),
          .command = std::string{command.name},
          .payload = Json(payload)};
}

}  // namespace perdure
