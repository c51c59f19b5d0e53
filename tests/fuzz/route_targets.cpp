// SPDX-License-Identifier: Apache-2.0
// What the application reads of a request before any route does: paths, queries, fields.
#include <algorithm>
#include <array>
#include <cmath>

#include "app/checks.hpp"
#include "app/fields.hpp"
#include "app/paths.hpp"
#include "app/router.hpp"
#include "app/services.hpp"
#include "http/compression.hpp"
#include "perdure/base/uri.hpp"
#include "target.hpp"
#include "targets.hpp"

namespace perdure::fuzz {

namespace {

std::string joined_path(const api::Path& path) {
  std::string text{api::api_prefix};
  for (std::size_t i = 0; i < path.size(); ++i) text += '/' + percent_encode(path[i]);
  return text + '/';  // the one that is read over; an empty segment before it stays
}

const api::Router& router() {
  static const api::Router all{api::all_routes()};
  return all;
}

}  // namespace

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
      text += percent_encode(name) + '=' + percent_encode(value) + '&';
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
  for (const std::uint32_t line : {0u, 0x5eed0001u}) {
    const auto tags = api::parse_tags(input, "If-Match", line);
    if (!tags) continue;
    PERDURE_CHECK(tags->scope == api::TagList::Scope::any || !tags->tags.empty(), "no tag");
    for (const auto& tag : tags->tags) {
      if (!tag.seq) continue;
      const auto again = api::parse_tags(api::format_tag(*tag.seq, line), "If-Match", line);
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
