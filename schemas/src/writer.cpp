// SPDX-License-Identifier: Apache-2.0
#include "writer.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <utility>

#include "perdure/base/utf8.hpp"
#include "perdure/schemas/write_json.hpp"

namespace perdure {

namespace {

template <class Integer>
void write_integer(std::string& out, Integer value) {
  std::array<char, 24> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  out.append(digits.data(), end);
}

void write_float(std::string& out, double value) {
  if (!std::isfinite(value)) {
    out += "null";
    return;
  }
  DoubleRoom room;
  out += write_double(value, room);
}

void write_escape(std::string& out, char c) {
  constexpr std::string_view meanings = "\"\\\b\f\n\r\t";
  constexpr std::string_view names = "\"\\bfnrt";
  constexpr std::string_view digits = "0123456789abcdef";
  out += '\\';
  if (const auto place = meanings.find(c); place != std::string_view::npos) {
    out += names[place];
    return;
  }
  out += "u00";
  out += digits[static_cast<unsigned char>(c) >> 4];
  out += digits[static_cast<unsigned char>(c) & 15];
}

/// Whether one of eight bytes stands for more than itself in a JSON string: it is below 0x20, a
/// quotation mark, a backslash, or not ASCII.
constexpr bool may_be_special(std::uint64_t word) noexcept {
  constexpr std::uint64_t ones = 0x0101010101010101;
  constexpr std::uint64_t highs = ones * 0x80;
  const auto has_zero = [](std::uint64_t bytes) { return (bytes - ones) & ~bytes; };
  const auto below_space = (word - ones * 0x20) & ~word;
  const auto quotation = has_zero(word ^ (ones * '"'));
  const auto backslash = has_zero(word ^ (ones * '\\'));
  return ((word | below_space | quotation | backslash) & highs) != 0;
}

constexpr bool is_special(char c) noexcept {
  const auto byte = static_cast<unsigned char>(c);
  return byte < 0x20 || byte >= 0x80 || c == '"' || c == '\\';
}

/// Nearly all strings that are written: they stand as they are.
bool is_plain(std::string_view text) noexcept {
  std::size_t at = 0;
  for (std::uint64_t word = 0; at + sizeof word <= text.size(); at += sizeof word) {
    std::memcpy(&word, text.data() + at, sizeof word);
    if (may_be_special(word)) return false;
  }
  return std::ranges::none_of(text.substr(at), is_special);
}

}  // namespace

std::string_view write_double(double value, DoubleRoom& room) {
  // The decimal point stands among the digits, or near them, while it is within these.
  constexpr int point_min = -3;
  constexpr int point_max = 15;
  std::array<char, 32> text;
  const auto end =
      std::to_chars(text.data(), text.data() + text.size(), value, std::chars_format::scientific)
          .ptr;
  std::string_view scientific{text.data(), end};
  const bool is_negative = scientific.starts_with('-');
  if (is_negative) scientific.remove_prefix(1);
  const auto mark = scientific.find('e');
  int exponent = 0;
  const auto* from = scientific.data() + mark + (scientific[mark + 1] == '+' ? 2 : 1);
  std::from_chars(from, end, exponent);
  const int point = exponent + 1;

  auto* at = room.data();
  const auto put = [&](std::string_view part) { at = std::ranges::copy(part, at).out; };
  const auto put_zeros = [&](int count) { at = std::fill_n(at, count, '0'); };
  if (is_negative) put("-");
  if (point < point_min || point > point_max) {
    put(scientific);
    return {room.data(), at};
  }
  auto* const digits_at = at;
  if (point <= 0) {
    put("0.");
    put_zeros(-point);
  }
  put(scientific.substr(0, 1));
  if (mark > 1) put(scientific.substr(2, mark - 2));
  if (point <= 0) return {room.data(), at};
  const auto digits = static_cast<int>(at - digits_at);
  if (digits <= point) {
    put_zeros(point - digits);
    put(".0");
  } else {
    std::copy_backward(digits_at + point, at, at + 1);
    digits_at[point] = '.';
    ++at;
  }
  return {room.data(), at};
}

void write_json_string(std::string& out, std::string_view text) {
  if (is_plain(text)) {
    out += '"';
    out += text;
    out += '"';
    return;
  }
  if (!is_valid_utf8(text)) {
    out += Json(text).dump(-1, ' ', false, Json::error_handler_t::replace);
    return;
  }
  out += '"';
  std::size_t from = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (c != '"' && c != '\\' && static_cast<unsigned char>(c) >= 0x20) continue;
    out += text.substr(from, at - from);
    write_escape(out, c);
    from = at + 1;
  }
  out += text.substr(from);
  out += '"';
}

void write_json(std::string& out, const Json& value) {
  switch (value.type()) {
    case Json::value_t::object: {
      char before = '{';
      for (const auto& [name, member] : value.get_ref<const Json::object_t&>()) {
        out += std::exchange(before, ',');
        write_json_string(out, name);
        out += ':';
        write_json(out, member);
      }
      if (before == '{') out += '{';
      out += '}';
      return;
    }
    case Json::value_t::array: {
      char before = '[';
      for (const auto& item : value.get_ref<const Json::array_t&>()) {
        out += std::exchange(before, ',');
        write_json(out, item);
      }
      if (before == '[') out += '[';
      out += ']';
      return;
    }
    case Json::value_t::string: return write_json_string(out, value.get_ref<const std::string&>());
    case Json::value_t::boolean: out += value.get<bool>() ? "true" : "false"; return;
    case Json::value_t::number_integer: return write_integer(out, value.get<std::int64_t>());
    case Json::value_t::number_unsigned: return write_integer(out, value.get<std::uint64_t>());
    case Json::value_t::number_float: return write_float(out, value.get<double>());
    case Json::value_t::null: out += "null"; return;
    default: out += value.dump();  // nothing that was read from a text
  }
}

}  // namespace perdure
