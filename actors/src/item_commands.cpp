// SPDX-License-Identifier: Apache-2.0
#include "item_commands.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "errors.hpp"
#include "item_condition.hpp"
#include "perdure/actors/sent_back.hpp"

namespace perdure::actors {

namespace {

// A page with all its tags and revisions is about 310 entries; a turn may change 10,000.
constexpr std::size_t purged_per_turn_max = 30;
/// The member of a stored item that holds the seq of its last change.
constexpr const char* item_seq = "seq";

/// The rules of one sort of items and what is made of them once. The handlers share it.
struct Items {
  ItemRules rules;
  Collection collection;

  /// A deleted item is named by nothing, though what named it still holds its id.
  [[nodiscard]] Json present(const ObjectMeta& meta, const EntryReader& entries, Json item) const {
    for (const auto& reference : rules.items.references) {
      auto& named = item.at(reference.field);
      if (!named.is_null() && !is_there(entries, reference, named)) named = nullptr;
    }
    return item_body(meta, rules.parent_member, std::move(item));
  }

  /// Takes out of the conditions of a list the references that read as null. A condition that is
  /// left without values holds for none.
  void leave_out_dead(const EntryReader& entries, std::vector<ListCondition>& where) const {
    for (const auto& reference : rules.items.references) {
      for (auto& condition : where) {
        if (condition.name != reference.field) continue;
        std::erase_if(condition.values, [&](const Json& id) {
          return !id.is_null() && !is_there(entries, reference, id);
        });
      }
    }
  }

  [[nodiscard]] Result<void> check_references(const EntryReader& entries,
                                              const std::optional<Json>& before,
                                              const Json& next) const {
    for (const auto& reference : rules.items.references) {
      const auto& named = next.at(reference.field);
      const bool is_new = !before || before->at(reference.field) != named;
      if (!is_new || named.is_null() || is_there(entries, reference, named)) continue;
      return fail(invalid_field(pointer_to(reference.field), "unknown_reference",
                                "names none of the " + reference.many + " here"));
    }
    return {};
  }

  [[nodiscard]] static bool is_there(const EntryReader& entries,
                                     const NounItems::Reference& reference, const Json& id) {
    return id.is_string() && find_live_item(entries, reference.many, id.get<std::string>());
  }

