// SPDX-License-Identifier: Apache-2.0
#include "perdure/api/http/coding.hpp"

#include <algorithm>
#include <optional>

#include "perdure/api/http/headers.hpp"

namespace perdure::http {

namespace {

std::string_view trim(std::string_view text) noexcept {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

/// The text before the next `separator`, trimmed; `rest` moves behind it.
std::string_view next_part(std::string_view& rest, char separator) noexcept {
  const auto end = rest.find(separator);
  const auto part = trim(rest.substr(0, end));
  rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  return part;
}

/// A weight is zero when it is written as 0, 0., 0.0 and so on.
bool is_zero_weight(std::string_view value) noexcept {
  return !value.empty() && value.front() == '0' &&
         value.find_first_not_of("0.") == std::string_view::npos;
}

bool is_refused(std::string_view parameters) noexcept {
  while (!parameters.empty()) {
    auto value = next_part(parameters, ';');
    const auto name = next_part(value, '=');
    if (equals_ignoring_case(name, "q")) return is_zero_weight(trim(value));
  }
  return false;
}

}  // namespace

bool accepts_gzip(std::string_view accept_encoding) noexcept {
  std::optional<bool> named;
  bool any = false;
  while (!accept_encoding.empty()) {
    auto item = next_part(accept_encoding, ',');
    const auto coding = next_part(item, ';');
    const auto wanted = !is_refused(item);
    if (equals_ignoring_case(coding, "gzip") || equals_ignoring_case(coding, "x-gzip")) {
      named = wanted;
    } else if (coding == "*") {
      any = wanted;
    }
  }
  return named.value_or(any);
}

bool is_compressible(std::string_view content_type) noexcept {
  const auto type = trim(content_type.substr(0, content_type.find(';')));
  if (type.ends_with("+json") || type.ends_with("+xml")) return true;
  // An event stream is delivered piece by piece.
  if (type.starts_with("text/")) return type != "text/event-stream";
  constexpr std::string_view others[] = {
      "application/json",     "application/javascript", "application/xml",
      "application/x-ndjson", "application/yaml",       "application/openmetrics-text",
      "application/wasm",
  };
  return std::ranges::find(others, type) != std::end(others);
}

std::string tag_under(Coding coding, std::string_view tag) {
  std::string text{tag};
  if (coding == Coding::gzip && text.ends_with('"')) text.insert(text.size() - 1, gzip_tag_suffix);
  return text;
}

}  // namespace perdure::http
