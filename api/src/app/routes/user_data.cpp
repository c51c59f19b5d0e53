// SPDX-License-Identifier: Apache-2.0
// /users/me as data protection law has it: everything out, and everything gone.
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
using Lives = ListRequest::Lives;

constexpr std::size_t archive_bytes_max = 256u << 20;
constexpr std::size_t page_size = 500;

// The index by which a kind's objects are listed by owner; null when it has none.
const IndexDefinition* owner_index(const KindDefinition& kind) {
  for (const auto& index : kind.indexes) {
    if (index.scope == IndexDefinition::Scope::owner) return &index;
  }
  return nullptr;
}

// Every object of the caller but the user itself.
Result<std::vector<ObjectView>> owned_objects(const Context& context, Lives lives) {
  std::vector<ObjectView> found;
  for (const auto& kind : context.services.runtime.kinds()) {
    const auto* index = owner_index(kind.definition());
    if (index == nullptr || kind.name() == "user") continue;
    ListRequest request{.kind = kind.name(),
                        .index = index->name,
                        .owner = context.principal.user_id,
                        .limit = page_size,
                        .lives = lives};
    do {
      PERDURE_TRY(page, context.services.runtime.list(request));
      for (auto& view : page.items) found.push_back(std::move(view));
      request.cursor = std::move(page.next_cursor);
    } while (!request.cursor.empty());
  }
  return found;
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
  for (const auto lives : {Lives::live, Lives::deleted}) {
    PERDURE_TRY(objects, owned_objects(context, lives));
    for (const auto& view : objects) {
      text += first ? "" : ",";
      first = false;
      PERDURE_TRY_VOID(append_object(text, services.runtime, view));
    }
  }
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

// One object of the caller, for good. What is gone already is as wanted.
Result<void> remove_object(Context& context, const ObjectId& object) {
  auto& runtime = context.services.runtime;
  std::vector<std::string> commands;
  if (object.kind == "api_key") commands.emplace_back("revoke");
  if (object.kind == "user") commands.emplace_back("erase");
  commands.emplace_back(builtin::remove);
  for (auto& command : commands) {
    Call call{.target = object,
              .name = std::move(command),
              .principal = context.principal,
              .request_id = context.request.request_id};
    auto done = runtime.call(std::move(call)).get();
    if (!done && done.error().code != ErrorCode::not_found) return fail(std::move(done).error());
  }
  return {};
}

// Safe to repeat: what an interrupted one left is found again, and the user goes last.
Result<void> erase_caller(Context& context) {
  PERDURE_TRY(objects, owned_objects(context, Lives::live));
  for (const auto& view : objects) {
    PERDURE_TRY_VOID(remove_object(context, view.meta.object()));
  }
  return remove_object(context, {"user", context.principal.user_id});
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
