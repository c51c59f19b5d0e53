// SPDX-License-Identifier: Apache-2.0
#include "shell/admin_key.hpp"

#include <fmt/format.h>

#include <fstream>

namespace perdure::shell {

namespace {

/// The first line, without what an editor or Windows has put at its end.
Result<std::string> read_key(const std::string& path) {
  const auto wrong = [&](const char* why) {
    return fail(ErrorCode::invalid, fmt::format("admin_key_file: {} {}", path, why));
  };
  std::ifstream file{path, std::ios::binary};
  if (!file) return wrong("cannot be read");
  // One more than fits, and a line end: what is longer is seen to be.
  std::string text(api::limits::admin_key_bytes_max + 3, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  while (text.ends_with('\n') || text.ends_with('\r')) text.pop_back();
  if (text.empty()) return wrong("holds no key");
  if (text.size() > api::limits::admin_key_bytes_max) return wrong("is too large for a key");
  return text;
}

}  // namespace

Result<std::string> admin_key(const Config& config) {
  const auto& path = config.text("admin_key_file");
  const auto& key = config.text("admin_key");
  if (path.empty()) return key;
  if (key.empty()) return read_key(path);
  return fail(ErrorCode::invalid, "admin_key, admin_key_file: set one of them");
}

void log_admin_key(Log& log, const api::AdminKey& key) {
  if (!key.trouble.empty()) {
    log.write(LogLevel::warning,
              {.logger = "server",
               .message = "the administrator's key may be of no use; start with PERDURE_ADMIN_KEY "
                          "(or admin_key_file) set to a new one",
               .fields = {{"key", key.prefix}, {"cause", key.trouble}}});
    return;
  }
  if (key.prefix.empty()) return;
  std::vector<LogField> fields{{"key", key.prefix}};
  if (!key.mended.empty()) {
    fields.push_back({"mended", fmt::format("{}", fmt::join(key.mended, "; "))});
  }
  log.write(LogLevel::info, {.logger = "server",
                             .message = "the administrator's key is in force",
                             .fields = std::move(fields)});
}

}  // namespace perdure::shell
