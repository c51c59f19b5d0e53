// SPDX-License-Identifier: Apache-2.0
// Noun: a resource of the API, declared once. Its kind, lists, routes, scopes, documentation and
// events follow from the declaration.
//
// To add one:
//   schemas/json/task.json           its fields, and which variants of it there are
//   actors/src/nouns/task.cpp        `Noun task_noun()`: what lists ask for, references, behaviour
//   tests/unit/actors/nouns/task_test.cpp
//   and its line in actors/src/nouns/nouns.def.
//
// The schema says what types fields have, in which order the values of an enumeration stand, and
// which members the server sets (`readOnly`). A field that is declared here and not there ends the
// start of the server with its name.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "perdure/actors/kinds.hpp"
#include "perdure/runtime/kind.hpp"

namespace perdure::actors {

/// Bodies that the documentation shows, as JSON.
struct NounExamples {
  std::string create;
  std::string change = {};
  std::string move = {};
};

/// A route that changes some members by a body of its own: PUT /tasks/{id}/status.
struct NounAction {
  std::string path;    ///< `status`
  std::string schema;  ///< of the body: `TaskStatus`
  std::string summary;
  std::string example;
};

/// Items that an object holds in its entries (items.hpp): pages of a notebook.
struct NounItems {
  std::string one;   ///< `page`; the schema is `Page`
  std::string many;  ///< `pages`; in paths, too
  ListRules lists = {};
  NounExamples examples = {};
  /// A member that names one of other items in the same object, checked when it is set; it reads as
  /// null while that is deleted. A move may set it beside the position.
  struct Reference {
    std::string field;  ///< `section_id`
    std::string many;   ///< `sections`
  };
  std::vector<Reference> references = {};
};

/// A log that an object holds in its entries, with a list of its own: the messages of a
/// conversation. Every turn that changes a row of it publishes an event.
struct NounLog {
  std::string query;                ///< that lists it: `list_messages`
  std::string id;                   ///< the member by which a row is known
  std::vector<std::string> topics;  ///< patterns: those events are of these
  /// Gives the beginning of the keys of the rows; `asked` is the query's payload.
  std::function<std::string(const Json& asked)> prefix;
  /// Gives what the list shows of a row; null: it leaves the row out.
  std::function<Json(const ObjectMeta& meta, const Json& asked, const Entry& row)> shown;
  /// Of a log of one item, which the payload's `id` names: `page`.
  std::string of_item = {};
};

/// An event beside those of changes.
struct NounTopic {
  std::string topic;  ///< `webhook.disabled`
  std::string data;   ///< `{id, url, reason}`
  std::string about;
};

/// A field that is a percentage: the number that was set or, where it is null, that of the parts.
/// Of parts of another kind those count that are done, of those of the same kind what they show.
struct NounRollUp {
  std::string field;         ///< `progress`
  std::string source;        ///< the member that says which it is: `progress_source`
  std::string manual;        ///< the source's value when the number was set
  std::string from_parts;    ///< the source's value when the number follows from the parts
  std::string part;          ///< a kind: `task`
  std::string part_of;       ///< its reference: `goal_id`
  std::string part_state;    ///< its enumeration: `status`
  std::string done;          ///< `completed`
  std::string left_out;      ///< does not count: `cancelled`
  std::string same_part_of;  ///< the reference to one's own kind: `parent_goal_id`
};

struct Noun {
  std::string kind;        ///< `life_area`; the schema is `LifeArea`
  std::string path = {};   ///< empty: `/life-areas`; its first segment stands in scopes
  std::string tag = {};    ///< in the API pages; empty: `Life areas`
  std::string about = {};  ///< a sentence for the tag
  ListRules lists = {};    ///< values and orders of enumerations are the schema's
  std::vector<ReferenceDefinition> references = {};
  /// Members that the server sets and clients see, with their first values.
  Json server_set = Json::object();
  NounExamples examples = {};
  std::vector<NounAction> actions = {};
  std::vector<NounItems> items = {};
  std::vector<NounLog> logs = {};
  std::vector<NounTopic> topics = {};
  std::optional<NounRollUp> roll_up = {};
  enum class MadeBy {
    domain,  ///< domain_kinds()
    host,    ///< a function that takes more than DomainOptions; its changes are told by `topics`
  } made_by = MadeBy::domain;
  /// Settles what depends on the valid fields, in a create, an update, and when a state comes from
  /// outside (errors count for nothing then); `before` is empty for a create. Null: nothing does.
  std::function<Result<void>(Turn&, const Json& before, Json& next)> settle = {};
  /// Makes the kind, where it has more than a resource has. Null: it has not.
  std::function<Kind(const Noun&, const DomainOptions&)> make = {};

  [[nodiscard]] std::string schema() const;  ///< `LifeArea`
};

/// Gives every noun with its paths, tags and values of enumerations filled in. Aborts for a noun
/// that names a field which its schema lacks.
[[nodiscard]] const std::vector<Noun>& nouns();
/// The one of a kind; null: there is none.
[[nodiscard]] const Noun* find_noun(std::string_view kind);

/// `LifeArea` for `life_area`.
[[nodiscard]] std::string schema_name(std::string_view kind);
/// What a schema says of a member, without null; null: it has no such member.
[[nodiscard]] const Json* find_member(const std::string& schema, const std::string& member);

}  // namespace perdure::actors
