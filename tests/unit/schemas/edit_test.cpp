// SPDX-License-Identifier: Apache-2.0
#include "schema_text.hpp"

namespace perdure {
namespace {

TEST(StripReadOnly, removes_what_the_server_sets_at_every_depth) {
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
  note.strip_read_only(body);
  EXPECT_EQ(body, json(R"({"kept": 1, "other": 2, "parts": [{"m": 2}, 7], "extra": {"a": {}}})"));
}

TEST(StripReadOnly, leaves_other_values_alone) {
  const auto note = schema(R"({"properties": {"id": {"readOnly": true}}})");
  for (Json value : {Json(1), Json("id"), Json(nullptr), Json::array({"id"})}) {
    const Json before = value;
    note.strip_read_only(value);
    EXPECT_EQ(value, before);
  }
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
