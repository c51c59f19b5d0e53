// SPDX-License-Identifier: Apache-2.0
#include "perdure/api/http/headers.hpp"

#include <algorithm>

#include "http/control_bytes.hpp"

namespace perdure::http {

namespace {

constexpr char lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

std::uint32_t narrow(std::size_t value) noexcept { return static_cast<std::uint32_t>(value); }

}  // namespace

bool equals_ignoring_case(std::string_view a, std::string_view b) noexcept {
  if (a.size() != b.size()) return false;
  // Names that differ mostly begin differently, and equal ones mostly have the usual case.
  if (!a.empty() && lower(a.front()) != lower(b.front())) return false;
  return a == b || std::equal(a.begin(), a.end(), b.begin(),
                              [](char x, char y) { return lower(x) == lower(y); });
}

std::uint64_t Headers::bit_of(std::string_view name) noexcept {
  constexpr std::size_t bits = 64;
  constexpr std::size_t spread = 7;
  const auto last = name.empty() ? '\0' : lower(name.back());
  return std::uint64_t{1} << (name.size() * spread + static_cast<unsigned char>(last)) % bits;
}

void Headers::make_room() {
  constexpr std::size_t usual_bytes = 384;
  constexpr std::size_t usual_fields = 12;
  text_.reserve(usual_bytes);
  index_.reserve(usual_fields);
}

Headers Headers::beginning_with(const Headers& first) {
  Headers headers;
  headers.make_room();
  headers.text_ = first.text_;
  headers.index_ = first.index_;
  headers.names_ = first.names_;
  return headers;
}

bool Headers::is_named(const Place& place, std::string_view name) const noexcept {
  return place.name_size == name.size() && equals_ignoring_case(name_of(place), name);
}

void Headers::add(std::string_view name, std::string_view value) {
  if (index_.empty()) make_room();
  const auto name_at = text_.size();
  const auto value_at = name_at + name.size() + 2;
  text_.append(name).append(": ").append(value).append("\r\n");
  if (has_control(value)) {
    for (auto i = value_at; i < value_at + value.size(); ++i) {
      if (text_[i] == '\r' || text_[i] == '\n' || text_[i] == '\0') text_[i] = ' ';
    }
  }
  index_field(name_at, name.size(), value_at, value.size());
}

void Headers::replace(std::string_view name, std::string_view value) {
  Headers others;
  for (const auto& place : index_) {
    if (is_named(place, name)) continue;
    others.add(name_of(place), std::string_view{text_}.substr(place.value_at, place.value_size));
  }
  others.add(name, value);
  *this = std::move(others);
}

std::optional<std::string_view> Headers::find(std::string_view name) const noexcept {
  if ((names_ & bit_of(name)) == 0) return {};
  for (const auto& place : index_) {
    if (is_named(place, name)) {
      return std::string_view{text_}.substr(place.value_at, place.value_size);
    }
  }
  return {};
}

std::size_t Headers::count(std::string_view name) const noexcept {
  if ((names_ & bit_of(name)) == 0) return 0;
  return static_cast<std::size_t>(
      std::ranges::count_if(index_, [&](const Place& place) { return is_named(place, name); }));
}

Field Headers::at(std::size_t position) const noexcept {
  const auto& place = index_[position];
  return {name_of(place), std::string_view{text_}.substr(place.value_at, place.value_size)};
}

void Headers::assign_block(std::string_view block) {
  clear();
  make_room();
  text_.assign(block);
}

void Headers::index_field(std::size_t name_at, std::size_t name_size, std::size_t value_at,
                          std::size_t value_size) {
  names_ |= bit_of(std::string_view{text_}.substr(name_at, name_size));
  index_.push_back({narrow(name_at), narrow(name_size), narrow(value_at), narrow(value_size)});
}

void Headers::clear() noexcept {
  text_.clear();
  index_.clear();
  names_ = 0;
}

}  // namespace perdure::http
