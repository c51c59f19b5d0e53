// SPDX-License-Identifier: Apache-2.0
// Flow: a command whose handler waits in the middle: for the answer of another object, for a while,
// or for a step whose result is kept. Its handler is a coroutine:
//
//   perdure::Flow<std::int64_t> pay(perdure::FlowContext& flow, Account& self, const Pay& pay) {
//     if (self.balance < pay.amount) throw too_poor();
//     auto paid = co_await flow.ask("account", pay.to, "deposit", pay.amount);
//     if (!paid) throw perdure::Failure(paid.error());
//     co_return self.balance -= pay.amount;
//   }
//
// A handler that takes the state *holds* its object: later commands wait until it ends, queries see
// the state of before, and what it changes commits as one turn with its end. One that takes no
// state holds nothing: it changes its object by asking it, and may sleep.
//
// The handler is run again from its start whenever something that it waited for is there: what it
// waited for before is given to it at once, in order (ADR 39). So it takes time and randomness from
// the flow, and touches nothing outside but in a step.
//
// GCC before 13 destroys some temporaries twice that are made in an expression with co_await:
// aggregates, such as `Pay{to, 5}` among the arguments, and closures that own something. Such
// arguments are refused; give them a name in a statement before, and let closures refer (`[&]`).
#pragma once

#include <coroutine>
#include <cstddef>
#include <functional>
#include <string>
#include <type_traits>
#include <utility>

#include "perdure/runtime/flow_coroutine.hpp"
#include "perdure/runtime/handler.hpp"
#include "perdure/runtime/turn.hpp"

namespace perdure {

// Builtin commands that every object has: see call.hpp.
//   $flows         -         (query) [{name, command, begun_at, waited_for, sleeps_until?}]: those
//                            from which something has left, and which have not ended
//   $give_up_flow  {name}    ends one, which undoes nothing that it has done; not_found
namespace builtin {
inline constexpr std::string_view flows = "$flows";
inline constexpr std::string_view give_up_flow = "$give_up_flow";
}  // namespace builtin

namespace limits {
/// Of one flow: what it waits for, one after the other, and the bytes of what is kept of it.
inline constexpr std::size_t flow_waits_max = 100;
inline constexpr std::size_t flow_kept_bytes_max = 256u << 10;
/// Of one object, those that hold nothing; a further one is refused as overloaded.
inline constexpr std::size_t object_flows_max = 100;
/// How many flows may wait for one another in a row, each asked by the one before.
inline constexpr std::size_t flow_depth_max = 32;
}  // namespace limits

/// What a flow waits for.
struct FlowWait {
  enum class Type { ask, query, sleep, step };
  Type type;
  std::string name;  ///< as it is kept: `ask counter:7 add`, `query …`, `sleep`, `step charge`
  ObjectId object = {};
  std::string operation = {};  ///< the command or query
  Json payload = nullptr;
  Milliseconds time{0};                     ///< of a sleep
  std::function<Result<Json>()> work = {};  ///< of a step
};

template <class T>
class FlowAwaiter;

/// What the handler of a flow is given.
///
/// Threads, Lifetime  as Turn.
class FlowContext {
 public:
  virtual ~FlowContext() = default;

  /// The turn that the flow's end becomes: for what it publishes, sends, claims.
  /// Throws Failure (invalid) in a flow that holds nothing: that has no turn.
  [[nodiscard]] virtual Turn& turn() = 0;
  [[nodiscard]] virtual const ObjectId& object() const = 0;
  [[nodiscard]] virtual const Principal& principal() const = 0;
  /// The wall clock's time when the call was accepted, or when what was last waited for was there.
  [[nodiscard]] virtual Timestamp now() const = 0;
  /// The same numbers in each run. Not for secrets.
  [[nodiscard]] virtual Random& random() = 0;
  [[nodiscard]] std::string new_id() { return make_uuid_v7(now(), random()); }

