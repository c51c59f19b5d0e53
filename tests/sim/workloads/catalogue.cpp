// SPDX-License-Identifier: Apache-2.0
// Things that are made, changed, deleted and brought back: each list shows exactly those that are
// as it says, in its order.
#include <algorithm>
#include <array>
#include <map>

#include "deeds.hpp"
#include "workloads.hpp"

namespace perdure::sim {
namespace {

constexpr std::size_t things = 8;
const std::vector<std::string> colors{"amber", "blue", "cyan"};

struct Thing {
  std::string color;
  int size = 0;
  std::vector<std::string> tags;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Thing, color, size, tags)

ObjectId thing(std::size_t number) { return {"thing", "x" + std::to_string(number)}; }

class Catalogue final : public perdure::testing::Workload {
 public:
  explicit Catalogue(std::size_t clients) : deeds_(80, std::min(clients, things)) {}

  std::vector<Kind> kinds() override {
    return {
        kind<Thing>("thing")
            .command("nothing", [](Turn&, Thing&) {})
            .index({.name = "color", .fields = {"color"}})
            .index(
                {.name = "size", .fields = {"size", "color"}, .scope = IndexDefinition::Scope::all})
            .index({.name = "tags", .fields = {"tags"}})
            .lists(
                {.filters = {{.name = "color", .field = "color"}, {.name = "tag", .field = "tags"}},
                 .sorts = {{.field = "size"}, {.field = "$updated_at"}}})};
  }

  void step() override {
    if (!deeds_.can_begin()) return;
    const auto which = chance().below(things);
    if (busy_.contains(which)) return;
    change(deeds_.begin(), which);
  }
  bool finished() override { return deeds_.done(); }
  std::string state() override { return deeds_.state(); }

  void check() override {
    for (const auto& color : colors) {
      const auto is = [&](const Thing& t) { return t.color == color; };
      compare({.kind = "thing", .index = "color", .equals = {color}}, is, "color " + color);
      const auto has = [&](const Thing& t) { return std::ranges::count(t.tags, color) > 0; };
      compare({.kind = "thing", .index = "tags", .equals = {color}}, has, "tag " + color);
      const ListCondition is_color{.name = "color", .values = {color}};
      const ListCondition has_color{.name = "tag", .values = {color}};
      compare({.kind = "thing", .limit = 3, .sort = "size", .where = {has_color}}, has,
              "tag " + color + " by size");
      compare(
          {.kind = "thing", .limit = 3, .sort = "updated_at", .where = {is_color, has_color}},
          [&](const Thing& t) { return is(t) && has(t); }, "color and tag " + color);
    }
    const auto small = [](const Thing& t) { return t.size < 50; };
    compare({.kind = "thing", .index = "size", .until = 50, .limit = 3}, small, "sizes below 50");
    compare(
        {.kind = "thing"}, [](const Thing&) { return true; }, "all");
    std::set<std::string> deleted;
    for (const auto& [which, model] : models_) {
      if (model.deleted) deleted.insert(thing(which).id);
    }
    expect(listed({.kind = "thing", .lives = ListRequest::Lives::deleted}) == deleted,
           "the list of what was deleted is wrong");
  }

 private:
  struct Model {
    Thing thing;
    bool deleted = false;
  };

  void change(std::size_t number, std::size_t which) {
    Thing next{.color = chance().pick(colors),
               .size = static_cast<int>(chance().below(100)),
               .tags = {chance().pick(colors), chance().pick(colors)}};
    const auto found = models_.find(which);
    std::string_view name = builtin::create;
    Json payload{{"state", next}};
    Model after{next};
    if (found != models_.end() && found->second.deleted) {
      name = builtin::undelete;
      payload = nullptr;
      after = {found->second.thing, false};
    } else if (found != models_.end() && chance().one_in(4)) {
      name = builtin::remove;
      payload = nullptr;
      after = {found->second.thing, true};
    } else if (found != models_.end()) {
      name = chance().one_in(2) ? builtin::replace : builtin::patch;
      payload = next;
    }
    busy_.insert(which);
    request({.target = thing(which),
             .name = std::string{name},
             .payload = std::move(payload),
             .idempotency_key = "thing-" + std::to_string(number)},
            [this, number, which, after](const Result<Reply>& reply) {
              expect(reply.has_value(),
                     "a change is refused: " + (reply ? std::string{} : to_string(reply.error())));
              deeds_.end(number);
              busy_.erase(which);
              models_[which] = after;
            });
  }

  std::set<std::string> listed(ListRequest list) {
    std::set<std::string> ids;
    do {
      const auto page = world().runtime().list(list);
      if (!page) {
        expect(false, "no list: " + to_string(page.error()));
        return ids;
      }
      for (const auto& item : page->items) {
        expect(ids.insert(item.meta.object().id).second, "a list shows a thing twice");
      }
      list.cursor = page->next_cursor;
    } while (!list.cursor.empty());
    return ids;
  }
  template <class Is>
  void compare(ListRequest list, Is is, const std::string& name) {
    std::set<std::string> wanted;
    for (const auto& [which, model] : models_) {
      if (!model.deleted && is(model.thing)) wanted.insert(thing(which).id);
    }
    const auto found = listed(std::move(list));
    expect(found == wanted, "the list of " + name + " shows " + Json(found).dump() + ", but " +
                                Json(wanted).dump() + " are");
  }

  Deeds deeds_;
  std::set<std::size_t> busy_;
  std::map<std::size_t, Model> models_;
};

}  // namespace

std::unique_ptr<perdure::testing::Workload> make_catalogue(std::size_t clients) {
  return std::make_unique<Catalogue>(clients);
}

}  // namespace perdure::sim
