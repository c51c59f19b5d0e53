// SPDX-License-Identifier: Apache-2.0
#include "app/checks.hpp"

#include <algorithm>
#include <charconv>

#include "app/listed_value.hpp"
#include "app/services.hpp"
#include "perdure/actors/sent_back.hpp"

namespace perdure::api {

namespace {

/// Values of one parameter.
constexpr std::size_t listed_values_max = 20;

std::optional<std::int64_t> whole_number(std::string_view text) {
  std::int64_t number = 0;
  const auto* end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc{} || at != end) return {};
  return number;
}

bool is_date(const std::string& text) {
  return text.size() == 10 && parse_rfc3339(text + "T00:00:00Z").has_value();
}

// What is wrong with the value, or nothing.
std::optional<FieldError> wrong_with_one(const Parameter& parameter, const std::string& value) {
  const auto wrong = [&](std::string code, std::string message) {
    return FieldError{parameter.name, std::move(code), std::move(message)};
  };
  if (!parameter.values.empty()) {
    if (std::ranges::find(parameter.values, value) != parameter.values.end()) return {};
    std::string all;
    for (const auto& allowed : parameter.values) all += (all.empty() ? "" : ", ") + allowed;
    return wrong("enum", "must be one of: " + all);
  }
  switch (parameter.type) {
    case ParameterType::text: return {};
    case ParameterType::integer: {
      const auto number = whole_number(value);
      if (!number) return wrong("type", "must be a whole number");
      if (*number < parameter.minimum) {
        return wrong("minimum", "must be at least " + std::to_string(parameter.minimum));
      }
      if (parameter.maximum != 0 && *number > parameter.maximum) {
        return wrong("maximum", "must be at most " + std::to_string(parameter.maximum));
      }
      return {};
    }
    case ParameterType::boolean:
      if (value == "true" || value == "false") return {};
      return wrong("type", "must be true or false");
    case ParameterType::timestamp:
      if (parse_rfc3339(value)) return {};
      return wrong("format", "must be an RFC 3339 date-time");
    case ParameterType::date:
      if (is_date(value)) return {};
      return wrong("format", "must be a date, YYYY-MM-DD");
    case ParameterType::as_of:
      if (read_as_of(value)) return {};
      return wrong("format", "must be a seq (a whole number from 1) or an RFC 3339 date-time");
  }
  return {};
}

std::optional<FieldError> wrong_with(const Parameter& parameter, const std::string& value) {
  if (parameter.takes == Parameter::Takes::one) return wrong_with_one(parameter, value);
  const auto values = listed_values(value);
  if (values.size() > listed_values_max) {
    return FieldError{parameter.name, "count",
                      "must be at most " + std::to_string(listed_values_max) + " values"};
  }
  for (const auto& one : values) {
    const auto read = read_listed_value(one);
    if (!read) continue;
    if (auto wrong = wrong_with_one(parameter, *read)) return wrong;
  }
  return {};
}

bool is_accepted_body(const Context& context, std::string_view content_type) {
  const auto& route = context.route->route;
  if (is_media_type(content_type, route.consumes)) return true;
  return context.request.method == http::Method::patch &&
         is_media_type(content_type, "application/merge-patch+json");
}

Result<void> check_key(Context& context) {
  const auto& headers = context.request.headers;
  if (context.is_read()) return {};
  const auto key = headers.find("Idempotency-Key");
  if (!key) return {};
  const bool printable = std::ranges::all_of(*key, [](char c) { return c > ' ' && c < '\x7f'; });
  if (key->empty() || key->size() > perdure::limits::idempotency_key_bytes_max || !printable ||
      headers.count("Idempotency-Key") > 1) {
    return fail(invalid_parameter("Idempotency-Key", "format",
                                  "must be one key of 1 to 255 printable ASCII characters"));
  }
  context.idempotency_key = std::string{*key};
  return {};
}

/// Below it a body that is parsed is not counted.
constexpr std::size_t parsed_uncounted_bytes = std::size_t{4} * 1024;

// Whether a page with this Origin comes from `host`. A port that is the scheme's own may be named
// or not: it is the same host.
bool is_own_origin(std::string_view origin, std::string_view host) {
  const auto scheme_end = origin.find("://");
  if (scheme_end == std::string_view::npos || host.empty()) return false;
  const std::string_view own_port = origin.starts_with("https:") ? ":443" : ":80";
  const auto bare = [&](std::string_view authority) {
    if (authority.ends_with(own_port)) authority.remove_suffix(own_port.size());
    return authority;
  };
  return http::equals_ignoring_case(bare(origin.substr(scheme_end + 3)), bare(host));
}

// What never changes is for the object to compare; `prepare` would drop it.
Json take_fixed_members(const CompiledRoute& route, Json& body) {
  auto taken = Json::object();
  if (!body.is_object()) return taken;
  for (const auto& name : route.fixed_members) {
    const auto found = body.find(name);
    if (found == body.end()) continue;
    taken[name] = std::move(*found);
    body.erase(found);
  }
  return taken;
}

// Counts what the parsed body is about to take.
Result<void> hold_parsed_body(Context& context) {
  const auto& request = context.request;
  if (request.body.size() <= parsed_uncounted_bytes) return {};
  return hold_more(context, parsed_bytes_of(request.body));
}

}  // namespace

