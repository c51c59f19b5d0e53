// SPDX-License-Identifier: Apache-2.0
// TransactionTurns: the commands of one run of a transaction's handler. Each builds on what the
// earlier ones left, and is checked as the commit will check it, so that a refusal is the step's.
#pragma once

#include <map>
#include <set>

#include "cell.hpp"
#include "directory.hpp"
#include "kind_table.hpp"
#include "perdure/runtime/transaction.hpp"
#include "turn_runner.hpp"
#include "unique_keys.hpp"

namespace perdure::runtime {

/// What the turns of a transaction run in.
struct TransactionGround {
  const storage::Store& store;
  Directory& directory;
  const Times& times;
  const TurnRules& rules;
  const KindTable& kinds;
  /// By when claims count as expired.
  Timestamp claims_at;
};

/// Threads  one.
class TransactionTurns final : public Transaction, private Peers {
 public:
  /// What becomes of an object that is not held.
  enum class Others {
    refused,
    found,  ///< it is run on what is durable, and the run does not count
  };

  /// `whole` is the transaction's own envelope, `held` the cells of the objects that it holds.
  TransactionTurns(const Envelope& whole, const std::vector<CellPtr>& held, Others others,
                   TransactionGround ground);

  Result<Reply> run(const TransactionStep& step) override;
  [[nodiscard]] std::optional<ObjectView> left(const ObjectId& object) const override;
  [[nodiscard]] bool rehearses() const override {
    return others_ == Others::found && held_.empty();
  }
  Result<void> reach(const ObjectId& object) override;

  /// The objects that were called and are not held.
  [[nodiscard]] const std::set<ObjectId>& missing() const { return missing_; }
  [[nodiscard]] storage::Unit& unit() { return unit_; }
  [[nodiscard]] std::map<ObjectId, VersionPtr> versions() const;

 private:
  struct Part {
    const KindDefinition* kind = nullptr;
    std::uint64_t epoch = 0;
    VersionPtr version;
    PendingEntries entries;
    PendingAlarms alarms;
    Tally tally;
    bool called = false;  ///< a step has changed it
  };

  [[nodiscard]] VersionPtr find(const ObjectId& object) const override;
  [[nodiscard]] std::optional<std::string> holder(const std::string& space,
                                                  const std::string& key) const override;
  [[nodiscard]] const CellPtr* cell_of(const ObjectId& object) const;
  Result<Part*> part_of(const Envelope& envelope);
  Result<Envelope> make_envelope(const TransactionStep& step);
  Result<void> check_commit(const Part& part, const storage::WriteSet& write_set);
  Result<void> check_claims(const KindDefinition& kind, const storage::WriteSet& write_set);
  Result<void> check_counts(const KindDefinition& kind, const storage::WriteSet& write_set);
  Result<void> check_bytes(const storage::WriteSet& write_set);
  void take(Part& part, Decision& decision);
  [[nodiscard]] ObjectView view(const Part& part) const;

  const Envelope& whole_;
  const std::vector<CellPtr>& held_;
  const Others others_;
  const TransactionGround ground_;
  std::set<ObjectId> missing_;
  std::map<ObjectId, Part> parts_;
  std::map<ClaimName, std::string> claims_;          ///< as the steps leave them; empty: free
  std::map<std::string, std::int64_t> counts_ = {};  ///< what the steps add to each
  std::size_t bytes_ = 0;
  std::size_t steps_ = 0;
  storage::Unit unit_;
};

}  // namespace perdure::runtime
