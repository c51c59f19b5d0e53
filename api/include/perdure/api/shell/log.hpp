// SPDX-License-Identifier: Apache-2.0
// Log: diagnostics as one line an event, for people on a terminal or as JSON for programs.
//
//   log.write(LogLevel::warning, {.logger = "store", .message = "writes have stopped",
//                                 .fields = {{"cause", to_string(error)}}});
//
// JSON lines have the members timestamp, level, logger, message, request_id (when there is one)
// and one for each field.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "perdure/base/time.hpp"

namespace perdure::shell {

enum class LogLevel { debug, info, warning, error, critical };
enum class LogFormat { text, json };

[[nodiscard]] std::optional<LogLevel> log_level_from(std::string_view name) noexcept;

struct LogField {
  std::string_view name;
  std::variant<std::string, std::int64_t, double> value;
};

struct LogLine {
  std::string_view logger;
  std::string_view message;
  std::string_view request_id = {};
  std::vector<LogField> fields = {};
};

/// Lifecycle  the destructor writes out what is queued.
/// Threads    every method may be called from any thread.
/// Limits     lines wait in a bounded queue for one writing thread, so that a caller is never held
///            up by a slow terminal or pipe; when it is full the oldest lines are lost.
class Log {
 public:
  /// Writes to `out`, which must outlive the log.
  Log(LogFormat format, LogLevel level, std::ostream& out, const Clock& clock);
  ~Log();
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  [[nodiscard]] bool enabled(LogLevel level) const noexcept;
  void set_level(LogLevel level) noexcept;
  void write(LogLevel level, const LogLine& line);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

/// The line as it is written, without its newline.
[[nodiscard]] std::string render_log_line(LogFormat format, Timestamp at, LogLevel level,
                                          const LogLine& line);

}  // namespace perdure::shell
