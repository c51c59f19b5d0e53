// SPDX-License-Identifier: Apache-2.0
#include "shell/data_commands.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <charconv>
#include <cstdio>
#include <string>

#include "perdure/runtime/journal_check.hpp"
#include "perdure/runtime/runtime.hpp"
#include "perdure/runtime/unreadable.hpp"
#include "perdure/storage/store_factory.hpp"
#include "shell/options.hpp"

namespace perdure::shell {
namespace {

constexpr std::size_t page_size = 500;

ExitCode complain(ExitCode exit_code, std::string_view text) {
  fmt::print(stderr, "perdure: {}\n", text);
  return exit_code;
}

/// Errors: invalid where there is nothing to look at.
Result<void> find_data(const Config& config) {
  if (config.flag("in_memory")) {
    return fail(ErrorCode::invalid,
                "in_memory: a server with its data in memory leaves nothing to look at");
  }
  // Opening would make the directory, and an empty one would look well.
  std::error_code ignored;
  if (std::filesystem::is_directory(config.text("data_dir"), ignored)) return {};
  return fail(ErrorCode::invalid,
              fmt::format("there is no data directory {}", config.text("data_dir")));
}

class ProgressBar {
 public:
  void show(double share) {
    const auto percent = static_cast<int>(share * 100);
    if (!terminal_ || percent == shown_) return;
    shown_ = percent;
    fmt::print(stderr, "\r[{:<50}] {:3}%", std::string(static_cast<std::size_t>(percent) / 2, '#'),
               percent);
  }
  ~ProgressBar() {
    if (shown_ >= 0) fmt::print(stderr, "\r{:60}\r", "");
  }

 private:
  const bool terminal_ = isatty(STDERR_FILENO) == 1;
  int shown_ = -1;
};

void print_line(const Json& json) {
  const auto text = dump_json(json);
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fputc('\n', stdout);
}

Json as_json(const Runtime& runtime, const ObjectView& view) {
  const auto& meta = view.meta;
  return {{"kind", meta.object().kind},
          {"id", meta.object().id},
          {"object_id", to_string(meta.object())},
          {"seq", meta.seq},
          {"schema_version", meta.schema_version},
          {"owner",
           meta.origin->owner.text().empty() ? Json(nullptr) : Json(meta.origin->owner.text())},
          {"created_at", format_rfc3339(meta.origin->created_at)},
          {"updated_at", format_rfc3339(meta.updated_at)},
          {"state", without_secrets(*runtime.find_kind(meta.object().kind), view.state)}};
}

Result<void> print_entries(const Runtime& runtime, const ObjectId& object, const AsOf& as_of) {
  EntryRange range{.limit = page_size};
  while (true) {
    PERDURE_TRY(page, runtime.entries(object, range, as_of));
    for (const auto& entry : page) {
      auto value = parse_stored_json(entry.value);
      print_line({{"object_id", to_string(object)},
                  {"entry", entry.key},
                  {"seq", entry.seq},
                  {"value", value ? std::move(value).value() : Json(entry.value)}});
    }
    if (page.size() < page_size) return {};
    range.from = page.back().key + '\0';  // the next key after it
  }
}

Result<void> print_object(const Runtime& runtime, const ObjectId& object, const AsOf& as_of) {
  PERDURE_TRY(view, runtime.inspect(object, as_of));
  print_line(as_json(runtime, view));
  return print_entries(runtime, object, as_of);
}

/// Says which objects cannot be read, and counts them: the sound ones are printed all the same.
class Unreadable {
 public:
  void add(const ObjectId& object, const Error& error) {
    ++count_;
    fmt::print(stderr, "{} cannot be read: {}\n", to_string(object), to_string(error));
  }
  [[nodiscard]] Result<void> outcome() const {
    if (count_ == 0) return {};
    return fail(ErrorCode::corrupt, fmt::format("{} objects cannot be read", count_));
  }

 private:
  std::size_t count_ = 0;
};

/// Says what of the directory is lost or damaged: the rest is printed all the same.
class Damage final : public Hooks {
 public:
  void damage_found(const Error& cause) override {
    found_ = true;
    fmt::print(stderr, "{}\n", cause.detail);
  }
  [[nodiscard]] bool found() const { return found_; }