  /// Has an object run a command, once, and waits for its answer, which is durable then. It is
  /// asked as the host, as messages are; what it creates has this object's owner.
  /// Errors  those of Runtime::call, as the answer; conflict (`deadlock`) when the object waits for
  ///         this one, by whatever way: the detail has the path.
  template <class T = Json, class Payload = Json>
  [[nodiscard]] FlowAwaiter<T> ask(std::string kind, std::string id, std::string command,
                                   Payload&& payload = Json::object()) {
    check_payload<Payload>();
    return wait_for<T>(wait_of(FlowWait::Type::ask, {std::move(kind), std::move(id)},
                               std::move(command), Json(std::forward<Payload>(payload))));
  }
  /// Asks an object a query. What it saw is durable.
  template <class T = Json, class Payload = Json>
  [[nodiscard]] FlowAwaiter<T> query(std::string kind, std::string id, std::string query,
                                     Payload&& payload = Json::object()) {
    check_payload<Payload>();
    return wait_for<T>(wait_of(FlowWait::Type::query, {std::move(kind), std::move(id)},
                               std::move(query), Json(std::forward<Payload>(payload))));
  }
  /// Sleeps, through restarts too, and keeps nothing in memory meanwhile.
  /// Ends the flow with invalid (`sleeps_while_holding`) in one that holds its object.
  [[nodiscard]] FlowAwaiter<void> sleep(Milliseconds time);
  /// Does something outside: `work` runs here and now, and what it returns is kept before the flow
  /// goes on. It runs again only if the process ends between the two, so it should bear that.
  /// `work` is `() -> T`, void or a Result of one. It keeps a worker thread: let it be short.
  template <class T = Json, class Work>
  [[nodiscard]] FlowAwaiter<T> step(std::string name, Work&& work);

 protected:
  template <class T>
  friend class FlowAwaiter;
  static FlowWait wait_of(FlowWait::Type type, ObjectId object, std::string operation,
                          Json payload) {
    auto name = std::string{type == FlowWait::Type::ask ? "ask " : "query "} + to_string(object) +
                " " + operation;
    return {.type = type,
            .name = std::move(name),
            .object = std::move(object),
            .operation = std::move(operation),
            .payload = std::move(payload)};
  }
  // GCC before 13 destroys aggregates twice that are made within a co_await expression.
  template <class Payload>
  static constexpr void check_payload() {
#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ < 13
    static_assert(std::is_lvalue_reference_v<Payload> || !std::is_aggregate_v<Payload> ||
                      std::is_trivially_destructible_v<Payload>,
                  "with this compiler a payload that is an aggregate is made in a statement of its "
                  "own, and given by its name");
#endif
  }
  template <class T>
  FlowAwaiter<T> wait_for(FlowWait wait);
  /// What is kept of the next wait; null: nothing yet, and the flow is to stop here.
  [[nodiscard]] virtual const Result<Json>* kept(FlowWait&& wait) = 0;
};

/// `co_await` gives a Result<T>.
template <class T>
class FlowAwaiter {
 public:
  FlowAwaiter(FlowContext& flow, FlowWait wait) : flow_(flow), wait_(std::move(wait)) {}

  bool await_ready() {
    result_ = flow_.kept(std::move(wait_));
    return result_ != nullptr;
  }
  /// Back to who runs the flow, who lets go of the coroutine.
  void await_suspend(std::coroutine_handle<>) const noexcept {}
  [[nodiscard]] Result<T> await_resume() const {
    if (!*result_) return fail(result_->error());
    if constexpr (std::is_void_v<T>) {
      return {};
    } else {
      try {
        return detail::decode<T>(**result_);
      } catch (const Json::exception& refused) {
        return fail(ErrorCode::internal, "the answer does not fit: " + describe_misfit(refused));
      }
    }
  }

 private:
  FlowContext& flow_;
  FlowWait wait_;
  const Result<Json>* result_ = nullptr;
};

template <class T>
FlowAwaiter<T> FlowContext::wait_for(FlowWait wait) {
  return {*this, std::move(wait)};
}

inline FlowAwaiter<void> FlowContext::sleep(Milliseconds time) {
  return wait_for<void>({.type = FlowWait::Type::sleep, .name = "sleep", .time = time});
}

template <class T, class Work>
FlowAwaiter<T> FlowContext::step(std::string name, Work&& work) {
#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ < 13
  static_assert(std::is_lvalue_reference_v<Work> || std::is_trivially_destructible_v<Work>,
                "with this compiler the work of a step refers to what it needs: [&]");
#endif
  return wait_for<T>({.type = FlowWait::Type::step,
                      .name = "step " + name,
                      .work = [work = std::decay_t<Work>(std::forward<Work>(work))] {
                        return detail::call_handler(work);
                      }});
}

}  // namespace perdure
