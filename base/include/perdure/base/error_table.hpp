// SPDX-License-Identifier: Apache-2.0
// Every code that a failure can have, with what a caller needs to know about it. The pages below
// `/problems/` and docs/errors.md are made from this table.
//
// A code has one status. The codes of `ErrorCode` come first, in its order; behind them stand
// those that only HTTP has, which no operating error becomes.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "perdure/base/error.hpp"

namespace perdure {

struct ErrorRow {
  std::optional<ErrorCode> code;  ///< none: only HTTP has it
  ErrorTraits traits;
  std::string_view meaning;  ///< a sentence
  std::string_view advice;   ///< a sentence: what a caller does about it
  /// The response fields that tell more, with commas between; empty: none.
  std::string_view fields = {};
};

/// Lifetime  static.
[[nodiscard]] std::span<const ErrorRow> error_table() noexcept;
/// Null when there is no such code.
[[nodiscard]] const ErrorRow* find_error_row(std::string_view name) noexcept;

}  // namespace perdure
