// SPDX-License-Identifier: Apache-2.0
// Access: who may do what with an object. One pure function decides, and names the rule by which it
// did; nothing else compares owners, roles, grants or scopes (`lint_access` keeps it so).
//
//   | who asks                     | read | change | administer, share | create  | operate        |
//   |------------------------------|------|--------|-------------------|---------|----------------|
//   | the host itself              | yes  | yes    | yes               | yes     | yes            |
//   | an administrator             | yes  | yes    | yes               | yes     | yes; system    |
//   |                              |      |        |                   |         | kinds with `*` |
//   | who owns it                  | yes  | yes    | yes               | its own | no             |
//   | an editor (a grant)          | yes  | yes    | no: forbidden     | no      | no             |
//   | a viewer (a grant)           | yes  | no: forbidden for all else | no    | no             |
//   | anybody else                 | no: the object does not exist for it | no  | no             |
//
// Objects of kinds with Reach::system are shared with nobody. What an organization owns, or is
// granted, is reached by administrators and the host: nobody is a member of one yet.
//
// Which commands and queries of a kind are for whom, the kind declares (Callers). An object may
// call any of them: its kinds' code is the host's own.
//
//   | who calls it     | by_grant | owner     | administrators | anybody | host   | messages  |
//   |------------------|----------|-----------|----------------|---------|--------|-----------|
//   | an object        | yes      | yes       | yes            | yes     | yes    | yes       |
//   | the host itself  | yes      | yes       | yes            | yes     | yes    | forbidden |
//   | an administrator | yes      | yes       | yes            | yes     | forbidden for both |
//   | who owns it      | yes      | yes       | forbidden      | yes     | forbidden for both |
//   | an editor        | yes      | forbidden | forbidden      | yes     | forbidden for both |
//   | a viewer         | a query  | forbidden | forbidden      | yes     | forbidden for both |
//   | anybody else     | hidden   | hidden    | hidden         | yes     | hidden for both    |
//
// Threads  any: values in, values out.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "perdure/base/error.hpp"
#include "perdure/runtime/kind_definition.hpp"
#include "perdure/runtime/object_meta.hpp"
#include "perdure/runtime/principal.hpp"

namespace perdure {

enum class Action {
  read,        ///< queries, events, streams, its past
  change,      ///< commands, and alarms
  administer,  ///< deletes it, brings it back, ends its past, withdraws a grant
  share,       ///< grants it to others
  create,      ///< makes an object for its owner
  operate,     ///< through the doors that are open to every kind (see Reach)
};

/// An object as `permits` sees it. Lifetime: borrows; for the call only.
struct Possession {
  const Owner& owner;
  std::span<const ObjectGrant> grants = {};
  Reach reach = Reach::open;
};
/// Grants of a deleted object do not count until it is brought back.
[[nodiscard]] Possession possession_of(const ObjectMeta& meta, Reach reach = Reach::open);

struct Verdict {
  enum class Outcome {
    allowed,
    forbidden,  ///< the principal may know of the object, and not do this
    hidden,     ///< the object does not exist for the principal
  } outcome = Outcome::hidden;
  /// The name of the rule that decided; stable, and alive for ever.
  ///
  ///   allowed    host, administrator, owner, grant_editor, grant_viewer, object, anybody
  ///   forbidden  grant_viewer      the grant is for reading
  ///              owner_only        the grant is not for this, whatever its role
  ///              not_owner         only administrators create for others
  ///              not_administrator the operator's doors are administrators'
  ///              scope_missing     the key's scopes do not hold `*`
  ///              system_kind       such an object is shared with nobody
  ///              host_only         the command is the host's and objects' own
  ///              messages_only     the command is for objects alone
  ///   hidden     not_reader        it is not the principal's, and not shared with it
  std::string_view rule;

  [[nodiscard]] bool allowed() const { return outcome == Outcome::allowed; }
  [[nodiscard]] bool hidden() const { return outcome == Outcome::hidden; }
};

[[nodiscard]] Verdict permits(const Principal& principal, const Possession& of, Action action);

/// Through what a call came.
enum class Via {
  caller,  ///< Runtime::call, or a step of a transaction
  object,  ///< a message, an alarm, an effect's result, or the runtime's own upkeep
};
/// A call as `permits` sees it: `action` is read or change.
struct Calling {
  Action action = Action::change;
  Callers callers = Callers::by_grant;
  Via via = Via::caller;
};
/// The same for a command or a query of the kind.
[[nodiscard]] Verdict permits(const Principal& principal, const Possession& of,
                              const Calling& calling);

/// What a refused caller hears: not_found where the object is hidden, else forbidden.
[[nodiscard]] Error refusal(const Verdict& verdict, const ObjectId& object);

/// A grant as views have it, and `$share` takes it: {grantee: {user_id or organization_id}, role}.
void to_json(Json& json, const ObjectGrant& grant);
/// All of an object, as an array.
[[nodiscard]] Json grants_json(const ObjectMeta& meta);

/// Administrators and the host see all owners' lists, have no quotas, and set what only they may.
[[nodiscard]] bool is_privileged(const Principal& principal);
/// The process itself, and nobody who came through a door of it.
[[nodiscard]] bool is_host(const Principal& principal);

// ---------------------------------------------------------------------------------------- scopes

enum class ScopeAccess { read, write, destroy };
[[nodiscard]] std::string_view name_of(ScopeAccess access);

/// Whether `<resource>:<access>` is among `scopes`, written as Principal::scopes are. `write`
/// includes `read`, `*` everything, and `destroy` nothing else.
[[nodiscard]] bool scope_allows(std::string_view scopes, std::string_view resource,
                                ScopeAccess access);
/// Whether who has `scopes` may give away the scope: it opens nothing that they do not. What is no
/// scope is included in `*` only.
[[nodiscard]] bool scope_includes(std::string_view scopes, std::string_view scope);

/// A list of scopes as a principal carries them. One that could be taken for several is left out.
[[nodiscard]] std::string join_scopes(std::span<const std::string> scopes);

}  // namespace perdure
