// SPDX-License-Identifier: Apache-2.0
// What a request must be, whatever its route does: the part of each check that the table decides.
#pragma once

#include "app/context.hpp"
#include "perdure/runtime/access.hpp"

namespace perdure::api {

/// Parses the query; every name must be declared, once, with a value of its type.
/// Errors  malformed; invalid, with all that is wrong.
[[nodiscard]] Result<void> check_query(Context& context);

/// The largest body that the route takes.
[[nodiscard]] std::size_t body_bytes_max(const Context& context);

/// Parses the body and holds it against the route's schema; 415 is `check_media`'s. What a large
/// body takes while it is parsed is held until the request is answered.
/// Errors  malformed (not JSON, or absent), invalid, too_large; rate_limited, overloaded.
[[nodiscard]] Result<void> check_body(Context& context);

/// 406 and 415.
[[nodiscard]] std::optional<Problem> check_media(const Context& context);

/// If-Match, If-None-Match, Idempotency-Key, traceparent. Errors: malformed, invalid.
[[nodiscard]] Result<void> check_fields(Context& context);

/// A page may open a WebSocket to any host, and browsers leave it to the server to refuse: only
/// the server's own origin and those of `cors.origins` may. Programs send no Origin.
/// Errors: forbidden.
[[nodiscard]] Result<void> check_origin(const Context& context);

/// The scopes of the key and the role of its user; `standing` is null only where the route is open.
/// Errors: forbidden.
[[nodiscard]] Result<void> check_permission(const CompiledRoute& route, const Standing* standing);
/// Whether the key may read or write what the route is about, whatever the route itself asks for.
/// Errors: forbidden.
[[nodiscard]] Result<void> check_scope(const CompiledRoute& route, const Standing& standing,
                                       Access access);

/// What the caller may do with an object that was looked at.
[[nodiscard]] Verdict judge(const Context& context, const ObjectMeta& meta, Action action);
/// The values of a parameter that takes several, as they are written (app/listed_value.hpp).
[[nodiscard]] std::vector<std::string> listed_values(std::string_view text);

/// The value of an integer parameter that was checked, or `otherwise`.
[[nodiscard]] std::int64_t number_or(const Context& context, std::string_view name,
                                     std::int64_t otherwise);

/// The `cursor` of a list whose cursors are positions; 0 without one. Errors: invalid.
[[nodiscard]] Result<std::uint64_t> position_cursor(const Context& context);

/// Reads `as_of`: a seq or a time. Errors: invalid.
[[nodiscard]] Result<AsOf> read_as_of(const std::string& text);

/// What a JSON text takes when it is parsed, from above.
[[nodiscard]] std::size_t parsed_bytes_of(std::string_view text);

/// Counts bytes that are about to be kept for the request, until it is answered (`limits.memory`).
/// Errors  rate_limited, overloaded: as error_of(Fit).
[[nodiscard]] Result<void> hold_more(Context& context, std::size_t bytes);

}  // namespace perdure::api
