// SPDX-License-Identifier: Apache-2.0
// Rules of RFC 9110 and 9112 for single parts of a request. Pure functions of text.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "http/refusal.hpp"
#include "perdure/api/http/message.hpp"

namespace perdure::http {

/// The implemented method of this name (case-sensitive).
[[nodiscard]] std::optional<Method> method_from(std::string_view name) noexcept;

/// `host` or `host:port`, not empty, without userinfo; IPv6 literals in brackets.
[[nodiscard]] bool is_valid_host(std::string_view text) noexcept;

/// Only digits. (Signs, lists and spaces are ways to make two readers disagree.)
[[nodiscard]] bool is_valid_content_length(std::string_view text) noexcept;

/// 1 to 128 characters of `[A-Za-z0-9._-]`.
[[nodiscard]] bool is_valid_request_id(std::string_view text) noexcept;

/// Reduces a request target to origin form, in place. The authority of an absolute form goes to
/// `authority`: it counts, whatever Host says (RFC 9112, section 3.2.2).
///
/// An absolute form must name http or https; `*` goes with OPTIONS only; a fragment and bytes that
/// RFC 3986 keeps out of URIs are refused, but for brackets.
[[nodiscard]] std::optional<Refusal> normalise_target(Method method, std::string& target,
                                                      std::string& authority);

/// The Origin field of a head that was not read whole, or that was refused; empty when the bytes
/// hold none. What it returns is no proof of anything: it goes back to whoever sent it.
[[nodiscard]] std::string_view find_origin(std::string_view head) noexcept;

/// The checks of RFC 6455, section 4.2.1 that the upgrade itself does not show.
[[nodiscard]] std::optional<Refusal> check_websocket_handshake(const Headers& headers);

}  // namespace perdure::http
