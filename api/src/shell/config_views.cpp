// SPDX-License-Identifier: Apache-2.0
// How the configuration is shown: `perdure config`, and docs/configuration.md.
#include <fmt/format.h>

#include <algorithm>

#include "shell/config.hpp"

namespace perdure::shell {

std::string Config::shown(const Setting& setting) const {
  auto text = format_setting(setting, values_.at(setting.name).value);
  if (setting.secrecy == Secrecy::secret && !text.empty()) return "********";
  return text;
}

std::string Config::to_table() const {
  std::size_t name_width = 0;
  std::size_t value_width = 0;
  for (const auto& setting : settings()) {
    name_width = std::max(name_width, setting.name.size());
    value_width = std::max(value_width, shown(setting).size());
  }
  std::string out;
  for (const auto& setting : settings()) {
    const auto value = shown(setting);
    out += fmt::format("{:<{}}  {:<{}}  {}\n", setting.name, name_width,
                       value.empty() ? "-" : value, value_width, values_.at(setting.name).source);
  }
  return out;
}

Json Config::to_json() const {
  Json out = Json::object();
  for (const auto& setting : settings()) {
    const auto& [value, source] = values_.at(setting.name);
    Json typed = shown(setting);
    if (const auto* number = std::get_if<std::int64_t>(&value);
        number != nullptr && setting.type == SettingType::integer) {
      typed = *number;
    } else if (const auto* truth = std::get_if<bool>(&value)) {
      typed = *truth;
    } else if (const auto* items = std::get_if<std::vector<std::string>>(&value)) {
      typed = *items;
    } else if (typed == "") {
      typed = nullptr;
    }
    out[std::string{setting.name}] = {{"value", typed}, {"source", source}};
  }
  return out;
}

std::string settings_as_markdown() {
  std::string out =
      "# Configuration\n\n"
      "<!-- Written by `perdure config --markdown`; a test compares the two. -->\n\n"
      "Each setting has one name in the file, one in the environment and one flag. A later source\n"
      "wins: defaults, then the file (`--config FILE` or `PERDURE_CONFIG`), then the environment,\n"
      "then flags. `perdure config` shows the effective values and where each came from.\n\n"
      "The file is [TOML](https://toml.io):\n\n"
      "```toml\n"
      "data_dir = \"/var/lib/perdure\"\n"
      "listen = \"0.0.0.0:8443\"\n\n"
      "[tls]\n"
      "certificate = \"/etc/perdure/chain.pem\"\n"
      "key = \"/etc/perdure/key.pem\"\n"
      "```\n\n"
      "Sizes are written `512KiB`, `1MiB`, `2GiB` or as a number of bytes; times `500ms`, `10s`,\n"
      "`5m`, `24h`, `30d`; lists `a,b` (in the file an array).\n\n"
      "| setting | environment | flag | value | default | meaning |\n"
      "|---|---|---|---|---|---|\n";
  for (const auto& setting : settings()) {
    auto value = value_name(setting);
    for (auto at = value.find('|'); at != std::string::npos; at = value.find('|', at + 2)) {
      value.replace(at, 1, "\\|");
    }
    const auto text = default_text(setting);
    const auto fallback = text.empty() ? std::string{"none"} : fmt::format("`{}`", text);
    out +=
        fmt::format("| `{}` | `{}` | `{}` | {} | {} | {} |\n", setting.name,
                    environment_name(setting), flag_name(setting), value, fallback, setting.help);
  }
  return out;
}

}  // namespace perdure::shell
