// SPDX-License-Identifier: Apache-2.0
// kind<State>("name"): defines a kind of objects from plain types and functions.
//
//   struct Counter { std::int64_t value = 0; };
//   NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Counter, value)
//
//   perdure::Kind counter = perdure::kind<Counter>("counter")
//       .command("add", [](perdure::Turn&, Counter& self, const Add& add) {
//         return self.value += add.by;
//       })
//       .query("value", [](const Counter& self) { return self.value; });
//
// A command handler is `(Turn&, State&)` or `(Turn&, State&, const Payload&)`; a query handler
// `(const State&)`, `(const State&, const Payload&)`, or either with `const View&` in front when it
// reads entries. They return nothing, a value that nlohmann::json can hold, or a Result of one.
// State and Payload are types with from_json and to_json; `Json` itself is one. A command that is
// declared once (declarations.hpp) takes the place of the name, and the compiler compares the two.
// A command that waits for others in the middle is a flow: see flow.hpp.
#pragma once

#include <memory>
#include <string>
#include <type_traits>
#include <utility>

#include "perdure/runtime/declarations.hpp"
#include "perdure/runtime/handler_forms.hpp"
#include "perdure/runtime/kind_definition.hpp"
#include "perdure/runtime/own_error.hpp"

namespace perdure {

/// A finished definition: cheap to copy, immutable.
class Kind {
 public:
  explicit Kind(std::shared_ptr<const KindDefinition> definition)
      : definition_(std::move(definition)) {}
  [[nodiscard]] const std::string& name() const { return definition_->name; }
  [[nodiscard]] const KindDefinition& definition() const { return *definition_; }

 private:
  std::shared_ptr<const KindDefinition> definition_;  // shared: immutable
};

struct CommandOptions {
  Creates creates = Creates::no;
  JsonCheck check_payload = {};
  Callers callers = Callers::by_grant;
  std::optional<Durability> durability = {};  ///< none: the kind's
};

struct QueryOptions {
  JsonCheck check_payload = {};
  Callers callers = Callers::by_grant;
};

template <class State>
class KindBuilder {
 public:
  explicit KindBuilder(std::string name) {
    definition_.name = std::move(name);
    definition_.state = StateOps{
        .make = [] { return std::make_shared<State>(); },
        .copy =
            [](const void* from) {
              return std::make_shared<State>(*static_cast<const State*>(from));
            },
        .encode = [](const void* state) { return Json(*static_cast<const State*>(state)); },
        .decode =
            [](const Json& json) { return std::make_shared<State>(detail::decode<State>(json)); }};
  }

  template <class F>
  KindBuilder&& command(std::string name, F handler, CommandOptions options = {}) && {
    CommandDefinition command{.run = {},
                              .creates = options.creates,
                              .check_payload = std::move(options.check_payload),
                              .callers = options.callers,
                              .durability = options.durability};
    if constexpr (detail::FlowForm<F>::is_flow) {
      command.flow.emplace(detail::flow_of<State>(std::move(handler)));
    } else {
      command.run = detail::turn_of<State>(std::move(handler));
    }
    definition_.created_by_command |= options.creates == Creates::yes;
    definition_.commands.insert_or_assign(std::move(name), std::move(command));
    return std::move(*this);
  }

  template <class F>
  KindBuilder&& query(std::string name, F handler, QueryOptions options = {}) && {
    QueryDefinition query{
        .run = {},
        .reads = detail::reads_entries<State, F> ? Reads::root_and_entries : Reads::root,
        .check_payload = std::move(options.check_payload),
        .callers = options.callers};
    query.run = detail::query_of<State>(std::move(handler));
    definition_.queries.insert_or_assign(std::move(name), std::move(query));
    return std::move(*this);
  }

