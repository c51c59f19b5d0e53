// SPDX-License-Identifier: Apache-2.0
#include "pointer.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

#include "perdure/base/crypto.hpp"

namespace perdure {

namespace {

std::optional<std::string> decode_percent(std::string_view text) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded += text[i];
      continue;
    }
    const auto byte = text.size() - i < 3 ? std::nullopt : from_hex(text.substr(i + 1, 2));
    if (!byte) return {};
    decoded += *byte;
    i += 2;
  }
  return decoded;
}

std::optional<std::string> unescape_step(std::string_view step) {
  std::string plain;
  for (std::size_t i = 0; i < step.size(); ++i) {
    if (step[i] != '~') {
      plain += step[i];
    } else if (++i < step.size() && (step[i] == '0' || step[i] == '1')) {
      plain += step[i] == '0' ? '~' : '/';
    } else {
      return {};
    }
  }
  return plain;
}

const Json* find_step(const Json& value, const std::string& step) {
  if (value.is_object()) {
    const auto member = value.find(step);
    return member == value.end() ? nullptr : &*member;
  }
  if (!value.is_array() || step.empty() || (step.size() > 1 && step[0] == '0')) return nullptr;
  std::size_t index = 0;
  const auto [end, error] = std::from_chars(step.data(), step.data() + step.size(), index);
  if (error != std::errc{} || end != step.data() + step.size()) return nullptr;
  return index < value.size() ? &value[index] : nullptr;
}

}  // namespace

std::string append_step(std::string pointer, std::string_view step) {
  pointer += '/';
  for (const char c : step) {
    if (c == '~') {
      pointer += "~0";
    } else if (c == '/') {
      pointer += "~1";
    } else {
      pointer += c;
    }
  }
  return pointer;
}

const Json* find_by_fragment(const Json& document, std::string_view fragment) {
  const auto decoded = decode_percent(fragment);
  if (!decoded || (!decoded->empty() && decoded->front() != '/')) return nullptr;
  const Json* at = &document;
  std::string_view rest = *decoded;
  while (at != nullptr && !rest.empty()) {
    rest.remove_prefix(1);
    const auto slash = std::min(rest.find('/'), rest.size());
    const auto step = unescape_step(rest.substr(0, slash));
    at = step ? find_step(*at, *step) : nullptr;
    rest.remove_prefix(slash);
  }
  return at;
}

}  // namespace perdure
