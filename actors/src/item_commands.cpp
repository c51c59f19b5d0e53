// SPDX-License-Identifier: Apache-2.0
#include "item_commands.hpp"

#include <algorithm>
#include <cmath>

#include "errors.hpp"
#include "item_condition.hpp"
#include "item_events.hpp"
#include "perdure/actors/sent_back.hpp"

namespace perdure::actors {

namespace {

// A page with all its tags and revisions is about 360 entries; a turn may change 10,000.
constexpr std::size_t purged_per_turn_max = 20;

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

  [[nodiscard]] ItemView view(const View& of) const {
    ItemView view{
        .present = [&](Json item) { return present(of.meta(), of.entries(), std::move(item)); }};
    for (const auto& reference : rules.items.references) view.references.push_back(reference.field);
    view.is_dead = [&](const std::string& field, const std::string& id) {
      const auto reference =
          std::ranges::find(rules.items.references, field, &NounItems::Reference::field);
      return !is_there(of.entries(), *reference, id);
    };
    return view;
  }

  /// Takes out of a PUT the nulls that stand for ids of what is deleted: so they were read, and the
  /// links come back with what they name. A PATCH with null clears them.
  void keep_dead(const EntryReader& entries, const Json& before, Json& changes) const {
    if (!changes.is_object()) return;
    for (const auto& reference : rules.items.references) {
      const auto sent = changes.find(reference.field);
      if (sent == changes.end() || !sent->is_null()) continue;
      const auto& named = before.at(reference.field);
      if (named.is_string() && !is_there(entries, reference, named)) changes.erase(sent);
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

/// The seq of the item's last change. Items of versions up to 0.1.0 have none until they change.
std::int64_t seq_of(const Json& item) { return item.value(item_seq, std::int64_t{1}); }

Result<void> check_condition(const Json& payload, const Json& item) {
  return check_if_seqs(payload, static_cast<Seq>(seq_of(item)));
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
  publish_item(items.rules.items, turn, before ? "updated" : "created", next,
               changed_members(before, next));
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
  auto changes =
      gather_sent_back(payload.value("changes", Json::object()), items.rules.fields.defaults());
  if (payload.contains(item_member::put)) items.keep_dead(turn.entries(), before, changes);
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

/// The runtime has deleted items purged when the oldest of them is old enough. While rows are made,
/// what is noted may be older than all that are there.
void note_oldest_deleted(const Items& items, Turn& turn, ResourceState& self) {
  if (!items.collection.is_built(turn.entries())) {
    auto& noted = self.internal()[oldest_deleted_member(items.rules.items.many)];
    if (noted.is_null()) noted = format_rfc3339(turn.now());
    return;
  }
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
  publish_item(items.rules.items, turn, "deleted", next, Json::array());
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
  publish_item(items.rules.items, turn, "restored", next, Json::array());
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
    publish_item(items.rules.items, turn, "purged", item, Json::array());
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
  return items.collection.list(view.entries(), query, items.view(view));
}

/// Makes a part of the rows that lists need, if they are not there.
Collection::Built build_some(const Items& items, Turn& turn, ResourceState& self) {
  const auto built = items.collection.build(turn.entries());
  if (built == Collection::Built::done) note_oldest_deleted(items, turn, self);
  return built;
}

void ask_for_more(const Items& items, Turn& turn) {
  turn.send({.to = turn.object(),
             .command = build_command(items.rules.items.many),
             .payload = {{"goes_on", true}}});
}

/// `{more}`. With `goes_on` the object calls itself until all is made.
Result<Json> build(const Items& items, Turn& turn, ResourceState& self, const Json& payload) {
  const auto built = build_some(items, turn, self);
  const bool more = built == Collection::Built::more;
  if (built == Collection::Built::already) {
    turn.change_nothing();
  } else {
    turn.keep_up();
    if (more && payload.is_object() && payload.value("goes_on", false)) ask_for_more(items, turn);
  }
  return Json{{"more", more}};
}

}  // namespace

ItemSettler add_items(KindBuilder<ResourceState>& builder, ItemRules rules) {
  Collection collection{rules.items.many, rules.items.lists};
  const auto items = std::make_shared<const Items>(Items{std::move(rules), std::move(collection)});
  const std::string& one = items->rules.items.one;
  const std::string& many = items->rules.items.many;
  using Change = Result<Json> (*)(const Items&, Turn&, ResourceState&, const Json&);
  const auto add = [&](const std::string& name, Change run, CommandOptions options = {}) {
    std::move(builder).command(
        name,
        [items, run](Turn& turn, ResourceState& self, const Json& payload) {
          if (!items->collection.is_built(turn.entries())) {
            build_some(*items, turn, self);
          }
          return run(*items, turn, self, payload);
        },
        std::move(options));
  };
  add("create_" + one, create);
  add("purge_" + many, purge, {.callers = Callers::host});
  add("update_" + one, update);
  add("move_" + one, move);
  add("remove_" + one, remove);
  add("restore_" + one, restore);
  std::move(builder)
      .command(build_command(many),
               [items](Turn& turn, ResourceState& self, const Json& payload) {
                 return build(*items, turn, self, payload);
               },
               {.callers = Callers::host})
      .derived_entries(
          {.name = many,
           .declared = items->collection.made_by(),
           .command = build_command(many),
           .check = [items](const View& view) { return items->collection.check(view.entries()); }})
      .purge({.command = "purge_" + many,
              .oldest = std::string{internal_member} + '.' + oldest_deleted_member(many)})
      .query("get_" + one, [items](const View& view, const ResourceState&,
                                   const Json& payload) { return get(*items, view, payload); })
      .query("list_" + many, [items](const View& view, const ResourceState&, const Json& payload) {
        return list_all(*items, view, payload);
      });
  return [items](Turn& turn, ResourceState& self) {
    tell_of_items(items->rules.items, turn);
    if (build_some(*items, turn, self) == Collection::Built::more) ask_for_more(*items, turn);
  };
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

std::string build_command(const std::string& many) { return "build_" + many; }

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
