// SPDX-License-Identifier: Apache-2.0
// Overlay: the entries that an object's turns have written but the store does not have yet, over
// those that it has.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "perdure/runtime/entries.hpp"
#include "perdure/storage/store.hpp"

namespace perdure::runtime {

struct PendingEntry {
  Seq seq;
  std::optional<std::string> value;  ///< none: erased
};

using PendingEntries = std::map<std::string, PendingEntry, std::less<>>;

/// What a turn wrote joins what is pending, and takes the place of what had the same keys. Costs
/// what the turn wrote, however much is pending.
void put_over(PendingEntries& pending, PendingEntries&& written);

/// Takes what was written in a range (to the end: an empty `until`) out of the gaps.
void close_gaps(storage::Gaps& gaps, const PendingEntries& written, const std::string& from = {},
                const std::string& until = {});

/// Reads an object's entries: `newest` over `older` over the store's. Either may be null. Entries
/// of an earlier life (written before `born_seq`) are not seen. `gaps` is the writer's knowledge of
/// the object, or null.
/// Throws Failure when the store fails.
class LayeredEntries {
 public:
  LayeredEntries(const storage::StoreReader& store, const ObjectId& object,
                 const PendingEntries* newest, const PendingEntries* older, Seq born_seq,
                 Seq as_of = storage::newest, storage::Gaps* gaps = nullptr)
      : store_(store),
        object_(object),
        newest_(newest),
        older_(older),
        born_seq_(born_seq),
        as_of_(as_of),
        gaps_(gaps) {}

  [[nodiscard]] std::optional<Entry> get(std::string_view key) const;
  [[nodiscard]] std::vector<Entry> range(const EntryRange& range) const;

 private:
  [[nodiscard]] const PendingEntry* pending(std::string_view key) const;
  [[nodiscard]] std::map<std::string, const PendingEntry*> pending_in(const EntryRange&) const;
  [[nodiscard]] std::vector<storage::EntryRow> stored(const storage::KeyRange&) const;

  const storage::StoreReader& store_;
  const ObjectId& object_;
  const PendingEntries* newest_;
  const PendingEntries* older_;
  Seq born_seq_;
  Seq as_of_;
  storage::Gaps* gaps_;
};

}  // namespace perdure::runtime
