// SPDX-License-Identifier: Apache-2.0
#include "shell/command_line.hpp"

#include <gmock/gmock.h>

namespace perdure::shell {
namespace {

using testing::HasSubstr;

std::variant<CommandLine, Message> parse(std::vector<const char*> words,
                                         std::map<std::string, std::string> environment = {}) {
  words.insert(words.begin(), "perdure");
  return parse_command_line(static_cast<int>(words.size()), words.data(), std::move(environment));
}

TEST(CommandLine, gives_flags_as_settings) {
  const auto parsed = parse({"serve", "--listen", "127.0.0.1:0", "--enable-echo", "--tls-key=k"});
  const auto& line = std::get<CommandLine>(parsed);
  EXPECT_TRUE(std::holds_alternative<ServeCommand>(line.command));
  EXPECT_THAT(line.inputs.flags,
              testing::UnorderedElementsAre(testing::Pair("listen", "127.0.0.1:0"),
                                            testing::Pair("enable_echo", "true"),
                                            testing::Pair("tls.key", "k")));
}

TEST(CommandLine, documents_every_setting_in_help_of_serve) {
  const auto message = std::get<Message>(parse({"serve", "--help"}));
  EXPECT_EQ(message.exit_code, ExitCode::ok);
  for (const auto& setting : settings()) {
    EXPECT_THAT(message.text, HasSubstr(flag_name(setting)));
    EXPECT_THAT(message.text, HasSubstr(environment_name(setting)));
  }
  EXPECT_THAT(message.text, HasSubstr("Examples:"));
  EXPECT_THAT(message.text, HasSubstr("Exit status:"));
}

TEST(CommandLine, answers_mistakes_with_the_usage_code) {
  for (const auto& words :
       std::vector<std::vector<const char*>>{{},
                                             {"srve"},
                                             {"serve", "--lisen", "x"},
                                             {"serve", "--listen"},
                                             {"serve", "extra"},
                                             {"config", "--json", "--markdown"},
                                             {"dump", "--kind", "a", "--object", "a:b"}}) {
    const auto parsed = parse(words);
    ASSERT_TRUE(std::holds_alternative<Message>(parsed));
    EXPECT_EQ(std::get<Message>(parsed).exit_code, ExitCode::usage);
    EXPECT_FALSE(std::get<Message>(parsed).text.empty());
  }
}

TEST(CommandLine, names_a_command_that_is_not_there) {
  for (const auto& words : std::vector<std::vector<const char*>>{{"srve"}, {"srve", "--help"}}) {
    const auto message = std::get<Message>(parse(words));
    EXPECT_EQ(message.exit_code, ExitCode::usage);
    EXPECT_THAT(message.text, HasSubstr("\"srve\""));
  }
}

TEST(CommandLine, takes_help_as_a_word_too) {
  const auto text = [](const std::vector<const char*>& words) {
    const auto message = std::get<Message>(parse(words));
    EXPECT_EQ(message.exit_code, ExitCode::ok);
    return message.text;
  };
  EXPECT_EQ(text({"help"}), text({"--help"}));
  EXPECT_EQ(text({"help", "serve"}), text({"serve", "--help"}));
  EXPECT_EQ(std::get<Message>(parse({"help", "srve"})).exit_code, ExitCode::usage);
}

TEST(CommandLine, takes_version_as_a_flag_too) {
  const auto line = std::get<CommandLine>(parse({"--version"}));
  EXPECT_TRUE(std::holds_alternative<VersionCommand>(line.command));
}

TEST(CommandLine, takes_the_file_from_the_flag_before_the_environment) {
  const std::map<std::string, std::string> environment{{"PERDURE_CONFIG", "env.toml"}};
  EXPECT_EQ(std::get<CommandLine>(parse({"serve"}, environment)).inputs.file, "env.toml");
  EXPECT_EQ(
      std::get<CommandLine>(parse({"check", "--config", "flag.toml"}, environment)).inputs.file,
      "flag.toml");
}

TEST(CommandLine, reads_what_to_dump) {
  const auto parsed = parse({"dump", "--object", "counter:alice", "--as-of", "3"});
  const auto& dump = std::get<DumpCommand>(std::get<CommandLine>(parsed).command);
  EXPECT_EQ(dump.object, "counter:alice");
  EXPECT_EQ(dump.as_of, "3");
}

}  // namespace
}  // namespace perdure::shell
