// SPDX-License-Identifier: Apache-2.0
#include "unique_keys.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "index_keys.hpp"
#include "perdure/base/unicode.hpp"
#include "perdure/runtime/unreadable.hpp"
#include "turn_runner.hpp"
#include "version.hpp"

namespace perdure::runtime {

namespace {

bool ignores_case(const UniqueDefinition& unique) {
  return unique.compare == UniqueDefinition::Compare::ignoring_case;
}

ObjectId holder_of(const std::string& claim) {
  const auto colon = claim.find(':');
  return {claim.substr(0, colon), claim.substr(colon + 1)};
}

/// Whether an object has the value now, by today's rules. One that cannot be read may have it.
Result<bool> has_value(const storage::StoreReader& store, const RowNames::UniqueField& field,
                       const std::string& key, const ObjectId& object) {
  const auto version = load_version(*field.kind, object, store);
  if (!version && is_of_one_object(version.error())) return true;
  if (!version) return fail(version.error());
  const auto& meta = (*version)->meta;
  if (meta.seq == 0 || (*version)->purged()) return false;
  const auto root = root_of(*field.kind, **version);
  return unique_key(field.kind->uniques[field.place], {meta, root}) == key;
}

/// Among the claims before the build.
Result<std::optional<ObjectId>> find_earlier_holder(const storage::StoreReader& store,
                                                    const RowNames::UniqueField& field,
                                                    const std::string& key, Timestamp now) {
  for (const auto& space : field.rows->uniques[field.place].earlier) {
    PERDURE_TRY(claim, store.claim({space, key}, now));
    if (!claim) continue;
    const auto holder = holder_of(*claim);
    PERDURE_TRY(has, has_value(store, field, key, holder));
    if (has) return std::optional{holder};
  }
  return std::optional<ObjectId>{};
}

void add_claim(const ClaimChange& change, const PartRows& part, std::string key,
               storage::WriteSet& write_set) {
  write_set.claims.push_back({part.stored, std::move(key), to_string(change.object), {}});
}

std::optional<std::string> key_in(const UniqueDefinition& unique, const ObjectForm* object) {
  return object == nullptr ? std::nullopt : unique_key(unique, *object);
}

Duplicate duplicate_of(const KindDefinition& kind, const UniqueDefinition& unique,
                       const ObjectForm& object, const ObjectId& holder) {
  Duplicate duplicate{object.meta.object(), unique.field, holder, {}};
  const bool is_secret = std::ranges::any_of(kind.secrets, [&](const std::string& secret) {
    return unique.field == secret || unique.field.starts_with(secret + '.');
  });
  const Json value = field_value(unique.field, object.meta, object.root);
  if (!is_secret && value.is_string()) duplicate.value = value.get<std::string>();
  return duplicate;
}

/// Who else has the value, as the steps of a transaction so far have left it.
Result<std::optional<ObjectId>> other_holder(const ClaimChange& change, std::size_t place,
                                             const std::string& key) {
  const auto& space = change.rows.uniques[place].stored;
  const auto moved = change.peers == nullptr ? std::nullopt : change.peers->holder(space, key);
  if (moved) {
    const bool is_other = !moved->empty() && *moved != to_string(change.object);
    return is_other ? std::optional{holder_of(*moved)} : std::optional<ObjectId>{};
  }
  const RowNames::UniqueField field{&change.kind, &change.rows, place};
  return find_other_holder(change.store, field, key, change.object, change.now);
}

/// Of an object that has no claim of the part's build yet. Returns who else has the value.
Result<std::optional<ObjectId>> claim_whole(const ClaimChange& change, std::size_t place,
                                            std::string key, storage::WriteSet& write_set) {
  const auto& unique = change.kind.uniques[place];
  PERDURE_TRY(other, other_holder(change, place, key));
  if (!other) {
    write_set.indexes.push_back(duplicate_row(unique, nullptr));
    add_claim(change, change.rows.uniques[place], std::move(key), write_set);
    return other;
  }
  write_set.indexes.push_back(duplicate_row(unique, &*other));
  return other;
}

/// The value is new to the object.
Result<void> claim_new(const ClaimChange& change, std::size_t place, std::string key,
                       storage::WriteSet& write_set) {
  const auto& part = change.rows.uniques[place];
  if (change.rows.is_being_built(part)) {
    PERDURE_TRY(other, other_holder(change, place, key));
    if (other) {
      return fail(explain_taken(change.kind, {.code = ErrorCode::conflict, .detail = part.stored}));
    }
  }
  add_claim(change, part, std::move(key), write_set);
  return {};
}

bool is_claimed(const std::vector<bool>& claimed, std::size_t place) {
  return place < claimed.size() && claimed[place];
}

/// Whether the object has the claim of its value, which may be on its way.
Result<bool> has_claim(const ClaimChange& change, std::size_t place, const std::string& key) {
  const auto& space = change.rows.uniques[place].stored;
  if (change.peers != nullptr) {
    if (const auto moved = change.peers->holder(space, key)) {
      return *moved == to_string(change.object);
    }
  }
  if (change.claimed != nullptr && is_claimed(*change.claimed, place)) return true;
  PERDURE_TRY(stored, change.store.claim({space, key}, change.now));
  return stored == to_string(change.object);
}

/// What the object does not hold is not its to give up: of two with one value, the first one has
/// the claim, and once that one has given it up, whoever takes it at the same time.
Result<void> release(const ClaimChange& change, std::size_t place, std::string key,
                     storage::WriteSet& write_set) {
  const auto& part = change.rows.uniques[place];
  PERDURE_TRY(is_own, has_claim(change, place, key));
  if (is_own) {
    write_set.releases.push_back({part.stored, std::move(key)});
  } else {
    write_set.claims.push_back(heir_mark(part, key, change.object, change.now));
  }
  return {};
}

}  // namespace

storage::IndexChange duplicate_row(const UniqueDefinition& unique, const ObjectId* holder) {
  using Op = storage::IndexChange::Op;
  storage::IndexChange row{.op = holder != nullptr ? Op::put : Op::erase,
                           .index = std::string{index_names::duplicate},
                           .key = owner_key(unique.space)};
  if (holder != nullptr) {
    row.value = dump_json({{"field", unique.field}, {"holder", to_string(*holder)}});
  }
  return row;
}

std::optional<ObjectId> said_holder(const storage::IndexRow& row) {
  const auto said = parse_stored_json(row.value);
  if (!said || !said->is_object()) return {};
  return holder_of(said->value("holder", ""));
}

storage::Claim heir_mark(const PartRows& part, const std::string& key, const ObjectId& object,
                         Timestamp now) {
  // Turns that were decided before the commit are committed, or refused, long before this ends.
  constexpr std::chrono::hours kept{1};
  return {.space = std::string{heir_marks},
          .key = part.stored + '\0' + key + '\0' + object.id,
          .value = "heir",
          .expires = now + kept};
}

std::optional<std::string> unique_key(const UniqueDefinition& unique, const ObjectForm& object) {
  if (object.meta.seq == 0) return {};
  const Json value = field_value(unique.field, object.meta, object.root);
  if (!value.is_string() || value.get_ref<const std::string&>().empty()) return {};
  const auto& text = value.get_ref<const std::string&>();
  return ignores_case(unique) ? fold_case(text) : text;
}

Result<std::optional<ObjectId>> find_other_holder(const storage::StoreReader& store,
                                                  const RowNames::UniqueField& field,
                                                  const std::string& key, const ObjectId& object,
                                                  Timestamp now) {
  const auto& part = field.rows->uniques[field.place];
  PERDURE_TRY(claim, store.claim({part.stored, key}, now));
  std::optional<ObjectId> holder;
  if (claim) {
    holder = holder_of(*claim);
  } else if (field.rows->is_being_built(part)) {
    PERDURE_TRY(earlier, find_earlier_holder(store, field, key, now));
    holder = std::move(earlier);
  }
  if (holder == object) holder.reset();
  return holder;
}

Result<std::optional<ObjectId>> find_holder(const storage::StoreReader& store,
                                            const RowNames::UniqueField& field,
                                            const std::string& key, Timestamp now) {
  const auto& part = field.rows->uniques[field.place];
  const bool is_being_built = field.rows->is_being_built(part);
  PERDURE_TRY(claim, store.claim({part.stored, key}, now));
  if (claim) return std::optional{holder_of(*claim)};
  if (!is_being_built) return std::optional<ObjectId>{};
  PERDURE_TRY(earlier, find_earlier_holder(store, field, key, now));
  if (earlier) return earlier;
  // The build may have made the claim anew meanwhile, and erased those before it.
  PERDURE_TRY(late, store.claim({part.stored, key}, now));
  if (late) return std::optional{holder_of(*late)};
  return still_building(field.kind->name);
}

Result<void> change_claims(const ClaimChange& change, storage::WriteSet& write_set) {
  for (std::size_t place = 0; place < change.kind.uniques.size(); ++place) {
    const auto& unique = change.kind.uniques[place];
    auto before = key_in(unique, change.before);
    auto after = key_in(unique, change.after);
    const bool is_unbuilt =
        change.built == Built::no && change.rows.is_being_built(change.rows.uniques[place]);
    if (is_unbuilt && after && before == after) {
      auto other = claim_whole(change, place, std::move(*after), write_set);
      if (!other) return fail(std::move(other).error());
      continue;
    }
    if (before == after) continue;
    if (before) write_set.indexes.push_back(duplicate_row(unique, nullptr));
    if (before && !is_unbuilt) {
      PERDURE_TRY_VOID(release(change, place, std::move(*before), write_set));
    }
    if (after) PERDURE_TRY_VOID(claim_new(change, place, std::move(*after), write_set));
  }
  return {};
}

std::vector<bool> claimed_after(const KindRows& rows, std::vector<bool> before,
                                const storage::WriteSet& write_set) {
  for (std::size_t place = 0; place < rows.uniques.size(); ++place) {
    const auto& space = rows.uniques[place].stored;
    if (is_claimed(before, place)) continue;
    if (std::ranges::find(write_set.claims, space, &storage::Claim::space) ==
        write_set.claims.end()) {
      continue;
    }
    before.resize(rows.uniques.size());
    before[place] = true;
  }
  return before;
}

Result<std::vector<Duplicate>> build_claims(const ClaimChange& change,
                                            storage::WriteSet& write_set) {
  std::vector<Duplicate> duplicates;
  for (std::size_t place = 0; place < change.kind.uniques.size(); ++place) {
    if (!change.rows.is_being_built(change.rows.uniques[place])) continue;
    auto key = key_in(change.kind.uniques[place], change.after);
    if (!key) {
      write_set.indexes.push_back(duplicate_row(change.kind.uniques[place], nullptr));
      continue;
    }
    PERDURE_TRY(other, claim_whole(change, place, std::move(*key), write_set));
    if (!other) continue;
    duplicates.push_back(
        duplicate_of(change.kind, change.kind.uniques[place], *change.after, *other));
  }
  return duplicates;
}

std::optional<Duplicate> read_duplicate(const storage::StoreReader& store,
                                        const KindDefinition& kind, const storage::IndexRow& row) {
  const auto unique = std::ranges::find(
      kind.uniques, row.key, [](const UniqueDefinition& field) { return owner_key(field.space); });
  const auto holder = said_holder(row);
  if (unique == kind.uniques.end() || !holder) return {};
  const ObjectId object{kind.name, row.id};
  Duplicate duplicate{object, unique->field, *holder, {}};
  const auto version = load_version(kind, object, store);
  if (!version || (*version)->meta.seq == 0) return duplicate;
  const auto root = root_of(kind, **version);
  return duplicate_of(kind, *unique, {(*version)->meta, root}, duplicate.holder);
}

Error explain_taken(const KindDefinition& kind, Error error) {
  if (error.code != ErrorCode::conflict) return error;
  const auto unique =
      std::ranges::find(kind.uniques, declared_name(error.detail), &UniqueDefinition::space);
  if (unique == kind.uniques.end()) return error;
  auto pointer = "/" + unique->field;
  std::ranges::replace(pointer, '.', '/');
  error.detail = fmt::format("this {} is taken", unique->field);
  error.fields = {{std::move(pointer), "taken", "is taken"}};
  return error;
}

}  // namespace perdure::runtime
