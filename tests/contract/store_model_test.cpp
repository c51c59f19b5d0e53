// SPDX-License-Identifier: Apache-2.0
// Random units against a model of plain maps: after each batch the store and the model agree.
#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "store_fixture.hpp"

namespace perdure::storage {
namespace {

constexpr int objects = 4;
constexpr int keys = 5;
constexpr int batches = 150;

struct ModelObject {
  Seq last = 0;
  Seq floor = 1;
  std::set<Seq> pins;
  std::map<Seq, std::vector<std::string>> changed;  ///< keys, by seq
  /// For each seq the complete entries then. A time machine that keeps everything.
  std::map<Seq, std::map<std::string, std::string>> states{{0, {}}};
  std::optional<std::string> index_key;
  std::optional<Timestamp> due;
};

struct Model {
  std::map<ObjectId, ModelObject> objects;
  std::map<std::string, std::pair<std::string, Timestamp>> claims;  ///< key → value, expires
  std::vector<std::string> events;
};

class StoreModel : public StoreContract {
 protected:
  std::uint64_t pick(std::uint64_t below) { return random_() % below; }
  ObjectId any_object() { return {"thing", "o" + std::to_string(pick(objects))}; }

  /// A write set that fits the model, or (now and then) does not.
  WriteSet draw(const Model& model, const ObjectId& object) {
    const auto found = model.objects.find(object);
    const ModelObject state = found == model.objects.end() ? ModelObject{} : found->second;
    const bool wrong = pick(12) == 0;
    auto write_set = turn(object, state.last + (wrong ? 1 : 0));
    for (auto count = pick(3); count > 0; --count) {
      EntryChange change{"k" + std::to_string(pick(keys)), std::to_string(random_())};
      if (pick(3) == 0) change.value.reset();
      std::erase_if(write_set.entries, [&](const auto& e) { return e.key == change.key; });
      write_set.entries.push_back(std::move(change));
    }
    if (pick(3) == 0) {
      if (state.index_key) {
        write_set.indexes.push_back({IndexChange::Op::erase, "i", *state.index_key});
      }
      write_set.indexes.push_back({IndexChange::Op::put, "i", std::to_string(100 + pick(5))});
    }
    if (pick(4) == 0) {
      AlarmChange change{.name = "a", .previous_due = state.due, .due = {}, .body = ""};
      if (pick(3) != 0) change.due = at_ms(static_cast<std::int64_t>(pick(1000)));
      write_set.alarms.push_back(std::move(change));
    }
    if (pick(3) == 0) write_set.events.push_back(std::to_string(random_()));
    if (pick(3) == 0) {
      write_set.claims.push_back({.space = "s",
                                  .key = std::to_string(pick(6)),
                                  .value = object.id,
                                  .expires = now_ + Milliseconds{pick(50)}});
    }
    if (pick(6) == 0) write_set.releases.push_back({"s", std::to_string(pick(6))});
    if (pick(8) == 0) write_set.pins.push_back({1 + pick(state.last + 1), "pin"});
    if (pick(8) == 0 && !state.pins.empty()) {
      write_set.pins.push_back({*state.pins.begin(), std::nullopt});
    }
    return write_set;
  }

  /// The model's own opinion, and its change when it agrees.
  bool apply(Model& model, const Unit& unit) const {
    Model next = model;
    for (const auto& write_set : unit.write_sets) {
      if (!apply(next, write_set)) return false;
    }
    model = std::move(next);
    return true;
  }

  bool apply(Model& model, const WriteSet& write_set) const {
    auto& object = model.objects[write_set.object];
    if (write_set.expected_seq != object.last) return false;
    auto entries = object.states[object.last];
    object.last += 1;
    object.changed[object.last].clear();
    for (const auto& change : write_set.entries) {
      object.changed[object.last].push_back(change.key);
      entries.erase(change.key);
      if (change.value) entries[change.key] = *change.value;
    }
    object.states[object.last] = entries;
    for (const auto& change : write_set.indexes) {
      if (change.op == IndexChange::Op::put) object.index_key = change.key;
    }
    for (const auto& change : write_set.alarms) object.due = change.due;
    model.events.insert(model.events.end(), write_set.events.begin(), write_set.events.end());
    for (const auto& release : write_set.releases) model.claims.erase(release.key);
    for (const auto& claim : write_set.claims) {
      const auto held = model.claims.find(claim.key);
      if (held != model.claims.end() && held->second.second > now_) return false;
      model.claims[claim.key] = {claim.value, *claim.expires};
    }
    for (const auto& pin : write_set.pins) {
      if (pin.body && pin.seq < object.floor) return false;
      if (pin.body) {
        object.pins.insert(pin.seq);
      } else {
        object.pins.erase(pin.seq);
      }
    }
    return true;
  }

