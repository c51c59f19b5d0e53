// SPDX-License-Identifier: Apache-2.0
// Turns corpora into the folders that libFuzzer wants, and back.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include "corpus.hpp"

namespace {

using namespace perdure;
namespace fs = std::filesystem;

constexpr const char* usage =
    "usage: fuzz_corpus unpack CORPUS FOLDER        a file for each input\n"
    "       fuzz_corpus add FOLDER CORPUS BYTES     adds the folder's inputs, shortest first, "
    "while\n"
    "                                               the corpus has at most so many bytes\n";

int complain(const Error& error) {
  fmt::print(stderr, "{}\n", to_string(error));
  return 1;
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

/// What stands in the corpus stays: an input that broke something reaches nothing new.
int add(const fs::path& folder, const fs::path& corpus, std::size_t bytes_max) {
  auto kept = fuzz::read_corpus(corpus);
  if (!kept) return complain(kept.error());
  std::size_t bytes = fs::file_size(corpus);
  std::vector<std::string> inputs;
  for (const auto& file : fs::directory_iterator{folder}) {
    auto input = fuzz::read_bytes(file.path());
    if (!input) return complain(input.error());
    if (std::ranges::count(*kept, *input) == 0) inputs.push_back(std::move(*input));
  }
  std::ranges::sort(inputs, {}, &std::string::size);
  for (auto& input : inputs) {
    bytes += fuzz::escape_input(input).size() + 1;
    if (bytes > bytes_max) break;
    kept->push_back(std::move(input));
  }
  fuzz::write_corpus(corpus, std::move(*kept));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view command = argc > 1 ? argv[1] : "";
  if (command == "unpack" && argc == 4) return unpack(argv[2], argv[3]);
  if (command == "add" && argc == 5) return add(argv[2], argv[3], std::stoull(argv[4]));
  std::fputs(usage, stderr);
  return 2;
}
