// SPDX-License-Identifier: Apache-2.0
#include "effects/http_call.hpp"

#include <gtest/gtest.h>

namespace perdure::effects {
namespace {

std::string field_of(const Json& payload) {
  const auto call = read_http_call(payload, 1'000);
  return call || call.error().fields.empty() ? "none" : call.error().fields[0].pointer;
}

TEST(HttpCall, has_defaults_for_all_but_the_url) {
  const auto call = read_http_call({{"url", "http://Example.org"}}, 1'000).value();
  EXPECT_EQ(call.method, "GET");
  EXPECT_EQ(call.url.target, "/");
  EXPECT_EQ(call.url.port, "80");
  EXPECT_EQ(call.timeout, std::chrono::seconds{30});
  EXPECT_EQ(call.redirects_max, 0);
  EXPECT_EQ(call.response_bytes_max, 1'000U);
}

TEST(HttpCall, takes_a_body_in_one_of_three_forms) {
  const Json url{{"url", "https://example.org:8443/a%20b?c=d#e"}, {"method", "POST"}};
  auto with = [&](const char* name, const Json& value) {
    auto payload = url;
    payload[name] = value;
    return payload;
  };
  EXPECT_EQ(read_http_call(with("body", "text"), 9).value().body, "text");
  EXPECT_EQ(read_http_call(with("body_base64", "AP8="), 9).value().body,
            (std::string{"\0\xff", 2}));
  const auto json = read_http_call(with("json", {{"b", 1}, {"a", nullptr}}), 9).value();
  EXPECT_EQ(json.body, R"({"a":null,"b":1})");
  EXPECT_EQ(json.headers.at(0).second, "application/json");
  EXPECT_EQ(json.url.target, "/a%20b?c=d");
  EXPECT_EQ(json.url.authority, "example.org:8443");
  auto two = with("body", "text");
  two["json"] = 1;
  EXPECT_EQ(field_of(two), "/body");
}

TEST(HttpCall, takes_urls_in_any_script) {
  const auto url = parse_url("https://bücher.example:8443/straße?q=日#é").value();
  EXPECT_EQ(url.host, "xn--bcher-kva.example");
  EXPECT_EQ(url.authority, "xn--bcher-kva.example:8443");
  EXPECT_EQ(url.target, "/stra%C3%9Fe?q=%E6%97%A5");
  EXPECT_EQ(resolve_url(url, "/é").value().text(), "https://xn--bcher-kva.example:8443/%C3%A9");
  EXPECT_EQ(resolve_url(url, "http://日本.jp/").value().host, "xn--wgv71a.jp");
  EXPECT_EQ(parse_url("http://my_service/").value().host, "my_service");
  EXPECT_FALSE(parse_url("http://bü..example/").has_value());
}

TEST(HttpCall, names_the_field_that_is_wrong) {
  const auto with = [](const char* name, const Json& value) {
    Json payload{{"url", "http://example.org/"}};
    payload[name] = value;
    return field_of(payload);
  };
  for (const Json& bad :
       {Json("ftp://example.org/"), Json("example.org"), Json("/path"), Json(""), Json(5), Json(),
        Json("http://"), Json("http:///x"), Json("http://a b/"), Json("http://user@example.org/"),
        Json("http://user:pass@example.org/"), Json("http://example.org:0/"),
        Json("http://example.org:99999/"), Json("http://ex\r\nample.org/"), Json("javascript:1"),
        Json("x:["), Json("http:["), Json("http://" + std::string(9'000, 'a'))}) {
    EXPECT_EQ(with("url", bad), "/url") << bad;
  }
  EXPECT_EQ(with("method", "TRACE"), "/method");
  EXPECT_EQ(with("method", nullptr), "/method");
  EXPECT_EQ(with("timeout_ms", 0), "/timeout_ms");
  EXPECT_EQ(with("timeout_ms", 1.5), "/timeout_ms");
  EXPECT_EQ(with("response_bytes_max", 1'001), "/response_bytes_max");
  EXPECT_EQ(with("follow", "yes"), "/follow");
  EXPECT_EQ(with("not_after", "tomorrow"), "/not_after");
  EXPECT_EQ(with("body_base64", "x"), "/body_base64");
  EXPECT_EQ(with("no_such", 1), "/no_such");
  EXPECT_EQ(with("headers", Json::array()), "/headers");
  EXPECT_EQ(with("headers", {{"a b", "x"}}), "/headers/a b");
  EXPECT_EQ(with("headers", {{"a/b", "x"}}), "/headers/a~1b");
  EXPECT_EQ(with("headers", {{"Host", "x"}}), "/headers/Host");
  EXPECT_EQ(with("headers", {{"Content-Length", "1"}}), "/headers/Content-Length");
  EXPECT_EQ(with("headers", {{"X-A", "x\r\nX-B: y"}}), "/headers/X-A");
  EXPECT_EQ(field_of(Json::array()), "");
}

TEST(Url, resolves_redirects_against_where_they_came_from) {
  const auto base = parse_url("https://example.org/a/b?q=1").value();
  EXPECT_EQ(resolve_url(base, "c").value().text(), "https://example.org/a/c");
  EXPECT_EQ(resolve_url(base, "/c?d").value().text(), "https://example.org/c?d");
  EXPECT_EQ(resolve_url(base, "//other.org/x").value().text(), "https://other.org/x");
  EXPECT_EQ(resolve_url(base, "http://other.org").value().text(), "http://other.org/");
  EXPECT_FALSE(resolve_url(base, "file:///etc/passwd"));
  EXPECT_FALSE(resolve_url(base, "http://user:pass@other.org/"));
}

TEST(RetryAfter, is_seconds_or_a_date_and_never_more_than_a_day) {
  using std::chrono::seconds;
  const auto now = parse_rfc3339("2026-11-21T10:00:00Z").value();
  EXPECT_EQ(read_retry_after("120", now), seconds{120});
  EXPECT_EQ(read_retry_after("Sat, 21 Nov 2026 10:01:30 GMT", now), seconds{90});
  EXPECT_EQ(read_retry_after("Sat, 21 Nov 2026 09:00:00 GMT", now), seconds{0});
  EXPECT_EQ(read_retry_after("999999999", now), std::chrono::hours{24});
  EXPECT_EQ(read_retry_after("99999999999999999999999", now), std::chrono::hours{24});
  EXPECT_EQ(read_retry_after("soon", now), std::nullopt);
  EXPECT_EQ(read_retry_after("", now), std::nullopt);
}

TEST(RetryAfter, is_a_date_in_each_of_the_forms_that_a_recipient_must_read) {
  using std::chrono::seconds;
  const auto now = parse_rfc3339("2026-11-21T10:00:00Z").value();
  for (const auto* date : {"Sat, 21 Nov 2026 10:01:30 GMT", "Saturday, 21-Nov-26 10:01:30 GMT",
                           "Sat Nov 21 10:01:30 2026"}) {
    EXPECT_EQ(read_retry_after(date, now), seconds{90}) << date;
  }
}

TEST(RetryAfter, is_seen_from_the_clock_of_who_sent_it) {
  using std::chrono::seconds;
  const auto a_day_off = parse_rfc3339("2026-11-22T10:00:00Z").value();
  const Json date{{"retry-after", "Sat, 21 Nov 2026 10:01:30 GMT"}};
  Json both = date;
  both["date"] = "Sat, 21 Nov 2026 10:00:00 GMT";
  EXPECT_EQ(retry_after_of(both, a_day_off), seconds{90});
  EXPECT_EQ(retry_after_of(date, a_day_off), seconds{0});
  EXPECT_EQ(retry_after_of({{"retry-after", "7"}}, a_day_off), seconds{7});
  EXPECT_EQ(retry_after_of(Json::object(), a_day_off), std::nullopt);
}

}  // namespace
}  // namespace perdure::effects
