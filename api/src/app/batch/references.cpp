// SPDX-License-Identifier: Apache-2.0
#include "app/batch/references.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "perdure/base/uri.hpp"
#include "perdure/schemas/json.hpp"
#include "perdure/schemas/pointer.hpp"

namespace perdure::api {

namespace {

std::optional<std::size_t> whole_number(std::string_view text) {
  std::size_t number = 0;
  const auto* end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc{} || at != end) return {};
  return number;
}

bool begins_a_name(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }

/// A reference as problems name it.
std::string shown(const std::string& text) {
  constexpr std::size_t shown_bytes_max = 100;
  return text.size() <= shown_bytes_max ? text : "this reference";
}

std::vector<std::string> split(std::string_view text, char mark) {
  std::vector<std::string> parts;
  for (;;) {
    const auto end = std::min(text.find(mark), text.size());
    parts.emplace_back(text.substr(0, end));
    if (end == text.size()) return parts;
    text.remove_prefix(end + 1);
  }
}

Problem wrong(std::string pointer, std::string rule, std::string message) {
  Problem problem{.code = "validation_failed", .detail = message};
  problem.fields.push_back({std::move(pointer), std::move(rule), std::move(message)});
  return problem;
}

Problem too_much(std::string pointer) {
  Problem problem{.code = "too_large",
                  .detail = fmt::format("what the references of a batch stand for has at most {} "
                                        "bytes in all",
                                        limits::batch_values_bytes_max)};
  problem.fields.push_back({std::move(pointer), "bytes", problem.detail});
  return problem;
}

/// The member of a value, or null: there is none.
const Json* step_into(const Json& value, const std::string& member) {
  if (value.is_object()) {
    const auto found = value.find(member);
    return found == value.end() ? nullptr : &*found;
  }
  const auto place = value.is_array() ? whole_number(member) : std::nullopt;
  return place && *place < value.size() ? &value[*place] : nullptr;
}

}  // namespace

BatchResults::BatchResults(const std::vector<std::string>& names) : requests_(names.size()) {
  for (std::size_t i = 0; i < names.size(); ++i) {
    const auto& name = names[i];
    if (!name.empty() && begins_a_name(name.front()) && name.find('.') == std::string::npos) {
      names_.emplace(name, i);
    }
  }
}

std::optional<BatchResults::Marked> BatchResults::read(std::string_view text) const {
  const auto dollars = std::min(text.find_first_not_of('$'), text.size());
  if (dollars == 0 || dollars == text.size()) return {};
  auto parts = split(text.substr(dollars), '.');
  if (parts.size() < 2 || std::ranges::any_of(parts, [](const auto& p) { return p.empty(); })) {
    return {};
  }
  if (!begins_a_name(parts[1].front())) return {};
  auto number = whole_number(parts.front());
  if (!number) {
    const auto named = names_.find(parts.front());
    if (named == names_.end()) return {};
    number = named->second + 1;
  }
  if (dollars > 1) return Marked{{}, std::string{text.substr(1)}};
  parts.erase(parts.begin());
  // 0 names no request; it becomes one that is not there.
  return Marked{Reference{*number - 1, std::move(parts)}, {}};
}

std::optional<Problem> BatchResults::find(const Reference& reference, const std::string& text,
                                          const std::string& pointer, Json& value) {
  if (reference.request >= results_.size()) {
    return wrong(pointer, "unknown_result",
                 shown(text) + " names no earlier request; $1 is the result of the first one");
  }
  const auto& result = results_[reference.request];
  if (result.fate == BatchResult::Fate::failed) {
    Problem problem{.code = "failed_dependency",
                    .detail = shown(text) + " is of a request that failed"};
    problem.fields.push_back({pointer, "failed_dependency", problem.detail});
    return problem;
  }
  const Json* at = &result.body;
  for (const auto& member : reference.members) {
    at = step_into(*at, member);
    if (at == nullptr) {
      return wrong(pointer, "no_member", shown(text) + " is no member of the result");
    }
  }
  const auto room = limits::batch_values_bytes_max - values_bytes_;
  const auto bytes = serialized_size(*at, room);
  if (bytes > room) return too_much(pointer);
  values_bytes_ += bytes;
  value = *at;
  return {};
}

std::optional<Problem> BatchResults::complete(Json& value, const std::string& pointer) {
  if (value.is_string()) {
    const auto text = value.get<std::string>();
    const auto marked = read(text);
    if (!marked) return {};
    if (marked->reference) return find(*marked->reference, text, pointer, value);
    value = marked->text;
    return {};
  }
  if (value.is_object()) {
    for (auto member = value.begin(); member != value.end(); ++member) {
      auto problem = complete(member.value(), append_step(pointer, member.key()));
      if (problem) return problem;
    }
  } else if (value.is_array()) {
    for (std::size_t i = 0; i < value.size(); ++i) {
      if (auto problem = complete(value[i], pointer + '/' + std::to_string(i))) return problem;
    }
  }
  return {};
}

std::optional<Problem> BatchResults::complete_body(Json& body) { return complete(body, ""); }

std::optional<Problem> BatchResults::complete_part(std::string& out, std::string_view part) {
  const auto marked = read(part);
  if (!marked) {
    out += part;
    return {};
  }
  if (!marked->reference) {
    out += marked->text;
    return {};
  }
  Json value;
  const std::string text{part};
  if (auto problem = find(*marked->reference, text, "path", value)) return problem;
  if (!value.is_string() && !value.is_number() && !value.is_boolean()) {
    return wrong("path", "type", text + " is no text, number or truth value");
  }
  const auto written = value.is_string() ? value.get<std::string>() : dump_json(value);
  if (written.empty()) return wrong("path", "type", text + " is empty");
  out += percent_encode(written);
  return {};
}

namespace {

/// Calls `visit` for each part of a path that may be a reference, and `keep` for what is between.
void each_part(std::string_view path, const auto& visit, const auto& keep) {
  std::string_view rest = path;
  while (!rest.empty()) {
    const auto end = std::min(rest.find_first_of("/?&="), rest.size());
    if (!visit(rest.substr(0, end))) return;
    if (end == rest.size()) return;
    keep(rest[end]);
    rest.remove_prefix(end + 1);
  }
}

}  // namespace

std::optional<Problem> BatchResults::complete_path(std::string& path) {
  if (path.find('$') == std::string::npos) return {};
  std::string out;
  std::optional<Problem> problem;
  each_part(
      path,
      [&](std::string_view part) {
        problem = complete_part(out, part);
        return !problem;
      },
      [&](char mark) { out += mark; });
  if (!problem) path = std::move(out);
  return problem;
}

void BatchResults::note(std::string_view text, std::vector<bool>& referred) const {
  const auto marked = read(text);
  if (marked && marked->reference && marked->reference->request < referred.size()) {
    referred[marked->reference->request] = true;
  }
}

void BatchResults::note_all(const Json& value, std::vector<bool>& referred) const {
  if (value.is_string()) return note(value.get_ref<const std::string&>(), referred);
  if (!value.is_structured()) return;
  for (const auto& member : value) note_all(member, referred);
}

std::vector<bool> BatchResults::referred(const std::vector<std::string>& paths,
                                         const std::vector<const Json*>& bodies) const {
  std::vector<bool> referred(requests_, false);
  for (const auto& path : paths) {
    each_part(
        path,
        [&](std::string_view part) {
          note(part, referred);
          return true;
        },
        [](char) {});
  }
  for (const auto* body : bodies) {
    if (body != nullptr) note_all(*body, referred);
  }
  return referred;
}

}  // namespace perdure::api
