// SPDX-License-Identifier: Apache-2.0
// Operating errors: what went wrong, in words for people and in one stable code for programs.
//
// A code exists only where a caller could react to it differently. `describe` gives, for each code,
// the four facts that callers need: its stable name, whether a retry can help, whether anything
// was committed, and the HTTP status it becomes at the edge.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace perdure {

enum class ErrorCode {
  malformed,               ///< cannot be parsed at all
  invalid,                 ///< parsed, but breaks a rule; `fields` says which
  unauthenticated,         ///< no principal, or one that is not believed
  forbidden,               ///< the principal may not do this
  not_found,               ///< no such object, or none that the principal may know of
  conflict,                ///< the target exists already, or its state excludes the request
  stale_precondition,      ///< the caller expected another seq
  gone,                    ///< below retained history
  too_large,               ///< past a stated bound on size
  idempotency_key_reused,  ///< the key was used before with another request
  quota_exceeded,          ///< the owner has as many as it may; `detail` says of what
  client_id_reused,        ///< the client's id was used before for something else
  rate_limited,            ///< the principal's own budget is spent
  overloaded,              ///< a queue is full; accepted work goes on
  deadline_exceeded,       ///< the deadline passed before the turn ran; nothing was done
  unavailable,             ///< stopping, or writes have stopped
  index_building,          ///< the rows that would answer a list are still being made
  outcome_unknown,         ///< the commit may or may not have happened
  stale_epoch,             ///< another life of the store owns the object now
  newer_version,           ///< the data was written by newer code
  unreadable_state,        ///< sound bytes that the kind's code of today makes no state of
  corrupt,                 ///< stored bytes fail their checks
  internal,                ///< a handler threw, or a rule of ours was broken
};

enum class Committed { no, yes, unknown };
enum class Retry { no, yes };

/// One row of the table of codes.
struct ErrorTraits {
  std::string_view name;  ///< stable text, such as `not_found`
  int http_status;
  Retry retry;  ///< whether the same call can succeed later
  Committed committed;
};

[[nodiscard]] const ErrorTraits& describe(ErrorCode code) noexcept;
[[nodiscard]] std::optional<ErrorCode> error_code_from(std::string_view name) noexcept;

/// One broken rule in the input. `pointer` is a JSON Pointer (RFC 6901) into the body, or
/// the bare name of a query parameter or header.
struct FieldError {
  std::string pointer;
  std::string code;     ///< stable, such as `required`
  std::string message;  ///< a sentence for people
};

/// An error that a kind declares for itself, such as `insufficient_funds`
/// (perdure/runtime/own_error.hpp).
struct OwnError {
  std::string name;  ///< stable; what clients get as the code
  int http_status;
  std::string title;    ///< a sentence for people
  std::string members;  ///< what else it says: a JSON object, as text
};

struct Error {
  ErrorCode code = ErrorCode::internal;
  std::string detail;
  std::vector<FieldError> fields = {};
  std::optional<std::chrono::seconds> retry_after = {};
  /// What a kind's own error says. `code` is `conflict` then, for whoever does not know the kind:
  /// nothing was done, and the state of the object excludes the request. Null: it is none. Shared
  /// because it is immutable.
  std::shared_ptr<const OwnError> own = {};
};

/// The name of an own error, or that of the code.
[[nodiscard]] std::string_view name_of(const Error& error) noexcept;

/// `<name>: <detail>`, for logs and test messages.
[[nodiscard]] std::string to_string(const Error& error);

}  // namespace perdure
