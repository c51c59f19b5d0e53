// SPDX-License-Identifier: Apache-2.0
// One table: each keyword with values that it takes and values that it refuses.
#include "schema_text.hpp"

namespace perdure {
namespace {

struct Case {
  const char* schema;
  const char* valid;    // a JSON array of values
  const char* invalid;  // likewise
};

const Case cases[] = {
    {R"(true)", R"([null, 1, {}])", R"([])"},
    {R"(false)", R"([])", R"([null, 1, {}])"},
    {R"({})", R"([null, 1, {}])", R"([])"},
    {R"({"type": "integer"})", R"([1, -1, 1.0, 1e3, 18446744073709551615])", R"([1.5, "1", null])"},
    {R"({"type": "number"})", R"([1, 1.5, -0.0])", R"(["1", true])"},
    {R"({"type": "null"})", R"([null])", R"([0, false, ""])"},
    {R"({"type": "boolean"})", R"([true, false])", R"([0, null, "true"])"},
    {R"({"type": ["string", "null"]})", R"(["", null])", R"([0, [], {}])"},
    {R"({"type": "array"})", R"([[], [1]])", R"([{}, ""])"},
    {R"({"type": "object"})", R"([{}])", R"([[], null])"},
    {R"({"enum": [1, "a", null, {"b": [1.0]}]})", R"([1.0, "a", null, {"b": [1]}])",
     R"([2, "b", true, {"b": [2]}, {"b": [1], "c": 1}])"},
    {R"({"enum": []})", R"([])", R"([null, 1])"},
    {R"({"const": 9007199254740993})", R"([9007199254740993])",
     R"([9007199254740992, 9007199254740992.0, -9007199254740993])"},
    {R"({"const": false})", R"([false])", R"([0, null, [], true])"},
    {R"({"const": 18446744073709551615})", R"([18446744073709551615])",
     R"([-1, 1.8446744073709552e19])"},
    {R"({"const": -2})", R"([-2, -2.0])", R"([2, 18446744073709551614, -2.5])"},

    {R"({"minimum": 1.5})", R"([1.5, 2, "0"])", R"([1, 1.4999, -3])"},
    {R"({"maximum": 3})", R"([3, 3.0, -1, null])", R"([3.0001, 4, 18446744073709551615])"},
    {R"({"exclusiveMinimum": 0})", R"([1, 0.0001])", R"([0, 0.0, -1])"},
    {R"({"exclusiveMaximum": 10})", R"([9, 9.999])", R"([10, 10.0, 11])"},
    {R"({"maximum": 9223372036854775807})", R"([9223372036854775807])",
     R"([9223372036854775808, 9.223372036854776e18, 1e300])"},
    {R"({"multipleOf": 2})", R"([0, 4, -6, 2.0, "x"])", R"([1, 3.0, 2.5])"},
    {R"({"multipleOf": 0.0001})", R"([0.0075, 1])", R"([0.00751])"},
    {R"({"multipleOf": 0.01})", R"([4.35, 19.99, 0.07])", R"([4.355])"},

    {R"({"minLength": 2})", R"(["ab", "éé", 1])", R"(["", "a", "é", "💩"])"},
    {R"({"maxLength": 2})", R"(["", "ab", "💩💩"])", R"(["abc", "💩💩💩"])"},
    {R"({"pattern": "b+"})", R"(["abc", 1])", R"(["", "ac"])"},
    {R"({"pattern": "^b+$"})", R"(["bb"])", R"(["abb", "bb\n"])"},
    {R"({"format": "date"})", R"(["2026-01-31", 1])", R"(["2026-02-30"])"},

    {R"({"items": {"type": "integer"}})", R"([[], [1, 2], {"0": "x"}])", R"([[1, "2"]])"},
    {R"({"items": false})", R"([[]])", R"([[1]])"},
    {R"({"prefixItems": [{"type": "integer"}, {"type": "string"}]})",
     R"([[], [1], [1, "a"], [1, "a", null]])", R"([["a"], [1, 2]])"},
    {R"({"prefixItems": [true], "items": {"type": "null"}})", R"([["x"], ["x", null]])",
     R"([["x", 1]])"},
    {R"({"contains": {"minimum": 5}})", R"([[5], [1, 6], {}])", R"([[], [1, 2]])"},
    {R"({"contains": {"const": 1}, "minContains": 0})", R"([[], [2]])", R"([])"},
    {R"({"contains": {"const": 1}, "minContains": 2, "maxContains": 3})",
     R"([[1, 1], [1, 2, 1, 1]])", R"([[1], [1, 1, 1, 1]])"},
    {R"({"minContains": 2})", R"([[], [1]])", R"([])"},
    {R"({"minItems": 1, "maxItems": 2})", R"([[1], [1, 2], "x"])", R"([[], [1, 2, 3]])"},
    {R"({"uniqueItems": true})", R"([[], [1, 2], [1, true], [[1], [2]], ["1", 1], [{}, []]])",
     R"([[1, 1], [1, 1.0], [{"a": 1, "b": 2}, {"b": 2, "a": 1}], [[1], [1]]])"},
    {R"({"uniqueItems": true})",
     R"([[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, "1", true, null]])",
     R"([[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, {"a": 1}, 18, {"a": 1.0}]])"},
    {R"({"uniqueItems": false})", R"([[1, 1]])", R"([])"},

    {R"({"properties": {"a": {"type": "integer"}, "c": false}})", R"([{}, {"a": 1, "b": "x"}, []])",
     R"([{"a": "1"}, {"c": 1}])"},
    {R"({"required": ["a", "b"]})", R"([{"a": null, "b": 1}, []])", R"([{}, {"a": 1}])"},
    {R"({"properties": {"b": {}}, "additionalProperties": false})", R"([{}, {"b": 1}])",
     R"([{"a": 1}, {"b": 1, "c": 1}])"},
    {R"({"additionalProperties": {"type": "integer"}})", R"([{"a": 1}])", R"([{"a": "1"}])"},
    {R"({"patternProperties": {"^x": {"type": "integer"}}, "additionalProperties": false})",
     R"([{"x1": 1}])", R"([{"x1": "1"}, {"y": 1}])"},
    {R"({"properties": {"xa": {"minimum": 3}}, "patternProperties": {"^x": {"maximum": 5}}})",
     R"([{"xa": 4, "xb": 1}])", R"([{"xa": 6}, {"xa": 1}, {"xb": 6}])"},
    {R"({"propertyNames": {"maxLength": 2}})", R"([{}, {"ab": 1}])", R"([{"abc": 1}])"},
    {R"({"minProperties": 1, "maxProperties": 2})", R"([{"a": 1}, []])",
     R"([{}, {"a": 1, "b": 1, "c": 1}])"},
    {R"({"dependentRequired": {"a": ["b"]}})", R"([{}, {"b": 1}, {"a": 1, "b": 1}])",
     R"([{"a": 1}])"},
    {R"({"dependentSchemas": {"a": {"required": ["b"], "maxProperties": 2}}})",
     R"([{}, {"x": 1, "y": 2, "z": 3}, {"a": 1, "b": 1}])",
     R"([{"a": 1}, {"a": 1, "b": 1, "c": 1}])"},

    {R"({"allOf": [{"minimum": 1}, {"maximum": 3}]})", R"([1, 3])", R"([0, 4])"},
    {R"({"anyOf": [{"type": "string"}, {"minimum": 3}]})", R"(["", 3])", R"([2])"},
    {R"({"oneOf": [{"minimum": 3}, {"maximum": 5}]})", R"([2, 6])", R"([4, "both"])"},
    {R"({"not": {"type": "string"}})", R"([1, null])", R"(["x"])"},
    {R"({"not": {"not": {"type": "string"}}})", R"(["x"])", R"([1])"},
    {R"({"if": {"minimum": 10}, "then": {"multipleOf": 10}, "else": {"multipleOf": 3}})",
     R"([20, 9])", R"([15, 8])"},
    {R"({"if": {"minimum": 10}})", R"([1, 20])", R"([])"},
    {R"({"then": false, "else": false})", R"([1])", R"([])"},

    {R"({"$defs": {"n": {"type": "integer"}}, "items": {"$ref": "#/$defs/n"}})", R"([[1]])",
     R"([["x"]])"},
    {R"({"properties": {"next": {"$ref": "#"}}, "additionalProperties": false})",
     R"([{}, {"next": {"next": {}}}])", R"([{"next": {"next": {"x": 1}}}])"},
    {R"({"$defs": {"a/b~c %": {"const": 1}}, "$ref": "#/$defs/a~1b~0c%20%25"})", R"([1])",
     R"([2])"},
    {R"({"$ref": "#/$defs/n", "minimum": 5, "$defs": {"n": {"maximum": 9}}})", R"([5, 9])",
     R"([4, 10])"},
    {R"({"$id": "urn:x", "$defs": {"n": {"const": 1}}, "$ref": "urn:x#/$defs/n"})", R"([1])",
     R"([2])"},

    {R"({"x-max-bytes": 9})", R"(["1234567", {"a": 1.5}, [1, 2, 3]])",
     R"(["12345678", "\u0001\u0001", {"a": 1.25}, [1, 2, 3, 4, 5]])"},
    {R"({"title": "t", "description": "d", "default": 1, "examples": [1], "deprecated": true,
         "readOnly": true, "writeOnly": false, "$comment": "c", "x-own": {}, "$schema": "s"})",
     R"([1, "x"])", R"([])"},
};

TEST(Keywords, take_and_refuse_what_the_standard_says) {
  for (const auto& [text, valid, invalid] : cases) {
    const auto compiled = Schema::compile(json(text));
    ASSERT_TRUE(compiled) << text << ' ' << to_string(compiled.error());
    for (const auto& value : json(valid)) {
      EXPECT_EQ(verdict(*compiled, value), "valid") << text << " for " << value;
    }
    for (const auto& value : json(invalid)) {
      EXPECT_NE(verdict(*compiled, value), "valid") << text << " for " << value;
    }
  }
}

}  // namespace
}  // namespace perdure
