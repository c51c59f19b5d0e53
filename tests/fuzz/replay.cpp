// SPDX-License-Identifier: Apache-2.0
// Runs inputs of the fuzz targets again, in any build: corpora, and single files that broke
// something. Also turns corpora into the folders that libFuzzer wants, and back.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <span>
#include <string>
#include <vector>

#include "corpus.hpp"
#include "target.hpp"

namespace {

using namespace perdure;
namespace fs = std::filesystem;

constexpr const char* usage =
    "usage: fuzz_replay list\n"
    "       fuzz_replay run TARGET CORPUS...     every input of these corpora\n"
    "       fuzz_replay all FOLDER               FOLDER/TARGET.txt for every target\n"
    "       fuzz_replay file TARGET FILE...      these files, each one input\n"
    "       fuzz_replay unpack CORPUS FOLDER     a file for each input\n"
    "       fuzz_replay pack FOLDER CORPUS [BYTES]\n"
    "                                            the folder's inputs, shortest first, up to a "
    "size\n";

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

/// All but the one that is there to fail.
int run_all(const fs::path& folder) {
  for (const auto& target : fuzz::targets()) {
    if (target.name == "planted_fault") continue;
    const fs::path file = folder / (std::string{target.name} + ".txt");
    if (const int status = run(target, std::span{&file, 1}); status != 0) return status;
  }
  return 0;
}

int run_files(const fuzz::Target& target, std::span<const fs::path> files) {
  for (const auto& file : files) {
    const auto input = fuzz::read_bytes(file);
    if (!input) return complain(input.error());
    target.run(*input);
  }
  return 0;
}

int unpack(const fs::path& corpus, const fs::path& folder) {
  const auto inputs = fuzz::read_corpus(corpus);
  if (!inputs) return complain(inputs.error());
  fs::create_directories(folder);
  for (std::size_t i = 0; i < inputs->size(); ++i) {
    const auto file = folder / fmt::format("corpus-{:05}", i);
    std::FILE* out = std::fopen(file.c_str(), "wb");
    if (out == nullptr) return complain({.code = ErrorCode::unavailable, .detail = file.string()});
    std::fwrite((*inputs)[i].data(), 1, (*inputs)[i].size(), out);
    std::fclose(out);
  }
  return 0;
}

int pack(const fs::path& folder, const fs::path& corpus, std::size_t bytes_max) {
  std::vector<std::string> inputs;
  for (const auto& file : fs::directory_iterator{folder}) {
    auto input = fuzz::read_bytes(file.path());
    if (!input) return complain(input.error());
    inputs.push_back(std::move(*input));
  }
  std::ranges::sort(inputs, {}, &std::string::size);
  std::size_t bytes = 0;
  std::size_t kept = 0;
  while (kept < inputs.size()) {
    bytes += fuzz::escape_input(inputs[kept]).size() + 1;
    if (bytes > bytes_max) break;
    ++kept;
  }
  inputs.resize(kept);
  fuzz::write_corpus(corpus, std::move(inputs));
  return 0;
}

int list() {
  for (const auto& target : fuzz::targets()) fmt::print("{}\n", target.name);
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
    fuzz::end_targets();
    return status;
  }
  if (argc < 4) return wrong();
  if (command == "unpack") return unpack(argv[2], argv[3]);
  if (command == "pack") return pack(argv[2], argv[3], argc > 4 ? std::stoull(argv[4]) : SIZE_MAX);
  const auto* target = fuzz::find_target(argv[2]);
  if (target == nullptr) return wrong();
  if (command != "run" && command != "file") return wrong();
  const std::vector<fs::path> files{arguments.begin() + 3, arguments.end()};
  const int status = command == "run" ? run(*target, files) : run_files(*target, files);
  fuzz::end_targets();
  return status;
}
