// SPDX-License-Identifier: Apache-2.0
// A host that comes back with other kinds again and again: indexes, lists, unique fields and
// references come and go, upgrade steps change what is indexed. A list refuses, or shows exactly
// the objects that are as it says, also in the middle of a build; no change is lost.
#include <algorithm>
#include <map>

#include "deeds.hpp"
#include "workloads.hpp"

namespace perdure::sim {
namespace {

constexpr std::size_t citizens = 40;
constexpr std::size_t towns = 3;
constexpr std::size_t upgrades_max = 8;
constexpr std::uint32_t versions_max = 5;
const std::vector<std::string> cities{"Bern", "Oslo", "Rome"};

/// What one version of the host declares.
struct Declared {
  bool city_index = false;
  bool age_index = false;
  bool has_lists = false;
  bool has_filter = false;
  bool email_is_unique = false;
  bool goes_along = false;
  std::uint32_t version = 1;
};

/// The city is another word in each version.
Json next_version(Json old) {
  old["city"] = old.at("city").get<std::string>() + '+';
  return old;
}

ObjectId citizen(std::size_t number) { return {"citizen", "c" + std::to_string(number)}; }
ObjectId town(std::size_t number) { return {"town", "t" + std::to_string(number)}; }

Kind citizen_kind(const Declared& declared) {
  auto made = kind<Json>("citizen").schema_version(declared.version);
  for (std::uint32_t from = 1; from < declared.version; ++from) {
    std::move(made).upgrade(from, next_version);
  }
  if (declared.city_index) std::move(made).index({.name = "city", .fields = {"city"}});
  if (declared.age_index) {
    std::move(made).index({.name = "age", .fields = {"age"}, .scope = IndexDefinition::Scope::all});
  }
  if (declared.has_lists) {
    ListRules rules{.sorts = {{.field = "age"}, {.field = "$updated_at"}}};
    if (declared.has_filter) rules.filters.push_back({.name = "city", .field = "city"});
    std::move(made).lists(rules);
  }
  if (declared.email_is_unique) {
    std::move(made).unique({.space = "citizen.email", .field = "email"});
  }
  if (declared.goes_along) {
    std::move(made).reference({.field = "town",
                               .kind = "town",
                               .when_deleted = ReferenceDefinition::WhenDeleted::goes_along});
  }
  return made;
}

class Upgrades final : public perdure::testing::Workload {
 public:
  explicit Upgrades(std::size_t clients) : deeds_(150, std::min(clients, citizens)) {}

  std::vector<Kind> kinds() override { return {citizen_kind(declared_), kind<Json>("town")}; }

  void step() override {
    if (chance().one_in(8)) look();
    if (!deeds_.can_begin()) return;
    if (upgrades_ < upgrades_max && chance().one_in(25)) return upgrade();
    if (chance().one_in(12)) return change_town(deeds_.begin(), chance().below(towns));
    const auto which = chance().below(citizens);
    if (!busy_.contains(which)) change(deeds_.begin(), which);
  }
  bool finished() override {
    return deeds_.done() && world().runtime().builds().empty() && names_without_holder() == 0;
  }
  std::string state() override {
    return deeds_.state() + ", " + std::to_string(world().runtime().builds().size()) + " builds, " +
           std::to_string(names_without_holder()) + " names without a holder";
  }

  void check() override {
    for (const auto& city : cities) compare(city);
    for (std::size_t number = 0; number < citizens; ++number) check_citizen(number);
  }

 private:
  /// As it was written.
  struct Model {
    std::string email;
    int age = 0;
  };

  void upgrade() {
    ++upgrades_;
    const auto toss = [&](bool& flag) {
      if (chance().one_in(3)) flag = !flag;
    };
    toss(declared_.city_index);
    toss(declared_.age_index);
    toss(declared_.has_lists);
    toss(declared_.has_filter);
    toss(declared_.email_is_unique);
    toss(declared_.goes_along);
    if (declared_.version < versions_max && chance().one_in(3)) ++declared_.version;
    auto kinds = world().kinds();
    *std::ranges::find(kinds, "citizen", &Kind::name) = citizen_kind(declared_);
    world().restart(std::move(kinds));
  }

  std::string key(std::size_t number) { return "upgrades-" + std::to_string(number); }

  void change(std::size_t number, std::size_t which) {
    const Model next{.email = "e" + std::to_string(chance().below(2 * citizens)),
                     .age = static_cast<int>(chance().below(90))};
    Json state{{"city", chance().pick(cities)}, {"age", next.age}, {"email", next.email}};
    // Nobody is sure that the town is there.
    if (chance().one_in(4)) state["town"] = town(chance().below(towns)).id;
    const bool is_new = !models_.contains(which);
    const bool is_removal = !is_new && chance().one_in(6);
    busy_.insert(which);
    request({.target = citizen(which),
             .name = std::string{is_removal ? builtin::remove
                                 : is_new   ? builtin::create
                                            : builtin::replace},
             .payload = is_new       ? Json{{"state", state}}
                        : is_removal ? Json(nullptr)
                                     : state,
             .idempotency_key = key(number)},
            [this, number, which, next, is_removal](const Result<Reply>& reply) {
              deeds_.end(number);
              busy_.erase(which);
              if (!reply) {
                const auto code = reply.error().code;
                const bool may_be = code == ErrorCode::conflict || code == ErrorCode::invalid ||
                                    code == ErrorCode::not_found;
                expect(may_be, "a change is refused: " + to_string(reply.error()));
                // A copy of the request may come later, at any time, and not be refused.
                if (!is_removal) refused_[which].push_back(next);
                if (code == ErrorCode::not_found) models_.erase(which);  // gone with its town
              } else if (is_removal) {
                models_.erase(which);
              } else {
                models_[which] = next;
              }
            });
  }

