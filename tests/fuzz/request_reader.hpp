// SPDX-License-Identifier: Apache-2.0
// Reads one request out of bytes, as a session does with what a socket gives.
#pragma once

#include <string_view>

#include "http/header_scanner.hpp"
#include "http/request_parser.hpp"
#include "perdure/api/http/message.hpp"

namespace perdure::fuzz {

struct ReadRequest {
  enum class State { incomplete, refused, complete } state = State::incomplete;
  http::Request request = {};
  http::Framing framing = {};
  std::size_t consumed = 0;  ///< of a complete one: where the next begins
};

/// `step` bytes arrive at a time.
[[nodiscard]] ReadRequest read_request(std::string_view input, std::size_t step);

}  // namespace perdure::fuzz