 private:
  bool found_ = false;
};

Result<void> print_kind(const Runtime& runtime, const std::string& kind, const AsOf& as_of,
                        Unreadable& unreadable) {
  ListRequest request{.kind = kind, .limit = page_size};
  do {
    PERDURE_TRY(page, runtime.list(request));
    for (const auto& [object, error] : page.unreadable) unreadable.add(object, error);
    for (const auto& item : page.items) {
      auto printed = print_object(runtime, item.meta.object(), as_of);
      if (printed) continue;
      const auto code = printed.error().code;
      // An object that was not there yet, or whose past has been trimmed, is not part of that past.
      if (code == ErrorCode::not_found || code == ErrorCode::gone) continue;
      if (!is_of_one_object(printed.error())) return printed;
      unreadable.add(item.meta.object(), printed.error());
    }
    request.cursor = page.next_cursor;
  } while (!request.cursor.empty());
  return {};
}

Result<AsOf> parse_as_of(const std::string& text) {
  if (text.empty()) return AsOf{};
  Seq seq = 0;
  const auto* end = text.data() + text.size();
  if (const auto [rest, failure] = std::from_chars(text.data(), end, seq);
      failure == std::errc{} && rest == end) {
    return AsOf{seq};
  }
  PERDURE_TRY(time, parse_rfc3339(text));
  return AsOf{time};
}

Result<void> print_chosen(const Runtime& runtime, const DumpCommand& command, const AsOf& as_of) {
  Unreadable unreadable;
  if (!command.object.empty()) {
    const auto colon = command.object.find(':');
    if (colon == std::string::npos) {
      return fail(ErrorCode::invalid, "--object: expected KIND:ID");
    }
    const ObjectId object{command.object.substr(0, colon), command.object.substr(colon + 1)};
    return print_object(runtime, object, as_of);
  }
  if (!command.kind.empty()) {
    if (runtime.find_kind(command.kind) == nullptr) {
      return fail(ErrorCode::invalid, fmt::format("--kind: no kind {}", command.kind));
    }
    PERDURE_TRY_VOID(print_kind(runtime, command.kind, as_of, unreadable));
    return unreadable.outcome();
  }
  for (const auto& kind : runtime.kinds()) {
    PERDURE_TRY_VOID(print_kind(runtime, kind.name(), as_of, unreadable));
  }
  return unreadable.outcome();
}

}  // namespace

namespace {

/// Compares rows with states. Returns whether all are right. Errors: those of opening and reading.
Result<bool> print_rows(const Config& config, std::vector<Kind> kinds) {
  auto options = runtime_options(config);
  options.access = AccessMode::read_only;
  PERDURE_TRY(runtime, Runtime::open(std::move(options), std::move(kinds)));
  PERDURE_TRY(rows, runtime->check_rows());
  for (const auto& unknown : runtime->unknown_kinds()) {
    fmt::print("not compared: kind {}, whose version {} this program does not know\n", unknown.kind,
               unknown.stored_version);
  }
  for (const auto& note : rows.notes) fmt::print("note: {}\n", note);
  for (const auto& finding : rows.findings) fmt::print("{}\n", finding);
  const auto count = rows.findings.size() + rows.left_out;
  fmt::print("{} index rows of {} objects: {}\n", rows.rows, rows.objects,
             count == 0 ? "as their states say" : fmt::format("{} finding(s)", count));
  return count == 0;
}

}  // namespace

ExitCode check(const Config& config, std::vector<Kind> kinds) {
  if (const auto there = find_data(config); !there) {
    return complain(ExitCode::usage, there.error().detail);
  }
  ProgressBar bar;
  const auto report =
      store_factory(config)->check(journal_check(), [&bar](double share) { bar.show(share); });
  if (!report) return complain(exit_code_of_open(report.error().code), to_string(report.error()));
  for (const auto& finding : report->findings) fmt::print("{}\n", finding);
  fmt::print("{} objects, {} records, {} entries: {}\n", report->objects, report->records,
             report->entries,
             report->findings.empty() ? "all is well"
                                      : fmt::format("{} finding(s)", report->findings.size()));
  if (!report->findings.empty()) return ExitCode::corrupt;
  const auto rows = print_rows(config, std::move(kinds));
  if (!rows) return complain(exit_code_of_open(rows.error().code), to_string(rows.error()));
  return *rows ? ExitCode::ok : ExitCode::corrupt;
}

ExitCode dump(const Config& config, const DumpCommand& command, std::vector<Kind> kinds) {
  if (const auto there = find_data(config); !there) {
    return complain(ExitCode::usage, there.error().detail);
  }
  const auto as_of = parse_as_of(command.as_of);
  if (!as_of) return complain(ExitCode::usage, "--as-of: " + as_of.error().detail);
  auto options = runtime_options(config);
  options.access = AccessMode::read_only;
  Damage damage;  // outlives the runtime
  options.hooks = &damage;
  auto runtime = Runtime::open(std::move(options), std::move(kinds));
  if (!runtime) {
    return complain(exit_code_of_open(runtime.error().code), to_string(runtime.error()));
  }
  const auto printed = print_chosen(**runtime, command, *as_of);
  if (!printed)
    return complain(exit_code_of_open(printed.error().code), to_string(printed.error()));
  return damage.found() ? ExitCode::corrupt : ExitCode::ok;
}

}  // namespace perdure::shell
