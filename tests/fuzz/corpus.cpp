// SPDX-License-Identifier: Apache-2.0
#include "corpus.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <tuple>

#include "perdure/base/crypto.hpp"
#include "target.hpp"

namespace perdure::fuzz {

std::string escape_input(std::string_view input) {
  std::string line;
  for (const char c : input) {
    switch (c) {
      case '\\': line += "\\\\"; break;
      case '\n': line += "\\n"; break;
      case '\r': line += "\\r"; break;
      case '\t': line += "\\t"; break;
      default:
        if (c >= ' ' && c < 0x7F) {
          line += c;
        } else {
          line += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
        }
    }
  }
  if (line.ends_with(' ')) line.replace(line.size() - 1, 1, "\\x20");
  return line;
}

Result<std::string> unescape_input(std::string_view line) {
  std::string input;
  while (!line.empty()) {
    const auto plain = line.substr(0, line.find('\\'));
    input += plain;
    line.remove_prefix(plain.size());
    if (line.empty()) break;
    const char name = line.size() > 1 ? line[1] : '\0';
    const auto byte = name == 'x' ? from_hex(line.substr(2, 2)) : std::nullopt;
    if (name == 'x' && byte && byte->size() == 1) {
      input += *byte;
      line.remove_prefix(4);
      continue;
    }
    constexpr std::string_view names = "\\nrt";
    constexpr std::string_view meanings = "\\\n\r\t";
    const auto place = name == '\0' ? std::string_view::npos : names.find(name);
    if (place == std::string_view::npos) {
      return fail(ErrorCode::malformed, fmt::format("no escape: {}", line.substr(0, 4)));
    }
    input += meanings[place];
    line.remove_prefix(2);
  }
  return input;
}

Result<std::string> read_bytes(const std::filesystem::path& file) {
  std::ifstream in{file, std::ios::binary};
  if (!in) return fail(ErrorCode::not_found, file.string() + " cannot be read");
  return std::string{std::istreambuf_iterator<char>{in}, {}};
}

Result<std::vector<std::string>> read_corpus(const std::filesystem::path& file) {
  PERDURE_TRY(text, read_bytes(file));
  std::vector<std::string> inputs;
  for (std::string_view rest{text}; !rest.empty();) {
    PERDURE_TRY(input, unescape_input(take_part(rest, '\n')));
    inputs.push_back(std::move(input));
  }
  return inputs;
}

void write_corpus(const std::filesystem::path& file, std::vector<std::string> inputs) {
  std::ranges::sort(inputs, {}, [](const std::string& input) {
    return std::tuple{input.size(), std::string_view{input}};
  });
  const auto repeated = std::ranges::unique(inputs);
  inputs.erase(repeated.begin(), repeated.end());
  std::ofstream out{file, std::ios::binary | std::ios::trunc};
  for (const auto& input : inputs) out << escape_input(input) << '\n';
}

}  // namespace perdure::fuzz