// A value, and a member with its name, are nodes of so many bytes.
std::size_t parsed_bytes_of(std::string_view text) {
  constexpr std::size_t value_bytes = 32;
  constexpr std::size_t member_bytes = 96;
  std::size_t values = 1;
  std::size_t members = 0;
  for (const char c : text) {
    values += c == ',' || c == '[' || c == '{';
    members += c == ':';
  }
  return text.size() + values * value_bytes + members * member_bytes;
}

Result<void> hold_more(Context& context, std::size_t bytes) {
  auto& request = context.request;
  auto* const budget = context.services.options.memory;
  if (budget == nullptr) return {};
  if (request.hold.bytes() == 0) request.hold = Hold{*budget, context.owner()};
  const auto fit = request.hold.resize(request.hold.bytes() + bytes);
  if (fit != Fit::yes) return fail(error_of(fit));
  return {};
}

Result<AsOf> read_as_of(const std::string& text) {
  if (const auto seq = whole_number(text)) {
    if (*seq >= 1) return AsOf{static_cast<Seq>(*seq)};
  } else if (const auto time = parse_rfc3339(text)) {
    return AsOf{*time};
  }
  return fail(invalid_parameter("as_of", "format",
                                "must be a seq (a whole number from 1) or an RFC 3339 date-time"));
}

namespace {

/// Whether a backslash that stands before `rest` takes its first character as it is.
bool is_escaped(std::string_view rest) { return rest.starts_with(',') || rest.starts_with('\\'); }

}  // namespace

std::vector<std::string> listed_values(std::string_view text) {
  std::vector<std::string> values(1);
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == ',') {
      values.emplace_back();
      continue;
    }
    values.back() += text[i];
    if (text[i] == '\\' && is_escaped(text.substr(i + 1))) values.back() += text[++i];
  }
  return values;
}

std::optional<std::string> read_listed_value(std::string_view written) {
  constexpr std::string_view null = "null";
  if (written == null) return {};
  if (written.starts_with('\\') && written.substr(1) == null) return std::string{null};
  std::string value;
  for (std::size_t i = 0; i < written.size(); ++i) {
    if (written[i] == '\\' && is_escaped(written.substr(i + 1))) ++i;
    value += written[i];
  }
  return value;
}

std::int64_t number_or(const Context& context, std::string_view name, std::int64_t otherwise) {
  const auto* text = context.find_query(name);
  return text == nullptr ? otherwise : whole_number(*text).value_or(otherwise);
}

Result<std::uint64_t> position_cursor(const Context& context) {
  const auto* cursor = context.find_query("cursor");
  if (cursor == nullptr) return 0U;
  const auto position = whole_number(*cursor);
  if (position && *position >= 0) return static_cast<std::uint64_t>(*position);
  return fail(invalid_parameter("cursor", "invalid", "is no next_cursor of this list"));
}

Result<void> check_query(Context& context) {
  const auto raw = context.request.query();
  if (raw.empty()) return {};
  PERDURE_TRY(values, parse_query(raw));
  Error error{.code = ErrorCode::invalid, .detail = "the query is not valid"};
  const auto& declared = context.route->route.query;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const auto& [name, value] = values[i];
    const auto parameter = std::ranges::find(declared, name, &Parameter::name);
    if (parameter == declared.end()) {
      error.fields.push_back({name, "unknown_parameter", "is not a parameter of this route"});
      continue;
    }
    const auto earlier = values.begin() + static_cast<std::ptrdiff_t>(i);
    if (std::find_if(values.begin(), earlier,
                     [&](const auto& other) { return other.name == parameter->name; }) != earlier) {
      error.fields.push_back({name, "repeated", "may be given only once"});
    } else if (auto wrong = wrong_with(*parameter, value)) {
      error.fields.push_back(std::move(*wrong));
    }
  }
  if (!error.fields.empty()) {
    error.detail = error.fields.front().pointer + " " + error.fields.front().message;
    return fail(std::move(error));
  }
  context.query = std::move(values);
  return {};
}

std::size_t body_bytes_max(const Context& context) {
  const auto& options = context.services.options;
  return context.route->route.body == BodyUse::raw ? options.import_bytes_max
                                                   : options.body_bytes_max;
}

