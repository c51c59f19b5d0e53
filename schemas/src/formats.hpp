// SPDX-License-Identifier: Apache-2.0
// The values of the keyword `format` that are asserted.
#pragma once

#include <optional>
#include <string_view>

namespace perdure {

enum class Format { none, date, time, date_time, uuid, email, idn_email, uri };

[[nodiscard]] std::optional<Format> format_from(std::string_view name);
[[nodiscard]] std::string_view name_of(Format format);

/// date, time, date-time  RFC 3339: `full-date`, `full-time`, `date-time` (with `T`)
/// uuid                   RFC 9562, any version
/// email                  RFC 5321 mailbox without quoted strings and address literals
/// idn-email              RFC 6531: the same in all scripts
/// uri                    RFC 3986, with a scheme
[[nodiscard]] bool matches(Format format, std::string_view text);

}  // namespace perdure
