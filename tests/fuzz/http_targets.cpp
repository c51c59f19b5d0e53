// SPDX-License-Identifier: Apache-2.0
// What frames requests. No sockets here (see connection_targets.cpp).
#include <fmt/format.h>

#include <algorithm>

#include "request_reader.hpp"
#include "target.hpp"
#include "targets.hpp"

namespace perdure::fuzz {

namespace {

using State = ReadRequest::State;

/// A request as text, framed as the first one was.
std::string rewrite(const ReadRequest& read) {
  const bool is_1_1 = read.framing.version == http::Framing::Version::http_1_1;
  auto text = fmt::format("{} {} HTTP/1.{}\r\n", to_string(read.request.method),
                          read.request.target, is_1_1 ? 1 : 0);
  for (std::size_t i = 0; i < read.request.headers.size(); ++i) {
    const auto field = read.request.headers.at(i);
    text += fmt::format("{}: {}\r\n", field.name, field.value);
  }
  text += "\r\n";
  const auto& body = read.request.body;
  if (read.framing.body != http::Framing::BodyKind::chunked) return text + body;
  if (!body.empty()) text += fmt::format("{:x}\r\n{}\r\n", body.size(), body);
  return text + "0\r\n\r\n";
}

void check_equal(const ReadRequest& a, const ReadRequest& b) {
  PERDURE_CHECK(a.state == b.state, "one is complete, the other is not");
  if (a.state != State::complete) return;
  PERDURE_CHECK(a.request.method == b.request.method, "the methods differ");
  PERDURE_CHECK(a.request.target == b.request.target, "the targets differ");
  PERDURE_CHECK(a.request.body == b.request.body, "the bodies differ");
  PERDURE_CHECK(a.request.upgrade == b.request.upgrade, "one is an upgrade");
  PERDURE_CHECK(a.framing.connection == b.framing.connection, "one connection goes on");
  PERDURE_CHECK(a.request.headers.size() == b.request.headers.size(), "fields are missing");
  for (std::size_t i = 0; i < a.request.headers.size(); ++i) {
    const auto one = a.request.headers.at(i);
    const auto other = b.request.headers.at(i);
    PERDURE_CHECK(one.name == other.name && one.value == other.value, "fields differ");
  }
}

void check_harmless(const http::Request& request) {
  PERDURE_CHECK(request.target.starts_with('/') || request.target == "*", "a target is a path");
  PERDURE_CHECK(std::ranges::all_of(request.target, [](char c) { return c > ' ' && c < 0x7F; }),
                "a target is printable");
  for (std::size_t i = 0; i < request.headers.size(); ++i) {
    const auto field = request.headers.at(i);
    PERDURE_CHECK(field.name.find_first_of(" \t:\r\n") == std::string_view::npos, "a field's name");
    PERDURE_CHECK(
        field.value.find_first_of(std::string_view{"\r\n\0", 3}) == std::string_view::npos,
        "a field's value is one line");
  }
}

}  // namespace

/// A request means the same however its bytes arrive, and so does what is written from it.
void run_http_request(std::string_view input) {
  const auto whole = read_request(input, input.size());
  const auto trickled = read_request(input, 1);
  check_equal(whole, trickled);
  PERDURE_CHECK(whole.consumed == trickled.consumed, "the next request begins elsewhere");
  if (whole.state != State::complete) return;
  check_harmless(whole.request);
  const auto text = rewrite(whole);
  const auto again = read_request(text, text.size());
  check_equal(whole, again);
  PERDURE_CHECK(again.consumed == text.size(), "more or less is read than was written");
}

}  // namespace perdure::fuzz