  template <class Payload, class Reply, class F>
  requires detail::HandlesCommand<F, State, Payload, Reply> KindBuilder &&
      command(const Command<State, Payload, Reply>& declared, F handler,
              CommandOptions options = {}) && {
    return std::move(*this).command(std::string{declared.name}, std::move(handler),
                                    std::move(options));
  }
  template <class Payload, class Reply, class F>
  requires detail::HandlesQuery<F, State, Payload, Reply> KindBuilder &&
      query(const Query<State, Payload, Reply>& declared, F handler, QueryOptions options = {}) && {
    return std::move(*this).query(std::string{declared.name}, std::move(handler),
                                  std::move(options));
  }
  /// Declares an own error: handlers end with none that is not declared.
  template <class Members>
  KindBuilder&& error(const ErrorType<Members>& declared) && {
    definition_.errors.insert_or_assign(std::string{declared.name}, declared.definition());
    return std::move(*this);
  }
  KindBuilder&& index(IndexDefinition index) && {
    definition_.indexes.push_back(std::move(index));
    return std::move(*this);
  }
  KindBuilder&& lists(ListRules rules) && {
    definition_.lists = std::move(rules);
    return std::move(*this);
  }
  KindBuilder&& reference(ReferenceDefinition reference) && {
    definition_.references.push_back(std::move(reference));
    return std::move(*this);
  }
  KindBuilder&& quorum(QuorumDefinition quorum) && {
    definition_.quorums.push_back(std::move(quorum));
    return std::move(*this);
  }
  KindBuilder&& derived_entries(DerivedEntriesDefinition derived) && {
    definition_.derived.push_back(std::move(derived));
    return std::move(*this);
  }
  KindBuilder&& publish_changes(ChangeEvents changes = {}) && {
    definition_.changes = std::move(changes);
    return std::move(*this);
  }
  KindBuilder&& reach(Reach reach) && {
    definition_.reach = reach;
    return std::move(*this);
  }
  KindBuilder&& unique(UniqueDefinition unique) && {
    definition_.uniques.push_back(std::move(unique));
    return std::move(*this);
  }
  /// Names a member of the state (dotted when nested) that operators' views leave out.
  KindBuilder&& secret(std::string member) && {
    definition_.secrets.push_back(std::move(member));
    return std::move(*this);
  }
  /// Has what was deleted within an object purged in time.
  KindBuilder&& purge(PurgeDefinition purge) && {
    definition_.purges.push_back(std::move(purge));
    return std::move(*this);
  }
  /// `handler` is `(Turn&, const State&)`: it releases the claims of an object that is purged.
  template <class F>
  KindBuilder&& on_purge(F handler) && {
    definition_.on_purge = [handler = std::move(handler)](Turn& turn, const void* state) {
      handler(turn, *static_cast<const State*>(state));
    };
    return std::move(*this);
  }
  /// `handler` is `(Turn&, State&, const State* before)`. Alarms, messages and effects are no part
  /// of a state: one that is restored, undeleted, imported, cloned, replaced, patched or created
  /// whole (`$create`) comes without those that went with it. A kind that relies on them asks anew
  /// for them here, in the same turn: what `State` says is under way has to be so afterwards.
  /// `before` is what it takes the place of, in the same life, whose alarms stand; null in a new
  /// life.
  template <class F>
  KindBuilder&& on_settle(F handler) && {
    definition_.on_settle = [handler = std::move(handler)](Turn& turn, void* state,
                                                           const void* before) {
      handler(turn, *static_cast<State*>(state), static_cast<const State*>(before));
    };
    return std::move(*this);
  }
  /// When commands are answered that say nothing of their own (docs/durability.md).
  KindBuilder&& durability(Durability durability) && {
    definition_.durability = durability;
    return std::move(*this);
  }
  /// Gives each activation members that are no part of the state: caches, open handles, windows of
  /// rates. `on_activate` is `(const ObjectMeta&, const State&)` and makes them before the first
  /// turn that asks (Turn::members); `on_hibernate`, `(const ObjectMeta&, M&)`, is called before
  /// they are let go of, on any thread: when the object leaves memory, when a commit of it fails,
  /// and so before its turns run again; not in a crash. It must not call the runtime. What they say
  /// of their size by `bytes()`, if they do, counts as the object's memory.
  template <class F, class G>
  KindBuilder&& members(F on_activate, G on_hibernate) && {
    definition_.members =
        detail::define_members<State>(std::move(on_activate), std::move(on_hibernate));
    return std::move(*this);
  }
  template <class F>
  KindBuilder&& members(F on_activate) && {
    return std::move(*this).members(std::move(on_activate), [](const ObjectMeta&, auto&) {});
  }
  /// The version that this code writes. States of older versions pass through the upgrade steps;
  /// states of newer ones are refused.
  KindBuilder&& schema_version(std::uint32_t version) && {
    definition_.schema_version = version;
    return std::move(*this);
  }
  /// `step` makes a state of version `from` into one of `from + 1`.
  KindBuilder&& upgrade(std::uint32_t from, UpgradeStep step) && {
    definition_.upgrades.insert_or_assign(from, std::move(step));
    return std::move(*this);
  }
  /// Checks states that come from outside the kind's own commands.
  KindBuilder&& check_state(JsonCheck check) && {
    definition_.check_state = std::move(check);
    return std::move(*this);
  }
  /// Checks what an operator's replace, patch or restore makes of a state.
  KindBuilder&& check_change(ChangeCheck check) && {
    definition_.check_change = std::move(check);
    return std::move(*this);
  }

  operator Kind() && {  // NOLINT: the builder is only a way to write a Kind
    return Kind{std::make_shared<const KindDefinition>(std::move(definition_))};
  }

 private:
  KindDefinition definition_;
};

template <class State>
[[nodiscard]] KindBuilder<State> kind(std::string name) {
  return KindBuilder<State>{std::move(name)};
}
template <class State>
[[nodiscard]] KindBuilder<State> kind(const KindName<State>& declared) {
  return KindBuilder<State>{std::string{declared.name}};
}

}  // namespace perdure
