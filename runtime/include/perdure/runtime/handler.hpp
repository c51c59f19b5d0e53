// SPDX-License-Identifier: Apache-2.0
// How the builder in kind.hpp calls handlers of any of the forms that it takes.
#pragma once

#include <tuple>
#include <type_traits>
#include <utility>

#include "perdure/base/result.hpp"
#include "perdure/schemas/json.hpp"
#include "perdure/schemas/misfit.hpp"

namespace perdure {

namespace detail {

template <class T>
struct IsResult : std::false_type {};
template <class T>
struct IsResult<Result<T>> : std::true_type {};

template <class F, class... Args>
Result<Json> call_handler(const F& handler, Args&&... args) {
  using R = std::invoke_result_t<const F&, Args...>;
  if constexpr (std::is_void_v<R>) {
    handler(std::forward<Args>(args)...);
    return Json(nullptr);
  } else if constexpr (IsResult<R>::value) {
    auto result = handler(std::forward<Args>(args)...);
    if (!result) return fail(std::move(result).error());
    if constexpr (std::is_void_v<typename R::value_type>) {
      return Json(nullptr);
    } else {
      return Json(std::move(result).value());
    }
  } else {
    return Json(handler(std::forward<Args>(args)...));
  }
}

// The payload type of a handler: the last parameter of its call operator.
template <class F>
struct PayloadOf : PayloadOf<decltype(&F::operator())> {};
template <class C, class R, class... A>
struct PayloadOf<R (C::*)(A...) const> : PayloadOf<R (*)(A...)> {};
template <class R, class... A>
struct PayloadOf<R (*)(A...)> {
  using Last = std::remove_cvref_t<std::tuple_element_t<sizeof...(A) - 1, std::tuple<A...>>>;
  static constexpr std::size_t count = sizeof...(A);
};

template <class T>
T decode(const Json& json) {
  if constexpr (std::is_same_v<T, Json>) {
    return json;
  } else {
    return json.template get<T>();
  }
}

// A payload that does not fit its type is the caller's mistake, unlike what a handler throws.
template <class T>
Result<T> decode_payload(const Json& payload) {
  try {
    return decode<T>(payload);
  } catch (const Json::exception& refused) {
    return fail(ErrorCode::invalid, "the payload does not fit: " + describe_misfit(refused));
  }
}

}  // namespace detail

}  // namespace perdure
