// SPDX-License-Identifier: Apache-2.0
#include "perdure/base/error.hpp"

#include <algorithm>
#include <iterator>

#include "perdure/base/error_table.hpp"

namespace perdure {

namespace {

// In the order of ErrorCode, then by status.
constexpr ErrorRow rows[] = {
    {ErrorCode::malformed,
     {"malformed", 400, Retry::no, Committed::no},
     "The request, or its body, cannot be read as what it claims to be.",
     "Correct the request: the detail says what could not be read."},
    {ErrorCode::invalid,
     {"validation_failed", 422, Retry::no, Committed::no},
     "The request can be read, but breaks a rule.",
     "Correct what `errors` names: each has a pointer into the body, or the name of a "
     "parameter or field, and the rule."},
    {ErrorCode::unauthenticated,
     {"unauthenticated", 401, Retry::no, Committed::no},
     "No credentials came with the request, or none that are valid.",
     "Send a valid API key as `Authorization: Bearer <key>` or `X-API-Key: <key>`.",
     "WWW-Authenticate"},
    {ErrorCode::forbidden,
     {"forbidden", 403, Retry::no, Committed::no},
     "The caller is known, and may not do this.",
     "Ask with a key that has the scope or the role that the detail names."},
    {ErrorCode::not_found,
     {"not_found", 404, Retry::no, Committed::no},
     "There is no such resource, or none that the caller may know of.",
     "Check the path and the id; something deleted may be restored by its owner."},
    {ErrorCode::conflict,
     {"conflict", 409, Retry::no, Committed::no},
     "What was to be made is there already, or the state of the resource excludes the "
     "request.",
     "Read the resource, and decide anew."},
    {ErrorCode::stale_precondition,
     {"stale_precondition", 412, Retry::no, Committed::no},
     "The resource is another version than `If-Match` or `If-None-Match` asks for.",
     "Read the resource, and repeat the change with its new `ETag`."},
    {ErrorCode::gone,
     {"gone", 410, Retry::no, Committed::no},
     "It lies before the history that is kept.",
     "Begin with what is kept: the detail, or the first event that comes, says where "
     "that begins."},
    {ErrorCode::too_large,
     {"too_large", 413, Retry::no, Committed::no},
     "The body, or what it would make, is larger than it may be.",
     "Send less: the detail names the bound."},
    {ErrorCode::idempotency_key_reused,
     {"idempotency_key_reused", 422, Retry::no, Committed::no},
     "The `Idempotency-Key` was used before with another request.",
     "Use a new key for a new request."},
    {ErrorCode::quota_exceeded,
     {"quota_exceeded", 403, Retry::no, Committed::no},
     "The owner has as many as it may have, or its disk share is used up.",
     "Delete something, or have the quota raised: the detail says of what there are too "
     "many."},
    {ErrorCode::client_id_reused,
     {"client_id_reused", 422, Retry::no, Committed::no},
     "The `client_id` was used before for something else.",
     "Use a new `client_id` for each message."},
    {ErrorCode::rate_limited,
     {"rate_limited", 429, Retry::yes, Committed::no},
     "The caller has used up its share, of requests or of something else that the detail "
     "names.",
     "Wait as long as `Retry-After` says, and repeat the request.",
     "Retry-After, RateLimit, RateLimit-Policy"},
    {ErrorCode::overloaded,
     {"overloaded", 503, Retry::yes, Committed::no},
     "A queue of the server is full. What it had accepted goes on.",
     "Wait as long as `Retry-After` says, and repeat the request, each time after a "
     "longer wait.",
     "Retry-After"},
    {ErrorCode::deadline_exceeded,
     {"deadline_exceeded", 503, Retry::yes, Committed::no},
     "The time for the request passed before it was begun: nothing was done.",
     "Repeat the request.",
     "Retry-After"},
    {ErrorCode::unavailable,
     {"unavailable", 503, Retry::yes, Committed::no},
     "The server is stopping, or has stopped to write.",
     "Repeat the request later; `/health` says what is wrong.",
     "Retry-After"},
    {ErrorCode::index_building,
     {"index_building", 503, Retry::yes, Committed::no},
     "What the list is read from is still being made, after a change of the server's version.",
     "Repeat the request later; `/health` says how far it is.",
     "Retry-After"},
    {ErrorCode::outcome_unknown,
     {"outcome_unknown", 503, Retry::yes, Committed::unknown},
     "The change may have been made, or not.",
     "Repeat the request with the same `Idempotency-Key`: then it is carried out once. "
     "Without a key, read first.",
     "Retry-After"},
    {ErrorCode::stale_epoch,
     {"stale_epoch", 503, Retry::yes, Committed::no},
     "Another process has taken over the data of the object.",
     "Repeat the request.",
     "Retry-After"},
    {ErrorCode::newer_version,
     {"newer_version", 500, Retry::no, Committed::no},
     "The stored data was written by a newer version of the server.",
     "An operator runs the newer version again."},
    {ErrorCode::unreadable_state,
     {"unreadable_state", 500, Retry::no, Committed::no},
     "What is stored of the object is sound, and this version of the server cannot read it: the "
     "detail names the kind, the version and the step.",
     "An operator replaces or patches the state of the object, or runs a version that reads it."},
    {ErrorCode::corrupt,
     {"corrupt", 500, Retry::no, Committed::no},
     "Stored data that the request needs is damaged.",
     "An operator finds the place in the log, under the `request_id`."},
    {ErrorCode::internal,
     {"internal", 500, Retry::no, Committed::no},
     "The server failed to handle the request. It may have been carried out in part.",
     "An operator finds the cause in the log, under the `request_id`."},
    {std::nullopt,
     {"method_not_allowed", 405, Retry::no, Committed::no},
     "The path is there, but not for this method.",
     "Use one of the methods in `Allow`.",
     "Allow"},
    {std::nullopt,
     {"not_acceptable", 406, Retry::no, Committed::no},
     "The client accepts no type that this resource is available as.",
     "Accept one of the types that the detail names."},
    {std::nullopt,
     {"request_timeout", 408, Retry::yes, Committed::no},
     "The request took too long to arrive.",
     "Repeat it on a new connection, or send it faster."},
    {std::nullopt,
     {"length_required", 411, Retry::no, Committed::no},
     "The request needs a body, and came without one.",
     "Send a body, with `Content-Length` or in chunks."},
    {std::nullopt,
     {"uri_too_long", 414, Retry::no, Committed::no},
     "The target of the request is too long.",
     "Ask with fewer or shorter parameters."},
    {std::nullopt,
     {"unsupported_media_type", 415, Retry::no, Committed::no},
     "The body is of another type, or under another coding, than this path takes.",
     "Send one of the types that `Accept`, `Accept-Patch` or `Accept-Encoding` names.",
     "Accept, Accept-Patch, Accept-Encoding"},
    {std::nullopt,
     {"expectation_failed", 417, Retry::no, Committed::no},
     "`Expect` asks for something else than `100-continue`.",
     "Leave the field out."},
    {std::nullopt,
     {"failed_dependency", 424, Retry::no, Committed::no},
     "The request of a batch refers to the result of another one that failed.",
     "Correct the request that failed, and send both again."},
    {std::nullopt,
     {"upgrade_required", 426, Retry::no, Committed::no},
     "The path speaks WebSocket, version 13, and nothing else.",
     "Open it with a WebSocket client.",
     "Upgrade, Sec-WebSocket-Version"},
    {std::nullopt,
     {"headers_too_large", 431, Retry::no, Committed::no},
     "The header of the request has too many fields, or too many bytes.",
     "Send fewer or shorter fields."},
    {std::nullopt,
     {"not_implemented", 501, Retry::no, Committed::no},
     "The server knows no such method or transfer coding.",
     "Use those of the API."},
    {std::nullopt,
     {"version_not_supported", 505, Retry::no, Committed::no},
     "The server speaks HTTP/1.1 and HTTP/1.0 only.",
     "Use one of the two."},
};

constexpr std::size_t codes = static_cast<std::size_t>(ErrorCode::internal) + 1;

constexpr bool rows_are_in_order() {
  for (std::size_t i = 0; i < codes; ++i) {
    if (rows[i].code != static_cast<ErrorCode>(i)) return false;
  }
  return !rows[codes].code;
}
static_assert(rows_are_in_order());

}  // namespace

const ErrorTraits& describe(ErrorCode code) noexcept {
  return rows[static_cast<std::size_t>(code)].traits;
}

std::optional<ErrorCode> error_code_from(std::string_view name) noexcept {
  for (std::size_t i = 0; i < codes; ++i) {
    if (rows[i].traits.name == name) return static_cast<ErrorCode>(i);
  }
  return {};
}

std::span<const ErrorRow> error_table() noexcept { return rows; }

const ErrorRow* find_error_row(std::string_view name) noexcept {
  const auto* found =
      std::ranges::find(rows, name, [](const ErrorRow& row) { return row.traits.name; });
  return found == std::end(rows) ? nullptr : found;
}

std::string_view name_of(const Error& error) noexcept {
  return error.own ? std::string_view{error.own->name} : describe(error.code).name;
}

std::string to_string(const Error& error) {
  std::string text{name_of(error)};
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
