// SPDX-License-Identifier: Apache-2.0
#include "transaction_turns.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "committer.hpp"
#include "once.hpp"
#include "operations.hpp"
#include "quorums.hpp"
#include "quota.hpp"

namespace perdure {

Result<Json> Transaction::call(const ObjectId& object, const std::string& command,
                               const Json& payload) {
  PERDURE_TRY(reply, run({.object = object, .command = command, .payload = payload}));
  return std::move(reply.value);
}

}  // namespace perdure

namespace perdure::runtime {

TransactionTurns::TransactionTurns(const Envelope& whole, const std::vector<CellPtr>& held,
                                   Others others, TransactionGround ground)
    : whole_(whole), held_(held), others_(others), ground_(ground) {}

Result<Reply> TransactionTurns::run(const TransactionStep& step) {
  PERDURE_TRY(envelope, make_envelope(step));
  PERDURE_TRY(part, part_of(envelope));
  PERDURE_TRY_VOID(admit(envelope, *part->version, ground_.times.steady()));
  PERDURE_TRY_VOID(check_readable(envelope, *part->version));
  PERDURE_TRY(decision, run_turn(envelope, *part->version,
                                 {.kind = *part->kind,
                                  .store = ground_.store,
                                  .pending = part->entries,
                                  .alarms = part->alarms,
                                  .tally = part->tally,
                                  .rules = ground_.rules,
                                  .times = ground_.times,
                                  .peers = this}));
  if (!decision.is_reply_only()) {
    PERDURE_TRY_VOID(check_commit(*part, decision.write_set));
    take(*part, decision);
  }
  return std::move(decision.reply);
}

void TransactionTurns::take(Part& part, Decision& decision) {
  auto& write_set = decision.write_set;
  for (const auto& release : write_set.releases) {
    claims_[{release.space, release.key}].clear();
  }
  for (const auto& claim : write_set.claims) claims_[{claim.space, claim.key}] = claim.value;
  for (const auto& count : write_set.counts) counts_[count.name] += count.by;
  bytes_ += log_bytes_of(write_set);
  if (decision.version) part.version = std::move(decision.version);
  part.called = true;
  for (auto& [key, entry] : decision.entries) part.entries.insert_or_assign(key, entry);
  part.alarms.add(std::move(decision.alarms), 1);
  part.tally.decided(write_set);
  add_to_unit(unit_, decision, part.epoch);
}

Result<void> TransactionTurns::check_commit(const Part& part, const storage::WriteSet& write_set) {
  PERDURE_TRY_VOID(check_claims(*part.kind, write_set));
  PERDURE_TRY_VOID(check_counts(*part.kind, write_set));
  return check_bytes(write_set);
}

Result<void> TransactionTurns::check_claims(const KindDefinition& kind,
                                            const storage::WriteSet& write_set) {
  for (const auto& claim : write_set.claims) {
    const bool is_released = std::ranges::any_of(write_set.releases, [&](const auto& release) {
      return release.space == claim.space && release.key == claim.key;
    });
    if (is_released) continue;
    const auto changed = holder(claim.space, claim.key);
    bool is_taken = changed && !changed->empty();
    if (!changed) {
      PERDURE_TRY(stored, ground_.store.claim({claim.space, claim.key}, ground_.claims_at));
      is_taken = stored.has_value();
    }
    if (!is_taken) continue;
    Error error{.code = ErrorCode::conflict, .detail = claim.space};
    error.fields.push_back({claim.key, "taken", "is taken"});
    if (is_marked_meanwhile(error)) continue;  // the commit says so, and the steps run again
    return fail(explain_taken(kind, std::move(error)));
  }
  return {};
}

Result<void> TransactionTurns::check_counts(const KindDefinition& kind,
                                            const storage::WriteSet& write_set) {
  for (const auto& count : write_set.counts) {
    if (count.by > 0 ? !count.most : count.least == 0) continue;
    PERDURE_TRY(stored, ground_.store.count(count.name));
    const auto added = counts_.find(count.name);
    const auto by = count.by + (added == counts_.end() ? 0 : added->second);
    const auto after = static_cast<std::int64_t>(stored) + by;
    const bool fits = count.by > 0 ? after <= static_cast<std::int64_t>(*count.most)
                                   : after >= static_cast<std::int64_t>(count.least);
    if (fits) continue;
    Error error{.code = ErrorCode::quota_exceeded, .detail = count.name};
    return fail(explain_quota(ground_.rules.quotas, explain_quorum(kind, std::move(error))));
  }
  return {};
}

Result<void> TransactionTurns::check_bytes(const storage::WriteSet& write_set) {
  if (bytes_ + log_bytes_of(write_set) <= limits::transaction_bytes_max) return {};
  return fail(ErrorCode::too_large, fmt::format("the transaction would write more than {} bytes",
                                                limits::transaction_bytes_max));
}

Result<Envelope> TransactionTurns::make_envelope(const TransactionStep& step) {
  Envelope envelope;
  auto& call = envelope.call;
  call.target = step.object;
  call.name = step.command;
  call.payload = step.payload;
  call.if_seq = step.if_seq;
  call.owner = step.owner;
  call.principal = step.principal.value_or(whole_.call.principal);
  call.request_id = whole_.call.request_id;
  call.traceparent = whole_.call.traceparent;
  PERDURE_TRY_VOID(ground_.kinds.resolve(envelope));
  if (is_flow(envelope)) {
    return fail(ErrorCode::invalid,
                step.command + " is a flow, which cannot be part of a transaction");
  }
  if (row_of(envelope.operation).step == Step::no) {
    return fail(ErrorCode::invalid, step.command + " cannot be part of a transaction");
  }
  envelope.accepted_at = whole_.accepted_at;
  envelope.accepted_steady = whole_.accepted_steady;
  // Steps that are refused count, too: the seed of a step is the same in each run.
  envelope.random_seed = whole_.random_seed + steps_++;
  return envelope;
}

Result<TransactionTurns::Part*> TransactionTurns::part_of(const Envelope& envelope) {
  const auto& object = envelope.call.target;
  if (const auto known = parts_.find(object); known != parts_.end()) return &known->second;
  Part part{.kind = envelope.kind};
  if (const auto* cell = cell_of(object)) {
    part.epoch = (*cell)->epoch;
    part.version = ground_.directory.committed_version(**cell);
  } else {
    PERDURE_TRY_VOID(reach(object));
    part.epoch = ground_.store.epoch();
    part.version = ground_.directory.peek(object, part.epoch);
    if (!part.version) {
      PERDURE_TRY(loaded, load_version(*part.kind, object, ground_.store));
      part.version = std::move(loaded);
    }
  }
  return &parts_.emplace(object, std::move(part)).first->second;
}

Result<void> TransactionTurns::reach(const ObjectId& object) {
  if (cell_of(object) != nullptr) return {};
  if (others_ == Others::refused) {
    return fail(ErrorCode::invalid,
                fmt::format("the transaction does not hold {}", to_string(object)));
  }
  PERDURE_TRY_VOID(validate(object));
  missing_.insert(object);
  if (held_.size() + missing_.size() <= limits::transaction_objects_max) return {};
  return fail(ErrorCode::invalid,
              fmt::format("a transaction has at most {} objects", limits::transaction_objects_max));
}

ObjectView TransactionTurns::view(const Part& part) const {
  const auto& version = *part.version;
  return {.meta = version.meta, .state = root_of(*part.kind, version)};
}

std::optional<ObjectView> TransactionTurns::left(const ObjectId& object) const {
  const auto part = parts_.find(object);
  if (part == parts_.end() || !part->second.called) return {};
  return view(part->second);
}

const CellPtr* TransactionTurns::cell_of(const ObjectId& object) const {
  const auto found =
      std::ranges::find(held_, object, [](const auto& cell) { return cell->object; });
  return found == held_.end() ? nullptr : &*found;
}

VersionPtr TransactionTurns::find(const ObjectId& object) const {
  if (const auto part = parts_.find(object); part != parts_.end()) return part->second.version;
  const auto* cell = cell_of(object);
  return cell == nullptr ? nullptr : ground_.directory.committed_version(**cell);
}

std::optional<std::string> TransactionTurns::holder(const std::string& space,
                                                    const std::string& key) const {
  const auto found = claims_.find({space, key});
  if (found == claims_.end()) return {};
  return found->second;
}

std::map<ObjectId, VersionPtr> TransactionTurns::versions() const {
  std::map<ObjectId, VersionPtr> versions;
  for (const auto& [object, part] : parts_) versions.emplace(object, part.version);
  return versions;
}

}  // namespace perdure::runtime
