// SPDX-License-Identifier: Apache-2.0
// The settings of the server: one table, from which files, the environment and flags are read,
// and help, `perdure config` and docs/configuration.md are written.
//
// A new setting is one row in settings.cpp and one line where its value is used (options.cpp).
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "perdure/base/result.hpp"

namespace perdure::shell {

enum class SettingType {
  text,
  path,
  address,  ///< `host:port`, `[v6]:port`
  integer,
  bytes,     ///< `512KiB`, `1MiB`, or a plain number
  duration,  ///< `500ms`, `10s`, `5m`, `24h`, `30d`
  choice,    ///< one of `choices`
  list,      ///< comma-separated in flags and the environment, an array in the file
  flag,      ///< `true` or `false`
};

enum class Secrecy { plain, secret };

struct Setting {
  std::string_view name;  ///< as in the file: `tls.certificate`
  SettingType type;
  std::string_view fallback;  ///< the default, in the text form of the type; empty: not set
  std::string_view help;
  std::int64_t min = 0;  ///< of integers, bytes, and durations in milliseconds
  std::int64_t max = std::numeric_limits<std::int64_t>::max();
  std::string_view choices = {};  ///< separated by `|`
  Secrecy secrecy = Secrecy::plain;
  /// Of a size that is a part of `limits.memory` where it is not set; 0: `fallback` is the default.
  std::int64_t memory_divisor = 0;
};

/// All settings, in the order in which they are documented.
[[nodiscard]] std::span<const Setting> settings() noexcept;
[[nodiscard]] const Setting* find_setting(std::string_view name) noexcept;

/// What the documents call the default: `10s`, `limits.memory / 8`; empty: none.
[[nodiscard]] std::string default_text(const Setting& setting);
/// `PERDURE_TLS_CERTIFICATE`.
[[nodiscard]] std::string environment_name(const Setting& setting);
/// `--tls-certificate`.
[[nodiscard]] std::string flag_name(const Setting& setting);
/// What a value of the type looks like, for help: `SIZE`, `sync|buffered`.
[[nodiscard]] std::string value_name(const Setting& setting);

/// Bytes and durations (in milliseconds) are integers here.
using SettingValue = std::variant<std::string, std::int64_t, bool, std::vector<std::string>>;

/// Reads the text form and checks the bounds. Errors: invalid; `detail` says what was expected.
[[nodiscard]] Result<SettingValue> parse_setting(const Setting& setting, std::string_view text);

/// The shortest text that `parse_setting` reads back to the same value.
[[nodiscard]] std::string format_setting(const Setting& setting, const SettingValue& value);

}  // namespace perdure::shell
