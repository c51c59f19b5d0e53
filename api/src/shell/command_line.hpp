// SPDX-License-Identifier: Apache-2.0
// The command line: what was asked for, and the inputs of the configuration.
#pragma once

#include <optional>
#include <string>
#include <variant>

#include "shell/config.hpp"
#include "shell/exit_code.hpp"

namespace perdure::shell {

struct ServeCommand {};
struct VersionCommand {};

struct ConfigCommand {
  enum class Form { table, json, markdown } form = Form::table;
};

struct OpenapiCommand {};
struct ErrorsCommand {};
struct EventsCommand {};
struct CheckCommand {};

struct DumpCommand {
  std::string kind = {};    ///< empty: every kind
  std::string object = {};  ///< `kind:id`; empty: every object
  std::string as_of = {};   ///< a seq or an RFC 3339 time; empty: now
};

using Command = std::variant<ServeCommand, VersionCommand, ConfigCommand, OpenapiCommand,
                             ErrorsCommand, EventsCommand, CheckCommand, DumpCommand>;

struct CommandLine {
  Command command;
  ConfigInputs inputs;
};

/// Printed instead of running a command: help (to standard output) or a mistake (to standard
/// error).
struct Message {
  ExitCode exit_code;
  std::string text;
};

/// Reads the command line and, for the configuration's file, `PERDURE_CONFIG` in `environment`.
[[nodiscard]] std::variant<CommandLine, Message> parse_command_line(
    int argc, const char* const* argv, std::map<std::string, std::string> environment);

}  // namespace perdure::shell
