// SPDX-License-Identifier: Apache-2.0
// KindDefinition: a kind as the runtime sees it, with the state's type erased.
//
// Made by the builder in kind.hpp; embedders need only that one.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "perdure/runtime/durability.hpp"
#include "perdure/runtime/flow.hpp"
#include "perdure/runtime/list_rules.hpp"
#include "perdure/runtime/members_definition.hpp"
#include "perdure/runtime/turn.hpp"
#include "perdure/schemas/json.hpp"

namespace perdure {

/// Checks a JSON value; gives the broken rules. Empty function: anything goes.
using JsonCheck = std::function<std::vector<FieldError>(const Json&)>;

/// Compares a state with the one that is to take its place; gives the broken rules.
using ChangeCheck = std::function<std::vector<FieldError>(const Json& before, const Json& after)>;

/// The state of one object at one seq. Shared because it is immutable once a turn has made it.
using StatePtr = std::shared_ptr<const void>;

struct StateOps {
  std::function<std::shared_ptr<void>()> make;
  std::function<std::shared_ptr<void>(const void*)> copy;
  std::function<Json(const void*)> encode;
  /// Throws what the state's from_json throws.
  std::function<std::shared_ptr<void>(const Json&)> decode;
};

enum class Creates { no, yes };

/// Who may call a command or a query. `permits` (access.hpp) decides by it; the table stands there.
enum class Callers {
  by_grant,        ///< who owns the object, administrators, and to whom it is granted
  owner,           ///< who owns the object, and administrators: grants do not count
  administrators,  ///< and the host
  anybody,         ///< whoever is signed in, also with objects of others
  host,            ///< the process itself, and objects: nobody who came through a door of it
  messages,        ///< objects alone: messages, alarms, results of effects; of no query
};

/// Whether a flow has its object to itself until it ends.
enum class Holds { no, yes };

/// A command whose handler waits (flow.hpp); `state` is null where it holds nothing.
struct FlowDefinition {
  std::function<detail::FlowOutcome(FlowContext&, void* state, const Json& payload)> run;
  Holds holds = Holds::yes;
};

struct CommandDefinition {
  /// Null: it is a flow.
  std::function<Result<Json>(Turn&, void* state, const Json& payload)> run;
  Creates creates = Creates::no;  ///< the one command that an object begins with
  JsonCheck check_payload = {};
  Callers callers = Callers::by_grant;
  std::optional<Durability> durability = {};  ///< none: the kind's
  std::optional<FlowDefinition> flow = {};
};

enum class Reads { root, root_and_entries };

struct QueryDefinition {
  std::function<Result<Json>(const View&, const void* state, const Json& payload)> run;
  /// Root-only queries of a quiet object run on the caller's thread, without a mailbox hop.
  Reads reads = Reads::root;
  JsonCheck check_payload = {};
  Callers callers = Callers::by_grant;
};

/// An error of the kind's own (own_error.hpp).
struct OwnErrorDefinition {
  int http_status;
  std::string title;
  /// A JSON Schema of its members, which every one of them fits.
  Json members;
  bool operator==(const OwnErrorDefinition&) const = default;
};

/// An ordered index over fields of the root. A field is a member name of the state's JSON
/// (`status`, dotted when nested) or `$created_at`, `$updated_at`, `$id`. A member that is an array
/// gives one row for each element; a missing or null one sorts first.
struct IndexDefinition {
  enum class Scope {
    owner,  ///< rows are grouped by owner: lists of "mine" are one range
    all,    ///< one range for everybody
  };
  std::string name;
  std::vector<std::string> fields;
  Scope scope = Scope::owner;
};

/// A field of the root that no two objects share, such as an e-mail address. Its value is a claim
/// (Turn::claim) that follows the state whatever changes it: commands, patches, restores, imports.
/// Who comes second gets `conflict` with the field's pointer. A deleted object keeps its value, so
/// that it can come back. What is no text, or empty, claims nothing.
struct UniqueDefinition {
  enum class Compare {
    exact,
    ignoring_case,  ///< of letters in all scripts: the claimed key is in one case (`fold_case`)
  };
  std::string space;  ///< of the claims: Runtime::holder finds the object by it
  std::string field;  ///< a member of the state's JSON, dotted when nested
  Compare compare = Compare::exact;
};

/// A state in which some objects of the kind always have to be, such as that of an active
/// administrator. How many there are is a count that follows the states in their commits; the one
/// that would leave fewer than `least` is refused with `conflict`, whatever asked for it. What is
/// deleted is not counted.
struct QuorumDefinition {
  std::string name;  ///< of the count
  /// Members of the root (dotted when nested) and what they have to be, all of them.
  std::vector<std::pair<std::string, Json>> where;
  std::uint64_t least = 1;
  /// Of the refusal: a stable word, the one field's code, and a sentence.
  std::string code;
  std::string refusal;
};

/// Entries that follow from other entries of their object by what the kind declares, such as rows
/// of lists of items. When `declared` is not what it was at the last opening, the runtime calls
/// `command` on each object that is not deleted, with {}, until it answers without `more: true`.
/// Each call does a bounded part, and a call that finds nothing to do changes nothing.
struct DerivedEntriesDefinition {
  std::string name;
  std::string declared;
  std::string command;
  /// Says what is wrong with those of one object; nothing while they are being made.
  std::function<std::vector<std::string>(const View& view)> check = {};
};

/// A member of the root that holds the id of an object of some kind, or null. The turn that sets it
/// is refused (`invalid`, unknown_reference or reference_cycle) unless the object exists, the
/// principal may read it, and following the member from there never leads back here. An id whose
/// object was deleted stays in the state: see Runtime::without_dead_references.
struct ReferenceDefinition {
  enum class WhenDeleted {
    reads_as_null,
    goes_along,  ///< what refers is deleted with what it refers to, and brought back with it
  };
  std::string field;
  std::string kind;
  WhenDeleted when_deleted = WhenDeleted::reads_as_null;
};

/// Every change publishes `<kind>.created`, `.updated`, `.deleted`, `.restored` or `.purged` in its
/// own commit, with `{id, seq, changed: [member, …]}`.
struct ChangeEvents {
  /// Members that no client cares about: a change of these alone is no event.
  std::vector<std::string> silent = {};
  enum class Tells {
    all,
    ends,  ///< `.deleted`, `.restored` and `.purged`: of the others the kind tells by itself
  } tells = Tells::all;
};

/// How a kind purges what was deleted within its objects, which the runtime then calls for by
/// itself, as soon as the oldest of it was deleted `RuntimeOptions::purge_after` ago.
struct PurgeDefinition {
  /// Called with {before: date-time}. It erases what was deleted before then, and moves `oldest`;
  /// it may leave some of it for the next call.
  std::string command;
  /// A field of the root, as those of indexes: when the oldest of it was deleted (date-time), or
  /// null when there is none.
  std::string oldest;
};

/// Turns a state written by schema version n into one of n + 1. Throws to refuse.
using UpgradeStep = std::function<Json(Json)>;

/// Who reaches objects of a kind through the doors that are open to every kind (the operator's
/// routes, exports, transactions).
enum class Reach {
  open,
  system,  ///< an administrator whose scopes hold `*`: what the objects hold grants rights
};

struct KindDefinition {
  std::string name;
  Reach reach = Reach::open;
  StateOps state;
  Durability durability = Durability::sync;  ///< of commands that say none of their own
  std::optional<MembersDefinition> members = {};
  std::uint32_t schema_version = 1;
  std::map<std::uint32_t, UpgradeStep> upgrades;  ///< by the version they start from
  std::map<std::string, CommandDefinition, std::less<>> commands;
  std::map<std::string, QueryDefinition, std::less<>> queries;
  /// The own errors that its handlers may end with, by their names.
  std::map<std::string, OwnErrorDefinition, std::less<>> errors = {};
  std::vector<IndexDefinition> indexes;
  /// Lists of objects that are answered by rows of their own; see Runtime::list.
  ListRules lists = {};
  std::vector<UniqueDefinition> uniques;
  std::vector<ReferenceDefinition> references = {};
  std::vector<QuorumDefinition> quorums = {};
  std::vector<DerivedEntriesDefinition> derived = {};
  std::optional<ChangeEvents> changes = {};
  std::vector<std::string> secrets;  ///< members of the state's JSON, dotted: see without_secrets
  std::vector<PurgeDefinition> purges;
  /// Called in the turn that purges a deleted object, to release its claims; all else that it asks
  /// of the turn is dropped. Null: it has none.
  std::function<void(Turn&, const void* state)> on_purge = {};
  /// Called in the turn that brings a state back, or in from outside, without the alarms and
  /// messages that went with it; `before` is the state that it takes the place of, in the same
  /// life, or null. Null: there is nothing to settle.
  std::function<void(Turn&, void* state, const void* before)> on_settle = {};
  JsonCheck check_state = {};       ///< for states that come from outside (create, put, import)
  ChangeCheck check_change = {};    ///< for states from outside that take another one's place
  bool created_by_command = false;  ///< some command has Creates::yes: no other one begins a life
};

/// A state as operators may see it: without the kind's secrets (hashes of passwords and keys).
/// Replacing a state by one that lacks them keeps those that are there.
[[nodiscard]] Json without_secrets(const KindDefinition& kind, Json state);

}  // namespace perdure
