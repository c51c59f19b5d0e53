// SPDX-License-Identifier: Apache-2.0
// The text forms of setting values.
#include <fmt/format.h>

#include <array>
#include <charconv>
#include <optional>

#include "shell/settings.hpp"

namespace perdure::shell {
namespace {

struct Unit {
  std::string_view suffix;
  std::int64_t factor;
};

// The largest unit that divides a value is the one that it is printed in.
constexpr auto byte_units =
    std::to_array<Unit>({{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"B", 1}, {"", 1}});
constexpr auto duration_units = std::to_array<Unit>(
    {{"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1'000}, {"ms", 1}});

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

std::optional<std::int64_t> parse_with_unit(std::string_view input, std::span<const Unit> units) {
  std::int64_t number = 0;
  const auto* end = input.data() + input.size();
  const auto [rest, failure] = std::from_chars(input.data(), end, number);
  if (failure != std::errc{} || number < 0) return std::nullopt;
  const auto suffix = trimmed({rest, static_cast<std::size_t>(end - rest)});
  for (const auto& unit : units) {
    if (suffix != unit.suffix) continue;
    std::int64_t product = 0;
    if (__builtin_mul_overflow(number, unit.factor, &product)) return std::nullopt;
    return product;
  }
  return std::nullopt;
}

std::string format_number(SettingType type, std::int64_t number) {
  if (type == SettingType::integer) return fmt::format("{}", number);
  const std::span<const Unit> units = type == SettingType::bytes
                                          ? std::span<const Unit>{byte_units}
                                          : std::span<const Unit>{duration_units};
  for (const auto& unit : units) {
    if (number != 0 && number % unit.factor == 0) {
      return fmt::format("{}{}", number / unit.factor, unit.suffix);
    }
  }
  return fmt::format("{}{}", number, units.back().suffix);
}

Result<SettingValue> parse_number(const Setting& setting, std::string_view input) {
  std::optional<std::int64_t> number;
  std::string_view example;
  switch (setting.type) {
    case SettingType::bytes:
      number = parse_with_unit(input, byte_units);
      example = "a size such as 512KiB, 1MiB or 1048576";
      break;
    case SettingType::duration:
      number = parse_with_unit(input, duration_units);
      if (input == "0") number = 0;
      example = "a time with its unit, such as 500ms, 10s, 5m, 24h or 30d";
      break;
    default: number = parse_with_unit(input, std::array{Unit{"", 1}}); example = "a whole number";
  }
  if (!number) {
    return fail(ErrorCode::invalid, fmt::format("\"{}\" is not {}", input, example));
  }
  if (*number < setting.min || *number > setting.max) {
    return fail(ErrorCode::invalid, fmt::format("\"{}\" is not between {} and {}", input,
                                                format_number(setting.type, setting.min),
                                                format_number(setting.type, setting.max)));
  }
  return SettingValue{*number};
}

Result<SettingValue> parse_address(std::string_view input) {
  const auto colon = input.rfind(':');
  std::uint16_t port = 0;
  bool good = colon != std::string_view::npos && colon > 0 && colon + 1 < input.size();
  if (good) {
    const auto host = input.substr(0, colon);
    const auto digits = input.substr(colon + 1);
    const auto* end = digits.data() + digits.size();
    const auto [rest, failure] = std::from_chars(digits.data(), end, port);
    const bool bracketed = host.front() == '[' && host.back() == ']' && host.size() > 2;
    good = failure == std::errc{} && rest == end &&
           (bracketed || host.find_first_of(":[]") == std::string_view::npos);
  }
  if (!good) {
    return fail(ErrorCode::invalid,
                fmt::format("\"{}\" is not HOST:PORT, such as 127.0.0.1:8080 or [::1]:0", input));
  }
  return SettingValue{std::string{input}};
}

std::vector<std::string> split(std::string_view input, char separator) {
  std::vector<std::string> parts;
  while (!input.empty()) {
    const auto end = input.find(separator);
    if (const auto part = trimmed(input.substr(0, end)); !part.empty()) parts.emplace_back(part);
    if (end == std::string_view::npos) break;
    input.remove_prefix(end + 1);
  }
  return parts;
}

Result<SettingValue> parse_choice(const Setting& setting, std::string_view input) {
  for (const auto& choice : split(setting.choices, '|')) {
    if (choice == input) return SettingValue{choice};
  }
  return fail(ErrorCode::invalid, fmt::format("\"{}\" is not one of {}", input, setting.choices));
}

Result<SettingValue> parse_flag(std::string_view input) {
  if (input == "true" || input == "1") return SettingValue{true};
  if (input == "false" || input == "0") return SettingValue{false};
  return fail(ErrorCode::invalid, fmt::format("\"{}\" is not true or false", input));
}

}  // namespace

Result<SettingValue> parse_setting(const Setting& setting, std::string_view input) {
  switch (setting.type) {
    case SettingType::text:
    case SettingType::path: return SettingValue{std::string{input}};
    case SettingType::address: return parse_address(input);
    case SettingType::integer:
    case SettingType::bytes:
    case SettingType::duration: return parse_number(setting, trimmed(input));
    case SettingType::choice: return parse_choice(setting, input);
    case SettingType::list: return SettingValue{split(input, ',')};
    case SettingType::flag: return parse_flag(input);
  }
  return fail(ErrorCode::internal, "a setting of no known type");
}

std::string format_setting(const Setting& setting, const SettingValue& value) {
  if (const auto* number = std::get_if<std::int64_t>(&value)) {
    return format_number(setting.type, *number);
  }
  if (const auto* truth = std::get_if<bool>(&value)) return *truth ? "true" : "false";
  if (const auto* items = std::get_if<std::vector<std::string>>(&value)) {
    return fmt::format("{}", fmt::join(*items, ","));
  }
  return std::get<std::string>(value);
}

}  // namespace perdure::shell
