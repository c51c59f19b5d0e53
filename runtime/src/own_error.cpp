// SPDX-License-Identifier: Apache-2.0
#include "perdure/runtime/own_error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "own_errors.hpp"
#include "perdure/base/error_table.hpp"

namespace perdure {

namespace {

constexpr std::size_t name_bytes_max = 64;
constexpr std::size_t title_bytes_max = 200;
/// What a problem says of every error: a member of that name would hide it.
constexpr std::array problem_members{"type", "title",   "status", "detail",   "error",
                                     "code", "details", "errors", "instance", "request_id"};
/// Statuses that demand a response field which no kind can fill, such as `WWW-Authenticate`.
constexpr std::array bound_statuses{401, 405, 407, 426};

Json schema_of_object(const Json& example) {
  if (example.empty()) return {{"type", "object"}};
  auto properties = Json::object();
  auto required = Json::array();
  for (const auto& [name, value] : example.items()) {
    properties[name] = detail::schema_like(value);
    required.push_back(name);
  }
  return {{"type", "object"},
          {"properties", std::move(properties)},
          {"required", std::move(required)},
          {"additionalProperties", false}};
}

bool fits(const Json& schema, const Json& value);

bool fits_object(const Json& schema, const Json& value) {
  if (!value.is_object()) return false;
  const auto properties = schema.find("properties");
  if (properties == schema.end()) return true;
  if (properties->size() != value.size()) return false;
  return std::ranges::all_of(properties->items(), [&](const auto& member) {
    const auto found = value.find(member.key());
    return found != value.end() && fits(member.value(), *found);
  });
}

/// Whether a value fits a schema that `schema_like` has made.
bool fits(const Json& schema, const Json& value) {
  const auto type = schema.find("type");
  if (type == schema.end()) return true;
  const auto& name = type->get_ref<const std::string&>();
  if (name == "object") return fits_object(schema, value);
  if (name == "array") return value.is_array();
  if (name == "integer") return value.is_number_integer();
  if (name == "number") return value.is_number();
  if (name == "boolean") return value.is_boolean();
  return value.is_string();
}

bool is_name(std::string_view name) {
  const auto is_of_name = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  };
  return !name.empty() && name.size() <= name_bytes_max && name.front() >= 'a' &&
         name.front() <= 'z' && std::ranges::all_of(name, is_of_name);
}

/// What is wrong with a declaration; empty: nothing.
std::string fault_of(const std::string& name, const OwnErrorDefinition& error) {
  if (!is_name(name)) return "its name is lower case with _, and has at most 64 characters";
  if (find_error_row(name) != nullptr) return "its name is a code of Perdure's";
  const bool is_client_error = error.http_status >= 400 && error.http_status <= 499;
  if (!is_client_error || std::ranges::count(bound_statuses, error.http_status) > 0) {
    return "its status is 400 to 499, without 401, 405, 407 and 426";
  }
  if (error.title.empty() || error.title.size() > title_bytes_max) {
    return "its title has 1 to 200 bytes";
  }
  if (error.members.value("type", "") != "object") return "its members are no JSON object";
  const auto members = error.members.value("properties", Json::object());
  for (const auto* taken : problem_members) {
    if (members.contains(taken)) return fmt::format("a problem has a member {} already", taken);
  }
  return {};
}

}  // namespace

namespace detail {

Json schema_like(const Json& example) {
  switch (example.type()) {
    case Json::value_t::object: return schema_of_object(example);
    case Json::value_t::array: return {{"type", "array"}};
    case Json::value_t::string: return {{"type", "string"}};
    case Json::value_t::boolean: return {{"type", "boolean"}};
    case Json::value_t::number_integer:
    case Json::value_t::number_unsigned: return {{"type", "integer"}};
    case Json::value_t::number_float: return {{"type", "number"}};
    default: return Json::object();
  }
}

Unexpected make_own_error(std::string_view name, int http_status, std::string_view title,
                          const Json& members) {
  auto text = dump_json(members);
  if (text.size() > limits::own_error_bytes_max) {
    return fail(ErrorCode::internal, fmt::format("the members of the error {} have {} bytes; they "
                                                 "have at most {}",
                                                 name, text.size(), limits::own_error_bytes_max));
  }
  Error error{.code = ErrorCode::conflict, .detail = std::string{title}};
  error.own = std::make_shared<const OwnError>(OwnError{.name = std::string{name},
                                                        .http_status = http_status,
                                                        .title = std::string{title},
                                                        .members = std::move(text)});
  return fail(std::move(error));
}

std::optional<Json> own_members(const Error& error, std::string_view name) {
  if (!error.own || error.own->name != name) return {};
  auto members = parse_stored_json(error.own->members);
  if (!members) return {};
  return std::move(*members);
}

}  // namespace detail

Json error_json(const Error& error) {
  Json json{{"code", name_of(error)}, {"detail", error.detail}};
  if (!error.own) return json;
  json["status"] = error.own->http_status;
  json["title"] = error.own->title;
  json["members"] = Json::parse(error.own->members, nullptr, false);
  return json;
}

Error error_from_json(const Json& json) {
  const auto text = [&](const char* name) {
    const auto found = json.is_object() ? json.find(name) : json.end();
    return found != json.end() && found->is_string() ? found->get<std::string>() : std::string{};
  };
  const auto name = text("code");
  if (const auto code = error_code_from(name)) return {.code = *code, .detail = text("detail")};
  const bool is_own = json.is_object() && json.contains("members") && json.contains("status");
  if (!is_own || !json["status"].is_number_integer() || !json["members"].is_object()) {
    return {.code = ErrorCode::internal, .detail = text("detail")};
  }
  auto error =
      detail::make_own_error(name, json["status"].get<int>(), text("title"), json["members"]).error;
  error.detail = text("detail");
  return error;
}

namespace runtime {

Result<void> check_own_errors(const KindDefinition& kind) {
  for (const auto& [name, error] : kind.errors) {
    if (const auto fault = fault_of(name, error); !fault.empty()) {
      return fail(ErrorCode::invalid,
                  fmt::format("kind {}: its error \"{}\": {}", kind.name, name, fault));
    }
  }
  return {};
}

Error as_declared(const KindDefinition& kind, Error error) {
  if (!error.own) return error;
  const auto& own = *error.own;
  const auto declared = kind.errors.find(own.name);
  std::string_view why;
  if (declared == kind.errors.end()) {
    why = "which it does not declare";
  } else if (declared->second.http_status != own.http_status ||
             declared->second.title != own.title) {
    why = "which it declares with another status or title";
  } else if (!fits(declared->second.members, Json::parse(own.members, nullptr, false))) {
    why = "whose members are not those that it declares";
  } else {
    return error;
  }
  return {.code = ErrorCode::internal,
          .detail = fmt::format("a handler of kind {} ended with the error {}, {}", kind.name,
                                own.name, why)};
}

}  // namespace runtime

}  // namespace perdure
