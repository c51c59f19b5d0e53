// SPDX-License-Identifier: Apache-2.0
#include "app/roll_up.hpp"

#include <algorithm>
#include <cmath>

namespace perdure::api {

namespace {

using actors::NounRollUp;

constexpr std::size_t page_items = 100;

/// Adds up what is below one object.
class Sum {
 public:
  Sum(const Runtime& runtime, const NounRollUp& rules, const ObjectMeta& meta)
      : runtime_(runtime),
        rules_(rules),
        kind_(meta.object().kind),
        owner_(meta.origin->owner.text()) {}

  /// In percent, with two digits behind the point; 0 where nothing counts.
  Result<double> of(const std::string& id) {
    PERDURE_TRY(all, parts(id, {}));
    PERDURE_TRY(left_out, parts(id, rules_.left_out));
    PERDURE_TRY(done, parts(id, rules_.done));
    double percents = static_cast<double>(done) * 100;
    auto count = all - std::min(all, left_out);
    PERDURE_TRY(below, below_of(id));
    for (const auto& one : below) {
      PERDURE_TRY(own, one.set ? Result<double>{*one.set} : of(one.id));
      percents += own;
      ++count;
    }
    if (count == 0) return 0.0;
    return std::round(percents / static_cast<double>(count) * 100) / 100;
  }

 private:
  struct Below {
    std::string id;
    std::optional<double> set;  ///< none: rolled up in turn
  };

  Result<std::uint64_t> parts(const std::string& id, const std::string& state) {
    auto request = list_of(rules_.part, rules_.part_of, id);
    request.limit = 1;
    request.count = true;
    if (!state.empty()) request.where.push_back({.name = rules_.part_state, .values = {state}});
    PERDURE_TRY(end,
                runtime_.list(request, [](const auto&, const auto&) { return Shown::refused; }));
    return end.total ? end.total->count : 0;
  }

  Result<std::vector<Below>> below_of(const std::string& id) {
    std::vector<Below> below;
    auto request = list_of(kind_, rules_.same_part_of, id);
    request.limit = page_items;
    for (;;) {
      PERDURE_TRY(end, runtime_.list(request, [&](const ObjectId& object, const auto& view) {
        if (!view || looked_ == rolled_up_max) return Shown::passed_over;
        ++looked_;
        below.push_back({object.id, set_in(view->state)});
        return Shown::taken;
      }));
      if (end.at_end || looked_ == rolled_up_max) return below;
      request.cursor = end.next_cursor;
    }
  }

  [[nodiscard]] std::optional<double> set_in(const Json& state) const {
    const auto found = state.find(rules_.field);
    if (found == state.end() || !found->is_number()) return {};
    return found->get<double>();
  }

  [[nodiscard]] ListRequest list_of(const std::string& kind, const std::string& field,
                                    const std::string& id) const {
    ListRequest request{.kind = kind};
    request.owner = owner_;
    request.sort = "created_at";
    request.where.push_back({.name = field, .values = {id}});
    return request;
  }

  const Runtime& runtime_;
  const NounRollUp& rules_;
  const std::string kind_;
  const std::string owner_;
  std::size_t looked_ = 0;
};

}  // namespace

const NounRollUp* roll_up_of(const std::string& kind) {
  const auto* noun = actors::find_noun(kind);
  return noun != nullptr && noun->roll_up ? &*noun->roll_up : nullptr;
}

Result<Json> with_roll_up(const Runtime& runtime, const NounRollUp& rules, const ObjectMeta& meta,
                          Json state) {
  const auto set = state.find(rules.field);
  const bool is_set = set != state.end() && set->is_number();
  state[rules.source] = is_set ? rules.manual : rules.from_parts;
  if (is_set) return state;
  PERDURE_TRY(sum, Sum(runtime, rules, meta).of(meta.object().id));
  state[rules.field] = sum;
  return state;
}

void leave_shown(const NounRollUp& rules, const Json& shown, Json& changes) {
  const auto sent = changes.find(rules.field);
  const bool is_rolled_up = shown.at(rules.source) == rules.from_parts;
  if (sent == changes.end() || !sent->is_number() || !is_rolled_up) return;
  if (sent->get<double>() == shown.at(rules.field).get<double>()) changes.erase(sent);
}

}  // namespace perdure::api
