// SPDX-License-Identifier: Apache-2.0
#include "perdure/schemas/pointer.hpp"
#include "schema_text.hpp"

namespace perdure {
namespace {

TEST(Prepare, removes_what_the_server_sets_at_every_depth) {
  const auto note = schema(R"({
    "properties": {
      "id": {"readOnly": true},
      "by": {"$ref": "#/$defs/stamp"},
      "parts": {"items": {"$ref": "#/$defs/part"}},
      "extra": {"additionalProperties": {"$ref": "#/$defs/part"}},
      "kept": {"readOnly": false}
    },
    "allOf": [{"properties": {"etag": {"readOnly": true}}}],
    "$defs": {
      "stamp": {"type": "string", "readOnly": true},
      "part": {"properties": {"n": {"readOnly": true}}}
    }
  })");
  Json body = json(R"({"id": 1, "by": "x", "etag": 5, "kept": 1, "other": 2,
                       "parts": [{"n": 1, "m": 2}, 7], "extra": {"a": {"n": 1}}})");
  note.prepare(body);
  EXPECT_EQ(body, json(R"({"kept": 1, "other": 2, "parts": [{"m": 2}, 7], "extra": {"a": {}}})"));
}

TEST(Prepare, leaves_other_values_alone) {
  const auto note = schema(R"({"properties": {"id": {"readOnly": true}}})");
  for (Json value : {Json(1), Json("id"), Json(nullptr), Json::array({"id"})}) {
    const Json before = value;
    note.prepare(value);
    EXPECT_EQ(value, before);
  }
}

TEST(Prepare, makes_integers_of_numbers_without_a_fraction_where_the_schema_says_integer) {
  const auto note = schema(R"({"properties": {
    "count": {"type": ["integer", "null"]}, "size": {"type": "number"}, "any": {},
    "list": {"items": {"$ref": "#/$defs/whole"}}}, "$defs": {"whole": {"type": "integer"}}})");
  Json body = json(R"({"count": 60000.0, "size": 2.0, "any": 2.0, "list": [-3.0, 1e3, 0.5, 1e300,
                       -0.0]})");
  note.prepare(body);
  EXPECT_EQ(dump_json(body),
            R"({"any":2.0,"count":60000,"list":[-3,1000,0.5,1e+300,0],"size":2.0})");
}

TEST(WholeNumber, is_exact_or_none) {
  EXPECT_EQ(whole_number(5), 5);
  EXPECT_EQ(whole_number(-5.0), -5);
  EXPECT_EQ(whole_number(9'007'199'254'740'992.0), 9'007'199'254'740'992);
  EXPECT_EQ(whole_number(-9'223'372'036'854'775'808.0), INT64_MIN);
  EXPECT_EQ(whole_number(std::uint64_t{INT64_MAX}), INT64_MAX);
  for (const Json& none : {Json(0.5), Json(1e300), Json(9'223'372'036'854'775'808.0), Json("5"),
                           Json(nullptr), Json(true), Json(std::uint64_t{1} << 63)}) {
    EXPECT_FALSE(whole_number(none)) << none;
  }
}

TEST(Pointers, escape_names_and_are_taken_apart_again) {
  EXPECT_EQ(pointer_to("a/b~c"), "/a~1b~0c");
  EXPECT_EQ(append_step("/x", ""), "/x/");
  EXPECT_EQ(steps_of("/a~1b~0c/~01/"), (std::vector<std::string>{"a/b~c", "~1", ""}));
  EXPECT_EQ(steps_of(""), std::vector<std::string>{});
  for (const auto* bad : {"a", "/~", "/~2", "/a~"}) EXPECT_FALSE(steps_of(bad)) << bad;
}

TEST(FillDefaults, adds_what_is_absent_and_nothing_else) {
  const auto note = schema(R"({
    "properties": {
      "title": {"type": "string"},
      "tags": {"default": []},
      "color": {"$ref": "#/$defs/color"},
      "place": {"default": {}, "properties": {"zoom": {"default": 3}}}
    },
    "$defs": {"color": {"default": "red"}}
  })");
  Json empty = Json::object();
  note.fill_defaults(empty);
  EXPECT_EQ(empty, json(R"({"tags": [], "color": "red", "place": {"zoom": 3}})"));
  Json full = json(R"({"tags": null, "color": "blue", "place": {"zoom": 1}, "x": 1})");
  const Json before = full;
  note.fill_defaults(full);
  EXPECT_EQ(full, before);
}

TEST(FillDefaults, a_default_that_calls_for_itself_comes_to_an_end) {
  const auto tree = schema(R"({"properties": {"a": {"$ref": "#", "default": {}},
                                              "b": {"$ref": "#", "default": {}}}})");
  Json value = Json::object();
  tree.fill_defaults(value);
  EXPECT_TRUE(value.contains("a"));
}

}  // namespace
}  // namespace perdure
