// SPDX-License-Identifier: Apache-2.0
#include "perdure/schemas/schema.hpp"

#include <algorithm>
#include <functional>

#include "compiler.hpp"
#include "validator.hpp"

namespace perdure {

namespace {

bool says_integer(const Node& node) {
  return (node.types & json_type::integer) != 0 && (node.types & json_type::number) == 0;
}

/// Walks a value along those keywords that say for sure which schema a member has.
class Editor {
 public:
  enum class Task { prepare, fill_defaults };

  Editor(const SchemaProgram& program, Task task) : nodes_(program.nodes), task_(task) {}

  void visit(NodeIndex index, Json& value) {
    // Circular schemas follow the value down, and a value has an end, but it may be a deep one.
    // Branches may multiply. What a stop leaves undone, `validate` reports as too complex.
    if (depth_ >= depth_max || ++steps_ > limits::schema_steps_max) return;
    ++depth_;
    const Node& node = nodes_[index];
    if (task_ == Task::prepare && value.is_number_float() && says_integer(node)) {
      make_integer(value);
    }
    if (node.reference != no_node) visit(node.reference, value);
    for (const auto part : node.all_of) visit(part, value);
    if (value.is_object()) edit_object(node, value);
    if (value.is_array()) edit_array(node, value);
    --depth_;
  }

 private:
  static constexpr std::size_t depth_max = 1'000;
  // A default may hold members that have defaults, and so on.
  static constexpr std::size_t added_max = 10'000;

  static void make_integer(Json& value) {
    const auto number = whole_number(value);
    if (!number) return;
    // As it would have been read from a text without a fraction.
    if (*number < 0) {
      value = *number;
    } else {
      value = static_cast<std::uint64_t>(*number);
    }
  }

  [[nodiscard]] bool is_read_only(NodeIndex index) const {
    const Node& node = nodes_[index];
    return node.read_only || (node.reference != no_node && is_read_only(node.reference));
  }

  [[nodiscard]] const Json* default_of(NodeIndex index) const {
    const Node& node = nodes_[index];
    if (node.default_value) return &*node.default_value;
    return node.reference != no_node ? default_of(node.reference) : nullptr;
  }

  void edit_object(const Node& node, Json& value) {
    for (const auto& [name, schema] : node.properties) {
      if (task_ == Task::prepare && is_read_only(schema)) {
        value.erase(name);
        continue;
      }
      auto member = value.find(name);
      if (member == value.end() && task_ == Task::fill_defaults) {
        const Json* by_default = default_of(schema);
        if (by_default != nullptr && ++added_ <= added_max) {
          member = value.emplace(name, *by_default).first;
        }
      }
      if (member != value.end()) visit(schema, *member);
    }
    if (node.additional == no_node) return;
    for (const auto& [name, member] : value.items()) {
      const bool is_declared =
          std::ranges::binary_search(node.properties, name, std::less<>{}, &Property::name);
      if (!is_declared && !matches_pattern(node, name)) visit(node.additional, member);
    }
  }

  static bool matches_pattern(const Node& node, const std::string& name) {
    return std::ranges::any_of(node.pattern_properties, [&](const PatternProperty& property) {
      return property.pattern.found_in(name);
    });
  }

  void edit_array(const Node& node, Json& value) {
    for (std::size_t i = 0; i < value.size(); ++i) {
      const bool by_place = i < node.prefix_items.size();
      const auto item = by_place ? node.prefix_items[i] : node.items;
      if (item != no_node) visit(item, value[i]);
    }
  }

  const std::vector<Node>& nodes_;
  Task task_;
  std::size_t depth_ = 0;
  std::size_t steps_ = 0;
  std::size_t added_ = 0;
};

}  // namespace

Result<Schema> Schema::compile(const Json& schema, const Lookup& lookup) {
  PERDURE_TRY(program, SchemaCompiler(schema, lookup).run());
  program.has_to_prepare = std::ranges::any_of(
      program.nodes, [](const Node& node) { return node.read_only || says_integer(node); });
  return Schema{std::make_shared<const SchemaProgram>(std::move(program))};
}

std::vector<FieldError> Schema::validate(const Json& value) const {
  return Validator{*program_}.run(value);
}

void Schema::prepare(Json& value) const {
  if (!program_->has_to_prepare) return;
  Editor{*program_, Editor::Task::prepare}.visit(0, value);
}

void Schema::fill_defaults(Json& value) const {
  Editor{*program_, Editor::Task::fill_defaults}.visit(0, value);
}

namespace {

/// How a detail calls what stands at a pointer.
std::string name_of(std::string_view pointer) {
  return std::string{pointer.empty() ? "the body" : pointer};
}

}  // namespace

Error invalid_value(std::vector<FieldError> fields) {
  PERDURE_CHECK(!fields.empty(), "an error without a reason");
  Error error{.code = ErrorCode::invalid};
  const auto& first = fields.front();
  error.detail = name_of(first.pointer) + ' ' + first.message;
  if (fields.size() > 1) {
    error.detail += " (and " + std::to_string(fields.size() - 1) + " more)";
  }
  error.fields = std::move(fields);
  return error;
}

Error within(Error error, std::string_view place) {
  if (place.empty()) return error;
  const auto is_pointer = [](std::string_view text) { return text.empty() || text[0] == '/'; };
  if (!error.fields.empty() && is_pointer(error.fields.front().pointer)) {
    const auto name = name_of(error.fields.front().pointer);
    if (error.detail.starts_with(name + ' ')) {
      error.detail.replace(0, name.size(), std::string{place} + error.fields.front().pointer);
    }
  }
  for (auto& field : error.fields) {
    if (is_pointer(field.pointer)) field.pointer.insert(0, place);
  }
  return error;
}

}  // namespace perdure
