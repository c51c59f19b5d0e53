// SPDX-License-Identifier: Apache-2.0
#include "app/administrators.hpp"

#include <algorithm>
#include <array>
#include <vector>

#include "app/checks.hpp"
#include "app/services.hpp"

namespace perdure::api {

namespace {

constexpr const char* user_kind = "user";
constexpr std::size_t users_at_once = 100;

bool is_active_admin(const Json& state) {
  return state.is_object() && state.value("role", Json()) == "admin" &&
         state.value("is_active", Json()) == true;
}

/// Whether a change by members (RFC 7396) leaves no active administrator of one.
bool ends_by_members(const Json& changes) {
  if (!changes.is_object()) return false;
  const auto given = changes.find("role");
  const auto is_active = changes.find("is_active");
  return (given != changes.end() && *given != "admin") ||
         (is_active != changes.end() && *is_active != true);
}

bool ends_by_command(std::string_view command, const Json& payload) {
  constexpr std::array always{std::string_view{"deactivate"}, std::string_view{"erase"},
                              std::string_view{builtin::remove},
                              std::string_view{builtin::restore}};
  if (std::ranges::find(always, command) != always.end()) return true;
  if (command == builtin::replace) return !is_active_admin(payload);
  return (command == "update" || command == builtin::patch) && ends_by_members(payload);
}

struct Ends {
  std::vector<std::string> users;  ///< whom the request ends, if they are administrators
  bool later = false;              ///< at a time when others may have ended, too
};

std::string path_id(const Context& context) { return std::string{context.value("id")}; }

Ends ends_of_user_route(const Context& context) {
  const auto& operation = context.route->route.operation;
  if (operation == "deleteMe") return {{context.principal.user_id}};
  if (operation == "deleteUser" || operation == "deactivateUser") return {{path_id(context)}};
  const bool changes = operation == "patchUser" || operation == "putUser";
  if (changes && ends_by_members(context.body)) return {{path_id(context)}};
  return {};
}

/// The state that a restore would bring back.
bool ends_by_restore(const Context& context) {
  const auto as_of = read_as_of(std::string{context.value("seq")});
  if (!as_of) return false;
  const auto past = context.services.runtime.inspect({user_kind, path_id(context)}, *as_of);
  return past && !is_active_admin(past->state);
}

Ends ends_of_transaction(const Json& body) {
  Ends ends;
  for (const auto& step : body.at("steps")) {
    if (step.at("kind") == user_kind &&
        ends_by_command(step.at("command").get_ref<const std::string&>(),
                        step.value("payload", Json()))) {
      ends.users.push_back(step.at("id"));
    }
  }
  return ends;
}

Ends ends_of_object_route(const Context& context) {
  const auto& operation = context.route->route.operation;
  const auto& body = context.body;
  if (operation == "transact") return ends_of_transaction(body);
  const auto& parameters = context.route->path_parameters;
  const bool is_about_user =
      parameters.size() >= 2 && parameters.front() == "kind" && context.values.front() == user_kind;
  if (!is_about_user) return {};
  const auto command = body.is_object() ? body.value("command", Json()) : Json();
  const bool ends_now = operation == "deleteObject" ||
                        (operation == "patchObject" && ends_by_members(body)) ||
                        (operation == "replaceObject" && !is_active_admin(body)) ||
                        (operation == "restoreSnapshot" && ends_by_restore(context));
  const bool calls = operation == "requestObject" || operation == "setAlarm";
  const bool ends_by_call =
      calls && command.is_string() &&
      ends_by_command(command.get_ref<const std::string&>(), body.value("payload", Json()));
  if (!ends_now && !ends_by_call) return {};
  return {.users = {path_id(context)}, .later = operation == "setAlarm"};
}

Ends ends_of(const Context& context) {
  const auto& resource = context.route->route.permission.resource;
  if (context.is_read()) return {};
  if (resource == "users") return ends_of_user_route(context);
  if (resource == "durable-objects") return ends_of_object_route(context);
  return {};
}

/// The role that a body gives to a user; what it had before, if that is the same.
Result<void> check_role(const Context& context) {
  const auto& route = context.route->route;
  const bool is_create = route.operation == "createUser";
  const bool is_change = route.operation == "patchUser" || route.operation == "putUser";
  if ((!is_create && !is_change) || !context.body.is_object()) return {};
  const auto given = context.body.find("role");
  if (given == context.body.end()) return {};
  Json before = "user";
  if (is_change) {
    const auto user = look_at(context, {user_kind, path_id(context)});
    if (!user) return {};  // the call itself says so
    before = user->state.value("role", before);
  }
  const Json next = given->is_null() ? Json("user") : *given;
  if (next == before) return {};
  return check_scope(*context.route, *context.standing, Access::destroy);
}

Problem last_admin(std::string detail) {
  return {.code = "last_admin", .detail = std::move(detail)};
}

void take_and_go_on(ContextPtr context, const Ends& ends, void (*next)(ContextPtr)) {
  auto& services = context->services;
  for (const auto& user : ends.users) {
    auto held = services.last_admin.take(services.runtime, user);
    if (!held && held.error().code == ErrorCode::conflict) {
      return answer(*context, last_admin(std::move(held).error().detail));
    }
    if (!held) return answer(*context, std::move(held).error());
    if (*held && ends.later) {
      return answer(*context, last_admin("an administrator is not ended by an alarm: by the time "
                                         "that it rings it may be the last one"));
    }
    if (*held) context->held.push_back(std::move(*held));
  }
  next(std::move(context));
}

}  // namespace

LastAdmin::LastAdmin() : ending_(std::make_shared<Ending>()) {}

Result<std::shared_ptr<void>> LastAdmin::take(const Runtime& runtime, const std::string& user) {
  const auto now = runtime.inspect({user_kind, user});
  if (!now || !is_active_admin(now->state)) return std::shared_ptr<void>{};
  std::map<std::string, std::size_t> ending;
  {
    // Before the look at the others: whoever comes later sees this one going.
    const std::scoped_lock lock{ending_->mutex};
    ++ending_->users[user];
    ending = ending_->users;
  }
  std::shared_ptr<void> held{ending_.get(), [all = ending_, user](void*) {
                               const std::scoped_lock lock{all->mutex};
                               const auto found = all->users.find(user);
                               if (--found->second == 0) all->users.erase(found);
                             }};
  ListRequest request{.kind = user_kind, .limit = users_at_once};
  do {
    PERDURE_TRY(page, runtime.list(request));
    for (const auto& other : page.items) {
      if (is_active_admin(other.state) && !ending.contains(other.meta.object().id)) return held;
    }
    request.cursor = std::move(page.next_cursor);
  } while (!request.cursor.empty());
  return fail(ErrorCode::conflict,
              "this would leave the server without an active administrator: make another user one "
              "first");
}

void guard_administrators(ContextPtr context, void (*next)(ContextPtr)) {
  if (auto checked = check_role(*context); !checked) {
    return answer(*context, std::move(checked).error());
  }
  auto ends = ends_of(*context);
  if (ends.users.empty()) return next(std::move(context));
  run_slow(context, WorkClass::read,
           [context, ends = std::move(ends), next] { take_and_go_on(context, ends, next); });
}

}  // namespace perdure::api
