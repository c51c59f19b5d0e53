// SPDX-License-Identifier: Apache-2.0
#include "validator.hpp"

#include <algorithm>
#include <utility>

#include "values.hpp"

namespace perdure {

namespace {

// Visits on the stack at the same time; each is a few hundred bytes.
constexpr std::size_t depth_max = 1'000;
constexpr std::size_t bytes_per_step = 64;

std::string pointer_of(const Place& at) {
  if (at.parent == nullptr) return {};
  const std::string step = at.name != nullptr ? *at.name : std::to_string(at.index);
  return append_step(pointer_of(*at.parent), step);
}

std::uint8_t type_of(const Json& value) {
  switch (value.type()) {
    case Json::value_t::null: return json_type::null;
    case Json::value_t::boolean: return json_type::boolean;
    case Json::value_t::string: return json_type::string;
    case Json::value_t::array: return json_type::array;
    case Json::value_t::object: return json_type::object;
    default:
      return values::is_integer(value) ? json_type::integer | json_type::number : json_type::number;
  }
}

std::string type_sentence(std::uint8_t types) {
  constexpr std::pair<std::uint8_t, std::string_view> names[] = {
      {json_type::string, "a string"},    {json_type::number, "a number"},
      {json_type::integer, "an integer"}, {json_type::boolean, "true or false"},
      {json_type::array, "an array"},     {json_type::object, "an object"},
      {json_type::null, "null"},
  };
  std::string text = "must be ";
  bool is_first = true;
  for (const auto& [bit, name] : names) {
    const bool is_implied = bit == json_type::integer && (types & json_type::number) != 0;
    if ((types & bit) == 0 || is_implied) continue;
    if (!is_first) text += " or ";
    text += name;
    is_first = false;
  }
  return text;
}

/// "must have at most 5 characters"
std::string count_sentence(std::string_view bound, std::size_t count, std::string_view noun) {
  std::string text = "must have ";
  text += bound;
  text += ' ' + std::to_string(count) + ' ';
  text += noun;
  if (count != 1) text += 's';
  return text;
}

/// A value as an error message shows it.
std::string shown(const Json& value) {
  constexpr std::size_t shown_bytes_max = 60;
  if (serialized_size(value, shown_bytes_max) > shown_bytes_max) return "the expected value";
  return dump_json(value);
}

std::string enum_sentence(const std::vector<Json>& allowed) {
  constexpr std::size_t listed_max = 20;
  std::string text = "must be one of ";
  for (std::size_t i = 0; i < std::min(allowed.size(), listed_max); ++i) {
    if (i > 0) text += ", ";
    text += shown(allowed[i]);
  }
  if (allowed.size() > listed_max) text += ", …";
  return text;
}

}  // namespace

template <class... Check>
bool Validator::all_of(Check&&... check) {
  bool ok = true;
  ((ok = (ok || !done()) && check() && ok), ...);
  return ok;
}

template <class Message>
bool Validator::report(const Place& at, std::string_view code, Message&& message) {
  if (done()) return false;
  errors_.push_back({pointer_of(at), std::string{code}, message()});
  full_ = errors_.size() >= limits::schema_errors_max;
  return false;
}

std::vector<FieldError> Validator::run(const Json& value) && {
  const Place root;
  visit(0, value, root);
  if (too_complex_) {
    errors_.push_back({"", "too_complex", "takes too long to check against its schema"});
  }
  return std::move(errors_);
}

bool Validator::charge(std::size_t steps) {
  steps_ += steps;
  if (steps_ > limits::schema_steps_max) too_complex_ = full_ = true;
  return !too_complex_;
}

bool Validator::visit(NodeIndex index, const Json& value, const Place& at) {
  if (depth_ >= depth_max) too_complex_ = full_ = true;
  if (!charge(1)) return false;
  ++depth_;
  const bool ok = check_all(nodes_[index], value, at);
  --depth_;
  return ok;
}

bool Validator::try_visit(NodeIndex index, const Json& value, const Place& at) {
  const Mode before = std::exchange(mode_, Mode::trying);
  const bool ok = visit(index, value, at);
  mode_ = before;
  return ok;
}

std::uint8_t Validator::types_of(NodeIndex index) const {
  const Node& node = nodes_[index];
  return node.reference == no_node
             ? node.types
             : static_cast<std::uint8_t>(node.types & types_of(node.reference));
}

bool Validator::check_all(const Node& node, const Json& value, const Place& at) {
  if (node.refuses_all) {
    return report(at, "not_allowed", [] { return "must not be present"; });
  }
  const auto type = type_of(value);
  // What has the wrong type breaks most other rules, too: only the first is worth telling.
  if ((node.types & type) == 0) {
    return report(at, "type", [&] { return type_sentence(node.types); });
  }
  const auto by_type = [&] {
    if ((type & (json_type::number | json_type::integer)) != 0) {
      return check_number(node, value, at);
    }
    switch (type) {
      case json_type::string: return check_string(node, value.get_ref<const std::string&>(), at);
      case json_type::array: return check_array(node, value, at);
      case json_type::object: return check_object(node, value, at);
      default: return true;
    }
  };
  return all_of([&] { return check_values(node, value, at); }, by_type,
                [&] { return check_combined(node, value, at); });
}

bool Validator::check_values(const Node& node, const Json& value, const Place& at) {
  if (node.constant && values::compare(*node.constant, value) != 0) {
    return report(at, "const", [&] { return "must be " + shown(*node.constant); });
  }
  const auto& allowed = node.one_of_values;
  if (!allowed.empty() && charge(1 + allowed.size() / bytes_per_step) &&
      std::ranges::none_of(allowed,
                           [&](const Json& one) { return values::compare(one, value) == 0; })) {
    return report(at, "enum", [&] { return enum_sentence(allowed); });
  }
  if (node.bytes_max && charge(*node.bytes_max / bytes_per_step) &&
      serialized_size(value, *node.bytes_max) > *node.bytes_max) {
    return report(at, "too_large", [&] {
      return "must have at most " + std::to_string(*node.bytes_max) + " bytes as JSON";
    });
  }
  return true;
}

bool Validator::check_number(const Node& node, const Json& value, const Place& at) {
  const auto against = [&](const std::optional<Json>& bound) {
    return values::compare_numbers(value, *bound);
  };
  const auto wrong = [&](std::string_view code, std::string_view rule, const Json& bound) {
    return report(at, code, [&] { return "must be " + std::string{rule} + ' ' + shown(bound); });
  };
  return all_of(
      [&] {
        return !node.minimum || against(node.minimum) >= 0 ||
               wrong("minimum", "at least", *node.minimum);
      },
      [&] {
        return !node.maximum || against(node.maximum) <= 0 ||
               wrong("maximum", "at most", *node.maximum);
      },
      [&] {
        return !node.exclusive_minimum || against(node.exclusive_minimum) > 0 ||
               wrong("minimum", "more than", *node.exclusive_minimum);
      },
      [&] {
        return !node.exclusive_maximum || against(node.exclusive_maximum) < 0 ||
               wrong("maximum", "less than", *node.exclusive_maximum);
      },
      [&] {
        return !node.multiple_of || values::is_multiple_of(value, *node.multiple_of) ||
               wrong("multiple_of", "a multiple of", *node.multiple_of);
      });
}

bool Validator::check_string(const Node& node, const std::string& text, const Place& at) {
  if (!charge(text.size() / bytes_per_step)) return false;
  const auto [min, max] = node.length;
  const auto length = [&] {
    // A text has at most as many characters as bytes, and at least a quarter.
    if (text.size() <= max && text.size() / 4 >= min) return true;
    const auto characters = values::count_code_points(text);
    if (characters < min) {
      return report(at, "too_short", [&] { return count_sentence("at least", min, "character"); });
    }
    return characters <= max ||
           report(at, "too_long", [&] { return count_sentence("at most", max, "character"); });
  };
  const auto pattern = [&] {
    return !node.pattern || node.pattern->found_in(text) ||
           report(at, "pattern", [&] { return "must match " + node.pattern->expression(); });
  };
  const auto format = [&] {
    return matches(node.format, text) || report(at, "format", [&] {
             return "must be in the form of: " + std::string{name_of(node.format)};
           });
  };
  return all_of(length, pattern, format);
}

bool Validator::check_array(const Node& node, const Json& value, const Place& at) {
  const auto [min, max] = node.item_count;
  const auto size = [&] {
    if (value.size() < min) {
      return report(at, "too_few", [&] { return count_sentence("at least", min, "item"); });
    }
    // Past its bound a list may be very long: its items are not looked at.
    return value.size() <= max ||
           report(at, "too_many", [&] { return count_sentence("at most", max, "item"); });
  };
  if (!size()) return false;
  const auto items = [&] {
    bool ok = true;
    for (std::size_t i = 0; i < value.size() && (ok || !done()); ++i) {
      const bool by_place = i < node.prefix_items.size();
      const auto item = by_place ? node.prefix_items[i] : node.items;
      if (item == no_node) break;
      ok = visit(item, value[i], {.parent = &at, .index = i}) && ok;
    }
    return ok;
  };
  const auto unique = [&] {
    if (!node.unique_items || !charge(value.size()) || !values::has_duplicates(value)) return true;
    return report(at, "duplicate", [] { return "must not have the same item twice"; });
  };
  return all_of(items, unique, [&] { return check_contains(node, value, at); });
}

bool Validator::check_contains(const Node& node, const Json& value, const Place& at) {
  if (node.contains == no_node) return true;
  const auto [min, max] = node.contains_count;
  std::size_t found = 0;
  for (std::size_t i = 0; i < value.size() && found <= max; ++i) {
    if (try_visit(node.contains, value[i], {.parent = &at, .index = i})) ++found;
  }
  if (found < min) {
    return report(at, "contains",
                  [&] { return count_sentence("at least", min, "item") + " of a certain form"; });
  }
  return found <= max || report(at, "contains", [&] {
           return count_sentence("at most", max, "item") + " of a certain form";
         });
}

bool Validator::check_object(const Node& node, const Json& value, const Place& at) {
  const auto [min, max] = node.member_count;
  if (value.size() > max) {
    return report(at, "too_many", [&] { return count_sentence("at most", max, "member"); });
  }
  const auto size = [&] {
    return value.size() >= min ||
           report(at, "too_few", [&] { return count_sentence("at least", min, "member"); });
  };
  const auto required = [&] {
    bool ok = true;
    for (const auto& name : node.required) {
      if (value.contains(name)) continue;
      ok = report({.parent = &at, .name = &name}, "required", [] { return "is required"; });
      if (done()) break;
    }
    return ok;
  };
  return all_of(
      size, required, [&] { return check_members(node, value, at); },
      [&] { return check_dependents(node, value, at); });
}

bool Validator::check_members(const Node& node, const Json& value, const Place& at) {
  bool ok = true;
  // Members and properties are both in byte order of their names: one pass over both.
  auto property = node.properties.begin();
  for (auto member = value.begin(); member != value.end() && (ok || !done()); ++member) {
    const std::string& name = member.key();
    const Place place{.parent = &at, .name = &name};
    while (property != node.properties.end() && property->name < name) ++property;
    const bool is_declared = property != node.properties.end() && property->name == name;
    bool is_known = is_declared;
    if (is_declared) ok = visit(property->node, *member, place) && ok;
    for (const auto& [pattern, schema] : node.pattern_properties) {
      if (!charge(1 + name.size() / bytes_per_step) || !pattern.found_in(name)) continue;
      is_known = true;
      ok = visit(schema, *member, place) && ok;
    }
    if (!is_known && node.additional != no_node) {
      if (nodes_[node.additional].refuses_all) {
        ok = report(place, "unknown_member", [] { return "is not a known member"; });
      } else {
        ok = visit(node.additional, *member, place) && ok;
      }
    }
    if (node.property_names != no_node && (ok || !done())) {
      ok = visit(node.property_names, Json(name), place) && ok;
    }
  }
  return ok;
}

bool Validator::check_dependents(const Node& node, const Json& value, const Place& at) {
  bool ok = true;
  for (const auto& [trigger, names] : node.dependent_required) {
    if (!value.contains(trigger)) continue;
    for (const auto& name : names) {
      if (value.contains(name) || done()) continue;
      ok = report({.parent = &at, .name = &name}, "required",
                  [&] { return "is required together with " + trigger; });
    }
    for (const auto& name : names) ok = ok && value.contains(name);
  }
  for (const auto& [trigger, schema] : node.dependent_schemas) {
    if (!ok && done()) break;
    if (value.contains(trigger)) ok = visit(schema, value, at) && ok;
  }
  return ok;
}

bool Validator::check_combined(const Node& node, const Json& value, const Place& at) {
  bool ok = node.reference == no_node || visit(node.reference, value, at);
  for (const auto part : node.all_of) {
    if (!ok && done()) return false;
    ok = visit(part, value, at) && ok;
  }
  if (!ok && done()) return false;
  if (node.negated != no_node && try_visit(node.negated, value, at)) {
    ok = report(at, "not", [&] {
      const auto& title = nodes_[node.negated].title;
      return title.empty() ? std::string{"must not have this form"} : "must not be " + title;
    });
  }
  if (node.condition != no_node && (ok || !done())) {
    const auto next = try_visit(node.condition, value, at) ? node.then : node.otherwise;
    if (next != no_node) ok = visit(next, value, at) && ok;
  }
  return (ok || !done()) && check_choices(node, value, at) && ok;
}

bool Validator::check_choices(const Node& node, const Json& value, const Place& at) {
  const auto& any = node.any_of;
  const auto fits = [&](NodeIndex branch) { return try_visit(branch, value, at); };
  if (!any.branches.empty() && std::ranges::none_of(any.branches, fits)) {
    // Where only one branch is about values of this type, its own errors say more.
    const auto type = type_of(value);
    const auto takes_type = [&](NodeIndex branch) { return (types_of(branch) & type) != 0; };
    if (!done() && std::ranges::count_if(any.branches, takes_type) == 1) {
      return visit(*std::ranges::find_if(any.branches, takes_type), value, at);
    }
    return report(at, "any_of", [&]() -> std::string {
      if (any.one_member_of.empty()) return "must have one of the allowed forms";
      return "must have at least one of the members " + any.one_member_of;
    });
  }
  const auto& one = node.one_of;
  std::size_t fitting = 0;
  for (const auto branch : one.branches) {
    if (fitting < 2 && fits(branch)) ++fitting;
  }
  if (one.branches.empty() || fitting == 1) return true;
  return report(at, "one_of", [&]() -> std::string {
    if (one.one_member_of.empty()) return "must have exactly one of the allowed forms";
    return "must have exactly one of the members " + one.one_member_of;
  });
}

}  // namespace perdure
