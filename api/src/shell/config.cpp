// SPDX-License-Identifier: Apache-2.0
#include "shell/config.hpp"

#include <fmt/format.h>
#include <toml++/toml.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <numeric>

#include "perdure/api/http/headers.hpp"

namespace perdure::shell {
namespace {

constexpr std::string_view prefix = "PERDURE_";

// No settings, and no mistakes: the path of the file itself; and what clients of a server find it
// and show who they are by, which may stand in the environment of both.
constexpr std::array<std::string_view, 3> other_variables{"PERDURE_CONFIG", "PERDURE_URL",
                                                          "PERDURE_KEY"};

bool known_variable(std::string_view name) {
  return std::ranges::find(other_variables, name) != other_variables.end() ||
         std::ranges::any_of(settings(),
                             [&](const Setting& s) { return environment_name(s) == name; });
}

// A variable as it would be written by who forgets an underscore or the case.
std::string squeezed(std::string_view name) {
  std::string text;
  for (const char c : name) {
    if (c != '_') text += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  }
  return text;
}

// How many letters are to be put in, left out or changed to make one text of the other.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    auto diagonal = std::exchange(row[0], i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const auto changed = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({changed, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row.back();
}

// A leaf of the file in the text form that flags have, so that there is one reader of values.
std::optional<std::string> leaf_text(const toml::node& node) {
  if (const auto* text = node.as_string()) return text->get();
  if (const auto* number = node.as_integer()) return fmt::format("{}", number->get());
  if (const auto* truth = node.as_boolean()) return truth->get() ? "true" : "false";
  if (const auto* array = node.as_array()) {
    std::vector<std::string> items;
    for (const auto& item : *array) {
      const auto* text = item.as_string();
      if (text == nullptr) return std::nullopt;
      items.push_back(text->get());
    }
    return fmt::format("{}", fmt::join(items, ","));
  }
  return std::nullopt;
}

struct Leaf {
  std::string name;
  const toml::node* node;
};

void collect_leaves(const toml::table& table, const std::string& above, std::vector<Leaf>& leaves) {
  for (const auto& [key, node] : table) {
    const auto name =
        above.empty() ? std::string{key.str()} : fmt::format("{}.{}", above, key.str());
    if (const auto* inner = node.as_table()) {
      collect_leaves(*inner, name, leaves);
    } else {
      leaves.push_back({name, &node});
    }
  }
}

}  // namespace

std::map<std::string, std::string> perdure_environment() {
  std::map<std::string, std::string> found;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text{*entry};
    const auto equals = text.find('=');
    if (equals != std::string_view::npos &&
        http::equals_ignoring_case(text.substr(0, prefix.size()), prefix)) {
      found.emplace(text.substr(0, equals), text.substr(equals + 1));
    }
  }
  return found;
}

std::string nearest_variable(std::string_view name) {
  constexpr std::size_t distance_max = 3;
  // Far longer than any: no time is spent on it.
  constexpr std::size_t name_bytes_max = 100;
  std::string nearest;
  auto least = distance_max + 1;
  if (name.size() > name_bytes_max) return nearest;
  for (const auto& setting : settings()) {
    auto candidate = environment_name(setting);
    const auto apart = distance(squeezed(name), squeezed(candidate));
    if (apart >= least) continue;
    least = apart;
    nearest = std::move(candidate);
  }
  return nearest;
}

void Config::set(const Setting& setting, std::string_view text, const std::string& source,
                 std::vector<std::string>& mistakes) {
  auto value = parse_setting(setting, text);
  if (!value) {
    // A secret's text never appears in a message: those end up in logs.
    const auto why =
        setting.secrecy == Secrecy::secret ? "not a valid value" : value.error().detail;
    mistakes.push_back(fmt::format("{}: {} (from {})", setting.name, why, source));
    return;
  }
  values_.insert_or_assign(setting.name, Effective{std::move(value).value(), source});
}

