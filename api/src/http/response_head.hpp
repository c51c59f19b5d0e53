// SPDX-License-Identifier: Apache-2.0
// The bytes before a response's body.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "http/request_parser.hpp"
#include "perdure/api/http/message.hpp"

namespace perdure::http {

[[nodiscard]] std::string_view reason_phrase(int status) noexcept;

/// 1xx, 204 and 304 have no body.
[[nodiscard]] bool has_body(int status) noexcept;

/// How the end of a body is told.
enum class BodyForm { sized, chunked, until_close };

struct HeadContext {
  std::string_view date_line;
  std::string_view request_id;
  std::string_view extra_lines;  ///< whole lines of the session, such as Vary
  Framing::Version version = Framing::Version::http_1_1;
  Framing::Connection connection = Framing::Connection::keep;
  BodyForm form = BodyForm::sized;
  std::uint64_t body_bytes = 0;  ///< of a sized body
};

/// Appends status line and fields, and the empty line. Fields of `response` that the session
/// writes itself are left out.
void append_head(std::string& out, const Response& response, const HeadContext& context);

}  // namespace perdure::http