  [[nodiscard]] Result<Json> live(const EntryReader& entries, const Json& payload) const {
    PERDURE_TRY(id, required_text(payload, "id"));
    auto item = collection.find_live(entries, id);
    if (!item) return fail(no_such_item(rules.items.one));
    return std::move(*item);
  }
};

std::int64_t this_seq(const Turn& turn) { return static_cast<std::int64_t>(turn.meta().seq) + 1; }

/// The seq of the item's last change. Items of versions up to 0.1.0 have none until they change.
std::int64_t seq_of(const Json& item) { return item.value(item_seq, std::int64_t{1}); }

Result<void> check_condition(const Json& payload, const Json& item) {
  return check_if_seqs(payload, static_cast<Seq>(seq_of(item)));
}

/// Members that move with every change.
bool is_told(const std::string& member) {
  constexpr std::array silent{"updated_at", "updated_by", "created_at", "created_by",
                              "rank",       "deleted_at", item_seq,     "id"};
  return std::ranges::find(silent, member) == silent.end() && member != internal_member;
}

Json changed_members(const std::optional<Json>& before, const Json& next) {
  auto changed = Json::array();
  for (const auto& [name, value] : next.items()) {
    if (!is_told(name)) continue;
    const bool differs = before ? before->value(name, Json()) != value : !value.is_null();
    if (differs) changed.push_back(name);
  }
  return changed;
}

void publish(const Items& items, Turn& turn, const char* verb, const Json& item, Json changed) {
  turn.publish(items.rules.items.one + '.' + verb,
               {{"id", item.at("id")},
                {"seq", this_seq(turn)},
                {"parent", {{"kind", turn.object().kind}, {"id", turn.object().id}}},
                {"changed", std::move(changed)}});
}

/// An item as the reply to a call about it alone, with its validator.
Json alone(const Items& items, const ObjectMeta& meta, const EntryReader& entries, Json item) {
  const auto seq = seq_of(item);
  auto body = items.present(meta, entries, std::move(item));
  body[std::string{item_member::seq}] = seq;
  return body;
}

Json position_at_end(const Items& items, const EntryReader& entries) {
  const auto last = items.collection.last(entries, "position");
  if (!last) return 1;
  const double after = std::floor(last->at("position").get<double>()) + 1;
  constexpr double whole_max = 9.0e15;  // whole numbers stay integers for as long as doubles can
  if (std::abs(after) < whole_max) return static_cast<std::int64_t>(after);
  return after;
}

void stamp(Turn& turn, Json& item) {
  item["updated_at"] = format_rfc3339(turn.now());
  item["updated_by"] = actor_name(turn.principal());
  item[item_seq] = this_seq(turn);
}

/// Settles `next`, writes it, and gives what the client sees.
Result<Json> save(const Items& items, Turn& turn, const std::optional<Json>& before, Json next) {
  if (next.at("position").is_null()) {
    next["position"] = position_at_end(items, turn.entries());
  }
  PERDURE_TRY_VOID(items.check_references(turn.entries(), before, next));
  if (items.rules.settle) items.rules.settle(turn, before, next);
  stamp(turn, next);
  items.collection.put(turn.entries(), before, next);
  publish(items, turn, before ? "updated" : "created", next, changed_members(before, next));
  return alone(items, turn.meta(), turn.entries(), std::move(next));
}

Result<Json> create(const Items& items, Turn& turn, ResourceState& self, const Json& payload) {
  Json& count = self.internal().at(items.rules.items.many);
  if (count >= items.rules.count_max) {
    return fail(ErrorCode::too_large, "there are " + std::to_string(items.rules.count_max) + ' ' +
                                          items.rules.items.many + " already");
  }
  PERDURE_TRY(next, items.rules.fields.first(fields_of(payload)));
  PERDURE_TRY(own_id, chosen_id(payload));
  if (own_id && items.collection.find(turn.entries(), *own_id)) return fail(id_is_taken(*own_id));
  next["id"] = own_id ? *own_id : turn.new_id();
  next["rank"] = this_seq(turn);
  next["created_at"] = format_rfc3339(turn.now());
  next["created_by"] = actor_name(turn.principal());
  PERDURE_TRY_VOID(
      check_sent_back(turn.meta(), next, payload, SentIn::create, items.rules.parent_member));
  count = count.get<std::int64_t>() + 1;
  return save(items, turn, std::nullopt, std::move(next));
}

Result<Json> update(const Items& items, Turn& turn, ResourceState& /*self*/, const Json& payload) {
  PERDURE_TRY(before, items.live(turn.entries(), payload));
  PERDURE_TRY_VOID(check_condition(payload, before));
  const auto changes =
      gather_sent_back(payload.value("changes", Json::object()), items.rules.fields.defaults());
  PERDURE_TRY_VOID(
      check_sent_back(turn.meta(), before, changes, SentIn::change, items.rules.parent_member));
  PERDURE_TRY(next, items.rules.fields.changed(before, fields_of(changes)));
  if (next == before) {  // nobody hears of it
    turn.change_nothing();
    return alone(items, turn.meta(), turn.entries(), std::move(next));
  }
  return save(items, turn, before, std::move(next));
}

Result<Json> move(const Items& items, Turn& turn, ResourceState& /*self*/, const Json& payload) {
  PERDURE_TRY(before, items.live(turn.entries(), payload));
  PERDURE_TRY_VOID(check_condition(payload, before));
  Json changes = payload;
  changes.erase("id");
  changes.erase(std::string{item_member::if_seqs});
  changes.erase(std::string{item_member::if_not_seqs});
  for (const auto& [name, value] : changes.items()) {
    const auto& references = items.rules.items.references;
    if (name != "position" &&
        std::ranges::find(references, name, &NounItems::Reference::field) == references.end()) {
      return fail(invalid_field(pointer_to(name), "unknown_member", "is not known here"));
    }
  }
  if (!changes.contains("position")) changes["position"] = nullptr;
  PERDURE_TRY(next, items.rules.fields.changed(before, changes));
  // Below the rank of whatever stands at that position, so that it comes first.
  next["rank"] = -this_seq(turn);
  return save(items, turn, before, std::move(next));
}

/// The runtime has deleted items purged when the oldest of them is old enough.
void note_oldest_deleted(const Items& items, Turn& turn, ResourceState& self) {
  const auto oldest = items.collection.oldest_deleted(turn.entries(), 1);
  self.internal()[oldest_deleted_member(items.rules.items.many)] =
      oldest.empty() ? Json(nullptr) : oldest.front().at("deleted_at");
}

Result<Json> remove(const Items& items, Turn& turn, ResourceState& self, const Json& payload) {
  PERDURE_TRY(before, items.live(turn.entries(), payload));
  PERDURE_TRY_VOID(check_condition(payload, before));
  Json next = before;
  next["deleted_at"] = format_rfc3339(turn.now());
  next[item_seq] = this_seq(turn);
  items.collection.put(turn.entries(), before, next);
  note_oldest_deleted(items, turn, self);
  publish(items, turn, "deleted", next, Json::array());
  return Json(nullptr);
}

Result<Json> restore(const Items& items, Turn& turn, ResourceState& self, const Json& payload) {
  PERDURE_TRY(id, required_text(payload, "id"));
  auto before = items.collection.find(turn.entries(), id);
  if (!before) return fail(no_such_item(items.rules.items.one));
  PERDURE_TRY_VOID(check_condition(payload, *before));
  if (!before->contains("deleted_at")) {
    return fail(ErrorCode::conflict, "the " + items.rules.items.one + " is not deleted");
  }
  Json next = *before;
  next.erase("deleted_at");
  stamp(turn, next);
  items.collection.put(turn.entries(), before, next);
  note_oldest_deleted(items, turn, self);
  publish(items, turn, "restored", next, Json::array());
  return alone(items, turn.meta(), turn.entries(), std::move(next));
}

Result<Json> purge(const Items& items, Turn& turn, ResourceState& self, const Json& payload) {
  PERDURE_TRY(text, required_text(payload, "before"));
  const auto time = parse_rfc3339(text);
  if (!time) return fail(invalid_field("/before", "format", "must be a date-time"));
  const std::string limit = format_rfc3339(*time);
  std::int64_t purged = 0;
  const auto oldest = items.collection.oldest_deleted(turn.entries(), purged_per_turn_max);
  for (const Json& item : oldest) {
    if (item.at("deleted_at").get_ref<const std::string&>() >= limit) break;
    if (items.rules.purged) items.rules.purged(turn.entries(), item);
    items.collection.erase(turn.entries(), item);
    publish(items, turn, "purged", item, Json::array());
    ++purged;
  }
  Json& count = self.internal().at(items.rules.items.many);
  count = count.get<std::int64_t>() - purged;
  note_oldest_deleted(items, turn, self);
  const bool more = static_cast<std::size_t>(purged) == purged_per_turn_max;
  return Json{{"purged", purged}, {"more", more}};
}

Result<Json> get(const Items& items, const View& view, const Json& payload) {
  PERDURE_TRY(item, items.live(view.entries(), payload));
  return alone(items, view.meta(), view.entries(), std::move(item));
}

Result<Json> list_all(const Items& items, const View& view, const Json& payload) {
  PERDURE_TRY(query, read_item_query(payload, items.collection.rules()));
  auto& where = query.list.where;
  items.leave_out_dead(view.entries(), where);
  const bool is_empty = std::ranges::any_of(where, [](const ListCondition& condition) {
    return condition.values.empty() && condition.above.is_null() && condition.below.is_null();
  });
  if (is_empty) return Collection::nothing(query);
  return items.collection.list(view.entries(), query, [&](Json item) {
    return items.present(view.meta(), view.entries(), std::move(item));
  });
}

}  // namespace

void add_items(KindBuilder<ResourceState>& builder, ItemRules rules) {
  Collection collection{rules.items.many, rules.items.lists};
  const auto items = std::make_shared<const Items>(Items{std::move(rules), std::move(collection)});
  const std::string& one = items->rules.items.one;
  const std::string& many = items->rules.items.many;
  using Change = Result<Json> (*)(const Items&, Turn&, ResourceState&, const Json&);
  const auto add = [&](const std::string& name, Change run) {
    std::move(builder).command(name,
                               [items, run](Turn& turn, ResourceState& self, const Json& payload) {
                                 return run(*items, turn, self, payload);
                               });
  };
  add("create_" + one, create);
  add("purge_" + many, purge);
  add("update_" + one, update);
  add("move_" + one, move);
  add("remove_" + one, remove);
  add("restore_" + one, restore);
  std::move(builder)
      .purge({.command = "purge_" + many,
              .oldest = std::string{internal_member} + '.' + oldest_deleted_member(many)})
      .query("get_" + one, [items](const View& view, const ResourceState&,
                                   const Json& payload) { return get(*items, view, payload); })
      .query("list_" + many, [items](const View& view, const ResourceState&, const Json& payload) {
        return list_all(*items, view, payload);
      });
}

std::optional<Json> find_live_item(const EntryReader& entries, const std::string& many,
                                   const std::string& id) {
  if (!is_uuid(id)) return {};
  const auto entry = entries.get(item_key(many, id));
  if (!entry) return {};
  auto item = entry->json();
  if (item.contains("deleted_at")) return {};
  return item;
}

std::string oldest_deleted_member(const std::string& many) { return "oldest_deleted_" + many; }

Json item_body(const ObjectMeta& parent, const std::string& parent_member, Json item) {
  item.erase("rank");
  item.erase(item_seq);
  item.erase("deleted_at");
  item.erase(std::string{internal_member});
  const Origin& origin = *parent.origin;
  item[parent_member] = origin.object.id;
  item["user_id"] = origin.owner.text().empty() ? Json(nullptr) : Json(origin.owner.text());
  item["organization_id"] = nullptr;
  return item;
}

Error no_such_item(const std::string& one) {
  return {.code = ErrorCode::not_found, .detail = "no such " + one};
}

}  // namespace perdure::actors
