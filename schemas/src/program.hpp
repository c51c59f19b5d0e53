// SPDX-License-Identifier: Apache-2.0
// What a schema is compiled to: one Node for each schema and subschema, linked by index, so that
// references may go round in circles.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "formats.hpp"
#include "pattern.hpp"
#include "perdure/schemas/json.hpp"

namespace perdure {

using NodeIndex = std::uint32_t;
inline constexpr NodeIndex no_node = std::numeric_limits<NodeIndex>::max();

/// The bits of Node::types.
namespace json_type {
inline constexpr std::uint8_t null = 1;
inline constexpr std::uint8_t boolean = 2;
inline constexpr std::uint8_t integer = 4;
inline constexpr std::uint8_t number = 8;
inline constexpr std::uint8_t string = 16;
inline constexpr std::uint8_t array = 32;
inline constexpr std::uint8_t object = 64;
inline constexpr std::uint8_t any = 127;
}  // namespace json_type

struct Count {
  std::size_t min = 0;
  std::size_t max = std::numeric_limits<std::size_t>::max();
};

struct Property {
  std::string name;
  NodeIndex node;
};

struct PatternProperty {
  Pattern pattern;
  NodeIndex node;
};

/// `anyOf` or `oneOf`. Where each branch only demands members, `one_member_of` lists them, and
/// the error can say so instead of "matches no form".
struct Choice {
  std::vector<NodeIndex> branches;
  std::string one_member_of;
};

struct Node {
  std::uint8_t types = json_type::any;
  bool refuses_all = false;  // the schema `false`
  bool read_only = false;
  bool unique_items = false;
  Format format = Format::none;

  std::optional<Json> constant;
  std::optional<Json> default_value;
  std::vector<Json> one_of_values;  // `enum`; unused when empty

  std::optional<Json> minimum;
  std::optional<Json> maximum;
  std::optional<Json> exclusive_minimum;
  std::optional<Json> exclusive_maximum;
  std::optional<Json> multiple_of;

  Count length;
  std::optional<Pattern> pattern;
  std::optional<std::size_t> bytes_max;  // of the value as JSON text

  Count item_count;
  Count contains_count{.min = 1};
  std::vector<NodeIndex> prefix_items;
  NodeIndex items = no_node;
  NodeIndex contains = no_node;

  Count member_count;
  std::vector<Property> properties;  // in byte order of their names, as members are
  std::vector<PatternProperty> pattern_properties;
  NodeIndex additional = no_node;
  NodeIndex property_names = no_node;
  std::vector<std::string> required;
  std::vector<std::pair<std::string, std::vector<std::string>>> dependent_required;
  std::vector<Property> dependent_schemas;

  NodeIndex reference = no_node;
  std::vector<NodeIndex> all_of;
  Choice any_of;
  Choice one_of;
  NodeIndex negated = no_node;
  std::string title;  ///< says what it is, where it stands under `not`
  NodeIndex condition = no_node;
  NodeIndex then = no_node;
  NodeIndex otherwise = no_node;
};

struct SchemaProgram {
  std::vector<Node> nodes;      // the first one is the root
  bool has_to_prepare = false;  // one of them is read-only, or an integer
};

}  // namespace perdure
