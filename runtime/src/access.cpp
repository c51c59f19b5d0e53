// SPDX-License-Identifier: Apache-2.0
#include "perdure/runtime/access.hpp"

#include <algorithm>
#include <array>
#include <optional>

namespace perdure {

namespace {

using Role = Principal::Role;
using Outcome = Verdict::Outcome;

constexpr std::string_view every_scope = "*";
constexpr char between_scopes = ' ';

constexpr Verdict allow(std::string_view rule) { return {Outcome::allowed, rule}; }
constexpr Verdict forbid(std::string_view rule) { return {Outcome::forbidden, rule}; }
constexpr Verdict hide(std::string_view rule) { return {Outcome::hidden, rule}; }

/// Whether the principal is the owner, or acts for it.
bool stands_for(const Principal& principal, const Owner& owner) {
  switch (owner.type()) {
    case Owner::Type::host: return false;
    case Owner::Type::user: return owner.text() == principal.user_id;
    case Owner::Type::organization: return false;  // a principal has no memberships
  }
  return false;
}

std::optional<ObjectGrant::Role> granted(const Principal& principal, const Possession& of) {
  std::optional<ObjectGrant::Role> best;
  if (of.reach == Reach::system) return best;
  for (const auto& grant : of.grants) {
    if (!stands_for(principal, grant.grantee)) continue;
    best = best ? std::max(*best, grant.role) : grant.role;
  }
  return best;
}

/// Whether `matches` is true of one of the scopes in the text.
template <class Matches>
bool any_scope(std::string_view scopes, const Matches& matches) {
  while (!scopes.empty()) {
    const auto end = std::min(scopes.find(between_scopes), scopes.size());
    if (matches(scopes.substr(0, end))) return true;
    scopes.remove_prefix(std::min(end + 1, scopes.size()));
  }
  return false;
}

bool has_every_scope(std::string_view scopes) {
  return any_scope(scopes, [](std::string_view scope) { return scope == every_scope; });
}

Verdict permits_operation(const Principal& principal, Reach reach) {
  if (principal.role != Role::admin) return forbid("not_administrator");
  const bool limited = !has_every_scope(principal.scopes);
  if (reach == Reach::system && limited) return forbid("scope_missing");
  return allow("administrator");
}

Verdict permits_by_grant(const Principal& principal, const Possession& of, Action action) {
  const auto role = granted(principal, of);
  if (!role) return hide("not_reader");
  const bool edits = *role == ObjectGrant::Role::editor;
  if (action == Action::read) return allow(edits ? "grant_editor" : "grant_viewer");
  if (action != Action::change) return forbid("owner_only");
  return edits ? allow("grant_editor") : forbid("grant_viewer");
}

bool is_scope(std::string_view scope, std::string_view resource, ScopeAccess access) {
  const auto name = name_of(access);
  return scope.size() == resource.size() + 1 + name.size() && scope.starts_with(resource) &&
         scope[resource.size()] == ':' && scope.ends_with(name);
}

}  // namespace

Possession possession_of(const ObjectMeta& meta, Reach reach) {
  Possession of{.owner = meta.origin->owner, .grants = {}, .reach = reach};
  if (meta.grants && !meta.deleted_at) of.grants = *meta.grants;
  return of;
}

Verdict permits(const Principal& principal, const Possession& of, Action action) {
  if (action == Action::share && of.reach == Reach::system) {
    const auto verdict = permits(principal, of, Action::administer);
    return verdict.allowed() ? forbid("system_kind") : verdict;
  }
  if (principal.role == Role::system) return allow("host");
  if (action == Action::operate) return permits_operation(principal, of.reach);
  if (principal.role == Role::admin) return allow("administrator");
  if (stands_for(principal, of.owner)) return allow("owner");
  if (action == Action::create) return forbid("not_owner");
  return permits_by_grant(principal, of, action);
}

namespace {

/// For whom a command or query is, of those who may know of the object.
Verdict permits_caller(const Principal& principal, const Possession& of, Callers callers) {
  switch (callers) {
    case Callers::owner:
      if (principal.role == Role::admin) return allow("administrator");
      return stands_for(principal, of.owner) ? allow("owner") : forbid("owner_only");
    case Callers::administrators:
      return principal.role == Role::admin ? allow("administrator") : forbid("not_administrator");
    case Callers::host: return forbid("host_only");
    case Callers::messages: return forbid("messages_only");
    case Callers::by_grant:
    case Callers::anybody: break;
  }
  return allow("anybody");
}

}  // namespace

Verdict permits(const Principal& principal, const Possession& of, const Calling& calling) {
  if (calling.via == Via::object) return allow("object");
  if (principal.role == Role::system) {
    return calling.callers == Callers::messages ? forbid("messages_only") : allow("host");
  }
  if (calling.callers == Callers::by_grant) return permits(principal, of, calling.action);
  if (calling.callers == Callers::anybody) return allow("anybody");
  const auto knows = permits(principal, of, Action::read);
  return knows.allowed() ? permits_caller(principal, of, calling.callers) : knows;
}

Error refusal(const Verdict& verdict, const ObjectId& object) {
  if (verdict.hidden()) {
    return {.code = ErrorCode::not_found, .detail = "there is no " + object.kind + ' ' + object.id};
  }
  constexpr std::array details{
      std::pair{"grant_viewer", "the object is shared with you for reading only"},
      std::pair{"owner_only", "only the object's owner may do this"},
      std::pair{"not_owner", "only an admin may create an object for somebody else"},
      std::pair{"not_administrator", "only an administrator may do this"},
      std::pair{"scope_missing", "objects of this kind need a key with the scope *"},
      std::pair{"system_kind", "objects of this kind are shared with nobody"},
      std::pair{"host_only", "only the server itself may do this"},
      std::pair{"messages_only", "only other objects may ask for this, by messages"},
  };
  const auto* found = std::ranges::find(
      details, verdict.rule, [](const auto& one) { return std::string_view{one.first}; });
  return {.code = ErrorCode::forbidden,
          .detail = found == details.end() ? "this is not allowed" : found->second};
}

bool is_privileged(const Principal& principal) { return principal.role != Role::user; }

bool is_host(const Principal& principal) { return principal.role == Role::system; }

std::string_view name_of(ScopeAccess access) {
  switch (access) {
    case ScopeAccess::read: return "read";
    case ScopeAccess::write: return "write";
    case ScopeAccess::destroy: return "destroy";
  }
  return {};
}

bool scope_allows(std::string_view scopes, std::string_view resource, ScopeAccess access) {
  return any_scope(scopes, [&](std::string_view scope) {
    return scope == every_scope || is_scope(scope, resource, access) ||
           (access == ScopeAccess::read && is_scope(scope, resource, ScopeAccess::write));
  });
}

bool scope_includes(std::string_view scopes, std::string_view scope) {
  const auto resource = scope.substr(0, scope.rfind(':'));
  for (const auto access : {ScopeAccess::read, ScopeAccess::write, ScopeAccess::destroy}) {
    if (is_scope(scope, resource, access)) return scope_allows(scopes, resource, access);
  }
  return has_every_scope(scopes);
}

std::string join_scopes(std::span<const std::string> scopes) {
  std::string joined;
  for (const auto& scope : scopes) {
    if (scope.empty() || scope.find(between_scopes) != std::string::npos) continue;
    if (!joined.empty()) joined += between_scopes;
    joined += scope;
  }
  return joined;
}

}  // namespace perdure
