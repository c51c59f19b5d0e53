// SPDX-License-Identifier: Apache-2.0
// What reads requests: framing, targets, fields. No sockets here (see connection_targets.cpp).
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "app/checks.hpp"
#include "app/fields.hpp"
#include "app/paths.hpp"
#include "app/router.hpp"
#include "app/services.hpp"
#include "http/compression.hpp"
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

std::string joined_path(const api::Path& path) {
  std::string text{api::api_prefix};
  for (std::size_t i = 0; i < path.size(); ++i) text += '/' + api::percent_encode(path[i]);
  return text + '/';  // the one that is read over; an empty segment before it stays
}

const api::Router& router() {
  static const api::Router all{api::all_routes()};
  return all;
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

/// The first line is a path, the second a query.
void run_routes(std::string_view input) {
  const auto raw = take_part(input, '\n');
  if (auto path = api::Path::parse(raw)) {
    const auto text = joined_path(*path);
    const auto again = api::Path::parse(text);
    PERDURE_CHECK(again && again->size() == path->size(), "a path that is written is read");
    for (std::size_t i = 0; i < path->size(); ++i) {
      PERDURE_CHECK((*path)[i] == (*again)[i], "segments differ");
    }
    for (const auto method : {http::Method::get, http::Method::post, http::Method::del}) {
      const auto match = router().find(method, *path);
      PERDURE_CHECK(match.route == router().find(method, *again).route, "the routes differ");
      PERDURE_CHECK(match.route == nullptr || match.allow.empty(), "found and refused");
    }
  }
  if (const auto query = api::parse_query(input)) {
    std::string text;
    for (const auto& [name, value] : *query) {
      text += api::percent_encode(name) + '=' + api::percent_encode(value) + '&';
    }
    const auto again = api::parse_query(text);
    PERDURE_CHECK(again && std::ranges::equal(*query, *again,
                                              [](const auto& a, const auto& b) {
                                                return a.name == b.name && a.value == b.value;
                                              }),
                  "a query that is written is read");
  }
}

void run_header_fields(std::string_view input) {
  if (const auto tags = api::parse_tags(input, "If-Match")) {
    PERDURE_CHECK(tags->scope == api::TagList::Scope::any || !tags->tags.empty(), "no tag");
    for (const auto& tag : tags->tags) {
      if (!tag.seq) continue;
      const auto again = api::parse_tags(api::format_tag(*tag.seq), "If-Match");
      PERDURE_CHECK(again && again->matches_strongly(*tag.seq), "a tag that is written is read");
      PERDURE_CHECK(tags->matches_weakly(*tag.seq), "a listed tag matches");
    }
  }
  static constexpr std::array<std::string_view, 3> types{"application/json", "text/event-stream",
                                                         "application/openmetrics-text; version=1"};
  for (const auto type : types) {
    const auto wanted = api::acceptance(input, type);
    PERDURE_CHECK(std::isfinite(wanted) && wanted >= 0 && wanted <= 1, "a weight");
  }
  const auto best = api::best_type(input, types);
  PERDURE_CHECK(!best || *best < types.size(), "one of those on offer");
  if (api::is_media_type(input, "application/json")) {
    const auto name = api::trim(input.substr(0, input.find(';')));
    PERDURE_CHECK(http::equals_ignoring_case(name, "application/json"), "another type");
  }
  static_cast<void>(http::accepts_gzip(input));
  PERDURE_CHECK(!api::is_traceparent(input) || input.size() == 55, "a traceparent has one length");
  if (const auto as_of = api::read_as_of(std::string{input})) {
    PERDURE_CHECK(!input.empty(), "nothing is no place in the past");
  }
}

}  // namespace perdure::fuzz
