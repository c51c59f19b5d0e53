// SPDX-License-Identifier: Apache-2.0
#include "perdure/api/shell/log.hpp"

#include <fmt/format.h>
#include <spdlog/async_logger.h>
#include <spdlog/details/thread_pool.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/ostream_sink.h>

#include <array>
#include <atomic>

#include "perdure/schemas/json.hpp"

namespace perdure::shell {
namespace {

constexpr std::size_t queue_lines_max = 8192;

constexpr auto level_names =
    std::to_array<std::string_view>({"DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"});
constexpr auto setting_names =
    std::to_array<std::string_view>({"debug", "info", "warning", "error", "critical"});

std::string_view name_of(LogLevel level) { return level_names[static_cast<std::size_t>(level)]; }

// What comes from requests may hold anything: control characters must not forge lines or drive a
// terminal, and bytes that are no UTF-8 must not spoil a JSON line.
std::string json_text(std::string_view text) {
  return Json(text).dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string plain(std::string_view text) {
  const bool simple = text.find_first_of("\"\\") == std::string_view::npos &&
                      std::ranges::all_of(text, [](char c) { return c >= ' ' && c < '\x7f'; });
  return simple ? std::string{text} : json_text(text);
}

std::string value_text(const LogField& field, LogFormat format) {
  if (const auto* number = std::get_if<std::int64_t>(&field.value))
    return fmt::format("{}", *number);
  if (const auto* real = std::get_if<double>(&field.value)) return fmt::format("{:.6g}", *real);
  const auto& text = std::get<std::string>(field.value);
  return format == LogFormat::json ? json_text(text) : plain(text);
}

std::string render_json(Timestamp at, LogLevel level, const LogLine& line) {
  auto out =
      fmt::format(R"({{"timestamp":"{}","level":"{}","logger":{},"message":{})", format_rfc3339(at),
                  name_of(level), json_text(line.logger), json_text(line.message));
  if (!line.request_id.empty())
    out += fmt::format(R"(,"request_id":{})", json_text(line.request_id));
  for (const auto& field : line.fields) {
    out += fmt::format(",{}:{}", json_text(field.name), value_text(field, LogFormat::json));
  }
  out += '}';
  return out;
}

std::string render_text(Timestamp at, LogLevel level, const LogLine& line) {
  auto out = fmt::format("{} {:<8} {}: {}", format_rfc3339(at), name_of(level), plain(line.logger),
                         plain(line.message));
  for (const auto& field : line.fields) {
    out += fmt::format(" {}={}", field.name, value_text(field, LogFormat::text));
  }
  if (!line.request_id.empty()) out += fmt::format(" request_id={}", plain(line.request_id));
  return out;
}

}  // namespace

std::optional<LogLevel> log_level_from(std::string_view name) noexcept {
  for (std::size_t i = 0; i < setting_names.size(); ++i) {
    if (setting_names[i] == name) return static_cast<LogLevel>(i);
  }
  return std::nullopt;
}

std::string render_log_line(LogFormat format, Timestamp at, LogLevel level, const LogLine& line) {
  return format == LogFormat::json ? render_json(at, level, line) : render_text(at, level, line);
}

class Log::Impl {
 public:
  Impl(LogFormat format, LogLevel level, std::ostream& out, const Clock& clock)
      : format_(format),
        level_(level),
        clock_(clock),
        pool_(std::make_shared<spdlog::details::thread_pool>(queue_lines_max, 1)),
        logger_(std::make_shared<spdlog::async_logger>(
            "perdure", std::make_shared<spdlog::sinks::ostream_sink_mt>(out, true), pool_,
            spdlog::async_overflow_policy::overrun_oldest)) {
    // The whole line is made here; spdlog carries it to the writing thread.
    logger_->set_formatter(std::make_unique<spdlog::pattern_formatter>("%v"));
    logger_->set_level(spdlog::level::trace);
  }

  void write(LogLevel level, const LogLine& line) {
    logger_->log(spdlog::level::info, render_log_line(format_, clock_.now(), level, line));
  }

  const LogFormat format_;
  std::atomic<LogLevel> level_;

 private:
  const Clock& clock_;
  // shared_ptr because spdlog asks for it. The pool's destructor writes out its queue, so it must
  // be the last to go; the logger holds it weakly.
  std::shared_ptr<spdlog::details::thread_pool> pool_;
  std::shared_ptr<spdlog::async_logger> logger_;
};

Log::Log(LogFormat format, LogLevel level, std::ostream& out, const Clock& clock)
    : impl_(std::make_unique<Impl>(format, level, out, clock)) {}
Log::~Log() = default;

bool Log::enabled(LogLevel level) const noexcept {
  return level >= impl_->level_.load(std::memory_order_relaxed);
}

void Log::set_level(LogLevel level) noexcept {
  impl_->level_.store(level, std::memory_order_relaxed);
}

void Log::write(LogLevel level, const LogLine& line) {
  if (enabled(level)) impl_->write(level, line);
}

}  // namespace perdure::shell