void Config::read_file(const std::filesystem::path& file, std::vector<std::string>& mistakes) {
  toml::table table;
  if (std::filesystem::is_directory(file)) {
    mistakes.push_back(fmt::format("{}: is a directory, not a configuration file", file.string()));
    return;
  }
  try {
    table = toml::parse_file(file.string());
  } catch (const toml::parse_error& error) {
    mistakes.push_back(
        fmt::format("{}:{}: {}", file.string(), error.source().begin.line, error.description()));
    return;
  }
  std::vector<Leaf> leaves;
  collect_leaves(table, "", leaves);
  for (const auto& [name, node] : leaves) {
    const auto source = fmt::format("{}:{}", file.string(), node->source().begin.line);
    const auto* setting = find_setting(name);
    if (setting == nullptr) {
      mistakes.push_back(fmt::format("{}: no such setting (from {})", name, source));
    } else if (const auto text = leaf_text(*node)) {
      set(*setting, *text, source, mistakes);
    } else {
      mistakes.push_back(
          fmt::format("{}: expected {} (from {})", name, value_name(*setting), source));
    }
  }
}

void Config::check_together(std::vector<std::string>& mistakes) const {
  if (text("tls.certificate").empty() != text("tls.key").empty()) {
    mistakes.emplace_back("tls.certificate, tls.key: set both or neither");
  }
  if (number("retention.records") > number("retention.records_max")) {
    mistakes.emplace_back("retention.records: must not be above retention.records_max");
  }
  if (text("data_dir").empty()) mistakes.emplace_back("data_dir: must not be empty");
}

void Config::divide_memory() {
  const auto memory = number("limits.memory");
  for (const auto& setting : settings()) {
    if (setting.memory_divisor == 0) continue;
    values_.try_emplace(setting.name, Effective{memory / setting.memory_divisor, "limits.memory"});
  }
}

Result<Config> Config::load(const ConfigInputs& inputs) {
  Config config;
  std::vector<std::string> mistakes;
  for (const auto& setting : settings()) {
    if (setting.memory_divisor == 0) config.set(setting, setting.fallback, "default", mistakes);
  }
  if (inputs.file) config.read_file(*inputs.file, mistakes);
  for (const auto& setting : settings()) {
    const auto variable = inputs.environment.find(environment_name(setting));
    if (variable != inputs.environment.end()) {
      config.set(setting, variable->second, "environment " + variable->first, mistakes);
    }
  }
  for (const auto& [name, text] : inputs.flags) {
    const auto* setting = find_setting(name);
    PERDURE_CHECK(setting != nullptr, "a flag for a setting that the table does not have");
    config.set(*setting, text, "flag " + flag_name(*setting), mistakes);
  }
  config.divide_memory();
  if (inputs.environment.contains("PERDURE_MASTER_KEY")) {
    // Going on would write in the clear what its owner asked to have encrypted.
    mistakes.emplace_back(
        "PERDURE_MASTER_KEY is set, but this version cannot encrypt data: unset it");
  }
  for (const auto& [name, value] : inputs.environment) {
    if (!known_variable(name) && name != "PERDURE_MASTER_KEY") config.unknown_.push_back(name);
  }
  if (mistakes.empty()) config.check_together(mistakes);
  if (!mistakes.empty()) {
    return fail(ErrorCode::invalid, fmt::format("{}", fmt::join(mistakes, "\n")));
  }
  return config;
}

const SettingValue& Config::at(std::string_view name) const {
  const auto found = values_.find(name);
  PERDURE_CHECK(found != values_.end(), name);
  return found->second.value;
}

const std::string& Config::text(std::string_view name) const {
  return std::get<std::string>(at(name));
}
std::int64_t Config::number(std::string_view name) const {
  return std::get<std::int64_t>(at(name));
}
bool Config::flag(std::string_view name) const { return std::get<bool>(at(name)); }
const std::vector<std::string>& Config::list(std::string_view name) const {
  return std::get<std::vector<std::string>>(at(name));
}

}  // namespace perdure::shell
