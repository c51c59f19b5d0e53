// SPDX-License-Identifier: Apache-2.0
// What kinds have to be: checked before anything is opened.
#include <fmt/format.h>

#include <map>
#include <set>

#include "dead_letter.hpp"
#include "kind_table.hpp"
#include "once.hpp"
#include "own_errors.hpp"
#include "perdure/runtime/list_layout.hpp"
#include "subscriber.hpp"
#include "subscription.hpp"

namespace perdure::runtime {

namespace {

/// Whether a command of that name is there, and is a turn.
bool has_turn(const KindDefinition& kind, const std::string& name) {
  const auto found = kind.commands.find(name);
  return found != kind.commands.end() && !found->second.flow;
}

Result<void> validate_kind(const KindDefinition& kind) {
  PERDURE_TRY_VOID(validate(ObjectId{kind.name, "x"}));
  const auto refuse = [&](std::string why) {
    return fail(ErrorCode::invalid, fmt::format("kind {}: {}", kind.name, why));
  };
  // Else what was answered could be refused when it is written.
  const bool may_be_refused =
      !kind.uniques.empty() || !kind.references.empty() || !kind.quorums.empty();
  for (const auto& [name, command] : kind.commands) {
    if (may_be_refused && durability_of(kind, name) != Durability::sync) {
      return refuse("with unique fields, references and quorums all commands are synced, but " +
                    name + " is not");
    }
    if (name.starts_with('$')) return refuse("names that start with $ are the runtime's");
    if (kind.queries.contains(name)) return refuse(name + " is both a command and a query");
  }
  for (const auto& [name, query] : kind.queries) {
    if (query.callers == Callers::messages) return refuse(name + " is a query: no message asks it");
  }
  PERDURE_TRY_VOID(check_own_errors(kind));
  for (std::uint32_t version = 1; version < kind.schema_version; ++version) {
    if (!kind.upgrades.contains(version)) {
      return refuse(fmt::format("no upgrade step from schema version {}", version));
    }
  }
  for (const auto& purge : kind.purges) {
    if (!has_turn(kind, purge.command)) {
      return refuse("it is purged by a command that it has not, or a flow: " + purge.command);
    }
  }
  for (const auto& derived : kind.derived) {
    if (!has_turn(kind, derived.command)) {
      return refuse("entries of it are made by a command that it has not, or a flow: " +
                    derived.command);
    }
    // Else that command would make again what was purged at the same time.
    if (!kind.created_by_command) return refuse("it has derived entries, so a command creates it");
  }
  std::set<std::string> quorum_names;
  for (const auto& quorum : kind.quorums) {
    if (quorum.name.empty() || quorum.where.empty() || !quorum_names.insert(quorum.name).second) {
      return refuse("quorum \"" + quorum.name + "\" is taken, or says nothing");
    }
  }
  std::set<std::string> index_names;
  for (const auto& index : kind.indexes) {
    if (index.name.starts_with('$') || !index_names.insert(index.name).second) {
      return refuse("index name " + index.name + " is taken");
    }
    const std::set<std::string> fields(index.fields.begin(), index.fields.end());
    if (fields.size() != index.fields.size() || fields.empty()) {
      return refuse("index " + index.name + " has no fields, or one of them twice");
    }
  }
  if (auto lists = ListLayout{kind.lists}.check(); !lists) return refuse(lists.error().detail);
  std::set<std::string> spaces;
  for (const auto& unique : kind.uniques) {
    const bool is_own = unique.space == runtime::once_space;
    if (unique.space.empty() || is_own || !spaces.insert(unique.space).second) {
      return refuse("space \"" + unique.space + "\" of a unique field is taken, or none");
    }
  }
  return {};
}

}  // namespace

std::vector<Kind> with_own_kinds(std::vector<Kind> kinds) {
  kinds.push_back(dead_letter_kind());
  kinds.push_back(subscription_kind());
  kinds.push_back(subscriber_kind());
  return kinds;
}

namespace {

/// A client knows an error by its name alone.
Result<void> check_errors_agree(const std::vector<Kind>& kinds) {
  std::map<std::string, const OwnErrorDefinition*> errors;
  for (const auto& kind : kinds) {
    for (const auto& [name, error] : kind.definition().errors) {
      const auto [known, is_new] = errors.emplace(name, &error);
      if (is_new || *known->second == error) continue;
      return fail(ErrorCode::invalid,
                  fmt::format("kind {}: its error \"{}\" is another one in another kind",
                              kind.name(), name));
    }
  }
  return {};
}

}  // namespace

Result<void> validate_kinds(const std::vector<Kind>& kinds) {
  PERDURE_TRY_VOID(check_errors_agree(kinds));
  std::set<std::string> names;
  for (const auto& kind : kinds) {
    PERDURE_TRY_VOID(validate_kind(kind.definition()));
    if (!names.insert(kind.name()).second) {
      return fail(ErrorCode::invalid, "two kinds are named " + kind.name());
    }
  }
  for (const auto& kind : kinds) {
    for (const auto& reference : kind.definition().references) {
      if (names.contains(reference.kind)) continue;
      return fail(ErrorCode::invalid,
                  fmt::format("kind {}: {} refers to the kind {}, which is not there", kind.name(),
                              reference.field, reference.kind));
    }
  }
  return {};
}

}  // namespace perdure::runtime
