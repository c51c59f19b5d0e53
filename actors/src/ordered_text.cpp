// SPDX-License-Identifier: Apache-2.0
#include "ordered_text.hpp"

#include <algorithm>

#include "perdure/base/crypto.hpp"
#include "perdure/base/unicode.hpp"
#include "perdure/base/utf8.hpp"
#include "perdure/runtime/entries.hpp"
#include "perdure/runtime/sortable.hpp"

namespace perdure::actors {

namespace {

constexpr std::size_t earlier_bytes_max = 128;
constexpr std::size_t plain_bytes_max = 48;
constexpr char end_of_text = '\x1f';
/// Before a control character, which then sorts behind the end of a text and before a blank.
constexpr std::string_view escape = "\x1f\x7f";
constexpr char escaped_base = 0x21;
constexpr std::uint64_t sign_bit = std::uint64_t{1} << 63;

std::string ordered_number(double number) { return ordered_key(sortable_bits(number)); }

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20; }

std::string ordered_string(std::string_view value) {
  std::string text;
  for (const char c : to_nfc(value)) {
    if (is_control(c)) {
      text.append(escape) += static_cast<char>(c + escaped_base);
    } else {
      text += c;
    }
  }
  text.resize(cut_utf8(text, sortable_bytes_max).size());
  return text;
}

bool is_plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_' || c == '.';
}

}  // namespace

std::string ordered_text(const Json& value) {
  if (value.is_null()) return "0";
  if (value.is_number()) return '1' + ordered_number(value.get<double>());
  return '2' + ordered_string(value.get_ref<const std::string&>()) + end_of_text;
}

std::string earlier_ordered_text(const Json& value) {
  if (!value.is_string()) return ordered_text(value);
  std::string text = '2' + value.get<std::string>().substr(0, earlier_bytes_max);
  for (char& c : text) {
    if (is_control(c)) c = ' ';
  }
  return text + end_of_text;
}

std::string ordered_text(std::int64_t number) {
  return ordered_key(static_cast<std::uint64_t>(number) ^ sign_bit);
}

std::string equal_text(std::string_view value) {
  if (!value.empty() && value.size() <= plain_bytes_max && std::ranges::all_of(value, is_plain)) {
    return std::string{value};
  }
  const Sha256 digest = sha256(value);
  return '#' + to_hex(bytes_of(digest).substr(0, 16));
}

}  // namespace perdure::actors
