// SPDX-License-Identifier: Apache-2.0
// Declarations: the names of a kind, of its commands and of its queries, with the types that go
// with them. Each is written once, in a header that the kind and its callers share:
//
//   struct Counter;  // the state: callers need not know what is in it
//   inline constexpr perdure::KindName<Counter> counter{"counter"};
//   inline constexpr perdure::Command<Counter, Add, std::int64_t> add{"add"};
//   inline constexpr perdure::Query<Counter, void, std::int64_t> value{"value"};
//
// The kind gives each its handler (`kind(counter).command(add, …)`), and callers name it
// (`runtime->object(counter, "alice").call(add, {.by = 2})`). A handler or a call with another
// payload, another reply, or of another kind does not compile.
#pragma once

#include <concepts>
#include <string>
#include <string_view>

#include "perdure/base/object_id.hpp"
#include "perdure/runtime/handler.hpp"

namespace perdure {

class Turn;
class View;

/// `State` is the type of the kind's state, or any type that stands for it.
template <class State>
struct KindName {
  std::string_view name;
  [[nodiscard]] ObjectId object(std::string id) const { return {std::string{name}, std::move(id)}; }
};

/// `Payload` void: it takes none. `Reply` void: it says only that it is done.
template <class State, class Payload, class Reply = void>
struct Command {
  std::string_view name;
};

template <class State, class Payload, class Reply>
struct Query {
  std::string_view name;
};

namespace detail {

template <class T>
struct ValueOf {
  using type = T;
};
template <class T>
struct ValueOf<Result<T>> {
  using type = T;
};

template <class F, class Reply, class... Args>
concept Gives = std::is_invocable_v<const F&, Args...> && std::same_as<
    typename ValueOf<std::remove_cvref_t<std::invoke_result_t<const F&, Args...>>>::type, Reply>;

template <class F, class Payload>
concept Takes = std::same_as<typename PayloadOf<F>::Last, Payload>;

template <class F, class State, class Payload, class Reply>
concept HandlesCommand =
    (std::is_void_v<Payload> && Gives<F, Reply, Turn&, State&>) ||
    (!std::is_void_v<Payload> && Takes<F, Payload> &&
     Gives<F, Reply, Turn&, State&, std::add_lvalue_reference_t<const Payload>>);

template <class F, class State, class Payload, class Reply>
concept HandlesQuery =
    (std::is_void_v<Payload> &&
     (Gives<F, Reply, const State&> || Gives<F, Reply, const View&, const State&>)) ||
    (!std::is_void_v<Payload> && Takes<F, Payload> &&
     (Gives<F, Reply, const State&, std::add_lvalue_reference_t<const Payload>> ||
      Gives<F, Reply, const View&, const State&, std::add_lvalue_reference_t<const Payload>>));

}  // namespace detail

}  // namespace perdure
