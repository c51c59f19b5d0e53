// SPDX-License-Identifier: Apache-2.0
// Victim: a disabled test of this program, in a process of its own, until it is killed. A fork
// alone would not do: it has the numbers of the parent's generator.
#pragma once

#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "perdure/base/check.hpp"

namespace perdure {

class Victim {
 public:
  /// Runs `test`, which gets the directory and the number.
  Victim(const std::string& test, const std::filesystem::path& directory, std::uint64_t number) {
    std::array<int, 2> ends{};
    PERDURE_CHECK(::pipe(ends.data()) == 0, "a pipe");
    heard_ = ends[0];
    process_ = ::fork();
    if (process_ != 0) {
      ::close(ends[1]);
      return;
    }
    ::setenv("VICTIM_DIRECTORY", directory.c_str(), 1);
    ::setenv("VICTIM_NUMBER", std::to_string(number).c_str(), 1);
    ::setenv("VICTIM_TELLS", std::to_string(ends[1]).c_str(), 1);
    const auto filter = "--gtest_filter=" + test;
    ::execl("/proc/self/exe", "victim", filter.c_str(), "--gtest_also_run_disabled_tests",
            "--gtest_brief=1", nullptr);
    std::abort();
  }
  ~Victim() {
    kill();
    ::close(heard_);
  }
  Victim(const Victim&) = delete;
  Victim& operator=(const Victim&) = delete;

  /// The next number that it tells; false when it is gone and all were heard.
  bool hear(std::uint64_t& number) {
    return ::read(heard_, &number, sizeof number) == sizeof number;
  }
  void kill() {
    if (process_ == 0) return;
    ::kill(process_, SIGKILL);
    ::waitpid(process_, nullptr, 0);
    process_ = 0;
  }

  // ---- within it
  static std::filesystem::path directory() { return std::getenv("VICTIM_DIRECTORY"); }
  static std::uint64_t number() { return std::stoull(std::getenv("VICTIM_NUMBER")); }
  static void tell(std::uint64_t number) {
    static const int told = std::stoi(std::getenv("VICTIM_TELLS"));
    if (::write(told, &number, sizeof number) < 0) std::abort();
  }

 private:
  pid_t process_ = 0;
  int heard_ = -1;
};

/// A directory of a test's own, gone afterwards.
class VictimDirectory {
 public:
  explicit VictimDirectory(std::string_view name)
      : path_(std::filesystem::temp_directory_path() / fmt::format("{}-{}", name, ::getpid())) {
    std::filesystem::remove_all(path_);
  }
  ~VictimDirectory() { std::filesystem::remove_all(path_); }
  VictimDirectory(const VictimDirectory&) = delete;
  VictimDirectory& operator=(const VictimDirectory&) = delete;
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  const std::filesystem::path path_;
};

}  // namespace perdure
