// SPDX-License-Identifier: Apache-2.0
// Families: heads, and kin that are below a head or other kin, and go along with them. Kin are
// born, moved and deleted, heads are deleted and brought back, all at the same time. Nobody is ever
// below themselves; who is there has somebody above who is there; and who went along with somebody
// is back when that one is.
#include <algorithm>
#include <set>

#include "deeds.hpp"
#include "workloads.hpp"

namespace perdure::sim {
namespace {

constexpr std::size_t heads = 3;
constexpr std::size_t kin_max = 24;

std::string head(std::size_t number) { return "head" + std::to_string(number); }
std::string kin(std::size_t number) { return "kin" + std::to_string(number); }
ObjectId member(const std::string& id) { return {"member", id}; }

/// As it is stored.
struct Member {
  bool there = false;
  std::string above;
  std::string gone_with;
};

class Families final : public perdure::testing::Workload {
 public:
  explicit Families(std::size_t clients) : heads_(heads, heads), deeds_(120, 2 * clients) {}

  std::vector<Kind> kinds() override {
    return {kind<Json>("member")
                .command("move",
                         [](Turn&, Json& self, const std::string& above) { self["above"] = above; })
                .reference({.field = "above",
                            .kind = "member",
                            .when_deleted = ReferenceDefinition::WhenDeleted::goes_along})};
  }

  void step() override {
    if (heads_.can_begin()) {
      const auto number = heads_.begin();
      return request({.target = member(head(number)),
                      .name = std::string{builtin::create},
                      .idempotency_key = "families-head-" + std::to_string(number)},
                     [this, number](const auto&) { heads_.end(number); });
    }
    if (!heads_.done() || !deeds_.can_begin()) return;
    const auto number = deeds_.begin();
    auto call = next_call();
    call.idempotency_key = "families-" + std::to_string(number);
    const bool is_removal = call.name == builtin::remove;
    const bool is_purge = call.name == builtin::purge;
    // Most may be refused: who is to go may be gone, who is to be moved would be in a circle.
    request(call, [=, this, id = call.target.id](const Result<Reply>& reply) {
      if (is_removal && reply && !id.starts_with("head")) removed_.insert(id);
      if (is_purge && reply) purged_.insert(id);
      deeds_.end(number);
    });
  }

  bool finished() override {
    if (!deeds_.done() || settled_) return settled_;
    const auto waiting = world().runtime().outbox(0, 1'000);
    settled_ = std::ranges::none_of(
        waiting, [](const auto& item) { return item.from.kind == member("").kind; });
    return settled_;
  }
  std::string state() override { return deeds_.state(); }

  void check() override {
    read_all();
    for (const auto& [id, one] : members_) {
      check_above(id, one);
      const auto with = one.gone_with.empty() || purged_.contains(one.gone_with)
                            ? members_.end()
                            : members_.find(one.gone_with);
      expect(with == members_.end() || !with->second.there,
             id + " went along with " + one.gone_with + ", and is not back with it");
    }
    for (const auto& id : removed_) {
      if (purged_.contains(id)) continue;
      const auto found = members_.find(id);
      expect(found == members_.end() || !found->second.there,
             id + " was deleted, and is back without a reason");
    }
  }

 private:
  Call next_call() {
    const auto anybody = [&] {
      return chance().one_in(4) || born_ == 0 ? head(chance().below(heads))
                                              : kin(chance().below(born_));
    };
    Call call;
    const auto be = [&](const std::string& id, std::string_view name, Json payload = nullptr) {
      call.target = member(id);
      call.name = std::string{name};
      call.payload = std::move(payload);
    };
    if (born_ < kin_max && (born_ < heads || chance().one_in(3))) {
      const auto above = anybody();
      be(kin(born_++), builtin::create, {{"state", {{"above", above}}}});
      return call;
    }
    switch (chance().below(8)) {
      case 0:
      case 1: be(head(chance().below(heads)), builtin::remove); break;
      case 2:
      case 3:
      case 4: be(head(chance().below(heads)), builtin::undelete); break;
      case 5:
        be(kin(chance().below(born_)), chance().one_in(8) ? builtin::purge : builtin::remove);
        break;
      default: be(kin(chance().below(born_)), "move", anybody()); break;
    }
    return call;
  }

  /// The live and the deleted ones. Who was purged, or never born, is not among them.
  void read_all() {
    const auto page = world().runtime().list({.kind = member("").kind,
                                              .index = "$owner",
                                              .limit = 10 * kin_max,
                                              .lives = ListRequest::Lives::all});
    if (!page) return expect(false, "no list: " + to_string(page.error()));
    for (const auto& view : page->items) {
      Member one{.there = view.meta.exists(), .above = {}, .gone_with = {}};
      if (view.state.is_object()) one.above = view.state.value("above", "");
      if (!view.meta.deleted_with.empty()) {
        one.gone_with = view.meta.deleted_with.substr(member("").kind.size() + 1);
      }
      members_[view.meta.object().id] = one;
    }
    expect(members_.size() >= heads, "the list has lost members");
  }

  void check_above(const std::string& id, const Member& one) {
    std::set<std::string> seen{id};
    for (auto above = one.above; !above.empty();) {
      expect(seen.insert(above).second, id + " is below itself, through " + above);
      if (seen.size() > members_.size()) return;
      const auto found = members_.find(above);
      // Who was purged has taken along those below.
      if (found == members_.end()) return expect(!one.there, id + " is there without " + above);
      expect(!one.there || found->second.there || seen.size() > 2,
             id + " is there, and " + above + ", who it goes along with, is not");
      if (!world().failure().empty()) return;
      above = found->second.above;
    }
  }

  Deeds heads_;
  Deeds deeds_;
  std::size_t born_ = 0;
  bool settled_ = false;
  std::set<std::string> removed_;
  std::set<std::string> purged_;  ///< whom a move may bring into the world again, as somebody else
  std::map<std::string, Member> members_;
};

}  // namespace

std::unique_ptr<perdure::testing::Workload> make_families(std::size_t clients) {
  return std::make_unique<Families>(clients);
}

}  // namespace perdure::sim
