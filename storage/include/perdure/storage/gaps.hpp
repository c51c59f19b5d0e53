// SPDX-License-Identifier: Apache-2.0
// Gaps: stretches of one object's entry keys where a walk is known to find nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace perdure::storage {

/// What the only writer of an object knows of where its entries are not.
///
/// An entry that was erased leaves versions behind, for readers of the past and until files are
/// rewritten. In a queue they pile up before the entry that is next, and each walk from the
/// queue's front would step over all of them: `Store::entries` leaps over known gaps instead, and
/// notes those it finds.
///
/// Shape     disjoint stretches `from <= key < until`, in order; at most `gaps_max`, of which the
///           one goes that was used least recently.
/// Threads   one at a time (the writer's).
class Gaps {
 public:
  static constexpr std::size_t gaps_max = 16;

  /// Nothing is at `from` or above it, below `until`. Joins gaps that it touches.
  void note(std::string from, std::string until);
  /// An entry may be here from now on: before a write is handed to the store.
  void put(std::string_view key);
  void clear() { known_.reset(); }

  /// Where the gap around `key` ends; none when there is no gap. Borrowed until the next change.
  [[nodiscard]] std::optional<std::string_view> end_at(std::string_view key);
  [[nodiscard]] std::size_t size() const { return known_ ? known_->gaps.size() : 0; }

 private:
  struct Gap {
    std::string from;
    std::string until;
    std::uint64_t used;
  };
  struct Known {
    std::vector<Gap> gaps;
    std::uint64_t uses = 0;
  };
  [[nodiscard]] std::vector<Gap>::iterator after(std::string_view key);
  /// The gap around `key`, or the end.
  [[nodiscard]] std::vector<Gap>::iterator around(std::string_view key);
  void add(std::vector<Gap>::iterator place, Gap gap);

  std::unique_ptr<Known> known_;  ///< most objects have none: a pointer's room in each of them
};

/// Notes the gaps that a walk in key order finds. Those between two entries count only when much
/// was stepped over there: a walk over what is dense has nothing to note.
class GapFinder {
 public:
  /// `gaps` may be null: then there is nothing to do. The walk begins at `from`.
  GapFinder(Gaps* gaps, std::string from) : gaps_(gaps), from_(std::move(from)) {}

  /// Where to go on when the walk stands on `key` in a known gap.
  [[nodiscard]] std::optional<std::string_view> leap(std::string_view key);
  /// The walk stepped over a key without an entry.
  void passed() { ++passed_; }
  /// The walk found an entry.
  void found(const std::string& key);
  /// The walk came to the end of its range, if that has one.
  void ended(const std::string& until);

 private:
  static constexpr std::size_t passed_min = 16;
  Gaps* gaps_;
  std::string from_;  ///< nothing was found since
  bool leads_ = true;
  std::size_t passed_ = 0;
};

}  // namespace perdure::storage