  void expect_same(const Model& model) {
    std::set<std::pair<std::string, std::string>> index;
    std::set<std::pair<Timestamp, std::string>> due;
    for (const auto& [id, object] : model.objects) {
      if (object.last > 0) expect_same(id, object);
      if (object.index_key) index.emplace(*object.index_key, id.id);
      if (object.due) due.emplace(*object.due, id.id);
    }
    std::set<std::pair<std::string, std::string>> stored_index;
    for (const auto& row : store().index("thing", "i", {}).value()) {
      stored_index.emplace(row.key, row.id);
    }
    EXPECT_EQ(stored_index, index);
    std::set<std::pair<Timestamp, std::string>> stored_due;
    for (const auto& row : store().alarms_due(at_ms(10'000), 100).value()) {
      stored_due.emplace(row.due, row.object.id);
    }
    EXPECT_EQ(stored_due, due);
    std::vector<std::string> events;
    for (const auto& row : store().events(1, 1'000'000).value()) events.push_back(row.body);
    EXPECT_EQ(events, model.events);
    for (int key = 0; key < 6; ++key) {
      const auto held = model.claims.find(std::to_string(key));
      std::optional<std::string> value;
      if (held != model.claims.end() && held->second.second > now_) value = held->second.first;
      EXPECT_EQ(store().claim({"s", std::to_string(key)}, now_).value(), value);
    }
  }

  void expect_same(const ObjectId& id, const ModelObject& object) {
    EXPECT_EQ(store().last_record(id).value()->seq, object.last);
    EXPECT_EQ(store().floor(id).value(), object.floor);
    std::vector<Seq> kept;
    for (Seq seq = 1; seq <= object.last; ++seq) {
      const bool readable = seq >= object.floor || object.pins.contains(seq);
      if (!readable) continue;
      expect_same_entries(id, seq, object.states.at(seq));
      kept.push_back(seq);
    }
    const auto stored = seqs_of(store().journal(id, 0, newest, Direction::forward, 9999).value());
    // A record that lost its pin stays until the next trim.
    EXPECT_TRUE(std::includes(stored.begin(), stored.end(), kept.begin(), kept.end()));
  }

  void expect_same_entries(const ObjectId& id, Seq seq,
                           const std::map<std::string, std::string>& state) {
    std::vector<std::string> expected;
    for (const auto& [key, value] : state) expected.push_back(key + "=" + value);
    EXPECT_EQ(texts_of(store().entries(id, {}, seq).value()), expected);
    const auto backward =
        store().entries(id, {.from = "k1", .until = "k4", .direction = Direction::backward}, seq);
    expected.clear();
    for (auto entry = state.rbegin(); entry != state.rend(); ++entry) {
      const auto& [key, value] = *entry;
      if (key >= "k1" && key < "k4") expected.push_back(key + "=" + value);
    }
    EXPECT_EQ(texts_of(backward.value()), expected);
  }

  void run(std::uint64_t seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    random_.seed(seed);
    Model model;
    for (int batch = 0; batch < batches && !HasFailure(); ++batch) {
      commit_batch(model);
      if (pick(6) == 0) trim(model);
      if (pick(25) == 0) reopen();
      if (batch % 10 == 9) expect_same(model);
      now_ += Milliseconds{pick(20)};
    }
    expect_same(model);
  }

 private:
  void commit_batch(Model& model) {
    std::vector<Unit> units;
    std::vector<bool> expected;
    for (auto count = 1 + pick(5); count > 0; --count) {
      Unit unit;
      std::set<ObjectId> chosen;
      for (auto sets = pick(4) == 0 ? 2 : 1; sets > 0; --sets) {
        const auto object = any_object();
        if (chosen.insert(object).second) unit.write_sets.push_back(draw(model, object));
      }
      expected.push_back(apply(model, unit));
      units.push_back(std::move(unit));
    }
    const auto outcomes = store().commit(units, now_);
    for (std::size_t i = 0; i < units.size(); ++i) {
      EXPECT_EQ(outcomes[i].has_value(), expected[i])
          << "unit " << i << ": " << (outcomes[i] ? "committed" : to_string(outcomes[i].error()));
    }
  }

  void trim(Model& model) {
    const auto id = any_object();
    auto& object = model.objects[id];
    if (object.last == 0) return;
    const Seq floor = 1 + pick(object.last);
    const auto changed = [&](const ObjectId&, const RecordRow& row) {
      return Result<std::vector<std::string>>{object.changed.at(row.seq)};
    };
    const auto trimmed =
        pick(4) == 0 ? store().trim(id, floor, {}) : store().trim(id, floor, changed);
    ASSERT_EQ(code_of(trimmed), std::nullopt);
    object.floor = std::max(object.floor, floor);
  }

  std::mt19937_64 random_;
  Timestamp now_ = default_now;
};
PERDURE_ON_EACH_STORE(StoreModel);

TEST_P(StoreModel, agrees_with_a_model_of_plain_maps) { run(1); }

TEST_P(StoreModel, agrees_with_a_model_from_a_fresh_seed) { run(std::random_device{}()); }

}  // namespace
}  // namespace perdure::storage
