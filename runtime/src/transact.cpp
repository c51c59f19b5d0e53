// SPDX-License-Identifier: Apache-2.0
#include "transact.hpp"

#include <fmt/format.h>

#include "once.hpp"
#include "quota.hpp"

namespace perdure {

Result<Json> Transaction::call(const ObjectId& object, const std::string& command,
                               const Json& payload) {
  PERDURE_TRY(reply, run({.object = object, .command = command, .payload = payload}));
  return std::move(reply.value);
}

}  // namespace perdure

namespace perdure::runtime {

/// The commands of one run of the handler: each builds on what the earlier ones left.
class TransactionRun::Turns final : public Transaction, private Peers {
 public:
  explicit Turns(TransactionRun& run) : run_(run) {}

  Result<Reply> run(const TransactionStep& step) override {
    const auto& object = step.object;
    const auto* found = cell_of(object);
    if (found == nullptr) {
      return fail(ErrorCode::invalid,
                  fmt::format("the transaction does not hold {}", to_string(object)));
    }
    const auto& cell = *found;
    auto& part = parts_[object];
    if (!part.version) part.version = run_.around_.directory.committed_version(*cell);
    PERDURE_TRY(envelope, make_envelope(*cell, step));
    PERDURE_TRY_VOID(admit(envelope, *part.version, run_.around_.times.steady()));
    PERDURE_TRY(decision, run_turn(envelope, *part.version,
                                   {.kind = cell->kind,
                                    .store = run_.around_.store,
                                    .pending = part.entries,
                                    .alarms = part.alarms,
                                    .tally = part.tally,
                                    .rules = run_.around_.rules,
                                    .times = run_.around_.times,
                                    .peers = this}));
    if (decision.version) part.version = std::move(decision.version);
    for (auto& [key, entry] : decision.entries) part.entries.insert_or_assign(key, entry);
    part.alarms.add(std::move(decision.alarms), 1);
    part.tally.decided(decision.write_set);
    if (!decision.is_reply_only()) add_to_unit(unit_, decision, cell->epoch);
    return std::move(decision.reply);
  }

  [[nodiscard]] storage::Unit& unit() { return unit_; }
  [[nodiscard]] std::map<ObjectId, VersionPtr> versions() const {
    std::map<ObjectId, VersionPtr> versions;
    for (const auto& [object, part] : parts_) versions.emplace(object, part.version);
    return versions;
  }

 private:
  struct Part {
    VersionPtr version;
    PendingEntries entries;
    PendingAlarms alarms;
    Tally tally;
  };

  [[nodiscard]] const CellPtr* cell_of(const ObjectId& object) const {
    const auto found = std::ranges::lower_bound(run_.objects_, object);
    if (found == run_.objects_.end() || *found != object) return nullptr;
    return &run_.cells_[static_cast<std::size_t>(found - run_.objects_.begin())];
  }

  [[nodiscard]] VersionPtr find(const ObjectId& object) const override {
    if (const auto part = parts_.find(object); part != parts_.end()) return part->second.version;
    const auto* cell = cell_of(object);
    return cell == nullptr ? nullptr : run_.around_.directory.committed_version(**cell);
  }

  Result<Envelope> make_envelope(const Cell& cell, const TransactionStep& step) {
    const auto found = cell.kind.commands.find(step.command);
    if (found == cell.kind.commands.end()) {
      return fail(ErrorCode::not_found,
                  fmt::format("kind {} has no command {}", cell.kind.name, step.command));
    }
    const auto& whole = *run_.envelope_;
    Envelope envelope;
    envelope.call.target = cell.object;
    envelope.call.name = step.command;
    envelope.call.payload = step.payload;
    envelope.call.if_seq = step.if_seq;
    envelope.call.principal = whole.call.principal;
    envelope.call.request_id = whole.call.request_id;
    envelope.call.traceparent = whole.call.traceparent;
    envelope.kind = &cell.kind;
    envelope.command = &found->second;
    envelope.accepted_at = whole.accepted_at;
    envelope.accepted_steady = whole.accepted_steady;
    envelope.random_seed = whole.random_seed + unit_.write_sets.size();
    return envelope;
  }