Result<void> check_body(Context& context) {
  const auto& route = context.route->route;
  if (route.body == BodyUse::none) return {};
  if (context.request.body.size() > body_bytes_max(context)) {
    return fail(ErrorCode::too_large, "the request body is too large");
  }
  if (route.body == BodyUse::raw) return {};
  if (context.request.body.empty()) {
    if (route.body == BodyUse::required) {
      return fail(ErrorCode::malformed, "this request needs a body: a JSON text");
    }
    context.body = Json::object();
  } else {
    PERDURE_TRY_VOID(hold_parsed_body(context));
    PERDURE_TRY(body, parse_json(context.request.body));
    context.body = std::move(body);
  }
  const auto* schema = context.route->request_schema;
  if (schema == nullptr) return {};
  auto sent_back = take_fixed_members(*context.route, context.body);
  schema->prepare(context.body);
  auto wrong = schema->validate(context.body);
  if (!wrong.empty()) return fail(invalid_value(std::move(wrong)));
  if (!sent_back.empty()) {
    context.body[std::string{actors::sent_back_member}] = std::move(sent_back);
  }
  return {};
}

std::optional<Problem> check_media(const Context& context) {
  const auto& route = context.route->route;
  const auto& headers = context.request.headers;
  if (const auto accept = headers.find("Accept"); accept && *accept != "*/*") {
    const auto all = joined(headers, "Accept").value_or("");
    const auto& other = route.also_produces;
    if (acceptance(all, route.produces) == 0 && (other.empty() || acceptance(all, other) == 0)) {
      return Problem{.code = "not_acceptable",
                     .detail = "this resource is available as " + route.produces +
                               (other.empty() ? " only" : " and " + other) +
                               (route.not_also.empty() ? "" : "; " + route.not_also)};
    }
  }
  if (route.body == BodyUse::none) return {};
  if (!context.request.has_body()) {
    if (route.body == BodyUse::optional || headers.find("Content-Length") ||
        headers.find("Transfer-Encoding")) {
      return {};
    }
    return Problem{.code = "length_required",
                   .detail = "this request needs a body, and its Content-Length"};
  }
  if (const auto coding = headers.find("Content-Encoding");
      coding && !http::equals_ignoring_case(*coding, "identity")) {
    Problem problem{.code = "unsupported_media_type",
                    .detail = "the body must be sent without Content-Encoding"};
    problem.headers.emplace_back("Accept-Encoding", "identity");
    return problem;
  }
  const auto type = headers.find("Content-Type");
  if (!type || is_accepted_body(context, *type)) return {};
  Problem problem{
      .code = "unsupported_media_type",
      .detail = "the body must be " + route.consumes + " in UTF-8, not " + std::string{*type}};
  if (context.request.method == http::Method::patch) {
    problem.headers.emplace_back("Accept-Patch", route.consumes + ", application/merge-patch+json");
  } else {
    problem.headers.emplace_back("Accept", route.consumes);
  }
  return problem;
}

Result<void> check_fields(Context& context) {
  const auto& headers = context.request.headers;
  const auto line = context.services.runtime.line();
  if (const auto text = joined(headers, "If-Match")) {
    PERDURE_TRY(tags, parse_tags(*text, "If-Match", line));
    context.if_match = std::move(tags);
  }
  if (const auto text = joined(headers, "If-None-Match")) {
    PERDURE_TRY(tags, parse_tags(*text, "If-None-Match", line));
    context.if_none_match = std::move(tags);
  }
  if (const auto trace = headers.find("traceparent"); trace && is_traceparent(*trace)) {
    context.traceparent = std::string{*trace};
  }
  return check_key(context);
}

Result<void> check_origin(const Context& context) {
  const auto origin = context.request.headers.find("Origin");
  if (context.request.upgrade != http::Upgrade::websocket || !origin) return {};
  if (is_own_origin(*origin, context.request.host()) || context.services.cors.listed(*origin))
    return {};
  return fail(ErrorCode::forbidden,
              "pages of this origin may not open WebSockets here; see the setting cors.origins");
}

Verdict judge(const Context& context, const ObjectMeta& meta, Action action) {
  const auto* kind = context.services.runtime.find_kind(meta.object().kind);
  return permits(context.principal(),
                 possession_of(meta, kind == nullptr ? Reach::open : kind->reach), action);
}

Result<void> check_scope(const CompiledRoute& route, const Standing& standing, Access access) {
  const auto needed = access == Access::read      ? ScopeAccess::read
                      : access == Access::destroy ? ScopeAccess::destroy
                                                  : ScopeAccess::write;
  if (scope_allows(standing.principal.scopes, route.route.permission.resource, needed)) return {};
  return fail(ErrorCode::forbidden, "the API key's scopes do not include " + route.scope(access));
}

Result<void> check_permission(const CompiledRoute& route, const Standing* standing) {
  const auto& permission = route.route.permission;
  if (permission.access == Access::open) return {};
  if (permission.access != Access::any_scope) {
    PERDURE_TRY_VOID(check_scope(route, *standing, permission.access));
  }
  if (permission.audience == Audience::admin && !is_privileged(standing->principal)) {
    return fail(ErrorCode::forbidden, "only an administrator may do this");
  }
  return {};
}

}  // namespace perdure::api
