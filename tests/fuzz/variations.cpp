// SPDX-License-Identifier: Apache-2.0
#include "variations.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "perdure/base/check.hpp"

namespace perdure::fuzz {

namespace {

/// Bytes that mean something in the languages that are parsed.
constexpr std::string_view odd_bytes{"\0\t\n\r \"#%&'*+,-./0:;=?@[\\]_{}~\x7f\x80\xbf\xc0\xff", 34};
constexpr std::array<std::string_view, 8> odd_numbers{
    "0",  "-1",      "4294967296", "9223372036854775808", "1e999", "18446744073709551616",
    "00", "0.1e-400"};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

}  // namespace

Variations::Variations(std::vector<std::string> corpus, std::uint64_t seed)
    : corpus_(std::move(corpus)), engine_(seed) {
  PERDURE_CHECK(!corpus_.empty(), "a corpus of nothing");
}

std::size_t Variations::below(std::size_t bound) {
  return static_cast<std::size_t>(engine_() % bound);  // std's distributions differ by library
}

const std::string& Variations::any_input() { return corpus_[below(corpus_.size())]; }

std::string Variations::next() {
  auto input = any_input();
  for (auto left = 1 + below(4); left > 0; --left) change(input);
  if (input.size() > bytes_max) input.resize(bytes_max);
  return input;
}

void Variations::change(std::string& input) {
  const auto at = below(input.size() + 1);
  const auto size =
      at == input.size() ? 0 : 1 + below(std::min<std::size_t>(input.size() - at, 32));
  switch (below(8)) {
    case 0: input.insert(at, 1, odd_bytes[below(odd_bytes.size())]); return;
    case 1: input.replace(at, size, 1, odd_bytes[below(odd_bytes.size())]); return;
    case 2:
      if (size > 0) input[at] = static_cast<char>(input[at] ^ (1 << below(8)));
      return;
    case 3: input.erase(at, size); return;
    case 4: {
      const auto part = input.substr(at, size);
      for (auto left = 1 + below(8); left > 0; --left) input.insert(at, part);
      return;
    }
    case 5: {
      const auto& other = any_input();
      input.insert(at, other.substr(below(other.size() + 1), 1 + below(32)));
      return;
    }
    case 6: {
      const auto& other = any_input();
      input.replace(at, std::string::npos, other.substr(below(other.size() + 1)));
      return;
    }
    default: change_number(input);
  }
}

void Variations::change_number(std::string& input) {
  const auto start = input.begin() + static_cast<std::ptrdiff_t>(below(input.size() + 1));
  const auto from = std::find_if(start, input.end(), is_digit);
  const auto to = std::find_if_not(from, input.end(), is_digit);
  if (from == to) return;
  input.replace(from, to, odd_numbers[below(odd_numbers.size())]);
}

}  // namespace perdure::fuzz
