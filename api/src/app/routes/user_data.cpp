// SPDX-License-Identifier: Apache-2.0
// /users/me as data protection law has it: everything out, and everything gone.
#include <algorithm>
#include <functional>
#include <vector>

#include "app/dispatch.hpp"
#include "app/routes/tables.hpp"
#include "app/services.hpp"
#include "perdure/actors/archive.hpp"

namespace perdure::api {

namespace {

using http::Method;

constexpr std::size_t archive_bytes_max = 256u << 20;
Result<void> visit_owned(const Context& context,
                         const std::function<Result<void>(const ObjectView&)>& visit) {
  return actors::visit_owned(context.services.runtime, context.principal.user_id, visit);
}

Result<std::string> make_archive(const Context& context) {
  const auto& services = context.services;
  PERDURE_TRY(user, services.runtime.inspect({"user", context.principal.user_id}));
  std::string text = dump_json(actors::archive_header(user, services.clock.now()));
  text.back() = ',';  // the objects go on with the header's members
  text += R"("objects":[)";
  bool first = true;
  PERDURE_TRY_VOID(visit_owned(context, [&](const ObjectView& view) -> Result<void> {
    if (view.meta.object().kind == "user") return {};
    PERDURE_TRY(object,
                actors::archived_object(services.runtime, view, archive_bytes_max - text.size()));
    text += first ? "" : ",";
    first = false;
    text += object;
    return {};
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
  if (object.kind == "job") {
    // One that is over cannot be cancelled, and need not be.
    auto cancelled = command(context, object, "cancel");
    if (!cancelled && cancelled.error().code != ErrorCode::conflict) return cancelled;
  }
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
