// SPDX-License-Identifier: Apache-2.0
// The configuration: its file, the environment, flags.
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <vector>

#include "shell/command_line.hpp"
#include "target.hpp"
#include "targets.hpp"

namespace perdure::fuzz {

namespace {

void check_loaded(const Result<shell::Config>& config) {
  if (!config) {
    PERDURE_CHECK(!config.error().detail.empty(), "a mistake is told");
    return;
  }
  PERDURE_CHECK(!config->to_table().empty(), "every setting has a value");
  PERDURE_CHECK(config->to_json().size() == shell::settings().size(), "every setting is shown");
}

}  // namespace

/// A configuration file.
void run_config(std::string_view input) {
  static const auto file = std::filesystem::temp_directory_path() /
                           ("perdure-fuzz-" + std::to_string(::getpid()) + ".toml");
  std::ofstream{file, std::ios::binary | std::ios::trunc} << input;
  check_loaded(shell::Config::load({.file = file}));
  std::filesystem::remove(file);
}

/// The command line, a line for each argument; the first is also a value of every setting, as the
/// environment would give it.
void run_settings(std::string_view input) {
  std::vector<std::string> lines;
  while (!input.empty()) lines.emplace_back(take_part(input, '\n'));
  if (lines.empty()) return;
  std::map<std::string, std::string> environment;
  for (const auto& setting : shell::settings()) {
    const auto value = shell::parse_setting(setting, lines.front());
    if (!value) continue;
    const auto text = shell::format_setting(setting, *value);
    const auto again = shell::parse_setting(setting, text);
    PERDURE_CHECK(again && *again == *value, "a value that is written is read");
    environment.emplace(shell::environment_name(setting), lines.front());
  }
  check_loaded(shell::Config::load({.environment = environment}));
  std::vector<const char*> arguments{"perdure"};
  for (const auto& line : lines) arguments.push_back(line.c_str());
  const auto parsed =
      shell::parse_command_line(static_cast<int>(arguments.size()), arguments.data(), {});
  if (const auto* message = std::get_if<shell::Message>(&parsed)) {
    PERDURE_CHECK(!message->text.empty(), "who is not served hears why");
  } else if (auto inputs = std::get<shell::CommandLine>(parsed).inputs; !inputs.file) {
    check_loaded(shell::Config::load(inputs));
  }
}

}  // namespace perdure::fuzz
