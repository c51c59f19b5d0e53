// SPDX-License-Identifier: Apache-2.0
#include "app/object_list.hpp"

#include <algorithm>

#include "app/checks.hpp"
#include "app/list_text.hpp"
#include "app/listed_value.hpp"
#include "app/roll_up.hpp"
#include "app/routes/resources.hpp"
#include "app/services.hpp"
#include "perdure/actors/noun.hpp"
#include "perdure/actors/resource.hpp"
#include "perdure/base/check.hpp"
#include "perdure/runtime/access.hpp"

namespace perdure::api {

namespace {

constexpr const char* after = "_after";
constexpr const char* before = "_before";
constexpr std::string_view scope = "scope";
constexpr std::string_view shared = "shared";
constexpr std::string_view organization_id = "organization_id";

bool has_type(const Json& member, std::string_view wanted) {
  const auto type = member.find("type");
  if (type == member.end()) return false;
  if (type->is_string()) return *type == wanted;
  return std::ranges::any_of(*type, [&](const Json& one) { return one == wanted; });
}

/// What the values of a field are; of an array's elements.
ParameterType type_of(const std::string& schema, const std::string& field) {
  if (field.starts_with('$')) return ParameterType::timestamp;
  const auto* member = actors::find_member(schema, field);
  PERDURE_CHECK(member != nullptr, schema + " has no field " + field);
  if (has_type(*member, "boolean")) return ParameterType::boolean;
  if (member->value("format", "") == "date") return ParameterType::date;
  if (member->value("format", "") == "date-time") return ParameterType::timestamp;
  const bool is_text =
      member->contains("enum") || has_type(*member, "string") || has_type(*member, "array");
  PERDURE_CHECK(is_text, "lists cannot filter " + schema + " by " + field);
  return ParameterType::text;
}

void add_range(std::vector<Parameter>& parameters, const ListFilter& filter, ParameterType type) {
  const auto of = filter.field.starts_with('$') ? filter.field.substr(1) : filter.field;
  parameters.push_back({.name = filter.name + after,
                        .type = type,
                        .description = "Only those whose `" + of + "` is later."});
  parameters.push_back({.name = filter.name + before,
                        .type = type,
                        .description = "Only those whose `" + of + "` is earlier."});
}

Json typed(const std::string& text, const std::string& field, ParameterType type) {
  if (type == ParameterType::boolean) return text == "true";
  if (type != ParameterType::timestamp) return text;
  const auto time = parse_rfc3339(text);  // it was checked
  if (!time) return nullptr;
  if (field.starts_with('$')) return to_unix_ms(*time);
  return format_rfc3339(*time);
}

std::optional<ListCondition> condition_of(const Context& context, const ListFilter& filter,
                                          const std::string& schema) {
  const auto type = type_of(schema, filter.field);
  ListCondition condition{.name = filter.name};
  if (filter.compare == ListFilter::Compare::range) {
    const auto* above = context.find_query(filter.name + after);
    const auto* below = context.find_query(filter.name + before);
    if (above == nullptr && below == nullptr) return {};
    if (above != nullptr) condition.above = typed(*above, filter.field, type);
    if (below != nullptr) condition.below = typed(*below, filter.field, type);
    return condition;
  }
  const auto* text = context.find_query(filter.name);
  if (text == nullptr) return {};
  for (const auto& written : listed_values(*text)) {
    const auto value = read_listed_value(written);
    condition.values.push_back(value ? typed(*value, filter.field, type) : Json(nullptr));
  }
  return condition;
}

bool shows_all(const Context& context, const ObjectList& list) {
  return list.scope == ListScope::all && is_privileged(context.principal());
}

/// Which of the parameters that say whose objects are listed was given; empty: none.
/// Errors: invalid (`combination`), there are several.
Result<std::string_view> whose_parameter(const Context& context) {
  std::string_view given;
  for (const auto name : {scope, shared, organization_id}) {
    const auto* value = context.find_query(name);
    if (value == nullptr || (name == shared && *value == "false")) continue;
    if (!given.empty()) {
      return fail(invalid_parameter(std::string{name}, "combination",
                                    "cannot be combined with " + std::string{given}));
    }
    given = name;
  }
  return given;
}

/// An organization that the caller may not read is one that does not exist.
Result<std::string> readable_organization(const Context& context) {
  const auto& id = *context.find_query(organization_id);
  const auto owner = Owner::organization(id);
  const ObjectId object{"organization", id};
  if (validate(object) && permits(context.principal(), {.owner = owner}, Action::read).allowed()) {
    return owner.text();
  }
  return fail(ErrorCode::not_found, "there is no such organization");
}

/// Sets whose objects a request is for. Errors: invalid (`combination`), not_found.
Result<void> set_whose(const Context& context, const ObjectList& list, ListRequest& request) {
  using Whose = ListRequest::Whose;
  PERDURE_TRY(given, whose_parameter(context));
  request.owner = context.principal().user_id;
  if (given == organization_id) {
    PERDURE_TRY(owner, readable_organization(context));
    request.owner = std::move(owner);
  } else if (given == shared) {
    request.whose = Whose::shared;
  } else if (shows_all(context, list)) {
    request.whose = Whose::everybody;
    request.owner.clear();
  } else if (given == scope) {
    request.whose = Whose::readable;
  }
  return {};
}

/// Deleted ones come by the time of their deletion, unless a sort or a filter is given.
Result<ListRequest> deleted_ones(const Context& context, ListRequest request) {
  using Whose = ListRequest::Whose;
  if (request.whose == Whose::shared) {
    return fail(invalid_parameter(std::string{shared}, "combination",
                                  "cannot be combined with deleted=true"));
  }
  request.lives = ListRequest::Lives::deleted;
  // Grants of what is deleted do not count.
  if (request.whose == Whose::readable) request.whose = Whose::owner;
  if (context.find_query("sort") != nullptr || !request.where.empty()) return request;
  request.sort.clear();
  request.order = Order::descending;
  request.index = request.whose == Whose::everybody ? "$id" : "";
  return request;
}

}  // namespace

std::vector<Parameter> list_parameters(const ListRules& rules, const std::string& schema) {
  std::vector<std::string> sorts;
  for (const auto& sort : rules.sorts) sorts.push_back(sort.name);
  std::vector<Parameter> parameters{sort_parameter(sorts)};
  for (const auto& filter : rules.filters) {
    const auto type = type_of(schema, filter.field);
    if (filter.compare == ListFilter::Compare::range) {
      add_range(parameters, filter, type);
      continue;
    }
    parameters.push_back({.name = filter.name,
                          .type = type,
                          .description =
                              "Only those with this value; several with commas between "
                              "them: one of these; `null`: those that have none. In a "
                              "value `\\,` is a comma and `\\\\` a backslash; `\\null` is "
                              "the text `null`.",
                          .values = filter.values,
                          .takes = Parameter::Takes::several});
  }
  return parameters;
}

std::vector<Parameter> whose_parameters() {
  return {{.name = std::string{scope},
           .description = "`all`: what one owns, and what is shared with one. Without this, "
                          "`shared` and `organization_id`: what one owns.",
           .values = {"all"}},
          {.name = std::string{shared},
           .type = ParameterType::boolean,
           .description = "`true`: what others share with one."},
          {.name = std::string{organization_id}, .description = "What this organization owns."}};
}

Result<ListRequest> list_request(const Context& context, const ObjectList& list) {
  const auto* kind = context.services.runtime.find_kind(list.kind);
  PERDURE_CHECK(kind != nullptr, list.kind);
  const auto& rules = kind->lists;
  ListRequest request{.kind = list.kind, .references = ListRequest::References::dead_as_null};
  PERDURE_TRY_VOID(set_whose(context, list, request));
  request.limit = static_cast<std::size_t>(number_or(context, "limit", 50));
  request.count = context.query_is("count", "true");
  if (const auto* cursor = context.find_query("cursor")) request.cursor = *cursor;
  const auto* asked = context.find_query("sort");
  const std::string sort = asked == nullptr ? rules.default_sort : *asked;
  const bool is_descending = sort.starts_with('-');
  request.sort = sort.substr(is_descending ? 1 : 0);
  request.order = is_descending ? Order::descending : Order::ascending;
  for (const auto& filter : rules.filters) {
    if (auto condition = condition_of(context, filter, list.schema)) {
      request.where.push_back(std::move(*condition));
    }
  }
  if (context.query_is("deleted", "true")) return deleted_ones(context, std::move(request));
  return request;
}

Result<Json> listed_body(const Runtime& runtime, const KindDefinition& kind,
                         const ObjectView& view) {
  auto state = view.state;
  if (const auto* rules = roll_up_of(kind.name)) {
    PERDURE_TRY(shown, with_roll_up(runtime, *rules, view.meta, std::move(state)));
    state = std::move(shown);
  }
  return actors::resource_body(view.meta, std::move(state));
}

void answer_list(const ContextPtr& context, const ObjectList& list) {
  auto request = list_request(*context, list);
  if (!request) return answer(*context, std::move(request).error());
  const auto& runtime = context->services.runtime;
  const auto& kind = *runtime.find_kind(list.kind);
  ListText page{*context};
  const auto end =
      runtime.list(*request, [&](const ObjectId& object, const Result<ObjectView>& view) {
        const auto body =
            view ? listed_body(runtime, kind, *view) : Result<Json>{fail(view.error())};
        return body ? page.add(*body) : page.add_unreadable(object);
      });
  if (!end) return answer(*context, Error{end.error()});
  std::move(page).send_counted(*context, *end);
}

}  // namespace perdure::api
