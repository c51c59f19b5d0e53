// SPDX-License-Identifier: Apache-2.0
#include "equal_text.hpp"

#include <algorithm>

#include "perdure/base/crypto.hpp"

namespace perdure::actors {

namespace {

constexpr std::size_t plain_bytes_max = 48;

bool is_plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_' || c == '.';
}

}  // namespace

std::string equal_text(std::string_view value) {
  if (!value.empty() && value.size() <= plain_bytes_max && std::ranges::all_of(value, is_plain)) {
    return std::string{value};
  }
  const Sha256 digest = sha256(value);
  return '#' + to_hex(bytes_of(digest).substr(0, 16));
}

}  // namespace perdure::actors
