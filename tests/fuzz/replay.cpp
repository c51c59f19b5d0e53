// SPDX-License-Identifier: Apache-2.0
// Runs inputs of the fuzz targets again, in any build: corpora, and single files that broke
// something.
#include <fmt/format.h>

#include <cstdio>
#include <fstream>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "corpus.hpp"
#include "host.hpp"
#include "target.hpp"
#include "variations.hpp"

namespace {

using namespace perdure;
namespace fs = std::filesystem;

constexpr const char* usage =
    "usage: fuzz_replay list\n"
    "       fuzz_replay run TARGET CORPUS...     every input of these corpora\n"
    "       fuzz_replay all FOLDER               FOLDER/TARGET.txt for every target\n"
    "       fuzz_replay file TARGET FILE...      these files, each one input\n"
    "       fuzz_replay near FOLDER COUNT SEED   inputs near those of FOLDER/TARGET.txt, for "
    "every\n"
    "                                            target; the last is in ./fuzz_input\n";

constexpr const char* last_input = "fuzz_input";

std::vector<fuzz::Target> all_targets() {
  std::vector<fuzz::Target> all;
  for (const auto& group : {fuzz::parser_targets(), fuzz::application_targets()}) {
    all.insert(all.end(), group.begin(), group.end());
  }
  return all;
}

std::optional<fuzz::Target> find_target(std::string_view name) {
  for (const auto& target : all_targets()) {
    if (target.name == name) return target;
  }
  return {};
}

int complain(const Error& error) {
  fmt::print(stderr, "{}\n", to_string(error));
  return 1;
}

int run(const fuzz::Target& target, std::span<const fs::path> files) {
  std::size_t count = 0;
  for (const auto& file : files) {
    const auto inputs = fuzz::read_corpus(file);
    if (!inputs) return complain(inputs.error());
    for (const auto& input : *inputs) {
      // Shown before it runs: the one that breaks a property is the last one.
      fmt::print("{}\n", fuzz::escape_input(input).substr(0, 200));
      std::fflush(stdout);
      target.run(input);
    }
    count += inputs->size();
  }
  fmt::print("{} inputs of {} keep its properties\n", count, target.name);
  return count == 0 ? 1 : 0;
}

/// For each target but the one that is there to fail, until one does not give 0.
template <class RunOne>
int for_all(const fs::path& folder, RunOne&& run_one) {
  for (const auto& target : all_targets()) {
    if (target.name == "planted_fault") continue;
    const fs::path file = folder / (std::string{target.name} + ".txt");
    if (const int status = run_one(target, file); status != 0) return status;
  }
  return 0;
}

int run_all(const fs::path& folder) {
  return for_all(folder, [](const fuzz::Target& target, const fs::path& file) {
    return run(target, std::span{&file, 1});
  });
}

int run_near(const fs::path& folder, std::size_t count, std::uint64_t seed) {
  return for_all(folder, [&](const fuzz::Target& target, const fs::path& file) {
    auto corpus = fuzz::read_corpus(file);
    if (!corpus) return complain(corpus.error());
    fmt::print("{} inputs near {}, seed {}\n", count, file.string(), seed);
    std::fflush(stdout);
    fuzz::Variations variations{std::move(*corpus), seed};
    for (std::size_t i = 0; i < count; ++i) {
      const auto input = variations.next();
      std::ofstream{last_input, std::ios::binary | std::ios::trunc} << input;
      target.run(input);
    }
    return 0;
  });
}

int run_files(const fuzz::Target& target, std::span<const fs::path> files) {
  for (const auto& file : files) {
    const auto input = fuzz::read_bytes(file);
    if (!input) return complain(input.error());
    target.run(*input);
  }
  return 0;
}

int list() {
  for (const auto& target : all_targets()) fmt::print("{}\n", target.name);
  return 0;
}

int wrong() {
  std::fputs(usage, stderr);
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  const std::span arguments{argv, static_cast<std::size_t>(argc)};
  const std::string_view command = argc > 1 ? argv[1] : "";
  if (command == "list") return list();
  if (command == "all" && argc == 3) {
    const int status = run_all(argv[2]);
    fuzz::Host::end();
    return status;
  }
  if (command == "near" && argc == 5) {
    const int status = run_near(argv[2], std::stoull(argv[3]), std::stoull(argv[4]));
    fuzz::Host::end();
    return status;
  }
  if (argc < 4) return wrong();
  const auto target = find_target(argv[2]);
  if (!target) return wrong();
  if (command != "run" && command != "file") return wrong();
  const std::vector<fs::path> files{arguments.begin() + 3, arguments.end()};
  const int status = command == "run" ? run(*target, files) : run_files(*target, files);
  fuzz::Host::end();
  return status;
}
