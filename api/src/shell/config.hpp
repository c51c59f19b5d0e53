// SPDX-License-Identifier: Apache-2.0
// Config: the effective value of every setting, and where each came from.
//
// Order: defaults < file < environment < flags. All mistakes are reported together, each with the
// setting's name and the place it stands in.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "perdure/schemas/json.hpp"
#include "shell/settings.hpp"

namespace perdure::shell {

struct ConfigInputs {
  std::optional<std::filesystem::path> file = {};
  std::map<std::string, std::string> environment = {};          ///< names with the prefix
  std::vector<std::pair<std::string, std::string>> flags = {};  ///< setting name, text
};

/// The variables of this process that start with `PERDURE_`, in capitals or not.
[[nodiscard]] std::map<std::string, std::string> perdure_environment();

/// A finished configuration: immutable.
class Config {
 public:
  /// Errors  invalid  `detail` is one line for each mistake; unknown names in the file are
  /// mistakes.
  [[nodiscard]] static Result<Config> load(const ConfigInputs& inputs);

  /// The value of a setting of that name; a name or a type that the table does not have is a bug.
  [[nodiscard]] const std::string& text(std::string_view name) const;
  [[nodiscard]] std::int64_t number(std::string_view name) const;
  [[nodiscard]] bool flag(std::string_view name) const;
  [[nodiscard]] const std::vector<std::string>& list(std::string_view name) const;

  /// Variables that look like ours and are none: most likely misspelt.
  [[nodiscard]] const std::vector<std::string>& unknown_variables() const { return unknown_; }

  /// Name, value and source in columns; secrets are masked here and below.
  [[nodiscard]] std::string to_table() const;
  [[nodiscard]] Json to_json() const;

 private:
  struct Effective {
    SettingValue value;
    std::string source;
  };

  Config() = default;
  [[nodiscard]] const SettingValue& at(std::string_view name) const;
  [[nodiscard]] std::string shown(const Setting& setting) const;
  /// Gives its part of `limits.memory` to each setting that has one and was not set.
  void divide_memory();
  void set(const Setting& setting, std::string_view text, const std::string& source,
           std::vector<std::string>& mistakes);
  void read_file(const std::filesystem::path& file, std::vector<std::string>& mistakes);
  void check_together(std::vector<std::string>& mistakes) const;

  std::map<std::string_view, Effective> values_;
  std::vector<std::string> unknown_;
};

/// The variable that somebody who wrote `name` may have meant; empty: none is near.
[[nodiscard]] std::string nearest_variable(std::string_view name);

/// docs/configuration.md: the table of settings in Markdown.
[[nodiscard]] std::string settings_as_markdown();

}  // namespace perdure::shell
