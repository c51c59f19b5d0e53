// SPDX-License-Identifier: Apache-2.0
#include "app/paths.hpp"

#include <algorithm>
#include <optional>

#include "perdure/base/utf8.hpp"

namespace perdure::api {

namespace {

Result<void> check_decoded(std::string_view text, std::string_view where) {
  if (text.find('\0') != std::string_view::npos) {
    return fail(ErrorCode::malformed, std::string{where} + " holds a NUL");
  }
  if (!is_valid_utf8(text)) {
    return fail(ErrorCode::malformed, std::string{where} + " is not UTF-8 when decoded");
  }
  return {};
}

Result<std::string> decode(std::string_view raw, std::string_view where) {
  auto text = percent_decode(raw);
  if (!text) {
    return fail(ErrorCode::malformed,
                std::string{where} + " holds a '%' that two hexadecimal digits do not follow");
  }
  PERDURE_TRY_VOID(check_decoded(*text, where));
  return std::move(*text);
}

/// As forms are encoded: a plus sign is a blank.
Result<std::string> decode_form(std::string_view raw) {
  std::string text{raw};
  std::ranges::replace(text, '+', ' ');
  return decode(text, "the query");
}

}  // namespace

Result<void> Path::add(std::string_view raw) {
  if (size_ == segments_.size()) return fail(ErrorCode::not_found, "no such path");
  if (raw.find('%') == std::string_view::npos) {
    PERDURE_TRY_VOID(check_decoded(raw, "the path"));
    segments_[size_++] = raw;
    return {};
  }
  PERDURE_TRY(text, decode(raw, "the path"));
  segments_[size_++] = decoded_.emplace_front(std::move(text));
  return {};
}

void Path::split_object_id() {
  if (size_ < 2 || size_ == segments_.size() || segments_[0] != "durable-objects") return;
  const auto colon = segments_[1].find(':');
  if (colon == std::string_view::npos) return;
  for (auto i = size_; i > 2; --i) segments_[i] = segments_[i - 1];
  segments_[2] = segments_[1].substr(colon + 1);
  segments_[1] = segments_[1].substr(0, colon);
  ++size_;
}

Result<Path> Path::parse(std::string_view raw) {
  Path path;
  if (raw.starts_with(api_prefix) && (raw.size() == 7 || raw[7] == '/')) {
    raw.remove_prefix(7);
  } else if (raw.starts_with("/api/") || raw == "/api") {
    raw.remove_prefix(4);
  }
  if (raw.ends_with('/')) raw.remove_suffix(1);
  while (!raw.empty()) {
    raw.remove_prefix(1);  // the slash
    const auto end = raw.find('/');
    PERDURE_TRY_VOID(path.add(raw.substr(0, end)));
    if (end == std::string_view::npos) break;
    raw.remove_prefix(end);
  }
  path.split_object_id();
  return path;
}

Result<std::vector<QueryValue>> parse_query(std::string_view raw) {
  std::vector<QueryValue> values;
  while (!raw.empty()) {
    const auto end = raw.find('&');
    const auto part = raw.substr(0, end);
    raw.remove_prefix(end == std::string_view::npos ? raw.size() : end + 1);
    if (part.empty()) continue;
    if (values.size() == limits::query_parameters_max) {
      return fail(ErrorCode::malformed, "the query has more than 32 parameters");
    }
    const auto equals = part.find('=');
    const auto value = equals == std::string_view::npos ? "" : part.substr(equals + 1);
    PERDURE_TRY(name, decode_form(part.substr(0, equals)));
    PERDURE_TRY(decoded, decode_form(value));
    values.push_back({std::move(name), std::move(decoded)});
  }
  return values;
}

}  // namespace perdure::api
