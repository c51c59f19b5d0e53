// SPDX-License-Identifier: Apache-2.0
// Random work on a store, with a memory store beside it that says what must be there. A batch whose
// outcome is unknown is there whole or not at all; `settle` finds out which.
#pragma once

#include <functional>
#include <random>
#include <string>
#include <vector>

#include "perdure/storage/memory_store.hpp"
#include "write_sets.hpp"

namespace perdure::storage {

class StoreLedger {
 public:
  /// `large_bytes_max` bounds values, most of which are small.
  explicit StoreLedger(std::uint64_t seed, std::size_t large_bytes_max = 40'000);

  enum class Step {
    done,     ///< acknowledged or refused, by both stores in the same way
    unknown,  ///< the store cannot tell: open it again and `settle`
    wrong,    ///< the stores differ; `story` says in what
  };

  /// Whether what the store just said can still have been heard by anybody.
  using Heard = std::function<bool()>;

  /// One commit of a few units, some of which are refused; now and then a trim instead. What the
  /// store says of it counts only if `heard` (or without it).
  [[nodiscard]] Step step(Store& store, const Heard& heard = {});
  /// A few reads; each gives what must be there, or an error named unavailable or corrupt.
  [[nodiscard]] Step read_some(const Store& store);

  enum class Damage {
    none,      ///< every read succeeds
    reported,  ///< a read may fail with `corrupt` or `unavailable`, but gives nothing wrong
  };
  /// Compares all that reads can give, after what was unknown was found to be there or not.
  [[nodiscard]] Step settle(Store& store, Damage damage = Damage::none);

  /// What went wrong, and the last steps before it.
  [[nodiscard]] const std::string& story() const { return story_; }
  /// Whether the outcome of a commit is unknown (of a trim it may be, while commits go on).
  [[nodiscard]] bool commit_is_unknown() const { return !unknown_.empty(); }
  /// Units that the store acknowledged.
  [[nodiscard]] std::uint64_t acknowledged() const { return acknowledged_; }
  /// Reads of the last `settle` that gave an error.
  [[nodiscard]] int errors() const { return errors_; }

 private:
  struct Answer {
    std::string question;
    std::string answer;
    bool is_error = false;
  };

  std::uint64_t pick(std::uint64_t below) { return random_() % below; }
  ObjectId any_object() { return {"thing", "o" + std::to_string(pick(5))}; }
  std::string any_value();
  WriteSet draw(const ObjectId& object, Seq last);
  std::vector<Unit> draw_batch();
  Step commit(Store& store, const Heard& heard);
  Step trim(Store& store, const Heard& heard);
  Step fail(std::string story);
  [[nodiscard]] std::vector<Answer> read_object(const Store& store, const ObjectId& object) const;
  [[nodiscard]] std::vector<Answer> read_all(const Store& store) const;
  /// The first difference, or nothing.
  std::string compare(const Store& store, Damage damage);

  std::mt19937_64 random_;
  const std::size_t large_bytes_max_;
  MemoryDisk disk_;
  std::unique_ptr<Store> expected_;
  std::vector<Unit> unknown_;
  std::optional<std::pair<ObjectId, Seq>> unknown_trim_;
  std::uint64_t value_count_ = 0;
  std::uint64_t acknowledged_ = 0;
  int errors_ = 0;
  std::string story_;
};

}  // namespace perdure::storage
