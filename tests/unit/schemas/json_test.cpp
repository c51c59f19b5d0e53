// SPDX-License-Identifier: Apache-2.0
#include "perdure/schemas/json.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>

#include "schema_text.hpp"

namespace perdure {
namespace {

namespace fs = std::filesystem;

std::string nested(std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); }

TEST(ParseJson, agrees_with_the_public_suite) {
  const fs::path folder = fs::path{PERDURE_SHARED_DATA} / "json";
  if (!fs::is_directory(folder)) GTEST_SKIP() << "no test documents at " << folder;
  std::size_t decided = 0;
  for (const auto& file : fs::directory_iterator{folder}) {
    std::ifstream in{file.path(), std::ios::binary};
    const std::string text{std::istreambuf_iterator<char>{in}, {}};
    const auto name = file.path().filename().string();
    const auto parsed = parse_json(text);  // i_ files: any answer, but an answer
    if (name.starts_with("i_")) continue;
    ++decided;
    EXPECT_EQ(parsed.has_value(), name.starts_with("y_")) << name;
  }
  EXPECT_EQ(decided, 283U);
}

TEST(ParseJson, keeps_every_number_that_it_takes) {
  for (const auto* text :
       {"0", "-0", "0.1", "1.0", "100e-2", "1e22", "5e-324", "1.7976931348623157e308", "1e-300",
        "18446744073709551615", "-9223372036854775808", "123456789012345680000",
        "0.30000000000000004", "9007199254740993", "0e400", "-0.0", "100000000000000000000000",
        "123.4560000000000000000"}) {
    const auto parsed = parse_json(text);
    ASSERT_TRUE(parsed) << text << ": " << to_string(parsed.error());
    EXPECT_EQ(parse_json(dump_json(*parsed)).value(), *parsed) << text;
  }
}

TEST(ParseJson, keeps_the_sign_of_zero) {
  for (const auto* text : {"-0", "[-0]", "-0.0", "[1, {\"a\": -0}]"}) {
    EXPECT_NE(dump_json(parse_json(text).value()).find("-0"), std::string::npos) << text;
  }
  EXPECT_EQ(dump_json(parse_json("[0,-1]").value()), "[0,-1]");
}

TEST(ParseJson, refuses_a_number_that_it_would_keep_as_another_and_says_where) {
  for (const auto* number :
       {"18446744073709551616", "18446744073709551617", "12345678901234567890123",
        "-9223372036854775809", "0.12345678901234567890", "1.00000000000000001",
        "9007199254740993.0", "1e-400", "123.456e-789", "3.14159265358979323846"}) {
    const auto text = R"({"a":[1,"x",{"b/c~":)" + std::string{number} + "}]}";
    const auto parsed = parse_json(text);
    ASSERT_FALSE(parsed) << number << " became " << dump_json(*parsed);
    EXPECT_EQ(parsed.error().code, ErrorCode::invalid);
    ASSERT_EQ(parsed.error().fields.size(), 1U) << number;
    EXPECT_EQ(parsed.error().fields[0].pointer, "/a/2/b~1c~0");
    EXPECT_EQ(parsed.error().fields[0].code, "number");
  }
}

TEST(ParseJson, refuses_what_follows_the_text) {
  EXPECT_TRUE(parse_json(" {} \r\n\t"));
  for (const auto text : {std::string_view{"{}\0", 3}, std::string_view{"{} x"},
                          std::string_view{"1 2"}, std::string_view{""}, std::string_view{" "}}) {
    const auto parsed = parse_json(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().code, ErrorCode::malformed);
  }
}

TEST(ParseJson, refuses_bytes_that_are_not_utf8) {
  for (const auto* text :
       {"\"\xFF\"", "\"\xC0\x80\"", "\"\xED\xA0\x80\"", "{\"\xE9\": 1}", "\"\xF4\x90\x80\x80\""}) {
    EXPECT_FALSE(parse_json(text)) << text;
  }
}

TEST(ParseJson, refuses_escapes_of_half_a_surrogate_pair) {
  EXPECT_TRUE(parse_json(R"("\ud83d\udca9")"));
  EXPECT_FALSE(parse_json(R"("\ud83d")"));
  EXPECT_FALSE(parse_json(R"("\udca9\ud83d")"));
}

TEST(ParseJson, is_bounded_in_depth) {
  EXPECT_TRUE(parse_json(nested(limits::json_depth_max)));
  const auto deeper = parse_json(nested(limits::json_depth_max + 1));
  ASSERT_FALSE(deeper);
  EXPECT_EQ(deeper.error().detail, "not JSON: nested deeper than 64 levels");
  EXPECT_FALSE(parse_json(std::string(10'000'000, '[')));
  EXPECT_TRUE(parse_json("[[[]]]", 3));
  EXPECT_FALSE(parse_json(R"([{"a": []}])", 2));
  // Many siblings are not deep.
  EXPECT_TRUE(parse_json("[" + std::string(100, ' ') + "[],{},[[]],{\"a\":[]}]", 3));
}

TEST(ParseJson, says_where_it_stopped) {
  const auto parsed = parse_json(R"({"a": tru})");
  ASSERT_FALSE(parsed);
  EXPECT_NE(parsed.error().detail.find("at byte 10"), std::string::npos) << parsed.error().detail;
}

TEST(DumpJson, writes_equal_values_alike) {
  EXPECT_EQ(dump_json(json(R"({ "b": 1.50, "a": [ null ] })")), R"({"a":[null],"b":1.5})");
  EXPECT_EQ(dump_json(json(R"("\u00e9\/\u0001")")), "\"é/\\u0001\"");
}

TEST(SerializedSize, is_the_length_of_what_is_written) {
  for (const auto* text :
       {"null", "true", "false", "0", "-1", "18446744073709551615", "-9223372036854775808", "1.5",
        "-0.0", "1e300", "1e-7", "123456789.125", "\"\"", "[]", "{}", "[1]", "[1,[],{}]",
        R"("\" \\ \b \f \n \r \t \u0001 \u001f \u007f é 💩 /")", R"({"":"","a\n":{"b":[1.0,2]}})"}) {
    const Json value = json(text);
    EXPECT_EQ(serialized_size(value), dump_json(value).size()) << text;
  }
  EXPECT_EQ(serialized_size(Json(std::numeric_limits<double>::infinity())), 4U);
}

TEST(SerializedSize, stops_once_there_is_enough) {
  const Json value(std::vector<int>(1'000, 7));
  EXPECT_GT(serialized_size(value, 10), 10U);
  EXPECT_EQ(serialized_size(value, 10'000), 2'001U);
}

TEST(MergePatch, gives_the_examples_of_rfc_7396) {
  const struct {
    const char* target;
    const char* patch;
    const char* result;
  } cases[] = {
      {R"({"a":"b"})", R"({"a":"c"})", R"({"a":"c"})"},
      {R"({"a":"b"})", R"({"b":"c"})", R"({"a":"b","b":"c"})"},
      {R"({"a":"b"})", R"({"a":null})", R"({})"},
      {R"({"a":"b","b":"c"})", R"({"a":null})", R"({"b":"c"})"},
      {R"({"a":["b"]})", R"({"a":"c"})", R"({"a":"c"})"},
      {R"({"a":"c"})", R"({"a":["b"]})", R"({"a":["b"]})"},
      {R"({"a":{"b":"c"}})", R"({"a":{"b":"d","c":null}})", R"({"a":{"b":"d"}})"},
      {R"({"a":[{"b":"c"}]})", R"({"a":[1]})", R"({"a":[1]})"},
      {R"(["a","b"])", R"(["c","d"])", R"(["c","d"])"},
      {R"({"a":"b"})", R"(["c"])", R"(["c"])"},
      {R"({"a":"foo"})", R"(null)", R"(null)"},
      {R"({"a":"foo"})", R"("bar")", R"("bar")"},
      {R"({"e":null})", R"({"a":1})", R"({"e":null,"a":1})"},
      {R"([1,2])", R"({"a":"b","c":null})", R"({"a":"b"})"},
      {R"({})", R"({"a":{"bb":{"ccc":null}}})", R"({"a":{"bb":{}}})"},
  };
  for (const auto& [target, patch, result] : cases) {
    Json value = json(target);
    merge_patch(value, json(patch));
    EXPECT_EQ(value, json(result)) << target << ' ' << patch;
  }
}

}  // namespace
}  // namespace perdure
