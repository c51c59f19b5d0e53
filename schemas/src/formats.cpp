// SPDX-License-Identifier: Apache-2.0
#include "formats.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

#include "perdure/base/random.hpp"
#include "perdure/base/unicode.hpp"
#include "perdure/base/utf8.hpp"
#include "perdure/schemas/email.hpp"

namespace perdure {

namespace {

constexpr std::array<std::pair<std::string_view, Format>, 7> names{{
    {"date", Format::date},
    {"time", Format::time},
    {"date-time", Format::date_time},
    {"uuid", Format::uuid},
    {"email", Format::email},
    {"idn-email", Format::idn_email},
    {"uri", Format::uri},
}};

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

/// The value of two digits at `at`, or -1.
int two_digits(std::string_view text, std::size_t at) {
  if (at + 2 > text.size() || !is_digit(text[at]) || !is_digit(text[at + 1])) return -1;
  return (text[at] - '0') * 10 + (text[at + 1] - '0');
}

bool is_date(std::string_view text) {
  if (text.size() != 10 || text[4] != '-' || text[7] != '-') return false;
  const int century = two_digits(text, 0);
  const int year = two_digits(text, 2);
  const int month = two_digits(text, 5);
  const int day = two_digits(text, 8);
  if (century < 0 || year < 0 || month < 0 || day < 0) return false;
  return std::chrono::year_month_day{std::chrono::year{century * 100 + year},
                                     std::chrono::month{static_cast<unsigned>(month)},
                                     std::chrono::day{static_cast<unsigned>(day)}}
      .ok();
}

bool is_time(std::string_view text) {
  if (text.size() < 9 || text[2] != ':' || text[5] != ':') return false;
  const int hour = two_digits(text, 0);
  const int minute = two_digits(text, 3);
  const int second = two_digits(text, 6);
  if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60) return false;
  std::string_view rest = text.substr(8);
  if (rest[0] == '.') {
    const auto end = std::ranges::find_if_not(rest.substr(1), is_digit);
    const auto digits = static_cast<std::size_t>(end - rest.begin()) - 1;
    if (digits == 0) return false;
    rest.remove_prefix(digits + 1);
  }
  int offset_minutes = 0;
  if (rest != "Z" && rest != "z") {
    if (rest.size() != 6 || (rest[0] != '+' && rest[0] != '-') || rest[3] != ':') return false;
    const int hours = two_digits(rest, 1);
    const int minutes = two_digits(rest, 4);
    if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59) return false;
    offset_minutes = (hours * 60 + minutes) * (rest[0] == '-' ? -1 : 1);
  }
  if (second < 60) return true;
  // A leap second is the last one of a UTC day.
  constexpr int day_minutes = 24 * 60;
  return (hour * 60 + minute - offset_minutes + day_minutes) % day_minutes == day_minutes - 1;
}

bool is_date_time(std::string_view text) {
  return text.size() > 11 && (text[10] == 'T' || text[10] == 't') && is_date(text.substr(0, 10)) &&
         is_time(text.substr(11));
}

/// Letters, digits and inner hyphens, in parts of 1 to 63 between dots.
bool is_host_name(std::string_view text) {
  if (text.empty() || text.size() > 253) return false;
  while (true) {
    const auto dot = text.find('.');
    const auto label = text.substr(0, dot);
    if (label.empty() || label.size() > 63 || label.front() == '-' || label.back() == '-') {
      return false;
    }
    if (!std::ranges::all_of(label,
                             [](char c) { return is_digit(c) || is_letter(c) || c == '-'; })) {
      return false;
    }
    if (dot == std::string_view::npos) return true;
    text.remove_prefix(dot + 1);
  }
}

enum class Script { ascii, any };

bool is_email(std::string_view text, Script local_part) {
  constexpr std::string_view atom_marks = "!#$%&'*+-/=?^_`{|}~";
  if (text.size() > 254) return false;
  const auto at = text.rfind('@');
  if (at == std::string_view::npos || at == 0 || at > 64) return false;
  const auto local = text.substr(0, at);
  if (local.front() == '.' || local.back() == '.' || local.find("..") != std::string_view::npos) {
    return false;
  }
  const auto is_atom = [&](char c) {
    return is_digit(c) || is_letter(c) || c == '.' ||
           atom_marks.find(c) != std::string_view::npos ||
           (local_part == Script::any && static_cast<unsigned char>(c) >= 0x80);
  };
  return std::ranges::all_of(local, is_atom) && is_host_name(text.substr(at + 1));
}

