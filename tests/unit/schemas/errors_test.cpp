// SPDX-License-Identifier: Apache-2.0
// Errors name the place, the rule by its stable code, and say it in a sentence.
#include "schema_text.hpp"

namespace perdure {
namespace {

struct Case {
  const char* schema;
  const char* value;
  const char* pointer;
  const char* code;
  const char* message;
};

const Case cases[] = {
    {R"({"type": "string"})", "1", "", "type", "must be a string"},
    {R"({"type": ["number", "null"]})", "{}", "", "type", "must be a number or null"},
    {R"({"type": "integer"})", "1.5", "", "type", "must be an integer"},
    {R"({"enum": ["a", 1]})", "2", "", "enum", "must be one of \"a\", 1"},
    {R"({"const": {"a": 1}})", "2", "", "const", "must be {\"a\":1}"},
    {R"({"minLength": 1})", R"("")", "", "too_short", "must have at least 1 character"},
    {R"({"maxLength": 2})", R"("abc")", "", "too_long", "must have at most 2 characters"},
    {R"({"pattern": "^a"})", R"("b")", "", "pattern", "must match ^a"},
    {R"({"format": "uuid"})", R"("b")", "", "format", "must be in the form of: uuid"},
    {R"({"minimum": 1})", "0", "", "minimum", "must be at least 1"},
    {R"({"maximum": 1})", "2", "", "maximum", "must be at most 1"},
    {R"({"exclusiveMinimum": 1})", "1", "", "minimum", "must be more than 1"},
    {R"({"exclusiveMaximum": 1})", "1", "", "maximum", "must be less than 1"},
    {R"({"multipleOf": 0.5})", "0.7", "", "multiple_of", "must be a multiple of 0.5"},
    {R"({"minItems": 1})", "[]", "", "too_few", "must have at least 1 item"},
    {R"({"maxItems": 1})", "[1, 2]", "", "too_many", "must have at most 1 item"},
    {R"({"uniqueItems": true})", "[1, 1]", "", "duplicate", "must not have the same item twice"},
    {R"({"contains": {"const": 1}})", "[2]", "", "contains",
     "must have at least 1 item of a certain form"},
    {R"({"contains": true, "maxContains": 1})", "[2, 3]", "", "contains",
     "must have at most 1 item of a certain form"},
    {R"({"required": ["a/b"]})", "{}", "/a~1b", "required", "is required"},
    {R"({"additionalProperties": false})", R"({"~": 1})", "/~0", "unknown_member",
     "is not a known member"},
    {R"({"minProperties": 1})", "{}", "", "too_few", "must have at least 1 member"},
    {R"({"maxProperties": 0})", R"({"a": 1})", "", "too_many", "must have at most 0 members"},
    {R"({"propertyNames": {"maxLength": 1}})", R"({"ab": 1})", "/ab", "too_long",
     "must have at most 1 character"},
    {R"({"dependentRequired": {"a": ["b"]}})", R"({"a": 1})", "/b", "required",
     "is required together with a"},
    {R"({"properties": {"a": false}})", R"({"a": 1})", "/a", "not_allowed", "must not be present"},
    {R"({"not": {}})", "1", "", "not", "must not have this form"},
    {R"({"not": {"title": "the number one", "const": 1}})", "1", "", "not",
     "must not be the number one"},
    {R"({"anyOf": [{"const": 1}, {"const": 2}]})", "3", "", "any_of",
     "must have one of the allowed forms"},
    {R"({"anyOf": [{"type": "null"}, {"type": "string", "maxLength": 1}]})", R"("ab")", "",
     "too_long", "must have at most 1 character"},
    {R"({"anyOf": [{"required": ["a"]}, {"required": ["b"]}]})", "{}", "", "any_of",
     "must have at least one of the members `a`, `b`"},
    {R"({"oneOf": [true, true]})", "3", "", "one_of", "must have exactly one of the allowed forms"},
    {R"({"oneOf": [{"required": ["a"]}, {"required": ["b"]}]})", R"({"a": 1, "b": 1})", "",
     "one_of", "must have exactly one of the members `a`, `b`"},
    {R"({"x-max-bytes": 4})", R"("abc")", "", "too_large", "must have at most 4 bytes as JSON"},
    {R"({"if": true, "then": {"items": {"minimum": 1}}})", "[1, 0]", "/1", "minimum",
     "must be at least 1"},
};

TEST(Validate, tells_place_code_and_sentence) {
  for (const auto& expected : cases) {
    const auto errors = schema(expected.schema).validate(json(expected.value));
    ASSERT_EQ(errors.size(), 1U) << expected.schema;
    EXPECT_EQ(errors[0].pointer, expected.pointer) << expected.schema;
    EXPECT_EQ(errors[0].code, expected.code) << expected.schema;
    EXPECT_EQ(errors[0].message, expected.message) << expected.schema;
  }
}

TEST(Validate, collects_all_errors_of_a_body) {
  const auto note = schema(R"({
    "type": "object",
    "properties": {
      "title": {"type": "string", "maxLength": 3, "pattern": "^[a-z]*$"},
      "tags": {"type": "array", "items": {"type": "string"}},
      "place": {"type": "object", "properties": {"lat": {"minimum": -90}}, "required": ["lon"]}
    },
    "required": ["id"],
    "additionalProperties": false
  })");
  EXPECT_EQ(verdict(note, json(R"({"title": "ABCD", "tags": ["a", 1, null], "extra": 1,
                                   "place": {"lat": -91}})")),
            "/id required, /extra unknown_member, /place/lon required, /place/lat minimum, "
            "/tags/1 type, /tags/2 type, /title too_long, /title pattern");
}

TEST(Validate, reports_a_member_once_when_its_type_is_wrong) {
  EXPECT_EQ(verdict(schema(R"({"type": "string", "minLength": 3, "enum": ["abc"]})"), 1), " type");
}

TEST(Validate, dependent_members_that_are_all_there_do_not_hide_other_errors) {
  const auto two = schema(R"({"dependentRequired": {"a": ["b"], "c": ["d"]}})");
  EXPECT_EQ(verdict(two, json(R"({"a": 1, "c": 1, "b": 1})")), "/d required");
  EXPECT_EQ(verdict(two, json(R"({"a": 1, "c": 1, "d": 1})")), "/b required");
  EXPECT_EQ(verdict(schema(R"({"not": {"dependentRequired": {"a": ["b"]}}})"), json(R"({"a": 1})")),
            "valid");
}

TEST(Validate, stops_at_its_limit) {
  const auto errors =
      schema(R"({"items": {"type": "string"}})").validate(Json(std::vector<int>(5'000, 1)));
  EXPECT_EQ(errors.size(), limits::schema_errors_max);
  const auto unknown = schema(R"({"additionalProperties": false})");
  Json many = Json::object();
  for (int i = 0; i < 1'000; ++i) many[std::to_string(i)] = i;
  EXPECT_EQ(unknown.validate(many).size(), limits::schema_errors_max);
}

TEST(Validate, does_not_look_into_lists_past_their_bound) {
  EXPECT_EQ(verdict(schema(R"({"maxItems": 1, "items": {"type": "string"}})"), {1, 2, 3}),
            " too_many");
}

TEST(InvalidValue, sums_up_and_keeps_the_fields) {
  const auto one = invalid_value({{"/a", "required", "is required"}});
  EXPECT_EQ(one.code, ErrorCode::invalid);
  EXPECT_EQ(one.detail, "/a is required");
  const auto two = invalid_value({{"", "type", "must be an object"}, {"/b", "type", "…"}});
  EXPECT_EQ(two.detail, "the body must be an object (and 1 more)");
  EXPECT_EQ(two.fields.size(), 2U);
}

}  // namespace
}  // namespace perdure
