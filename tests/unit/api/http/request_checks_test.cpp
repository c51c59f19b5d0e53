// SPDX-License-Identifier: Apache-2.0
#include "http/request_checks.hpp"

#include <gtest/gtest.h>

namespace perdure::http {
namespace {

std::string normalised(std::string target, Method method = Method::get) {
  std::string authority;
  const auto refusal = normalise_target(method, target, authority);
  return refusal ? "refused" : target;
}

std::string authority_of(std::string target) {
  std::string authority;
  return normalise_target(Method::get, target, authority) ? "refused" : authority;
}

TEST(Target, becomes_origin_form) {
  EXPECT_EQ(normalised("/a?b"), "/a?b");
  EXPECT_EQ(normalised("http://h/a?b"), "/a?b");
  EXPECT_EQ(normalised("HTTPS://H?b"), "/?b");
  EXPECT_EQ(normalised("http://h"), "/");
  EXPECT_EQ(normalised("http://h", Method::options), "*");
  EXPECT_EQ(normalised("*", Method::options), "*");
}

TEST(Target, is_refused_when_another_reader_could_see_another_one) {
  for (const auto* target :
       {"", "a", "*", "h:80", "http:/h/", "http://x@h/", "ftp://h/", "/a#b", "/a b", "/\xC3\xA4",
        "://h/", "/a\"", "/<a>", "/a\\b", "/^", "/`", "/{a}", "/a|b", "/?a={b}"}) {
    EXPECT_EQ(normalised(target), "refused") << target;
  }
}

TEST(Target, in_absolute_form_says_which_host_is_asked) {
  EXPECT_EQ(authority_of("http://other:80/a"), "other:80");
  EXPECT_EQ(authority_of("/a"), "");
}

TEST(Target, may_have_brackets_in_its_query) {
  EXPECT_EQ(normalised("/a?data.age[gte]=3"), "/a?data.age[gte]=3");
}

TEST(Origin, is_found_in_a_head_that_nobody_could_parse) {
  EXPECT_EQ(find_origin("BREW /\r\nHost: a\r\norigin: \t https://a.example\r\nX"),
            "https://a.example");
  EXPECT_EQ(find_origin("GET / HTTP/1.1\nOrigin:null\n"), "null");
  for (const auto* head :
       {"", "Origin: https://a", "GET /\r\nOrigin: https://a", "GET /\r\nX-Origin: https://a\r\n",
        "GET /\r\nOrigin: a b\r\n", "GET /\r\nOrigin: a\x01\r\n", "GET /\r\nOrigin:\r\n"}) {
    EXPECT_EQ(find_origin(head), "") << head;
  }
}

TEST(Host, is_a_name_or_an_address_with_an_optional_port) {
  for (const auto* host :
       {"a", "a:", "a:80", "1.2.3.4", "[::1]", "[::1]:8080", "x_y-z.example", "a:65535"}) {
    EXPECT_TRUE(is_valid_host(host)) << host;
  }
  for (const auto* host : {"", ":80", "a:b", "a:1:2", "[]", "[::1", "[::1]x", "[g]", "u@a", "a/b",
                           "a:65536", "a:-1"}) {
    EXPECT_FALSE(is_valid_host(host)) << host;
  }
}

TEST(ContentLength, is_digits_only) {
  EXPECT_TRUE(is_valid_content_length("0"));
  EXPECT_TRUE(is_valid_content_length("123"));
  for (const auto* text : {"", "+1", "-1", "1,1", "0x1", " 1", "1 "}) {
    EXPECT_FALSE(is_valid_content_length(text)) << text;
  }
}

TEST(Method, is_case_sensitive) {
  EXPECT_EQ(method_from("DELETE"), Method::del);
  EXPECT_FALSE(method_from("delete"));
  EXPECT_FALSE(method_from("TRACE"));
}

}  // namespace
}  // namespace perdure::http
