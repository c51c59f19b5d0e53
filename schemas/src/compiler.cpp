// SPDX-License-Identifier: Apache-2.0
#include "compiler.hpp"

#include <algorithm>
#include <array>

#include "values.hpp"

namespace perdure {

namespace {

constexpr std::array<std::pair<std::string_view, std::uint8_t>, 7> type_names{{
    {"null", json_type::null},
    {"boolean", json_type::boolean},
    {"integer", json_type::integer},
    {"number", json_type::number},
    {"string", json_type::string},
    {"array", json_type::array},
    {"object", json_type::object},
}};

/// The bits of a type's name; 0 when there is none such.
std::uint8_t type_bits(const Json& name) {
  for (const auto& [known, bits] : type_names) {
    if (name.is_string() && name.get_ref<const std::string&>() == known) {
      // Every integer is a number.
      return bits == json_type::number ? json_type::number | json_type::integer : bits;
    }
  }
  return 0;
}

/// The members that each branch demands, when it does nothing else: "`a`, `b`".
std::string sole_required_members(const Json& branches) {
  std::string names;
  for (const Json& branch : branches) {
    if (!branch.is_object() || branch.size() != 1 || !branch.contains("required")) return {};
    const Json& required = branch["required"];
    if (!required.is_array() || required.size() != 1 || !required[0].is_string()) return {};
    if (!names.empty()) names += ", ";
    names += '`' + required[0].get<std::string>() + '`';
  }
  return names;
}

}  // namespace

const SchemaCompiler::Entry SchemaCompiler::entries[] = {
    {"$comment", &SchemaCompiler::annotation},
    {"$defs", &SchemaCompiler::definitions},
    {"$id", &SchemaCompiler::identifier},
    {"$ref", &SchemaCompiler::reference},
    {"$schema", &SchemaCompiler::annotation},
    {"additionalProperties", &SchemaCompiler::subschema},
    {"allOf", &SchemaCompiler::subschema_list},
    {"anyOf", &SchemaCompiler::subschema_list},
    {"const", &SchemaCompiler::constant},
    {"contains", &SchemaCompiler::subschema},
    {"contentEncoding", &SchemaCompiler::annotation},
    {"contentMediaType", &SchemaCompiler::annotation},
    {"default", &SchemaCompiler::default_value},
    {"dependentRequired", &SchemaCompiler::dependent_required},
    {"dependentSchemas", &SchemaCompiler::properties},
    {"deprecated", &SchemaCompiler::annotation},
    {"description", &SchemaCompiler::annotation},
    {"else", &SchemaCompiler::subschema},
    {"enum", &SchemaCompiler::enumeration},
    {"examples", &SchemaCompiler::annotation},
    {"exclusiveMaximum", &SchemaCompiler::bound},
    {"exclusiveMinimum", &SchemaCompiler::bound},
    {"format", &SchemaCompiler::format},
    {"if", &SchemaCompiler::subschema},
    {"items", &SchemaCompiler::subschema},
    {"maxContains", &SchemaCompiler::count},
    {"maxItems", &SchemaCompiler::count},
    {"maxLength", &SchemaCompiler::count},
    {"maxProperties", &SchemaCompiler::count},
    {"maximum", &SchemaCompiler::bound},
    {"minContains", &SchemaCompiler::count},
    {"minItems", &SchemaCompiler::count},
    {"minLength", &SchemaCompiler::count},
    {"minProperties", &SchemaCompiler::count},
    {"minimum", &SchemaCompiler::bound},
    {"multipleOf", &SchemaCompiler::bound},
    {"not", &SchemaCompiler::subschema},
    {"oneOf", &SchemaCompiler::subschema_list},
    {"pattern", &SchemaCompiler::pattern},
    {"patternProperties", &SchemaCompiler::pattern_properties},
    {"prefixItems", &SchemaCompiler::subschema_list},
    {"properties", &SchemaCompiler::properties},
    {"propertyNames", &SchemaCompiler::subschema},
    {"readOnly", &SchemaCompiler::read_only},
    {"required", &SchemaCompiler::required},
    {"then", &SchemaCompiler::subschema},
    {"title", &SchemaCompiler::title},
    {"type", &SchemaCompiler::types},
    {"uniqueItems", &SchemaCompiler::unique_items},
    {"writeOnly", &SchemaCompiler::annotation},
    {"x-max-bytes", &SchemaCompiler::bytes_max},
};

Result<SchemaProgram> SchemaCompiler::run() {
  node_of(root_, root_, "");
  while (!pending_.empty()) {
    const Pending at = std::move(pending_.front());
    pending_.pop_front();
    Node node;
    if (!read_schema(at, node)) return fail(std::move(error_));
    if (too_many_nodes_) {
      refuse(at.pointer, "a schema has at most 10,000 subschemas");
      return fail(std::move(error_));
    }
    program_.nodes[at.index] = std::move(node);
  }
  if (!check_chains()) return fail(std::move(error_));
  return std::move(program_);
}

bool SchemaCompiler::read_schema(const Pending& at, Node& node) {
  if (at.schema->is_boolean()) {
    node.refuses_all = !at.schema->get<bool>();
    return true;
  }
  if (!at.schema->is_object()) return refuse(at.pointer, "a schema is an object, true or false");
  for (const auto& [name, value] : at.schema->items()) {
    if (!read_keyword({name, value, at}, node)) return false;
  }
  return true;
}

bool SchemaCompiler::read_keyword(const Keyword& keyword, Node& node) {
  const auto entry = std::ranges::find(entries, keyword.name, &Entry::name);
  if (entry != std::end(entries)) return (this->*entry->handler)(keyword, node);
  if (keyword.name.starts_with("x-")) return true;
  return refuse(keyword, "the keyword `" + keyword.name + "` is not supported");
}

bool SchemaCompiler::types(const Keyword& keyword, Node& node) {
  node.types = type_bits(keyword.value);
  if (keyword.value.is_array()) {
    for (const Json& name : keyword.value) {
      const auto bits = type_bits(name);
      if (bits == 0) return refuse(keyword, "an unknown type");
      node.types |= bits;
    }
  }
  return node.types != 0 || refuse(keyword, "`type` is the name of a type, or a list of names");
}

bool SchemaCompiler::enumeration(const Keyword& keyword, Node& node) {
  if (!keyword.value.is_array()) return refuse(keyword, "`enum` is an array");
  node.one_of_values = keyword.value.get<std::vector<Json>>();
  // No value is one of none.
  if (node.one_of_values.empty()) node.refuses_all = true;
  return true;
}

bool SchemaCompiler::constant(const Keyword& keyword, Node& node) {
  node.constant = keyword.value;
  return true;
}

bool SchemaCompiler::default_value(const Keyword& keyword, Node& node) {
  node.default_value = keyword.value;
  return true;
}

bool SchemaCompiler::read_only(const Keyword& keyword, Node& node) {
  if (!keyword.value.is_boolean()) return refuse(keyword, "`readOnly` is true or false");
  node.read_only = keyword.value.get<bool>();
  return true;
}

bool SchemaCompiler::count(const Keyword& keyword, Node& node) {
  const Json& value = keyword.value;
  if (!values::is_integer(value) || values::compare_numbers(value, Json(0)) < 0 ||
      values::compare_numbers(value, Json(9007199254740992)) > 0) {
    return refuse(keyword, '`' + keyword.name + "` is a whole number, 0 or more");
  }
  const std::array<std::pair<std::string_view, Count Node::*>, 4> counts{{
      {"Length", &Node::length},
      {"Items", &Node::item_count},
      {"Contains", &Node::contains_count},
      {"Properties", &Node::member_count},
  }};
  const std::string_view subject = std::string_view{keyword.name}.substr(3);
  for (const auto& [name, member] : counts) {
    if (name != subject) continue;
    Count& target = node.*member;
    (keyword.name.starts_with("min") ? target.min : target.max) = value.get<std::size_t>();
  }
  return true;
}

bool SchemaCompiler::bytes_max(const Keyword& keyword, Node& node) {
  if (!keyword.value.is_number_unsigned()) {
    return refuse(keyword, "`x-max-bytes` is a whole number, 0 or more");
  }
  node.bytes_max = keyword.value.get<std::size_t>();
  return true;
}

bool SchemaCompiler::unique_items(const Keyword& keyword, Node& node) {
  if (!keyword.value.is_boolean()) return refuse(keyword, "`uniqueItems` is true or false");
  node.unique_items = keyword.value.get<bool>();
  return true;
}

bool SchemaCompiler::bound(const Keyword& keyword, Node& node) {
  if (!keyword.value.is_number()) return refuse(keyword, '`' + keyword.name + "` is a number");
  const std::array<std::pair<std::string_view, std::optional<Json> Node::*>, 5> bounds{{
      {"minimum", &Node::minimum},
      {"maximum", &Node::maximum},
      {"exclusiveMinimum", &Node::exclusive_minimum},
      {"exclusiveMaximum", &Node::exclusive_maximum},
      {"multipleOf", &Node::multiple_of},
  }};
  for (const auto& [name, member] : bounds) {
    if (name == keyword.name) node.*member = keyword.value;
  }
  if (node.multiple_of && values::compare_numbers(*node.multiple_of, Json(0)) <= 0) {
    return refuse(keyword, "`multipleOf` is above 0");
  }
  return true;
}

bool SchemaCompiler::pattern(const Keyword& keyword, Node& node) {
  if (!keyword.value.is_string()) return refuse(keyword, "`pattern` is a string");
  auto pattern = Pattern::compile(keyword.value.get_ref<const std::string&>());
  if (!pattern) return refuse(keyword, pattern.error().detail);
  node.pattern = std::move(pattern).value();
  return true;
}

bool SchemaCompiler::format(const Keyword& keyword, Node& node) {
  const auto format = keyword.value.is_string()
                          ? format_from(keyword.value.get_ref<const std::string&>())
                          : std::nullopt;
  if (!format) {
    return refuse(keyword, "`format` is one of date, time, date-time, uuid, email, uri");
  }
  node.format = *format;
  return true;
}

bool SchemaCompiler::properties(const Keyword& keyword, Node& node) {
  if (!keyword.value.is_object()) return refuse(keyword, '`' + keyword.name + "` is an object");
  auto& target = keyword.name == "properties" ? node.properties : node.dependent_schemas;
  for (const auto& [name, schema] : keyword.value.items()) {
    target.push_back({name, child_of(keyword, schema, name)});
  }
  return true;
}

bool SchemaCompiler::pattern_properties(const Keyword& keyword, Node& node) {
  if (!keyword.value.is_object()) return refuse(keyword, "`patternProperties` is an object");
  for (const auto& [expression, schema] : keyword.value.items()) {
    auto pattern = Pattern::compile(expression);
    if (!pattern) return refuse(keyword, pattern.error().detail);
    node.pattern_properties.push_back(
        {std::move(pattern).value(), child_of(keyword, schema, expression)});
  }
  return true;
}

bool SchemaCompiler::string_list(const Keyword& keyword, const Json& list,
                                 std::vector<std::string>& out) {
  if (!list.is_array() || !std::ranges::all_of(list, &Json::is_string)) {
    return refuse(keyword, "a list of names is an array of strings");
  }
  out = list.get<std::vector<std::string>>();
  return true;
}

bool SchemaCompiler::required(const Keyword& keyword, Node& node) {
  return string_list(keyword, keyword.value, node.required);
}

bool SchemaCompiler::dependent_required(const Keyword& keyword, Node& node) {
  if (!keyword.value.is_object()) return refuse(keyword, "`dependentRequired` is an object");
  for (const auto& [name, list] : keyword.value.items()) {
    auto& [trigger, names] = node.dependent_required.emplace_back(name, std::vector<std::string>{});
    if (!string_list(keyword, list, names)) return false;
  }
  return true;
}

bool SchemaCompiler::subschema(const Keyword& keyword, Node& node) {
  const std::array<std::pair<std::string_view, NodeIndex Node::*>, 8> places{{
      {"additionalProperties", &Node::additional},
      {"contains", &Node::contains},
      {"else", &Node::otherwise},
      {"if", &Node::condition},
      {"items", &Node::items},
      {"not", &Node::negated},
      {"propertyNames", &Node::property_names},
      {"then", &Node::then},
  }};
  const auto child =
      node_of(keyword.value, *keyword.at.document, append_step(keyword.at.pointer, keyword.name));
  for (const auto& [name, member] : places) {
    if (name == keyword.name) node.*member = child;
  }
  return true;
}

bool SchemaCompiler::subschema_list(const Keyword& keyword, Node& node) {
  if (!keyword.value.is_array() || keyword.value.empty()) {
    return refuse(keyword, '`' + keyword.name + "` is an array of at least one schema");
  }
  auto* target = &node.prefix_items;
  if (keyword.name == "allOf") target = &node.all_of;
  if (keyword.name == "anyOf" || keyword.name == "oneOf") {
    auto& choice = keyword.name == "anyOf" ? node.any_of : node.one_of;
    choice.one_member_of = sole_required_members(keyword.value);
    target = &choice.branches;
  }
  for (std::size_t i = 0; i < keyword.value.size(); ++i) {
    target->push_back(child_of(keyword, keyword.value[i], std::to_string(i)));
  }
  return true;
}

bool SchemaCompiler::definitions(const Keyword& keyword, Node&) {
  if (!keyword.value.is_object()) return refuse(keyword, "`$defs` is an object");
  // They are read even when nothing refers to them: a mistake in them should not wait.
  for (const auto& [name, schema] : keyword.value.items()) child_of(keyword, schema, name);
  return true;
}

bool SchemaCompiler::reference(const Keyword& keyword, Node& node) {
  if (!keyword.value.is_string()) return refuse(keyword, "`$ref` is a string");
  const std::string& text = keyword.value.get_ref<const std::string&>();
  const auto hash = text.find('#');
  const auto name = text.substr(0, hash);
  const Json* document = keyword.at.document;
  const auto id = document->is_object() ? document->find("$id") : document->end();
  const bool is_own_id = document->is_object() && id != document->end() && *id == name;
  if (!name.empty() && !is_own_id) {
    document = lookup_ ? lookup_(name) : nullptr;
    if (document == nullptr) return refuse(keyword, "`" + text + "` refers to no known schema");
  }
  const auto fragment = hash == std::string::npos ? "" : text.substr(hash + 1);
  const Json* target = find_by_fragment(*document, fragment);
  if (target == nullptr) return refuse(keyword, "`" + text + "` refers to nothing");
  // Errors inside another document cannot be pointed at from here, so they point at the reference.
  const bool elsewhere = document != keyword.at.document;
  node.reference =
      node_of(*target, *document, elsewhere ? append_step(keyword.at.pointer, "$ref") : fragment);
  return true;
}

bool SchemaCompiler::identifier(const Keyword& keyword, Node&) {
  if (keyword.at.schema == keyword.at.document && keyword.value.is_string()) return true;
  return refuse(keyword, "`$id` is a string, and only the whole schema may have one");
}

bool SchemaCompiler::annotation(const Keyword&, Node&) { return true; }

bool SchemaCompiler::title(const Keyword& keyword, Node& node) {
  if (!keyword.value.is_string()) return refuse(keyword, "`title` is a string");
  node.title = keyword.value.get<std::string>();
  return true;
}

NodeIndex SchemaCompiler::node_of(const Json& schema, const Json& document, std::string pointer) {
  const auto next = static_cast<NodeIndex>(program_.nodes.size());
  if (next >= limits::schema_nodes_max) {
    too_many_nodes_ = true;
    return 0;
  }
  const auto [entry, is_new] = known_.try_emplace(&schema, next);
  if (is_new) {
    program_.nodes.emplace_back();
    pending_.push_back({next, &schema, &document, std::move(pointer)});
  }
  return entry->second;
}

NodeIndex SchemaCompiler::child_of(const Keyword& keyword, const Json& schema,
                                   std::string_view step) {
  return node_of(schema, *keyword.at.document,
                 append_step(append_step(keyword.at.pointer, keyword.name), step));
}

bool SchemaCompiler::refuse(const Keyword& keyword, std::string message) {
  return refuse(append_step(keyword.at.pointer, keyword.name), std::move(message));
}

bool SchemaCompiler::refuse(std::string pointer, std::string message) {
  error_ = {.code = ErrorCode::invalid, .detail = "not a supported JSON Schema: " + message};
  error_.fields.push_back({std::move(pointer), "schema", std::move(message)});
  return false;
}

bool SchemaCompiler::check_chains() {
  chain_lengths_.assign(program_.nodes.size(), 0);
  for (NodeIndex index = 0; index < program_.nodes.size(); ++index) {
    if (chain_length(index, 0) > limits::schema_chain_max) {
      return refuse("", "a schema that applies itself to the same value, or over 64 schemas deep");
    }
  }
  return true;
}

// A circle is a chain without an end: the bound on its length finds it.
std::size_t SchemaCompiler::chain_length(NodeIndex index, std::size_t above) {
  if (index == no_node) return 0;
  if (chain_lengths_[index] != 0) return chain_lengths_[index];
  if (above > limits::schema_chain_max) return above;
  const Node& node = program_.nodes[index];
  std::size_t longest = 0;
  const auto follow = [&](NodeIndex next) {
    if (longest <= limits::schema_chain_max) {
      longest = std::max(longest, chain_length(next, above + 1));
    }
  };
  for (const auto next :
       {node.reference, node.negated, node.condition, node.then, node.otherwise}) {
    follow(next);
  }
  for (const auto* list : {&node.all_of, &node.any_of.branches, &node.one_of.branches}) {
    for (const auto next : *list) follow(next);
  }
  for (const auto& dependent : node.dependent_schemas) follow(dependent.node);
  return chain_lengths_[index] = longest + 1;
}

}  // namespace perdure
