// SPDX-License-Identifier: Apache-2.0
// What readers and writers of streams name.
#include "perdure/runtime/streams.hpp"

#include <fmt/format.h>

#include <charconv>

namespace perdure {

std::string_view name_of(StreamEnd end) {
  switch (end) {
    case StreamEnd::done: return "done";
    case StreamEnd::failed: return "failed";
    case StreamEnd::cut: break;
  }
  return "cut";
}

std::string StreamCursor::text() const {
  return mark == 0 ? fmt::format("{}", offset) : fmt::format("{}.{:08x}", offset, mark);
}

Result<StreamCursor> StreamCursor::parse(std::string_view text) {
  constexpr int hex = 16;
  StreamCursor cursor;
  const auto dot = text.find('.');
  const auto read = [](std::string_view digits, auto& number, int base) {
    const auto* const end = digits.data() + digits.size();
    const auto [at, error] = std::from_chars(digits.data(), end, number, base);
    return error == std::errc{} && at == end && !digits.empty();
  };
  bool is_read = read(text.substr(0, dot), cursor.offset, 10);
  if (dot != std::string_view::npos) is_read &= read(text.substr(dot + 1), cursor.mark, hex);
  if (is_read) return cursor;
  Error error{.code = ErrorCode::invalid, .detail = "it is no cursor of a stream"};
  error.fields.push_back({"/after", "cursor", error.detail});
  return fail(std::move(error));
}

}  // namespace perdure
