// SPDX-License-Identifier: Apache-2.0
#include "shell/config.hpp"

#include <gmock/gmock.h>
#include <unistd.h>

#include <fstream>
#include <set>

#include "shell/options.hpp"

namespace perdure::shell {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class ConfigFile {
 public:
  explicit ConfigFile(std::string_view text)
      : path_(std::filesystem::temp_directory_path() /
              ("perdure-config-" + std::to_string(getpid()) + ".toml")) {
    std::ofstream{path_} << text;
  }
  ~ConfigFile() { std::filesystem::remove(path_); }
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

std::string source_of(const Config& config, const char* name) {
  return config.to_json().at(name).at("source");
}

TEST(Authority, escapes_the_zone_of_an_address) {
  const auto shown = [](const char* listen) {
    return authority(Config::load({.flags = {{"listen", listen}}}).value(), 8'080);
  };
  EXPECT_EQ(shown("[fe80::1%lo]:0"), "[fe80::1%25lo]:8080");
  EXPECT_EQ(shown("[::1]:0"), "[::1]:8080");
  EXPECT_EQ(shown("localhost:0"), "localhost:8080");
}

TEST(Settings, have_defaults_that_are_valid_and_written_as_they_would_be_shown) {
  for (const auto& setting : settings()) {
    if (setting.memory_divisor != 0) {
      EXPECT_TRUE(setting.fallback.empty()) << setting.name;
      continue;
    }
    const auto value = parse_setting(setting, setting.fallback);
    ASSERT_TRUE(value.has_value()) << setting.name;
    if (setting.type != SettingType::integer) {
      EXPECT_EQ(format_setting(setting, *value).empty(), setting.fallback.empty());
    }
    const auto again = parse_setting(setting, format_setting(setting, *value));
    ASSERT_TRUE(again.has_value()) << setting.name;
    EXPECT_EQ(*again, *value) << setting.name;
  }
}

TEST(Settings, that_are_parts_of_memory_follow_it_where_they_are_not_set) {
  const auto config =
      Config::load({.flags = {{"limits.memory", "512MiB"}, {"storage.cache", "1MiB"}}});
  ASSERT_TRUE(config);
  EXPECT_EQ(config->number("storage.write_buffer"), std::int64_t{64} << 20);
  EXPECT_EQ(config->number("objects.active_memory"), std::int64_t{128} << 20);
  EXPECT_EQ(config->number("storage.cache"), std::int64_t{1} << 20);
  EXPECT_EQ(source_of(*config, "storage.write_buffer"), "limits.memory");
}

TEST(Settings, have_names_that_differ_in_the_environment_and_as_flags) {
  std::set<std::string> seen;
  for (const auto& setting : settings()) {
    EXPECT_TRUE(seen.insert(environment_name(setting)).second) << setting.name;
    EXPECT_TRUE(seen.insert(flag_name(setting)).second) << setting.name;
  }
}

TEST(Settings, refuse_numbers_without_unit_or_past_their_bounds) {
  const auto& idle = *find_setting("timeouts.idle");
  EXPECT_FALSE(parse_setting(idle, "10").has_value());
  EXPECT_FALSE(parse_setting(idle, "-1s").has_value());
  EXPECT_FALSE(parse_setting(idle, "1ms").has_value());
  EXPECT_FALSE(parse_setting(idle, "99999999999999999d").has_value());
  const auto& body = *find_setting("limits.body");
  EXPECT_FALSE(parse_setting(body, "2GiB").has_value());
  EXPECT_FALSE(parse_setting(body, "1MB").has_value());
  EXPECT_EQ(*parse_setting(body, "2 MiB"), SettingValue{std::int64_t{2} << 20});
  EXPECT_EQ(*parse_setting(body, "4096"), SettingValue{std::int64_t{4096}});
}

TEST(Settings, take_addresses_with_a_port_only) {
  const auto& listen = *find_setting("listen");
  for (const char* good : {"127.0.0.1:0", "localhost:80", "[::1]:8080"}) {
    EXPECT_TRUE(parse_setting(listen, good).has_value()) << good;
  }
  for (const char* bad : {"127.0.0.1", ":80", "::1:80", "host:", "host:70000", "host:8x", ""}) {
    EXPECT_FALSE(parse_setting(listen, bad).has_value()) << bad;
  }
}

TEST(Config, lets_flags_win_over_environment_over_file_over_defaults) {
  const ConfigFile file{"listen = '1.1.1.1:1'\ndurability = 'buffered'\n[limits]\nbody = 2048\n"};
  const auto config = Config::load(
      {.file = file.path(),
       .environment = {{"PERDURE_LISTEN", "2.2.2.2:2"}, {"PERDURE_DURABILITY", "sync"}},
       .flags = {{"listen", "3.3.3.3:3"}}});
  ASSERT_TRUE(config.has_value());
  EXPECT_EQ(config->text("listen"), "3.3.3.3:3");
  EXPECT_EQ(config->text("durability"), "sync");
  EXPECT_EQ(config->number("limits.body"), 2048);
  EXPECT_EQ(config->number("limits.url"), 8192);
  EXPECT_EQ(source_of(*config, "listen"), "flag --listen");
  EXPECT_EQ(source_of(*config, "durability"), "environment PERDURE_DURABILITY");
  EXPECT_THAT(source_of(*config, "limits.body"), HasSubstr(".toml:4"));
  EXPECT_EQ(source_of(*config, "limits.url"), "default");
}

TEST(Config, names_every_mistake_with_its_setting_and_source) {
  const ConfigFile file{"[limits]\nbdy = 1\nbody = true\n"};
  const auto config = Config::load({.file = file.path(),
                                    .environment = {{"PERDURE_DURABILITY", "maybe"}},
                                    .flags = {{"threads.io", "0"}}});
  ASSERT_FALSE(config.has_value());
  EXPECT_THAT(config.error().detail,
              AllOf(HasSubstr("limits.bdy: no such setting"), HasSubstr(".toml:2"),
                    HasSubstr("limits.body: \"true\" is not a size"),
                    HasSubstr("durability: \"maybe\" is not one of sync|buffered (from environment "
                              "PERDURE_DURABILITY)"),
                    HasSubstr("threads.io: \"0\" is not between 1 and 256 (from flag "
                              "--threads-io)")));
}

TEST(Config, refuses_a_file_that_is_no_toml_or_not_there) {
  const ConfigFile file{"listen = \n"};
  const auto broken = Config::load({.file = file.path()});
  ASSERT_FALSE(broken.has_value());
  EXPECT_THAT(broken.error().detail, HasSubstr(".toml:1"));
  const auto absent = Config::load({.file = "/nowhere/perdure.toml"});
  ASSERT_FALSE(absent.has_value());
  EXPECT_THAT(absent.error().detail, HasSubstr("/nowhere/perdure.toml"));
}

TEST(Config, never_shows_a_secret) {
  const auto config = Config::load({.environment = {{"PERDURE_ADMIN_KEY", "pdk_very_secret"}}});
  ASSERT_TRUE(config.has_value());
  EXPECT_EQ(config->text("admin_key"), "pdk_very_secret");
  EXPECT_THAT(config->to_table(), AllOf(HasSubstr("********"), Not(HasSubstr("very_secret"))));
  EXPECT_THAT(config->to_json().dump(), Not(HasSubstr("very_secret")));
}

TEST(Config, refuses_a_master_key_rather_than_writing_in_the_clear) {
  EXPECT_FALSE(Config::load({.environment = {{"PERDURE_MASTER_KEY", "00"}}}).has_value());
}

TEST(Config, tells_of_variables_that_look_misspelt) {
  const auto config = Config::load({.environment = {{"PERDURE_LISTN", "x"}}});
  ASSERT_TRUE(config.has_value());
  EXPECT_THAT(config->unknown_variables(), testing::ElementsAre("PERDURE_LISTN"));
}

TEST(Config, takes_no_variable_of_clients_for_a_misspelt_one) {
  const auto config = Config::load({.environment = {{"PERDURE_URL", "http://127.0.0.1:8080"},
                                                    {"PERDURE_KEY", "pdk_x"},
                                                    {"PERDURE_CONFIG", "none.toml"},
                                                    {"PERDURE_URLS", "x"}}});
  ASSERT_TRUE(config.has_value());
  EXPECT_THAT(config->unknown_variables(), testing::ElementsAre("PERDURE_URLS"));
}

TEST(Config, knows_which_variable_may_be_meant) {
  EXPECT_EQ(nearest_variable("PERDURE_LISTN"), "PERDURE_LISTEN");
  EXPECT_EQ(nearest_variable("PERDURE_DATADIR"), "PERDURE_DATA_DIR");
  EXPECT_EQ(nearest_variable("Perdure_Data_Dir"), "PERDURE_DATA_DIR");
  EXPECT_EQ(nearest_variable("PERDURE_NOTHING_LIKE_THAT"), "");
  EXPECT_EQ(nearest_variable(std::string(10'000, 'X')), "");
}

TEST(Config, takes_lists_as_arrays_and_as_text) {
  const ConfigFile file{"[cors]\norigins = ['https://a.example', 'https://b.example']\n"};
  const auto from_file = Config::load({.file = file.path()});
  ASSERT_TRUE(from_file.has_value());
  EXPECT_THAT(from_file->list("cors.origins"),
              testing::ElementsAre("https://a.example", "https://b.example"));
  const auto from_flag = Config::load({.flags = {{"cors.origins", "https://c.example, *"}}});
  EXPECT_THAT(from_flag->list("cors.origins"), testing::ElementsAre("https://c.example", "*"));
}

TEST(Config, wants_certificate_and_key_together) {
  EXPECT_FALSE(Config::load({.flags = {{"tls.certificate", "a.pem"}}}).has_value());
}

}  // namespace
}  // namespace perdure::shell
