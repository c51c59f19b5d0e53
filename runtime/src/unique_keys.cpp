// SPDX-License-Identifier: Apache-2.0
#include "unique_keys.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "derived_rows.hpp"
#include "index_keys.hpp"
#include "perdure/base/unicode.hpp"
#include "perdure/base/utf8.hpp"
#include "turn_runner.hpp"
#include "version.hpp"

namespace perdure::runtime {

namespace {

/// The form of claims that this version writes: folded by `fold_case`. 0 stands for
/// `fold_ascii_case`.
constexpr std::uint64_t present_form = 1;

/// The count that says in which form the claims of a kind are.
std::string form_count(const std::string& kind) {
  std::string name{"claim_form"};
  name += '\0';
  return name + kind;
}

bool ignores_case(const UniqueDefinition& unique) {
  return unique.compare == UniqueDefinition::Compare::ignoring_case;
}

Result<void> refold_claims(const KindDefinition& kind, const ObjectId& object,
                           storage::Store& store, Timestamp now) {
  const auto version = load_version(kind, object, store);
  if (!version) {
    const auto code = version.error().code;
    if (code == ErrorCode::corrupt || code == ErrorCode::newer_version) return {};
    return fail(version.error());
  }
  const auto& meta = (*version)->meta;
  if ((*version)->purged()) return {};
  const auto root = kind.state.encode((*version)->state.get());
  storage::WriteSet write_set{.object = object, .epoch = store.epoch(), .expected_seq = meta.seq};
  for (const auto& unique : kind.uniques) {
    const Json value = field_value(unique.field, meta, root);
    if (!ignores_case(unique) || !value.is_string()) continue;
    const auto& text = value.get_ref<const std::string&>();
    auto key = fold_case(text);
    auto earlier = fold_ascii_case(text);
    if (key == earlier) continue;
    PERDURE_TRY(holder, store.claim({unique.space, key}, now));
    if (holder && *holder != to_string(object)) continue;
    if (!holder) write_set.claims.push_back({unique.space, std::move(key), to_string(object), {}});
    PERDURE_TRY(earlier_holder, store.claim({unique.space, earlier}, now));
    if (earlier_holder == to_string(object)) {
      write_set.releases.push_back({unique.space, std::move(earlier)});
    }
  }
  if (write_set.claims.empty() && write_set.releases.empty()) return {};
  const storage::Unit unit{{std::move(write_set)}};
  auto outcome = std::move(store.commit({&unit, 1}, now).front());
  return outcome ? Result<void>{} : fail(std::move(outcome).error());
}

}  // namespace

std::vector<ClaimName> unique_keys(const KindDefinition& kind, const ObjectMeta& meta,
                                   const Json& root) {
  std::vector<ClaimName> names;
  if (meta.seq == 0) return names;
  for (const auto& unique : kind.uniques) {
    const Json value = field_value(unique.field, meta, root);
    if (!value.is_string() || value.get_ref<const std::string&>().empty()) continue;
    const auto& text = value.get_ref<const std::string&>();
    names.push_back({unique.space, ignores_case(unique) ? fold_case(text) : text});
  }
  std::ranges::sort(names);
  return names;
}

void move_claims(const std::vector<ClaimName>& before, const std::vector<ClaimName>& after,
                 const Keep& keep, TurnRequests& requests) {
  std::vector<ClaimName> released;
  std::ranges::set_difference(before, after, std::back_inserter(released));
  keep(released);
  std::ranges::move(released, std::back_inserter(requests.releases));
  std::ranges::set_difference(after, before, std::back_inserter(requests.claims));
}

void keep_foreign_claims(const storage::Store& store, const Peers* peers, const ObjectId& object,
                         Timestamp now, std::vector<ClaimName>& releases) {
  std::erase_if(releases, [&](const ClaimName& name) {
    const auto moved = peers == nullptr ? std::nullopt : peers->holder(name.space, name.key);
    if (moved) return !moved->empty() && *moved != to_string(object);
    const auto holder = store.claim({name.space, name.key}, now);
    return holder && *holder && **holder != to_string(object);
  });
}

Result<void> bring_claims_up_to_date(storage::Store& store, const std::vector<Kind>& kinds,
                                     Timestamp now) {
  // A store that this opening has made holds no claims.
  const bool is_new = store.epoch() == 1;
  for (const auto& kind : kinds) {
    if (!std::ranges::any_of(kind.definition().uniques, ignores_case)) continue;
    PERDURE_TRY(form, store.count(form_count(kind.name())));
    if (form >= present_form) continue;
    if (!is_new) {
      PERDURE_TRY_VOID(each_object(store, kind.name(), [&](const storage::IndexRow& row) {
        return refold_claims(kind.definition(), {kind.name(), row.id}, store, now);
      }));
    }
    storage::Unit done{{{.object = {"$runtime", "counts"}, .epoch = store.epoch()}}};
    done.write_sets[0].counts.push_back(
        {form_count(kind.name()), static_cast<std::int64_t>(present_form - form)});
    auto outcome = std::move(store.commit({&done, 1}, now).front());
    if (!outcome) return fail(std::move(outcome).error());
  }
  return {};
}

Error explain_taken(const KindDefinition& kind, Error error) {
  if (error.code != ErrorCode::conflict) return error;
  const auto unique = std::ranges::find(kind.uniques, error.detail, &UniqueDefinition::space);
  if (unique == kind.uniques.end()) return error;
  auto pointer = "/" + unique->field;
  std::ranges::replace(pointer, '.', '/');
  error.detail = fmt::format("this {} is taken", unique->field);
  error.fields = {{std::move(pointer), "taken", "is taken"}};
  return error;
}

}  // namespace perdure::runtime