/// Unreserved and sub-delimiter characters, those in `extra`, and %HH.
bool is_uri_text(std::string_view text, std::string_view extra) {
  constexpr std::string_view marks = "-._~!$&'()*+,;=";
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '%') {
      if (i + 2 >= text.size() || !is_hex(text[i + 1]) || !is_hex(text[i + 2])) return false;
      i += 2;
    } else if (!is_digit(c) && !is_letter(c) && marks.find(c) == std::string_view::npos &&
               extra.find(c) == std::string_view::npos) {
      return false;
    }
  }
  return true;
}

bool is_authority(std::string_view text) {
  if (const auto at = text.find('@'); at != std::string_view::npos) {
    if (!is_uri_text(text.substr(0, at), ":")) return false;
    text.remove_prefix(at + 1);
  }
  std::string_view port;
  if (text.starts_with('[')) {  // an IPv6 or later address
    const auto close = text.find(']');
    if (close == std::string_view::npos || close == 1) return false;
    const auto address = text.substr(1, close - 1);
    if (!is_uri_text(address, ":") || address.find('%') != std::string_view::npos) return false;
    port = text.substr(close + 1);
  } else {
    const auto colon = text.find(':');
    if (!is_uri_text(text.substr(0, colon), "")) return false;
    if (colon != std::string_view::npos) port = text.substr(colon);
  }
  return port.empty() || (port[0] == ':' && std::ranges::all_of(port.substr(1), is_digit));
}

bool is_uri(std::string_view text) {
  const auto colon = text.find(':');
  if (colon == std::string_view::npos || colon == 0 || !is_letter(text[0])) return false;
  const auto in_scheme = [](char c) {
    return is_digit(c) || is_letter(c) || c == '+' || c == '-' || c == '.';
  };
  if (!std::ranges::all_of(text.substr(0, colon), in_scheme)) return false;
  auto rest = text.substr(colon + 1);
  if (const auto hash = rest.find('#'); hash != std::string_view::npos) {
    if (!is_uri_text(rest.substr(hash + 1), ":@/?")) return false;
    rest = rest.substr(0, hash);
  }
  if (const auto mark = rest.find('?'); mark != std::string_view::npos) {
    if (!is_uri_text(rest.substr(mark + 1), ":@/?")) return false;
    rest = rest.substr(0, mark);
  }
  if (rest.starts_with("//")) {
    const auto slash = rest.find('/', 2);
    if (!is_authority(rest.substr(2, slash == std::string_view::npos ? slash : slash - 2))) {
      return false;
    }
    rest = slash == std::string_view::npos ? std::string_view{} : rest.substr(slash);
  }
  return is_uri_text(rest, ":@/");
}

}  // namespace

std::optional<std::string> normal_email(std::string_view text) {
  const auto at = text.rfind('@');
  if (at == std::string_view::npos || !is_valid_utf8(text)) return {};
  const auto host = text.substr(at + 1);
  const bool is_ascii =
      std::ranges::all_of(host, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
  const auto ascii = is_ascii ? std::string{host} : host_to_ascii(host).value_or("");
  auto normal = to_nfc(text.substr(0, at)) + '@' + ascii;
  if (!is_email(normal, Script::any)) return {};
  return normal;
}

std::optional<Format> format_from(std::string_view name) {
  for (const auto& [known, format] : names) {
    if (known == name) return format;
  }
  return {};
}

std::string_view name_of(Format format) {
  for (const auto& [name, known] : names) {
    if (known == format) return name;
  }
  return "none";
}

bool matches(Format format, std::string_view text) {
  switch (format) {
    case Format::date: return is_date(text);
    case Format::time: return is_time(text);
    case Format::date_time: return is_date_time(text);
    case Format::uuid: return is_uuid(text);
    case Format::email: return is_email(text, Script::ascii);
    case Format::idn_email: return normal_email(text).has_value();
    case Format::uri: return is_uri(text);
    case Format::none: break;
  }
  return true;
}

}  // namespace perdure
