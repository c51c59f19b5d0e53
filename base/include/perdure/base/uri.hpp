// SPDX-License-Identifier: Apache-2.0
// Names in URIs (RFC 3986): how they are written there, and which of them cannot stand there.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace perdure {

/// The text with everything but unreserved characters (letters, digits, `-._~`) as %HH: a path
/// segment, or a value of a query.
[[nodiscard]] std::string percent_encode(std::string_view text);

/// None when a `%` is not followed by two hexadecimal digits.
[[nodiscard]] std::optional<std::string> percent_decode(std::string_view text);

/// Whether a segment with this text is taken out of a path by whoever parses a URL: `.` and `..`,
/// also with dots written as %2e (WHATWG URL, 4.2), which cannot be told from them once a
/// proxy has decoded a path. Nothing that a client names may be called so: the URL of
/// `alarms/..` is that of the alarm's object.
[[nodiscard]] bool is_dot_segment(std::string_view text) noexcept;

}  // namespace perdure
