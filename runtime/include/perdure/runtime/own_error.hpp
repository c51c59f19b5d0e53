// SPDX-License-Identifier: Apache-2.0
// Own errors: what a kind's handlers refuse in the kind's own words.
//
//   struct InsufficientFunds { std::int64_t balance = 0; };
//   NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(InsufficientFunds, balance)
//   inline constexpr perdure::ErrorType<InsufficientFunds> insufficient_funds{
//       "insufficient_funds", 409, "The account has not enough money."};
//
//   kind(account).error(insufficient_funds).command(withdraw, [](…) -> perdure::Result<…> {
//     if (self.balance < amount) return insufficient_funds({.balance = self.balance});
//
//   if (const auto short_of = insufficient_funds.in(reply.error())) … short_of->balance …
//
// It reaches whoever asked unchanged: callers, transactions, askers by messages (`error` of an
// answer has `code` and `members`), dead letters, and HTTP, where it is a problem of its status
// whose `code` is its name, with its members beside.
//
// Shape    a name is lower case with `_`, and no code of Perdure's; a status is 400 to 499; a name
//          means the same in all kinds of a runtime; members are named like none of a problem's.
//          Runtime::open refuses a kind otherwise.
// Errors   a handler that ends with an own error which its kind does not declare so ends with
//          `internal` instead, which names the error and the kind.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

#include "perdure/base/result.hpp"
#include "perdure/runtime/kind_definition.hpp"
#include "perdure/schemas/json.hpp"

namespace perdure {

namespace limits {
inline constexpr std::size_t own_error_bytes_max = 8u << 10;  ///< of its members, as text
}  // namespace limits

namespace detail {

/// The schema that values like this one fit: of each member its type. Null stands for anything.
[[nodiscard]] Json schema_like(const Json& example);
[[nodiscard]] Unexpected make_own_error(std::string_view name, int http_status,
                                        std::string_view title, const Json& members);
/// The members of an own error of that name; none: it is another.
[[nodiscard]] std::optional<Json> own_members(const Error& error, std::string_view name);

}  // namespace detail

/// `Members` is a type with from_json and to_json that can be made without arguments; void: the
/// error has no members.
template <class Members = void>
struct ErrorType {
  std::string_view name;
  int http_status;
  std::string_view title;

  /// What a handler returns. Limits: limits::own_error_bytes_max.
  [[nodiscard]] Unexpected operator()(const Members& members) const {
    return detail::make_own_error(name, http_status, title, Json(members));
  }
  /// The members, if `error` is this one.
  [[nodiscard]] std::optional<Members> in(const Error& error) const {
    const auto members = detail::own_members(error, name);
    if (!members) return {};
    try {
      return members->template get<Members>();
    } catch (const Json::exception&) {
      return {};  // of another version of the kind
    }
  }
  [[nodiscard]] OwnErrorDefinition definition() const {
    return {http_status, std::string{title}, detail::schema_like(Json(Members{}))};
  }
};

template <>
struct ErrorType<void> {
  std::string_view name;
  int http_status;
  std::string_view title;

  [[nodiscard]] Unexpected operator()() const {
    return detail::make_own_error(name, http_status, title, Json::object());
  }
  [[nodiscard]] bool in(const Error& error) const {
    return detail::own_members(error, name).has_value();
  }
  [[nodiscard]] OwnErrorDefinition definition() const {
    return {http_status, std::string{title}, detail::schema_like(Json::object())};
  }
};

/// An error as answers to messages and dead letters have it: {code, detail}, and {status, title,
/// members} of an own one.
[[nodiscard]] Json error_json(const Error& error);
/// Reads it again; what is no such value is `internal`.
[[nodiscard]] Error error_from_json(const Json& json);

}  // namespace perdure
