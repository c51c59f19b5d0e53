// SPDX-License-Identifier: Apache-2.0
#include "perdure/base/error.hpp"

#include <array>

namespace perdure {

namespace {

struct Row {
  ErrorCode code;
  ErrorTraits traits;
};

constexpr std::array rows{
    Row{ErrorCode::malformed, {"malformed", 400, Retry::no, Committed::no}},
    Row{ErrorCode::invalid, {"validation_failed", 422, Retry::no, Committed::no}},
    Row{ErrorCode::unauthenticated, {"unauthenticated", 401, Retry::no, Committed::no}},
    Row{ErrorCode::forbidden, {"forbidden", 403, Retry::no, Committed::no}},
    Row{ErrorCode::not_found, {"not_found", 404, Retry::no, Committed::no}},
    Row{ErrorCode::conflict, {"conflict", 409, Retry::no, Committed::no}},
    Row{ErrorCode::stale_precondition, {"stale_precondition", 412, Retry::no, Committed::no}},
    Row{ErrorCode::gone, {"gone", 410, Retry::no, Committed::no}},
    Row{ErrorCode::too_large, {"too_large", 413, Retry::no, Committed::no}},
    Row{ErrorCode::idempotency_key_reused,
        {"idempotency_key_reused", 422, Retry::no, Committed::no}},
    Row{ErrorCode::quota_exceeded, {"quota_exceeded", 403, Retry::no, Committed::no}},
    Row{ErrorCode::client_id_reused, {"client_id_reused", 422, Retry::no, Committed::no}},
    Row{ErrorCode::rate_limited, {"rate_limited", 429, Retry::yes, Committed::no}},
    Row{ErrorCode::overloaded, {"overloaded", 503, Retry::yes, Committed::no}},
    Row{ErrorCode::deadline_exceeded, {"deadline_exceeded", 503, Retry::yes, Committed::no}},
    Row{ErrorCode::unavailable, {"unavailable", 503, Retry::yes, Committed::no}},
    Row{ErrorCode::outcome_unknown, {"outcome_unknown", 503, Retry::yes, Committed::unknown}},
    Row{ErrorCode::stale_epoch, {"stale_epoch", 503, Retry::yes, Committed::no}},
    Row{ErrorCode::newer_version, {"newer_version", 500, Retry::no, Committed::no}},
    Row{ErrorCode::corrupt, {"corrupt", 500, Retry::no, Committed::no}},
    Row{ErrorCode::internal, {"internal", 500, Retry::no, Committed::no}},
};

constexpr bool rows_are_in_order() {
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (static_cast<std::size_t>(rows[i].code) != i) return false;
  }
  return true;
}
static_assert(rows_are_in_order());

}  // namespace

const ErrorTraits& describe(ErrorCode code) noexcept {
  return rows[static_cast<std::size_t>(code)].traits;
}

std::optional<ErrorCode> error_code_from(std::string_view name) noexcept {
  for (const auto& row : rows) {
    if (row.traits.name == name) return row.code;
  }
  return {};
}

std::string to_string(const Error& error) {
  std::string text{describe(error.code).name};
  text += ": ";
  text += error.detail;
  for (const auto& field : error.fields) {
    text += "; ";
    text += field.pointer;
    text += ": ";
    text += field.message;
  }
  return text;
}

}  // namespace perdure
