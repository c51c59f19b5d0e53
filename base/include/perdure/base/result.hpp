// SPDX-License-Identifier: Apache-2.0
// Result<T>: a value or an Error, with the names of std::expected so that C++23 can replace it.
//
// Dropping a Result is a warning (and so an error in our presets); reading the side that is not
// there is a bug and aborts.
#pragma once

#include <type_traits>
#include <utility>
#include <variant>

#include "perdure/base/check.hpp"
#include "perdure/base/error.hpp"

namespace perdure {

struct Unexpected {
  Error error;
};

/// `return fail(ErrorCode::not_found, "no such object");`
[[nodiscard]] inline Unexpected fail(ErrorCode code, std::string detail) {
  return {Error{.code = code, .detail = std::move(detail)}};
}
[[nodiscard]] inline Unexpected fail(Error error) { return {std::move(error)}; }

// clang-format 14 runs requires-clauses into the declarations after them.
// clang-format off
template <class T>
class [[nodiscard]] Result {
  using Stored = std::conditional_t<std::is_void_v<T>, std::monostate, T>;

 public:
  using value_type = T;

  Result()
    requires std::is_void_v<T>
      : held_(std::in_place_index<0>) {}
  template <class U = Stored>
    requires(!std::is_void_v<T> && std::is_constructible_v<Stored, U &&> &&
             !std::is_same_v<std::remove_cvref_t<U>, Result> &&
             !std::is_same_v<std::remove_cvref_t<U>, Unexpected>)
  Result(U&& value) : held_(std::in_place_index<0>, std::forward<U>(value)) {}  // NOLINT
  Result(Unexpected failed) : held_(std::in_place_index<1>, std::move(failed.error)) {}  // NOLINT

  [[nodiscard]] bool has_value() const noexcept { return held_.index() == 0; }
  explicit operator bool() const noexcept { return has_value(); }

  template <class Self = Stored>
    requires(!std::is_void_v<T>)
  [[nodiscard]] Self& value() & {
    check_value();
    return std::get<0>(held_);
  }
  template <class Self = Stored>
    requires(!std::is_void_v<T>)
  [[nodiscard]] const Self& value() const& {
    check_value();
    return std::get<0>(held_);
  }
  template <class Self = Stored>
    requires(!std::is_void_v<T>)
  [[nodiscard]] Self value() && {
    check_value();
    return std::get<0>(std::move(held_));
  }
  void value() const
    requires std::is_void_v<T>
  {
    check_value();
  }

  template <class Self = Stored>
    requires(!std::is_void_v<T>)
  [[nodiscard]] Self& operator*() & {
    return value();
  }
  template <class Self = Stored>
    requires(!std::is_void_v<T>)
  [[nodiscard]] const Self& operator*() const& {
    return value();
  }
  template <class Self = Stored>
    requires(!std::is_void_v<T>)
  [[nodiscard]] Self operator*() && {
    return std::move(*this).value();
  }
  template <class Self = Stored>
    requires(!std::is_void_v<T>)
  [[nodiscard]] Self* operator->() {
    return &value();
  }
  template <class Self = Stored>
    requires(!std::is_void_v<T>)
  [[nodiscard]] const Self* operator->() const {
    return &value();
  }

  [[nodiscard]] const Error& error() const& {
    PERDURE_CHECK(!has_value(), "error() of a Result that holds a value");
    return std::get<1>(held_);
  }
  [[nodiscard]] Error error() && {
    PERDURE_CHECK(!has_value(), "error() of a Result that holds a value");
    return std::get<1>(std::move(held_));
  }

 private:
  void check_value() const {
    if (!has_value()) [[unlikely]] {
      check_failed("has_value()", to_string(std::get<1>(held_)));
    }
  }

  std::variant<Stored, Error> held_;
};
// clang-format on

/// Returns early with the error of `expression`, or binds its value to `name`.
#define PERDURE_TRY(name, expression)                                           \
  auto name##_result = (expression);                                            \
  if (!name##_result) return ::perdure::fail(std::move(name##_result).error()); \
  auto& name = *name##_result

/// Returns early with the error of a Result<void>.
#define PERDURE_TRY_VOID(expression) \
  if (auto tried = (expression); !tried) return ::perdure::fail(std::move(tried).error())

}  // namespace perdure
