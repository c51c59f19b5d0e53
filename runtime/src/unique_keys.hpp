// SPDX-License-Identifier: Apache-2.0
// Unique fields (UniqueDefinition): claims that follow from the state, so that no way of changing
// it goes around them.
#pragma once

#include <optional>
#include <vector>

#include "kind_rows.hpp"
#include "perdure/runtime/kind.hpp"
#include "perdure/runtime/kind_build.hpp"
#include "perdure/storage/store.hpp"

namespace perdure::runtime {

class Peers;

/// What an object claims by one of its unique fields; none: nothing.
[[nodiscard]] std::optional<std::string> unique_key(const UniqueDefinition& unique,
                                                    const ObjectForm& object);

/// Who else has a value of a unique field. While the claims of the field are built, it looks among
/// those before them, too, and whether their holders still have the value.
/// Errors: those of the store.
[[nodiscard]] Result<std::optional<ObjectId>> find_other_holder(const storage::StoreReader& store,
                                                                const RowNames::UniqueField& field,
                                                                const std::string& key,
                                                                const ObjectId& object,
                                                                Timestamp now);

/// The holder of a value of a unique field. Errors: index_building when none is found, and there
/// may be one; those of the store.
[[nodiscard]] Result<std::optional<ObjectId>> find_holder(const storage::StoreReader& store,
                                                          const RowNames::UniqueField& field,
                                                          const std::string& key, Timestamp now);

/// A change of an object, as its claims see it. Null: there is no such version, or it is purged.
struct ClaimChange {
  const storage::StoreReader& store;
  const KindDefinition& kind;
  const KindRows& rows;
  Built built;
  Timestamp now;
  const ObjectId& object;
  const ObjectForm* before;
  const ObjectForm* after;
  const Peers* peers = nullptr;                ///< of a transaction's step
  const std::vector<bool>* claimed = nullptr;  ///< Version::claimed of the version before
};

/// Adds what turns the claims of an object's unique fields into those after. One whose value
/// another object has had first, from before the field was unique, gets a row that says so.
/// Errors: conflict; those of the store.
[[nodiscard]] Result<void> change_claims(const ClaimChange& change, storage::WriteSet& write_set);

/// Version::claimed after a change of an object, which is `write_set`.
[[nodiscard]] std::vector<bool> claimed_after(const KindRows& rows, std::vector<bool> before,
                                              const storage::WriteSet& write_set);

/// Adds the claims that an object without rows of a build holds, and rows of duplicates.
/// Errors: those of the store.
[[nodiscard]] Result<std::vector<Duplicate>> build_claims(const ClaimChange& change,
                                                          storage::WriteSet& write_set);

/// The row of an object's duplicate value; null: there is none any more.
[[nodiscard]] storage::IndexChange duplicate_row(const UniqueDefinition& unique,
                                                 const ObjectId* holder);
/// Whom such a row names as the holder. None: it says nothing that could be read.
[[nodiscard]] std::optional<ObjectId> said_holder(const storage::IndexRow& row);

/// What the commit that gives an object a value's claim, and a turn of the object that gives the
/// value up without having held it, both claim: the second one runs again (is_marked_meanwhile).
/// In one build an object does either of them once at most.
[[nodiscard]] storage::Claim heir_mark(const PartRows& part, const std::string& key,
                                       const ObjectId& object, Timestamp now);

/// What a row of a duplicate says. None: the kind has no such field any more.
[[nodiscard]] std::optional<Duplicate> read_duplicate(const storage::StoreReader& store,
                                                      const KindDefinition& kind,
                                                      const storage::IndexRow& row);

/// The store's `conflict` over a unique field, in the caller's words: which field it is. Any other
/// error stays as it is.
[[nodiscard]] Error explain_taken(const KindDefinition& kind, Error error);

}  // namespace perdure::runtime
