// SPDX-License-Identifier: Apache-2.0
#include "perdure/runtime/sortable.hpp"

#include <bit>
#include <cstdint>

#include "perdure/base/unicode.hpp"
#include "perdure/base/utf8.hpp"

namespace perdure {

namespace {

enum Tag : char { nothing = sortable_null, no = 2, yes = 3, number = 4, text = 5, other = 6 };

constexpr char end_of_text = 1;
/// Before a byte of a text that is not above it: those are moved up by one.
constexpr char escape = 2;

// Seven bits a byte, the highest first, each with its top bit set.
void put_number(std::string& key, double value) {
  const auto bits = sortable_bits(value);
  for (int shift = 63; shift >= 0; shift -= 7) {
    key += static_cast<char>(0x80 | ((bits >> shift) & 0x7F));
  }
}

void put_whole_text(std::string& key, const std::string& value) {
  put_sortable_text(key, sortable_form(value));
}

}  // namespace

// IEEE 754 bits sort as numbers once the sign is turned over (and negatives are mirrored).
std::uint64_t sortable_bits(double value) {
  if (value == 0) value = 0;  // -0.0 and 0.0 are one key
  const auto bits = std::bit_cast<std::uint64_t>(value);
  constexpr auto sign = std::uint64_t{1} << 63;
  return (bits & sign) != 0 ? ~bits : bits | sign;
}

std::string sortable_form(std::string_view text) {
  auto normal = to_nfc(text);
  normal.resize(cut_utf8(normal, sortable_bytes_max).size());
  return normal;
}

void put_sortable_text(std::string& key, std::string_view value) {
  key.reserve(key.size() + value.size() + 1);
  for (const char c : value) {
    if (static_cast<unsigned char>(c) <= escape) {
      key += escape;
      key += static_cast<char>(c + 1);
    } else {
      key += c;
    }
  }
  key += end_of_text;
}

void put_sortable(std::string& key, const Json& value) {
  switch (value.type()) {
    case Json::value_t::null:
    case Json::value_t::discarded: key += nothing; return;
    case Json::value_t::boolean: key += value.get<bool>() ? yes : no; return;
    case Json::value_t::number_integer:
    case Json::value_t::number_unsigned:
    case Json::value_t::number_float:
      key += number;
      put_number(key, value.get<double>());
      return;
    case Json::value_t::string:
      key += text;
      put_whole_text(key, value.get_ref<const std::string&>());
      return;
    default: key += other; put_whole_text(key, dump_json(value));
  }
}

std::string sortable(const Json& value) {
  std::string key;
  put_sortable(key, value);
  return key;
}

std::string_view first_sortable(std::string_view key) {
  constexpr std::size_t number_bytes = 11;
  if (key.empty()) return key;
  switch (key.front()) {
    case number: return key.substr(0, number_bytes);
    case text:
    case other: {
      // What is escaped lies above the end of a text.
      const auto end = key.find(end_of_text);
      return end == std::string_view::npos ? key : key.substr(0, end + 1);
    }
    default: return key.substr(0, 1);
  }
}

std::optional<std::string> text_of_sortable(std::string_view value) {
  if (value.size() < 2 || value.front() != text || value.back() != end_of_text) return {};
  std::string result;
  for (std::size_t at = 1; at + 1 < value.size(); ++at) {
    const bool is_escaped = value[at] == escape;
    result += is_escaped ? static_cast<char>(value[++at] - 1) : value[at];
  }
  return result;
}

}  // namespace perdure
