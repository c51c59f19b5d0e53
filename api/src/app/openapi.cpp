// SPDX-License-Identifier: Apache-2.0
#include "app/openapi.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "app/paths.hpp"
#include "perdure/actors/kinds.hpp"
#include "perdure/actors/noun.hpp"
#include "perdure/base/check.hpp"
#include "perdure/schemas/registry.hpp"

namespace perdure::api {

namespace {

constexpr const char* in_components = "#/components/schemas/";

/// The errors of kinds' own, by their names.
using OwnErrors = std::map<std::string, actors::OwnErrorOfKinds>;

std::string schema_of_own(const std::string& name) { return "Problem_" + name; }

// `Name` and `Name#/part` become places in the document; every name met is collected.
void rewrite_references(Json& schema, std::set<std::string>& names) {
  if (schema.is_object()) {
    schema.erase("$schema");
    schema.erase("$comment");
    for (auto& [key, value] : schema.items()) {
      if (key != "$ref" || !value.is_string()) {
        rewrite_references(value, names);
        continue;
      }
      const auto text = value.get<std::string>();
      const auto mark = text.find('#');
      const auto name = text.substr(0, mark);
      if (name.empty()) continue;
      names.insert(name);
      value = in_components + name + (mark == std::string::npos ? "" : text.substr(mark + 1));
    }
  } else if (schema.is_array()) {
    for (auto& element : schema) rewrite_references(element, names);
  }
}

bool may_be_object(const Json& schema) {
  const auto type = schema.find("type");
  if (type == schema.end()) return false;
  return *type == "object" ||
         (type->is_array() && std::ranges::find(*type, "object") != type->end());
}

// What generators of clients take otherwise than validators do: an object without members may have
// any, which they want to be told; and a member with a default is sent by whom it suits, while some
// generators ask everybody for it. The default is said in words.
void speak_to_generators(Json& schema) {
  if (!schema.is_object()) return;
  for (auto& [keyword, value] : schema.items()) {
    if (keyword == "properties" || keyword == "dependentSchemas" || keyword == "$defs") {
      for (auto& [name, inner] : value.items()) speak_to_generators(inner);
    } else if (keyword == "anyOf" || keyword == "oneOf" || keyword == "allOf") {
      for (auto& inner : value) speak_to_generators(inner);
    } else if (keyword == "items" || keyword == "additionalProperties" || keyword == "not") {
      speak_to_generators(value);
    }
  }
  const bool is_free = !schema.contains("properties") && !schema.contains("additionalProperties");
  if (is_free && may_be_object(schema)) schema["additionalProperties"] = true;
  const auto fallback = schema.find("default");
  if (fallback == schema.end()) return;
  auto description = schema.value("description", "");
  if (!description.empty()) description += ' ';
  description += "Default: `" + dump_json(*fallback) + "`.";
  schema.erase(fallback);
  schema["description"] = std::move(description);
}

// Scopes come from the route table. Keys of before may hold others, so replies are not bound to it.
void list_scopes(Json& schema, std::string_view name, const std::vector<std::string>& scopes) {
  if (!name.starts_with("ApiKey") || !schema.contains("properties")) return;
  const auto member = schema["properties"].find("scopes");
  if (member == schema["properties"].end()) return;
  if (name.ends_with("Create") || name.ends_with("Patch")) (*member)["items"]["enum"] = scopes;
}

// The schemas that routes name, and those that these refer to.
Json component_schemas(const Router& router) {
  std::set<std::string> waiting{"Problem"};
  for (const auto& compiled : router.routes()) {
    for (const auto& name : {compiled.route.request_schema, compiled.route.response_schema}) {
      if (!name.empty()) waiting.insert(name);
    }
  }
  auto schemas = Json::object();
  while (!waiting.empty()) {
    const auto name = *waiting.begin();
    waiting.erase(waiting.begin());
    if (schemas.contains(name)) continue;
    const auto* text = schema_json(name);
    PERDURE_CHECK(text != nullptr, name);
    auto schema = *text;
    rewrite_references(schema, waiting);
    list_scopes(schema, name, router.scopes());
    speak_to_generators(schema);
    schemas[name] = std::move(schema);
  }
  return schemas;
}

Json reference(const std::string& schema) {
  return schema.empty() ? Json::object() : Json{{"$ref", in_components + schema}};
}

Json schema_of(const Parameter& parameter) {
  Json schema;
  switch (parameter.type) {
    case ParameterType::integer:
      schema = {{"type", "integer"}, {"minimum", parameter.minimum}};
      if (parameter.maximum != 0) schema["maximum"] = parameter.maximum;
      break;
    case ParameterType::boolean: schema = {{"type", "boolean"}}; break;
    case ParameterType::date: schema = {{"type", "string"}, {"format", "date"}}; break;
    case ParameterType::timestamp: schema = {{"type", "string"}, {"format", "date-time"}}; break;
    case ParameterType::as_of:
      schema = {
          {"anyOf",
           {{{"type", "integer"}, {"minimum", 1}}, {{"type", "string"}, {"format", "date-time"}}}}};
      break;
    case ParameterType::text: schema = {{"type", "string"}}; break;
  }
  if (!parameter.values.empty()) schema["enum"] = parameter.values;
  if (parameter.takes == Parameter::Takes::one) return schema;
  // `null` stands beside the values.
  schema = {{"anyOf", {std::move(schema), {{"const", "null"}}}}};
  return {{"type", "array"}, {"items", std::move(schema)}};
}

bool is_unsafe(const Route& route) { return route.method != http::Method::get; }
bool is_open(const Route& route) { return route.permission.access == Access::open; }

bool is_list(const Route& route) { return route.response_schema.ends_with("List"); }

// Whether answers have an ETag, and so may be spared by If-None-Match.
bool has_etag(const Route& route) {
  if (route.validator == Validator::digest) return true;
  if (is_open(route) || route.validator == Validator::none || route.response_schema.empty()) {
    return false;
  }
  return !is_list(route) || std::holds_alternative<ObjectCall>(route.target);
}

Json parameters_of(const CompiledRoute& compiled) {
  auto parameters = Json::array();
  for (const auto& name : compiled.path_parameters) {
    parameters.push_back(
        {{"name", name}, {"in", "path"}, {"required", true}, {"schema", {{"type", "string"}}}});
  }
  for (const auto& parameter : compiled.route.query) {
    Json json{{"name", parameter.name}, {"in", "query"}, {"schema", schema_of(parameter)}};
    if (!parameter.description.empty()) json["description"] = parameter.description;
    if (parameter.takes == Parameter::Takes::several) {
      json["style"] = "form";
      json["explode"] = false;
    }
    parameters.push_back(std::move(json));
  }
  const auto shared = [&](const char* name) {
    parameters.push_back({{"$ref", std::string{"#/components/parameters/"} + name}});
  };
  if (!is_unsafe(compiled.route)) {
    if (has_etag(compiled.route)) shared("IfNoneMatch");
    return parameters;
  }
  if (is_open(compiled.route)) return parameters;
  shared("IdempotencyKey");
  if (!compiled.path_parameters.empty()) shared("IfMatch");
  return parameters;
}

Json body_of(const Route& route) {
  Json media{{"schema", reference(route.request_schema)}};
  if (!route.example.empty()) {
    const bool is_text = route.body == BodyUse::raw;
    media["example"] = is_text ? Json(route.example) : parse_json(route.example).value();
  }
  Json content{{route.consumes, media}};
  if (route.method == http::Method::patch) content["application/merge-patch+json"] = media;
  return {{"required", route.body != BodyUse::optional}, {"content", std::move(content)}};
}

Json success_of(const Route& route) {
  Json response{{"description", route.status == 201   ? "Created"
                                : route.status == 204 ? "Done"
                                                      : "Success"}};
  if (route.status == 204) return response;
  for (const auto& type : {route.produces, route.also_produces}) {
    if (type.empty()) continue;
    const auto schema =
        type == "application/json" ? reference(route.response_schema) : Json{{"type", "string"}};
    response["content"][type.substr(0, type.find(';'))] = {{"schema", schema}};
  }
  const auto header = [&](const char* name) {
    response["headers"][name] = {{"$ref", std::string{"#/components/headers/"} + name}};
  };
  if (has_etag(route)) header("ETag");
  if (is_open(route)) return response;
  header("RateLimit");
  if (route.status == 201) header("Location");
  if (is_list(route)) header("Link");
  return response;
}

/// Whether a request says of what it is: in its path, or as the organization that owns a list.
bool names_resource(const CompiledRoute& compiled) {
  return !compiled.path_parameters.empty() ||
         std::ranges::find(compiled.route.query, "organization_id", &Parameter::name) !=
             compiled.route.query.end();
}

Json responses_of(const CompiledRoute& compiled, const OwnErrors& errors) {
  const auto& route = compiled.route;
  Json responses{{std::to_string(route.status), success_of(route)}};
  if (!is_unsafe(route) && has_etag(route)) {
    responses["304"] = {{"$ref", "#/components/responses/NotModified"}};
  }
  std::vector<int> problems{400, 406, 422, 503};
  if (!is_open(route)) problems.insert(problems.end(), {401, 403, 412, 429});
  if (names_resource(compiled)) problems.push_back(404);
  if (is_unsafe(route)) problems.push_back(409);
  if (route.body != BodyUse::none) problems.insert(problems.end(), {413, 415});
  if (is_unsafe(route) && !is_open(route)) {
    for (const auto& [name, of] : errors) problems.push_back(of.error.http_status);
  }
  for (const int status : problems) {
    const auto name = std::to_string(status);
    responses[name] = {{"$ref", "#/components/responses/Problem" + name}};
  }
  return responses;
}

Json operation_of(const CompiledRoute& compiled, const OwnErrors& errors) {
  const auto& route = compiled.route;
  Json operation{{"operationId", route.operation},
                 {"tags", {route.tag}},
                 {"summary", route.summary},
                 {"responses", responses_of(compiled, errors)}};
  std::string description = route.description;
  if (is_open(route)) {
    operation["security"] = Json::array();
  } else {
    const auto access = route.permission.access;
    const auto& scope = compiled.scope(access);
    description += description.empty() ? "" : " ";
    description +=
        access == Access::any_scope ? "Any valid key will do" : "Needs the scope `" + scope + "`";
    description += route.permission.audience == Audience::admin ? ", and an administrator." : ".";
  }
  if (!description.empty()) operation["description"] = description;
  if (auto parameters = parameters_of(compiled); !parameters.empty()) {
    operation["parameters"] = std::move(parameters);
  }
  if (route.body != BodyUse::none) operation["requestBody"] = body_of(route);
  return operation;
}

Json shared_responses(const OwnErrors& errors) {
  auto responses = Json::object();
  const std::vector<std::pair<int, const char*>> all{
      {400, "The request cannot be parsed"},
      {401, "No API key, or one that is not valid"},
      {403, "The key or its user may not do this"},
      {404, "There is no such resource, or none that the caller may know of"},
      {406, "The client accepts nothing that this resource has"},
      {409, "The state of the resource excludes the request"},
      {412, "If-Match or If-None-Match does not fit"},
      {413, "The body is too large"},
      {415, "The body is of another type"},
      {422, "A parameter or a member breaks a rule; `errors` says which"},
      {429, "The rate limit is reached; see Retry-After"},
      {503, "Try again later; with `outcome_unknown` a write may have happened"}};
  for (const auto& [status, description] : all) {
    responses["Problem" + std::to_string(status)] = {
        {"description", description},
        {"content", {{"application/problem+json", {{"schema", reference("Problem")}}}}}};
  }
  // What a kind refuses in its own words has members of its own.
  for (const auto& [name, of] : errors) {
    auto& response = responses["Problem" + std::to_string(of.error.http_status)];
    if (response.is_null()) response["description"] = "An error of a kind's own";
    auto& schema = response["content"]["application/problem+json"]["schema"];
    if (!schema.contains("anyOf")) schema = {{"anyOf", Json::array({reference("Problem")})}};
    schema["anyOf"].push_back(reference(schema_of_own(name)));
  }
  responses["NotModified"] = {
      {"description", "The client has this already: If-None-Match names it"},
      {"headers", {{"ETag", {{"$ref", "#/components/headers/ETag"}}}}}};
  return responses;
}

Json header_parameter(const char* name, const char* description) {
  return {{"name", name},
          {"in", "header"},
          {"description", description},
          {"schema", {{"type", "string"}}}};
}

// A tag without a line here is a bug: the pages would show it bare.
std::string tag_description(const std::string& tag) {
  static const std::map<std::string, std::string> all{
      {"System", "What this server is, and whether it is well. Open to everybody."},
      {"Authentication", "How callers show who they are."},
      {"AI", "Providers of models, and what they are asked."},
      {"Batch", "Many requests in one."},
      {"Events", "What turns publish, as CloudEvents, in the order of their commits."},
      {"Durable objects", "Every object of every kind, as operators see it."}};
  const auto noun = std::ranges::find(actors::nouns(), tag, &actors::Noun::tag);
  if (noun != actors::nouns().end()) return noun->about;
  const auto found = all.find(tag);
  PERDURE_CHECK(found != all.end(), tag);
  return found->second;
}

Json text_header(const char* description) {
  return {{"description", description}, {"schema", {{"type", "string"}}}};
}

Json schemas_with_own(const Router& router, const OwnErrors& errors) {
  auto schemas = component_schemas(router);
  for (const auto& [name, of] : errors) {
    auto properties = of.error.members.value("properties", Json::object());
    properties["code"] = {{"const", name}};
    schemas[schema_of_own(name)] = {
        {"description", of.error.title},
        {"allOf",
         {reference("Problem"),
          {{"type", "object"},
           {"properties", std::move(properties)},
           {"required", of.error.members.value("required", Json::array())}}}}};
  }
  return schemas;
}

Json components(const Router& router, const OwnErrors& errors) {
  return {
      {"schemas", schemas_with_own(router, errors)},
      {"responses", shared_responses(errors)},
      {"parameters",
       {{"IdempotencyKey",
         header_parameter("Idempotency-Key",
                          "1 to 255 characters. A retry with the same key gets the stored reply.")},
        {"IfMatch", header_parameter("If-Match", "The ETag that the change is based on, or `*`.")},
        {"IfNoneMatch", header_parameter("If-None-Match", "ETags that need not be sent again.")}}},
      {"headers",
       {{"ETag",
         text_header("The seq of the object (with more after it where the store was copied or lost "
                     "its end), or what else names these bytes, in quotes.")},
        {"Link", text_header("`rel=\"next\"`: the next page.")},
        {"Location", text_header("The path of what was created.")},
        {"RateLimit", text_header("What is left of the key's limit.")}}},
      {"securitySchemes",
       {{"bearer", {{"type", "http"}, {"scheme", "bearer"}}},
        {"api_key", {{"type", "apiKey"}, {"in", "header"}, {"name", "X-API-Key"}}}}}};
}

}  // namespace

std::string render_openapi(const Router& router, std::string_view version,
                           const std::vector<Kind>& kinds) {
  const auto errors = actors::own_errors(kinds);
  auto paths = Json::object();
  auto tags = Json::array();
  for (const auto& compiled : router.routes()) {
    const auto& route = compiled.route;
    if (route.listing == Listing::hidden) continue;
    std::string method{http::to_string(route.method)};
    std::ranges::transform(method, method.begin(),
                           [](char c) { return static_cast<char>(c + ('a' - 'A')); });
    paths[route.path][method] = operation_of(compiled, errors);
    const Json tag{{"name", route.tag}, {"description", tag_description(route.tag)}};
    if (std::ranges::find(tags, tag) == tags.end()) tags.push_back(tag);
  }
  const Json document{
      {"openapi", "3.1.0"},
      {"info",
       {{"title", "Perdure"},
        {"version", version},
        {"summary", "Durable objects over HTTP"},
        {"description",
         "Every failure is a problem (RFC 9457). Paths without `/api/v1` are the same routes. An "
         "object may also be named in one part: `/durable-objects/kind:id`. A key with a "
         "resource's `write` scope may read it, too."},
        {"license", {{"name", "Apache-2.0"}, {"identifier", "Apache-2.0"}}}}},
      {"servers", {{{"url", api_prefix}}}},
      {"security", {{{"bearer", Json::array()}}, {{"api_key", Json::array()}}}},
      {"tags", std::move(tags)},
      {"paths", std::move(paths)},
      {"components", components(router, errors)}};
  return dump_json(document);
}

}  // namespace perdure::api
