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

/// Reads an object's entries: `newest` over `older` over the store's. Either may be null. Entries
/// of an earlier life (written before `born_seq`) are not seen.
/// Throws Failure when the store fails.
class LayeredEntries {
 public:
  LayeredEntries(const storage::Store& store, const ObjectId& object, const PendingEntries* newest,
                 const PendingEntries* older, Seq born_seq, Seq as_of = storage::newest)
      : store_(store),
        object_(object),
        newest_(newest),
        older_(older),
        born_seq_(born_seq),
        as_of_(as_of) {}

  [[nodiscard]] std::optional<Entry> get(std::string_view key) const;
  [[nodiscard]] std::vector<Entry> range(const EntryRange& range) const;

 private:
  [[nodiscard]] const PendingEntry* pending(std::string_view key) const;
  [[nodiscard]] std::map<std::string, const PendingEntry*> pending_in(const EntryRange&) const;

  const storage::Store& store_;
  const ObjectId& object_;
  const PendingEntries* newest_;
  const PendingEntries* older_;
  Seq born_seq_;
  Seq as_of_;
};

}  // namespace perdure::runtime
