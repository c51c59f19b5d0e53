// SPDX-License-Identifier: Apache-2.0
// Bytes into connections of the real server.
#include <charconv>

#include "loopback.hpp"
#include "perdure/api/http/headers.hpp"
#include "target.hpp"
#include "targets.hpp"
#include "websocket_model.hpp"

namespace perdure::fuzz {

namespace {

constexpr std::string_view handshake =
    "GET /ws/echo HTTP/1.1\r\nHost: fuzz\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

struct Head {
  int status = 0;
  std::size_t content_length = 0;
};

/// Takes a response's head off the front.
Head take_head(std::string_view& rest) {
  const auto end = rest.find("\r\n\r\n");
  PERDURE_CHECK(rest.starts_with("HTTP/1.1 ") && end != std::string_view::npos,
                "what is sent is answers");
  auto lines = rest.substr(0, end + 2);
  rest.remove_prefix(end + 4);
  Head head;
  std::from_chars(lines.data() + 9, lines.data() + 12, head.status);
  PERDURE_CHECK(head.status >= 100 && head.status < 600, "a status");
  static_cast<void>(take_part(lines, '\n'));
  while (!lines.empty()) {
    const auto line = take_part(lines, '\n');
    PERDURE_CHECK(line.ends_with('\r') && line.find(": ") != std::string_view::npos, "a field");
    if (!http::equals_ignoring_case(line.substr(0, 16), "Content-Length: ")) continue;
    const auto digits = line.substr(16);
    std::from_chars(digits.data(), digits.data() + digits.size(), head.content_length);
  }
  return head;
}

}  // namespace

/// Whatever is sent, what comes back is whole answers, none of them a 500, and then the end.
void run_http_connection(std::string_view input) {
  const auto received = talk(input);
  for (std::string_view rest{received}; !rest.empty();) {
    const auto head = take_head(rest);
    PERDURE_CHECK(head.status != 500, "nothing that is sent breaks the server");
    if (head.status == 101) return;  // frames follow
    const bool is_head = rest.starts_with("HTTP/1.1 ") || (rest.empty() && head.content_length > 0);
    if (is_head || head.status == 100) continue;
    PERDURE_CHECK(rest.size() >= head.content_length, "an answer is whole");
    rest.remove_prefix(head.content_length);
  }
}

/// Frames of a client; the echo must do with them what RFC 6455 says.
void run_websocket(std::string_view input) {
  const auto received = talk(input, handshake);
  std::string_view rest{received};
  PERDURE_CHECK(take_head(rest).status == 101, "the handshake is accepted");
  check_echo(input, rest);
}

}  // namespace perdure::fuzz
