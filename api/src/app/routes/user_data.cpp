// SPDX-License-Identifier: Apache-2.0
// /users/me as data protection law has it: everything out, and everything gone.
#include <algorithm>
#include <functional>
#include <vector>

#include "app/dispatch.hpp"
#include "app/json_text.hpp"
#include "app/routes/tables.hpp"
#include "app/services.hpp"
#include "perdure/actors/resource.hpp"
#include "perdure/base/crypto.hpp"

namespace perdure::api {

namespace {

using http::Method;

constexpr std::size_t archive_bytes_max = 256u << 20;
constexpr std::size_t page_size = 500;

using Visitor = std::function<Result<void>(const ObjectView&)>;

// Every object of the caller, live or deleted, the user itself included. Errors: those of `visit`.
Result<void> visit_owned(const Context& context, const Visitor& visit) {
  for (const auto& kind : context.services.runtime.kinds()) {
    ListRequest request{.kind = kind.name(),
                        .index = "$owner",
                        .owner = context.principal.user_id,
                        .limit = page_size,
                        .lives = ListRequest::Lives::all};
    do {
      PERDURE_TRY(page, context.services.runtime.list(request));
      for (const auto& view : page.items) PERDURE_TRY_VOID(visit(view));
      request.cursor = std::move(page.next_cursor);
    } while (!request.cursor.empty());
  }
  return {};
}

Result<void> append_object(std::string& text, const Runtime& runtime, const ObjectView& view) {
  const auto& object = view.meta.object();
  text += R"({"kind":)";
  append_json(text, object.kind);
  text += R"(,"resource":)";
  append_json(text, actors::resource_body(view));
  text += R"(,"entries":[)";
  if (view.meta.exists()) {
    EntryRange range{.limit = 1'000};
    for (bool first = true;;) {
      PERDURE_TRY(rows, runtime.entries(object, range));
      for (const auto& row : rows) {
        auto value = parse_json(row.value);
        text += first ? "" : ",";
        first = false;
        append_json(text, {{"key", row.key},
                           {"value", value ? std::move(*value) : Json(to_base64url(row.value))}});
      }
      if (text.size() > archive_bytes_max) {
        return fail(ErrorCode::too_large, "the archive is larger than 256 MiB");
      }
      if (rows.size() < range.limit) break;
      range.from = rows.back().key + '\x01';
    }
  }
  text += "]}";
  return {};
}

Result<std::string> make_archive(const Context& context) {
  const auto& services = context.services;
  PERDURE_TRY(user, services.runtime.inspect({"user", context.principal.user_id}));
  std::string text = R"({"format":"perdure-user-archive","version":1,"exported_at":)";
  append_json(text, format_rfc3339(services.clock.now()));
  text += R"(,"user":)";
  append_json(text, actors::resource_body(user));
  text += R"(,"objects":[)";
  bool first = true;
  PERDURE_TRY_VOID(visit_owned(context, [&](const ObjectView& view) -> Result<void> {
    if (view.meta.object().kind == "user") return {};
    text += first ? "" : ",";
    first = false;
    return append_object(text, services.runtime, view);
  }));
  text += "]}";
  return text;
}

void export_me(const ContextPtr& context) {
  auto archive = make_archive(*context);
  if (!archive) return answer(*context, std::move(archive).error());
  http::Response response{.status = 200, .headers = {}, .body = std::move(*archive)};
  response.headers.add("Content-Type", "application/json");
  response.headers.add("Cache-Control", "private, no-store");
  response.headers.add("Content-Disposition", "attachment; filename=\"perdure-archive.json\"");
  answer(*context, std::move(response));
}

// What is gone already is as wanted.
Result<void> command(Context& context, const ObjectId& object, std::string_view name) {
  auto done = context.services.runtime
                  .call({.target = object,
                         .name = std::string{name},
                         .principal = context.principal,
                         .request_id = context.request.request_id})
                  .get();
  if (!done && done.error().code != ErrorCode::not_found) return fail(std::move(done).error());
  return {};
}

Result<void> remove_object(Context& context, const ObjectId& object) {
  if (object.kind == "api_key") PERDURE_TRY_VOID(command(context, object, "revoke"));
  if (object.kind == "user") PERDURE_TRY_VOID(command(context, object, "erase"));
  return command(context, object, builtin::remove);
}

// Keys go after what they lead to, and the user last: an erasure that was interrupted can be asked
// for again.
int erasure_rank(const ObjectId& object) {
  if (object.kind == "user") return 2;
  return object.kind == "api_key" ? 1 : 0;
}

// First all is deleted, so that what an interruption leaves is purged in time; then all is purged.
Result<void> erase_caller(Context& context) {
  // Requests that are on their way beside this one may still have made something: so again.
  constexpr int passes_max = 3;
  for (int pass = 0; pass < passes_max; ++pass) {
    std::vector<ObjectId> objects;
    PERDURE_TRY_VOID(visit_owned(context, [&](const ObjectView& view) -> Result<void> {
      objects.push_back(view.meta.object());
      return {};
    }));
    if (objects.empty()) return {};
    std::ranges::stable_sort(objects, {}, erasure_rank);
    for (const auto& object : objects) PERDURE_TRY_VOID(remove_object(context, object));
    for (const auto& object : objects) PERDURE_TRY_VOID(command(context, object, builtin::purge));
  }
  return {};
}

void delete_me(const ContextPtr& context) {
  if (auto done = erase_caller(*context); !done) {
    return answer(*context, std::move(done).error());
  }
  answer_nothing(*context);
}

}  // namespace

void add_user_data_routes(std::vector<Route>& routes) {
  routes.push_back({.path = "/users/me/export",
                    .operation = "exportMe",
                    .tag = "Users",
                    .summary = "Everything of the caller as one archive",
                    .permission = {"users", Access::read},
                    .target = Slow{export_me}});
  routes.push_back({.method = Method::del,
                    .path = "/users/me",
                    .operation = "deleteMe",
                    .tag = "Users",
                    .summary = "Erase the caller and everything that is the caller's",
                    .permission = {"users", Access::write},
                    .target = Slow{delete_me},
                    .status = 204});
}

}  // namespace perdure::api