  TransactionRun& run_;
  std::map<ObjectId, Part> parts_;
  storage::Unit unit_;
};

TransactionRun::TransactionRun(EnvelopePtr envelope, std::vector<ObjectId> objects,
                               TransactionHandler handler, Timestamp deadline, Around around)
    : envelope_(std::move(envelope)),
      objects_(std::move(objects)),
      handler_(std::move(handler)),
      deadline_(deadline),
      around_(around) {}

void TransactionRun::start() {
  around_.effects.post([self = shared_from_this()] { self->hold_next(); });
}

void TransactionRun::hold_next() {
  if (cells_.size() == objects_.size()) return run();
  cells_.emplace_back();
  around_.effects.hold(
      objects_[cells_.size() - 1], envelope_->transaction,
      [self = shared_from_this()](const Result<Reply>& reply) {
        // The actors' and the committer's threads have other things to do.
        self->around_.effects.post([self, reply] { self->held(reply); });
      },
      cells_.back());
}

void TransactionRun::held(const Result<Reply>& reply) {
  if (!reply) return end(reply);
  if (around_.times.steady() >= deadline_) {
    Error error{.code = ErrorCode::deadline_exceeded,
                .detail = "the objects could not be held in time; nothing was done"};
    error.retry_after = std::chrono::seconds{1};
    return end(fail(std::move(error)));
  }
  hold_next();
}

void TransactionRun::run() {
  Turns turns{*this};
  const auto value = [&]() -> Result<Json> {
    try {
      return handler_(turns);
    } catch (const Failure& failure) {
      return fail(failure.error());
    } catch (const std::exception& thrown) {
      return fail(ErrorCode::internal, fmt::format("a transaction threw: {}", thrown.what()));
    }
  }();
  if (!value) return end(fail(value.error()));
  if (turns.unit().write_sets.empty()) {
    return end(Reply{.value = *value, .meta = {.origin = std::make_shared<Origin>()}});
  }
  commit(turns, *value);
}

void TransactionRun::commit(Turns& turns, Json value) {
  const auto versions = turns.versions();
  Reply reply{.value = std::move(value), .meta = versions.begin()->second->meta};
  if (!envelope_->call.idempotency_key.empty()) {
    turns.unit().write_sets.front().claims.push_back(once_claim(
        envelope_->call, reply, envelope_->accepted_at + around_.rules.idempotency_window));
  }
  around_.committer.submit(std::make_shared<Submission>(Submission{
      .envelope = envelope_,
      .unit = std::move(turns.unit()),
      .version = nullptr,
      .reply = reply,
      .settle = [self = shared_from_this(), versions, reply](const storage::Outcome& outcome) {
        self->settled(outcome, versions, reply);
      }}));
}

void TransactionRun::settled(const storage::Outcome& outcome,
                             const std::map<ObjectId, VersionPtr>& versions, Reply reply) {
  if (outcome) {
    for (const auto& cell : cells_) {
      const auto changed = versions.find(cell->object);
      if (changed != versions.end()) around_.committer.publish(*cell, changed->second);
    }
    return end(std::move(reply));
  }
  // An object that a step relied on, and that the transaction does not hold, has moved on.
  if (outcome.error().code == ErrorCode::stale_precondition && around_.times.steady() < deadline_) {
    return around_.effects.post([self = shared_from_this()] { self->run(); });
  }
  if (outcome.error().code == ErrorCode::outcome_unknown) {
    for (const auto& cell : cells_) around_.directory.drop(*cell);
  }
  end(fail(explain_quota(around_.rules.quotas, outcome.error())));
}

void TransactionRun::end(Result<Reply> reply) {
  for (const auto& cell : cells_) {
    if (cell) around_.effects.release(cell, envelope_->transaction);
  }
  envelope_->done(std::move(reply));
}

}  // namespace perdure::runtime