  void change_town(std::size_t number, std::size_t which) {
    const bool removes = chance().one_in(2);
    const auto command = removes ? builtin::remove : builtin::create;
    request({.target = town(which), .name = std::string{command}, .idempotency_key = key(number)},
            [this, number](const Result<Reply>&) { deeds_.end(number); });
  }

  /// Of what is durable now. None: a read failed.
  std::optional<std::map<std::string, Json>> states() {
    std::map<std::string, Json> found;
    for (std::size_t number = 0; number < citizens; ++number) {
      const auto view = world().runtime().inspect(citizen(number));
      if (view) {
        found.emplace(citizen(number).id, view->state);
      } else if (view.error().code != ErrorCode::not_found) {
        return {};
      }
    }
    return found;
  }

  void look() { compare(chance().pick(cities)); }

  void compare(const std::string& base) {
    const auto all = states();
    if (!all) return;
    for (std::uint32_t version = 1; version <= declared_.version; ++version) {
      const auto city = base + std::string(version - 1, '+');
      const auto is = [&](const Json& state) { return state.at("city") == city; };
      if (declared_.city_index) {
        compare({.kind = "citizen", .index = "city", .equals = {city}}, *all, is);
      }
      if (declared_.has_lists && declared_.has_filter) {
        compare({.kind = "citizen",
                 .sort = "age",
                 .where = {{.name = "city", .values = {city}}},
                 .count = true},
                *all, is);
      }
    }
    const auto any = [](const Json&) { return true; };
    if (declared_.has_lists) {
      compare({.kind = "citizen", .sort = "updated_at", .count = true}, *all, any);
    }
    if (declared_.age_index) {
      compare({.kind = "citizen", .index = "age", .until = 45}, *all,
              [](const Json& state) { return state.at("age") < 45; });
    }
  }

  template <class Is>
  void compare(ListRequest list, const std::map<std::string, Json>& states, const Is& is) {
    list.limit = 1'000;
    const auto page = world().runtime().list(list);
    if (!page) return;  // refused, or a read failed
    std::set<std::string> found;
    for (const auto& item : page->items) found.insert(item.meta.object().id);
    std::set<std::string> wanted;
    for (const auto& [id, state] : states) {
      if (is(state)) wanted.insert(id);
    }
    expect(found == wanted, "a list by " + list.index + list.sort + " shows " + Json(found).dump() +
                                ", but " + Json(wanted).dump() + " are");
    if (list.count && page->total) {
      expect(page->total->count == wanted.size(), "a list counts " +
                                                      std::to_string(page->total->count) + " of " +
                                                      std::to_string(wanted.size()));
    }
  }

  void check_citizen(std::size_t number) {
    const auto view = world().runtime().inspect(citizen(number));
    const auto model = models_.find(number);
    if (!view) {
      // What went along with a town is not in the model.
      const bool may_be = view.error().code == ErrorCode::not_found;
      expect(may_be, "a citizen cannot be read: " + to_string(view.error()));
      return;
    }
    const auto is = [&](const Model& written) {
      return view->state.at("email") == written.email && view->state.at("age") == written.age;
    };
    if (model != models_.end()) {
      expect(is(model->second) || std::ranges::any_of(refused_[number], is),
             to_string(citizen(number)) + " is " + view->state.dump());
    }
    if (!declared_.email_is_unique) return;
    const auto holder = world().runtime().holder("citizen.email", view->state.at("email"));
    expect(holder.has_value(), "a name cannot be looked up");
    const bool is_claimed = holder && *holder == citizen(number);
    expect(is_claimed || is_duplicate(number),
           to_string(citizen(number)) + " neither holds its name nor is a duplicate");
  }

  /// What a holder gave up goes to another who has it.
  std::size_t names_without_holder() {
    if (!declared_.email_is_unique) return 0;
    std::size_t count = 0;
    for (std::size_t number = 0; number < citizens; ++number) {
      const auto view = world().runtime().inspect(citizen(number));
      if (!view) continue;
      const auto holder = world().runtime().holder("citizen.email", view->state.at("email"));
      if (!holder || !*holder) ++count;
    }
    return count;
  }

  bool is_duplicate(std::size_t number) {
    const auto found = world().runtime().duplicates(2 * citizens);
    return found && std::ranges::any_of(*found, [&](const Duplicate& duplicate) {
             return duplicate.object == citizen(number);
           });
  }

  Deeds deeds_;
  Declared declared_;
  std::size_t upgrades_ = 0;
  std::set<std::size_t> busy_;
  std::map<std::size_t, Model> models_;
  std::map<std::size_t, std::vector<Model>> refused_;
};

}  // namespace

std::unique_ptr<perdure::testing::Workload> make_upgrades(std::size_t clients) {
  return std::make_unique<Upgrades>(clients);
}

}  // namespace perdure::sim
