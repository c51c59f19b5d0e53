// SPDX-License-Identifier: Apache-2.0
// A run in a child process. Over a pipe come its lines: of the story, of its standard error (where
// a broken invariant of the runtime is printed), and at the end its outcome.
#include <fmt/format.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "perdure/testing/simulation.hpp"

namespace perdure::testing {

namespace {

constexpr unsigned seconds_max = 120;
constexpr std::string_view story_mark = "\x01story ";
constexpr std::string_view outcome_mark = "\x01outcome ";
constexpr std::size_t errors_bytes_max = 2'000;

void write_all(int file, std::string_view text) {
  while (!text.empty()) {
    const auto written = ::write(file, text.data(), text.size());
    if (written <= 0) ::_exit(3);
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

[[noreturn]] void run_as_child(int pipe, const Plan& plan, const std::vector<WorkloadMaker>& makers,
                               Telling telling) {
  ::dup2(pipe, STDERR_FILENO);
  ::alarm(seconds_max);
  const auto outcome = run(plan, makers, telling, [pipe](std::string_view line) {
    write_all(pipe, fmt::format("{}{}\n", story_mark, line));
  });
  const Json json{{"failure", outcome.failure}, {"trace", outcome.trace},
                  {"steps", outcome.steps},     {"faults", outcome.faults},
                  {"crashes", outcome.crashes}, {"reopenings", outcome.reopenings}};
  write_all(pipe, fmt::format("{}{}\n", outcome_mark, json.dump()));
  ::_exit(0);
}

std::string read_all(int file) {
  std::string text;
  std::array<char, 65'536> buffer{};
  for (;;) {
    const auto got = ::read(file, buffer.data(), buffer.size());
    if (got <= 0) return text;
    text.append(buffer.data(), static_cast<std::size_t>(got));
  }
}

void read_outcome(Outcome& outcome, std::string_view text) {
  const auto json = Json::parse(text);
  outcome.failure = json.at("failure");
  outcome.trace = json.at("trace");
  outcome.steps = json.at("steps");
  outcome.faults = json.at("faults");
  outcome.crashes = json.at("crashes");
  outcome.reopenings = json.at("reopenings");
}

}  // namespace

Outcome run_isolated(const Plan& plan, const std::vector<WorkloadMaker>& makers, Telling telling) {
  std::array<int, 2> pipe{};
  PERDURE_CHECK(::pipe(pipe.data()) == 0, "no pipe");
  const auto child = ::fork();
  PERDURE_CHECK(child >= 0, "no process");
  if (child == 0) {
    ::close(pipe[0]);
    run_as_child(pipe[1], plan, makers, telling);
  }
  ::close(pipe[1]);
  const auto text = read_all(pipe[0]);
  ::close(pipe[0]);
  int status = 0;
  ::waitpid(child, &status, 0);

  Outcome outcome;
  std::string errors;
  bool ended = false;
  for (std::size_t start = 0; start < text.size();) {
    const auto end = std::min(text.find('\n', start), text.size());
    const auto line = std::string_view{text}.substr(start, end - start);
    start = end + 1;
    if (line.starts_with(story_mark)) {
      outcome.story.emplace_back(line.substr(story_mark.size()));
    } else if (line.starts_with(outcome_mark)) {
      read_outcome(outcome, line.substr(outcome_mark.size()));
      ended = true;
    } else if (errors.size() < errors_bytes_max) {
      errors += fmt::format("{}\n", line);
    }
  }
  if (!ended) {
    outcome.failure = WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM
                          ? fmt::format("no end after {} seconds", seconds_max)
                          : "it aborted: " + errors;
  }
  return outcome;
}

}  // namespace perdure::testing
