// SPDX-License-Identifier: Apache-2.0
#include "transact.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "handler_mark.hpp"
#include "once.hpp"
#include "quorums.hpp"
#include "quota.hpp"
#include "refusals.hpp"
#include "unique_keys.hpp"

namespace perdure::runtime {

namespace {

Unexpected too_late() {
  Error error{.code = ErrorCode::deadline_exceeded,
              .detail = "the objects could not be held in time; nothing was done"};
  error.retry_after = std::chrono::seconds{1};
  return fail(std::move(error));
}

/// Whether another commit came first, and another run may end otherwise, or say why it does not.
bool may_run_again(ErrorCode code) {
  return code == ErrorCode::conflict || code == ErrorCode::quota_exceeded ||
         code == ErrorCode::stale_precondition;
}

/// A write set that only carries an idempotency key, where no step has left one: of no object.
storage::WriteSet carrier(std::uint64_t epoch) {
  return {.object = {"$runtime", "replies"}, .epoch = epoch};
}

}  // namespace

TransactionRun::TransactionRun(EnvelopePtr envelope, std::vector<ObjectId> objects,
                               TransactionTurns::Others others, TransactionHandler handler,
                               const TransactionOptions& options, Around around)
    : envelope_(std::move(envelope)),
      objects_(std::move(objects)),
      others_(others),
      handler_(std::move(handler)),
      run_on_(options.run_on),
      deadline_(envelope_->accepted_steady + options.deadline),
      around_(around) {}

void TransactionRun::start() {
  around_.effects.post([self = shared_from_this()] {
    if (self->envelope_->key_sought_at) {
      if (auto known = self->around_.effects.look_up(*self->envelope_)) {
        return self->envelope_->answer(std::move(*known));
      }
    }
    self->hold_next();
  });
}

void TransactionRun::hold_next() {
  if (cells_.size() == objects_.size()) return run();
  const auto& next = objects_[cells_.size()];
  if (waiter_ == 0) waiter_ = around_.waits.enter(next);
  if (auto waits = around_.waits.waits_for(waiter_, next); !waits) {
    return end(fail(std::move(waits).error()));
  }
  cells_.emplace_back();
  // `held` comes later, on this thread.
  cells_.back() = around_.effects.hold(
      next, envelope_->transaction, [self = shared_from_this()](const Result<Reply>& reply) {
        // The actors' and the committer's threads have other things to do.
        self->around_.effects.post([self, reply] { self->held(reply); });
      });
}

void TransactionRun::held(const Result<Reply>& reply) {
  if (!reply) return end(reply);
  around_.waits.goes_on(waiter_);
  around_.waits.holds(waiter_, objects_[cells_.size() - 1]);
  if (is_late()) return end(too_late());
  hold_next();
}

void TransactionRun::run() {
  if (!run_on_) return run_handler();
  const auto taken = run_on_([self = shared_from_this()] { self->run_handler(); });
  if (!taken) end(fail(taken.error()));
}

void TransactionRun::run_handler() {
  TransactionTurns turns{*envelope_,
                         cells_,
                         others_,
                         {.store = around_.store,
                          .directory = around_.directory,
                          .times = around_.times,
                          .rules = around_.rules,
                          .kinds = around_.kinds,
                          .claims_at = around_.effects.claims_at()}};
  const HandlerMark mark{&around_.directory, HandlerMark::Of::handler, "(a transaction)",
                         envelope_->call.name};
  auto value = [&]() -> Result<Json> {
    try {
      return handler_(turns);
    } catch (const Failure& failure) {
      return fail(failure.error());
    } catch (const std::exception& thrown) {
      return fail(ErrorCode::internal, fmt::format("a transaction threw: {}", thrown.what()));
    }
  }();
  // What a run without them came to does not count, not even its refusal.
  const bool fits = objects_.size() + turns.missing().size() <= limits::transaction_objects_max;
  if (!turns.missing().empty() && fits) return hold_also(turns.missing());
  if (!value) return end(fail(std::move(value).error()));
  commit(turns, std::move(*value));
}

void TransactionRun::hold_also(const std::set<ObjectId>& missing) {
  if (is_late()) return end(too_late());
  if (++rounds_ > transaction_rounds_max) {
    return end(fail(ErrorCode::overloaded,
                    "the transaction calls other objects each time that it runs; it was given up"));
  }
  let_go();
  objects_.insert(objects_.end(), missing.begin(), missing.end());
  std::ranges::sort(objects_);
  envelope_->transaction = around_.effects.next_number();
  start();
}

void TransactionRun::commit(TransactionTurns& turns, Json value) {
  const auto versions = turns.versions();
  Reply reply{.value = std::move(value), .meta = {.origin = std::make_shared<Origin>()}};
  if (!versions.empty()) reply.meta = versions.begin()->second->meta;
  auto& write_sets = turns.unit().write_sets;
  if (write_sets.empty() && envelope_->call.idempotency_key.empty()) return end(std::move(reply));
  if (write_sets.empty()) write_sets.push_back(carrier(around_.store.epoch()));
  add_once(write_sets.front(), *envelope_, reply, around_.rules.idempotency_window);
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
  // What a step relied on, and the transaction does not hold, may have moved on; or an object was
  // given rows that a step did not see.
  auto error = outcome.error();
  for (const auto& cell : cells_) {
    error = explain_quorum(cell->kind, explain_taken(cell->kind, std::move(error)));
  }
  const bool relied = error.code == ErrorCode::stale_precondition;
  const bool is_marked = is_marked_meanwhile(outcome.error());
  if ((is_marked || may_run_again(error.code)) && !is_late() &&
      (relied || is_marked || ++rounds_ <= transaction_rounds_max)) {
    return around_.effects.post([self = shared_from_this()] { self->run(); });
  }
  if (error.code == ErrorCode::outcome_unknown || error.code == ErrorCode::stale_epoch) {
    for (const auto& cell : cells_) around_.directory.drop(*cell);
  }
  if (error.code == ErrorCode::stale_epoch) return end(opened_again());
  if (error.code == ErrorCode::outcome_unknown) return end(unknown_outcome(error));
  const auto& rules = around_.rules;
  end(fail(explain_once(rules.quotas.idempotency_keys, rules.idempotency_window,
                        envelope_->accepted_at, explain_quota(rules.quotas, error))));
}

void TransactionRun::let_go() {
  if (waiter_ != 0) around_.waits.leave(std::exchange(waiter_, 0));
  for (const auto& cell : cells_) {
    if (cell) around_.effects.release(cell, envelope_->transaction);
  }
  cells_.clear();
}

void TransactionRun::end(Result<Reply> reply) {
  let_go();
  envelope_->answer(std::move(reply));
}

}  // namespace perdure::runtime
