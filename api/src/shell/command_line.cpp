// SPDX-License-Identifier: Apache-2.0
#include "shell/command_line.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <list>
#include <sstream>

namespace perdure::shell {
namespace {

constexpr std::string_view exit_codes =
    "Exit status:\n"
    "  0  done\n"
    "  1  failed\n"
    "  2  the command line or the configuration is wrong\n"
    "  3  another process has the data directory open\n"
    "  4  data is corrupt, or commits that were acknowledged are missing\n"
    "  5  the data was written by a newer version\n";

constexpr std::string_view serve_footer =
    "Settings come from defaults, then the file, then the environment, then flags; the last one\n"
    "wins. `perdure config` with the same arguments shows the result. When the server is ready it\n"
    "prints `listening on http://HOST:PORT` on standard output; logs go to standard error.\n"
    "SIGTERM finishes requests in flight and exits 0, a second one exits at once; SIGHUP reads\n"
    "certificates and the log level again.\n\n"
    "Examples:\n"
    "  perdure serve --data-dir data --listen 127.0.0.1:8080\n"
    "  perdure serve --config /etc/perdure.toml --log-level debug\n"
    "  PERDURE_DATA_DIR=/var/lib/perdure perdure serve --listen 127.0.0.1:0\n\n";

constexpr std::string_view check_footer =
    "Verifies every checksum, row and journal of a stopped server's data, and whether the rows of\n"
    "indexes and lists, the counts and the claims of unique fields are those that the states of\n"
    "the objects ask for. Changes nothing. Exits with 4 when something is wrong.\n\n"
    "Example:\n"
    "  perdure check --data-dir data\n\n";

constexpr std::string_view dump_footer =
    "Prints one JSON object a line for each object of a stopped server's data.\n\n"
    "Examples:\n"
    "  perdure dump --data-dir data --kind notebook\n"
    "  perdure dump --data-dir data --object counter:alice --as-of 3\n"
    "  perdure dump --data-dir data --as-of 2026-01-31T12:00:00Z\n\n";

constexpr std::string_view config_footer =
    "Takes the flags of `perdure serve`. Secrets are masked.\n\n"
    "Examples:\n"
    "  perdure config --config /etc/perdure.toml\n"
    "  PERDURE_LIMITS_BODY=4MiB perdure config --json\n\n";

constexpr std::string_view main_footer =
    "Examples:\n"
    "  perdure serve --data-dir data\n"
    "  perdure serve --help\n\n";

// Where the parser puts what it reads. The texts of settings are in a list because the parser
// keeps pointers to them.
struct Parsed {
  struct FlagText {
    const Setting* setting;
    std::string text;
    const CLI::Option* option;
  };
  std::list<FlagText> flags;
  std::string file;
  DumpCommand dump;
  bool json = false;
  bool markdown = false;
};

std::string help_of(const Setting& setting) {
  auto text = fmt::format("{}\n[env {}", setting.help, environment_name(setting));
  if (const auto text_of_default = default_text(setting); !text_of_default.empty()) {
    text += fmt::format(", default {}", text_of_default);
  }
  return text + "]";
}

void add_setting(CLI::App& app, const Setting& setting, Parsed& parsed) {
  auto& place = parsed.flags.emplace_back(Parsed::FlagText{&setting, "", nullptr});
  CLI::Option* option = nullptr;
  if (setting.type == SettingType::flag) {
    option = app.add_flag(flag_name(setting), place.text, help_of(setting));
  } else {
    option = app.add_option(flag_name(setting), place.text, help_of(setting));
    option->type_name(value_name(setting));
  }
  const auto dot = setting.name.find('.');
  option->group(dot == std::string_view::npos
                    ? "Settings"
                    : fmt::format("Settings: {}", setting.name.substr(0, dot)));
  place.option = option;
}

CLI::App& add_command(CLI::App& app, const char* name, const char* about, std::string_view footer) {
  auto& command = *app.add_subcommand(name, about);
  command.footer(fmt::format("\n{}{}", footer, exit_codes));
  command.get_formatter()->column_width(34);
  return command;
}

void add_file(CLI::App& app, Parsed& parsed) {
  app.add_option("--config", parsed.file,
                 "The TOML file to read settings from\n[env PERDURE_CONFIG]")
      ->type_name("FILE");
}

void add_all_settings(CLI::App& app, Parsed& parsed) {
  add_file(app, parsed);
  for (const auto& setting : settings()) add_setting(app, setting, parsed);
}

// For commands that only look at a data directory.
void add_data_dir(CLI::App& app, Parsed& parsed) {
  add_file(app, parsed);
  add_setting(app, *find_setting("data_dir"), parsed);
}

Command command_of(const CLI::App& app, const Parsed& parsed) {
  if (app.got_subcommand("version")) return VersionCommand{};
  if (app.got_subcommand("openapi")) return OpenapiCommand{};
  if (app.got_subcommand("errors")) return ErrorsCommand{};
  if (app.got_subcommand("events")) return EventsCommand{};
  if (app.got_subcommand("check")) return CheckCommand{};
  if (app.got_subcommand("dump")) return parsed.dump;
  if (app.got_subcommand("config")) {
    using Form = ConfigCommand::Form;
    return ConfigCommand{parsed.json ? Form::json : parsed.markdown ? Form::markdown : Form::table};
  }
  return ServeCommand{};
}

ConfigInputs inputs_of(const Parsed& parsed, std::map<std::string, std::string> environment) {
  ConfigInputs inputs;
  const auto variable = environment.find("PERDURE_CONFIG");
  if (!parsed.file.empty()) {
    inputs.file = parsed.file;
  } else if (variable != environment.end() && !variable->second.empty()) {
    inputs.file = variable->second;
  }
  inputs.environment = std::move(environment);
  for (const auto& [setting, text, option] : parsed.flags) {
    if (option->count() > 0) inputs.flags.emplace_back(setting->name, text);
  }
  return inputs;
}

void build(CLI::App& app, Parsed& parsed) {
  app.require_subcommand(1);
  app.footer(fmt::format("\n{}{}", main_footer, exit_codes));

  auto& serve = add_command(app, "serve", "Runs the server", serve_footer);
  add_all_settings(serve, parsed);

  add_command(app, "version", "Prints name and version", "");

  auto& config = add_command(app, "config", "Shows the effective settings", config_footer);
  auto* json = config.add_flag("--json", parsed.json, "As JSON");
  config.add_flag("--markdown", parsed.markdown, "The table of all settings, as documentation")
      ->excludes(json);
  add_all_settings(config, parsed);

  add_command(app, "openapi", "Prints the API as an OpenAPI 3.1 document", "");

  add_command(app, "errors", "Prints the codes of all failures as a page of documentation", "");
  add_command(app, "events", "Prints the topics of all events as a table of documentation", "");

  auto& check = add_command(app, "check", "Verifies a stopped server's data", check_footer);
  add_data_dir(check, parsed);

  auto& dump = add_command(app, "dump", "Prints a stopped server's objects", dump_footer);
  add_data_dir(dump, parsed);
  auto* kind = dump.add_option("--kind", parsed.dump.kind, "Only objects of this kind");
  kind->type_name("KIND");
  dump.add_option("--object", parsed.dump.object, "Only this object")
      ->type_name("KIND:ID")
      ->excludes(kind);
  dump.add_option("--as-of", parsed.dump.as_of, "As of a seq or an RFC 3339 time")
      ->type_name("SEQ|TIME");
}

// CLI11 would say only that some command is missing.
bool is_unknown_command(const CLI::App& app, std::string_view word) {
  const auto named = [&](const CLI::App* command) { return command->get_name() == word; };
  return !word.empty() && !word.starts_with('-') && app.get_subcommands(named).empty();
}

}  // namespace

std::variant<CommandLine, Message> parse_command_line(
    int argc, const char* const* argv, std::map<std::string, std::string> environment) {
  CLI::App app{"Perdure: a server of durable objects", "perdure"};
  Parsed parsed;
  build(app, parsed);
  bool version = false;  // answered here; declared for --help
  app.add_flag("--version", version, "Prints name and version");
  std::vector<const char*> words{argv, argv + argc};
  if (argc > 1 && words[1] == std::string_view{"help"}) {
    words.erase(words.begin() + 1);
    words.push_back("--help");
  }
  if (const std::string_view first = words.size() > 1 ? words[1] : ""; first == "--version") {
    return CommandLine{VersionCommand{}, inputs_of(parsed, std::move(environment))};
  } else if (is_unknown_command(app, first)) {
    return Message{ExitCode::usage, fmt::format("There is no command \"{}\"\nRun with --help for "
                                                "more information.\n",
                                                first)};
  }
  try {
    app.parse(static_cast<int>(words.size()), words.data());
  } catch (const CLI::ParseError& error) {
    std::ostringstream out;
    std::ostringstream mistakes;
    const bool helped = app.exit(error, out, mistakes) == 0;
    return Message{helped ? ExitCode::ok : ExitCode::usage, helped ? out.str() : mistakes.str()};
  }
  return CommandLine{command_of(app, parsed), inputs_of(parsed, std::move(environment))};
}

}  // namespace perdure::shell
