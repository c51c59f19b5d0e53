// SPDX-License-Identifier: Apache-2.0
// Objects as files, and copies of them: export, import, clone.
#include "app/checks.hpp"
#include "app/routes/object_views.hpp"
#include "app/routes/tables.hpp"
#include "app/services.hpp"

namespace perdure::api {

namespace {

using http::Method;

constexpr const char* file_type = "application/x-ndjson";

Result<AsOf> wanted_moment(const Context& context) {
  const auto* text = context.find_query("as_of");
  return text == nullptr ? Result<AsOf>{AsOf{}} : read_as_of(*text);
}

void export_object(const ContextPtr& context) {
  const auto object = object_of(*context);
  auto when = wanted_moment(*context);
  if (!when) return answer(*context, std::move(when).error());
  std::string text;
  auto done = context->services.runtime.export_object(object, *when,
                                                      [&](std::string_view line) { text += line; });
  if (!done) return answer(*context, std::move(done).error());
  http::Response response{.status = 200, .headers = {}, .body = std::move(text)};
  response.headers.add("Content-Type", file_type);
  response.headers.add("Cache-Control", "private, no-cache");
  response.headers.add("Content-Disposition", "attachment; filename*=UTF-8''" +
                                                  percent_encode(object.kind) + "-" +
                                                  percent_encode(object.id) + ".ndjson");
  answer(*context, std::move(response));
}

// Where the object goes: where the query says, else where the file's first line says.
Result<ObjectId> import_target(const Context& context) {
  ObjectId target;
  const auto* kind = context.find_query("kind");
  const auto* id = context.find_query("id");
  if (kind != nullptr) target.kind = *kind;
  if (id != nullptr) target.id = *id;
  if (kind == nullptr || id == nullptr) {
    const std::string_view body = context.request.body;
    PERDURE_TRY(header, parse_stored_json(body.substr(0, body.find('\n'))));
    const auto read = [&](const char* member, std::string& into) {
      if (into.empty() && header.is_object() && header.contains(member) &&
          header[member].is_string()) {
        into = header[member].get<std::string>();
      }
    };
    read("kind", target.kind);
    read("id", target.id);
  }
  PERDURE_TRY_VOID(validate(target));
  return target;
}

void import_object(const ContextPtr& context) {
  if (context->request.body.empty()) {
    return answer(*context, Error{.code = ErrorCode::malformed,
                                  .detail = "this request needs a body: an exported object"});
  }
  auto target = import_target(*context);
  if (!target) return answer(*context, std::move(target).error());
  context->services.runtime.import_object(
      make_call(*context, std::move(*target), CallType::command, std::string{builtin::import}),
      context->request.body, view_answerer(context));
}

void clone_object(const ContextPtr& context) {
  const auto source = object_of(*context);
  if (!check_precondition(*context, source)) return;
  const auto& body = context->body;
  AsOf when;
  if (const auto given = body.find("as_of"); given != body.end()) {
    auto read = read_as_of(given->is_string() ? given->get<std::string>() : given->dump());
    if (!read) return answer(*context, std::move(read).error());
    when = *read;
  }
  auto& services = context->services;
  ObjectId target{.kind = source.kind,
                  .id = body.contains("id") ? body["id"].get<std::string>()
                                            : make_uuid_v7(services.clock.now(), services.random)};
  services.runtime.clone_object(
      source, when,
      make_call(*context, std::move(target), CallType::command, std::string{builtin::import}),
      view_answerer(context));
}

}  // namespace

void add_object_transfer_routes(std::vector<Route>& routes) {
  const Permission read{"durable-objects", Access::read, Audience::admin};
  const Permission write{"durable-objects", Access::write, Audience::admin};
  const std::string item = "/durable-objects/{kind}/{id}";
  routes.push_back({.path = item + "/export",
                    .operation = "exportObject",
                    .tag = "Durable objects",
                    .summary = "One object as a file: lines of JSON, the last one a digest",
                    .permission = read,
                    .target = Slow{export_object},
                    .query = {{.name = "as_of",
                               .type = ParameterType::as_of,
                               .description = "A seq, or a time."}},
                    .produces = file_type});
  routes.push_back(
      {.method = Method::post,
       .path = "/durable-objects/import",
       .operation = "importObject",
       .tag = "Durable objects",
       .summary = "Make an object from an exported file",
       .permission = write,
       .target = Slow{import_object},
       .response_schema = "ObjectView",
       .status = 201,
       .body = BodyUse::raw,
       .query = {{.name = "kind", .description = "Of the new object; else as in the file."},
                 {.name = "id", .description = "Of the new object; else as in the file."}},
       .consumes = file_type,
       .description = "Import into an id that exists is a 409."});
  routes.push_back({.method = Method::post,
                    .path = item + "/clone",
                    .operation = "cloneObject",
                    .tag = "Durable objects",
                    .summary = "Make another object from this one, as it is or as it was",
                    .permission = write,
                    .target = Slow{clone_object},
                    .request_schema = "ObjectClone",
                    .response_schema = "ObjectView",
                    .status = 201,
                    .body = BodyUse::optional,
                    .example = R"({"id":"alice-copy","as_of":3})"});
}

}  // namespace perdure::api
