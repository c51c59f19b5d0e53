// SPDX-License-Identifier: Apache-2.0
#include "perdure/schemas/pointer.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

#include "perdure/base/uri.hpp"

namespace perdure {

namespace {

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

std::string pointer_to(std::string_view member) { return append_step({}, member); }

std::optional<std::vector<std::string>> steps_of(std::string_view pointer) {
  std::vector<std::string> steps;
  while (!pointer.empty()) {
    if (pointer.front() != '/') return {};
    pointer.remove_prefix(1);
    const auto end = std::min(pointer.find('/'), pointer.size());
    auto step = unescape_step(pointer.substr(0, end));
    if (!step) return {};
    steps.push_back(std::move(*step));
    pointer.remove_prefix(end);
  }
  return steps;
}

const Json* find_by_fragment(const Json& document, std::string_view fragment) {
  const auto decoded = percent_decode(fragment);
  const auto steps = decoded ? steps_of(*decoded) : std::nullopt;
  if (!steps) return nullptr;
  const Json* at = &document;
  for (const auto& step : *steps) {
    at = find_step(*at, step);
    if (at == nullptr) return nullptr;
  }
  return at;
}

}  // namespace perdure
