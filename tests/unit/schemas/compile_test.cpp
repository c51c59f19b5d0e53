// SPDX-License-Identifier: Apache-2.0
// What a schema must not be, and that no schema of any user can stop the server.
#include <chrono>

#include "schema_text.hpp"

namespace perdure {
namespace {

std::string refusal(const Json& text, const Schema::Lookup& lookup = {}) {
  const auto compiled = Schema::compile(text, lookup);
  if (compiled) return "compiled";
  EXPECT_EQ(compiled.error().code, ErrorCode::invalid);
  return compiled.error().fields.at(0).pointer;
}

TEST(Compile, refuses_keywords_that_it_could_not_honour) {
  for (const auto* keyword :
       {"$dynamicRef", "$dynamicAnchor", "$anchor", "$vocabulary", "unevaluatedProperties",
        "unevaluatedItems", "contentSchema", "definitions", "dependencies", "maxLenght"}) {
    const Json text{{"properties", {{"a", {{keyword, "x"}}}}}};
    EXPECT_EQ(refusal(text), std::string{"/properties/a/"} + keyword);
    EXPECT_NE(Schema::compile(text).error().detail.find(keyword), std::string::npos);
  }
}

TEST(Compile, refuses_values_of_the_wrong_form) {
  const std::pair<const char*, const char*> wrong[] = {
      {R"(1)", ""},
      {R"({"type": "text"})", "/type"},
      {R"({"type": ["string", 1]})", "/type"},
      {R"({"type": []})", "/type"},
      {R"({"enum": 1})", "/enum"},
      {R"({"required": "a"})", "/required"},
      {R"({"required": [1]})", "/required"},
      {R"({"minLength": -1})", "/minLength"},
      {R"({"maxItems": 1.5})", "/maxItems"},
      {R"({"maxItems": "1"})", "/maxItems"},
      {R"({"minItems": 1e300})", "/minItems"},
      {R"({"minimum": "1"})", "/minimum"},
      {R"({"multipleOf": 0})", "/multipleOf"},
      {R"({"multipleOf": -1})", "/multipleOf"},
      {R"({"pattern": "("})", "/pattern"},
      {R"({"pattern": 1})", "/pattern"},
      {R"({"patternProperties": {"[": true}})", "/patternProperties"},
      {R"({"format": "ipv4"})", "/format"},
      {R"({"properties": []})", "/properties"},
      {R"({"properties": {"a/b": 1}})", "/properties/a~1b"},
      {R"({"allOf": []})", "/allOf"},
      {R"({"allOf": {}})", "/allOf"},
      {R"({"items": [true]})", "/items"},
      {R"({"uniqueItems": 1})", "/uniqueItems"},
      {R"({"readOnly": 1})", "/readOnly"},
      {R"({"dependentRequired": {"a": "b"}})", "/dependentRequired"},
      {R"({"$defs": []})", "/$defs"},
      {R"({"$defs": {"unused": {"type": "text"}}})", "/$defs/unused/type"},
      {R"({"items": {"$id": "urn:x"}})", "/items/$id"},
      {R"({"x-max-bytes": -1})", "/x-max-bytes"},
  };
  for (const auto& [text, pointer] : wrong) EXPECT_EQ(refusal(json(text)), pointer) << text;
}

TEST(Compile, refuses_references_to_nothing) {
  for (const auto* reference : {"#/$defs/none", "#anchor", "Other", "#/%zz", "#/~2", "#/enum/01",
                                "#/enum/9", "https://example.com/x"}) {
    EXPECT_EQ(refusal({{"items", {{"$ref", reference}}}, {"enum", {true}}}), "/items/$ref")
        << reference;
  }
  EXPECT_EQ(refusal({{"$ref", 1}}), "/$ref");
}

TEST(Compile, finds_other_schemas_by_name) {
  const Json other = json(R"({"type": "object", "properties": {"n": {"$ref": "#/$defs/n"}},
                              "$defs": {"n": {"type": "integer"}}})");
  const auto lookup = [&](std::string_view name) { return name == "Other" ? &other : nullptr; };
  const auto compiled = Schema::compile(
      json(R"({"properties": {"a": {"$ref": "Other"}, "b": {"$ref": "Other#/$defs/n"}}})"), lookup);
  ASSERT_TRUE(compiled);
  EXPECT_EQ(verdict(*compiled, json(R"({"a": {"n": 1}, "b": 2})")), "valid");
  EXPECT_EQ(verdict(*compiled, json(R"({"a": {"n": "x"}, "b": "y"})")), "/a/n type, /b type");
  EXPECT_EQ(refusal({{"$ref", "Another"}}, lookup), "/$ref");
}

TEST(Compile, refuses_schemas_that_lead_to_themselves_without_going_into_the_value) {
  EXPECT_EQ(refusal(json(R"({"$ref": "#"})")), "");
  EXPECT_EQ(refusal(json(R"({"not": {"allOf": [{"$ref": "#"}]}})")), "");
  EXPECT_EQ(refusal(json(R"({"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}})")),
            "");
  EXPECT_EQ(refusal(json(R"({"dependentSchemas": {"a": {"if": {"$ref": "#"}}}})")), "");
}

Json chain_of_references(int length) {
  Json text{{"$defs", {{"0", true}}}, {"$ref", "#/$defs/" + std::to_string(length)}};
  for (int i = 1; i <= length; ++i) {
    text["$defs"][std::to_string(i)] = {{"$ref", "#/$defs/" + std::to_string(i - 1)}};
  }
  return text;
}

TEST(Compile, bounds_chains_of_references) {
  EXPECT_EQ(refusal(chain_of_references(60)), "compiled");
  EXPECT_EQ(refusal(chain_of_references(64)), "");
  EXPECT_EQ(refusal(chain_of_references(5'000)), "");
}

TEST(Compile, bounds_the_number_of_subschemas) {
  Json text{{"properties", Json::object()}};
  for (std::size_t i = 0; i < limits::schema_nodes_max; ++i) {
    text["properties"][std::to_string(i)] = true;
  }
  EXPECT_EQ(refusal(text), "");
  text["properties"].erase("0");
  EXPECT_EQ(refusal(text), "compiled");
}

TEST(Compile, a_schema_whose_branches_multiply_ends_in_an_error) {
  Json text{{"$defs", {{"0", {{"type", "integer"}}}}}, {"$ref", "#/$defs/29"}};
  for (int i = 1; i < 30; ++i) {
    const Json below{{"$ref", "#/$defs/" + std::to_string(i - 1)}};
    text["$defs"][std::to_string(i)] = {{"allOf", {below, below}}};
  }
  const auto compiled = Schema::compile(text).value();
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(verdict(compiled, 1), " too_complex");
  Json value = 1;
  compiled.prepare(value);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds{30});
}

TEST(Compile, a_negated_schema_cannot_turn_too_complex_into_valid) {
  Json text{{"$defs", {{"0", {{"type", "integer"}}}}}, {"not", {{"$ref", "#/$defs/29"}}}};
  for (int i = 1; i < 30; ++i) {
    const Json below{{"$ref", "#/$defs/" + std::to_string(i - 1)}};
    text["$defs"][std::to_string(i)] = {{"allOf", {below, below}}};
  }
  EXPECT_EQ(verdict(Schema::compile(text).value(), 1), " too_complex");
}

TEST(Compile, a_value_deeper_than_any_body_ends_in_an_error) {
  const auto tree = schema(R"({"items": {"$ref": "#"}})");
  Json value = 1;
  for (int i = 0; i < 5'000; ++i) value = Json::array({std::move(value)});
  EXPECT_EQ(verdict(tree, value), " too_complex");
}

TEST(Schema, lives_longer_than_what_it_was_compiled_from) {
  const auto compiled = [] {
    const Json text = json(R"({"enum": ["a long enough string to live on the heap"]})");
    return Schema::compile(text).value();
  }();
  const Schema copy = compiled;
  EXPECT_EQ(verdict(copy, "a long enough string to live on the heap"), "valid");
  EXPECT_EQ(verdict(copy, "b"), " enum");
}

}  // namespace
}  // namespace perdure
