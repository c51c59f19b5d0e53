// SPDX-License-Identifier: Apache-2.0
// Turns that are not synced each: see ahead.hpp.
#include <chrono>

#include "activation.hpp"

namespace perdure::runtime {

bool Activation::run_ahead(const EnvelopePtr& envelope) {
  // Where reads are slow a turn may be parked, and what is ahead of it would have to wait with it.
  if (envelope->command == nullptr || around_.reads != nullptr) return false;
  if (envelope->command->flow || envelope->asked) return false;  // they answer with their unit
  const auto durability = envelope->command->durability.value_or(cell_->kind.durability);
  if (durability == Durability::sync || !may_be_ahead() || !may_run_ahead(*envelope, *newest_)) {
    return false;
  }
  const auto seq = ahead_ ? newest_->meta.seq : newest_->meta.seq + 1;
  const auto start = std::chrono::steady_clock::now();
  auto turn = runtime::run_ahead(*envelope, *newest_, seq, surroundings(around_.store));
  const auto took = std::chrono::steady_clock::now() - start;
  if (turn && !*turn) {
    cell_->members.let_go();  // the handler runs again
    return false;
  }
  around_.hooks.turn_finished(cell_->kind.name, took);
  around_.paces.ran(cell_->kind, took);
  cell_->members.measure();
  if (!turn) {
    answer(envelope, fail(std::move(turn).error()));
    return true;
  }
  auto& [version, value] = **turn;
  if (!version) {
    answer(envelope, Reply{.value = std::move(value), .meta = newest_->meta});
    return true;
  }
  if (!ahead_) begin_ahead(envelope);
  newest_ = std::move(version);
  ahead_->last = envelope;
  ++ahead_->turns;
  Reply reply{.value = std::move(value), .meta = newest_->meta};
  if (durability == Durability::buffered && !std::exchange(ahead_->is_written_soon, true)) {
    around_.directory.unhurried().fetch_sub(1, std::memory_order_relaxed);
    // Behind what waits in the mailbox, which shares the record.
    if (submitted_ == cell_->settled.load(std::memory_order_acquire)) {
      around_.directory.flush(*cell_, FlushWhy::awaited);
    }
  }
  if (ahead_->is_written_soon) {
    ahead_->waiting.push_back({envelope, std::move(reply)});
  } else {
    envelope->answer(std::move(reply));
  }
  if (ahead_->turns >= turns_ahead_max) store_ahead();
  return true;
}

void Activation::begin_ahead(const EnvelopePtr& envelope) {
  ahead_ = std::make_shared<Ahead>(Ahead{.base = newest_, .last = envelope});
  ahead_->kept = around_.directory.keep(cell_);
  around_.directory.unhurried().fetch_add(1, std::memory_order_relaxed);
  if (envelope->command->durability.value_or(cell_->kind.durability) == Durability::memory) {
    around_.unstored.add(cell_);
  }
}

void Activation::flush(FlushWhy why) {
  if (!ahead_) return;
  const bool is_alone = submitted_ == cell_->settled.load(std::memory_order_acquire);
  // What is on its way tells when it is written.
  if (why == FlushWhy::awaited && !(ahead_->is_written_soon && is_alone)) return;
  store_ahead();
}

void Activation::store_ahead() {
  if (!ahead_) return;
  const auto ahead = std::exchange(ahead_, nullptr);
  if (!ahead->is_written_soon) {
    around_.directory.unhurried().fetch_sub(1, std::memory_order_relaxed);
  }
  const auto envelope = std::make_shared<Envelope>();
  envelope->call.target = cell_->object;
  envelope->kind = &cell_->kind;
  envelope->operation = Operation::flush;
  envelope->accepted_at = ahead->last->accepted_at;
  envelope->ahead = ahead;
  envelope->in_flight = std::move(ahead->kept);
  envelope->done = [ahead, cell = cell_, &directory = around_.directory](Result<Reply> outcome) {
    for (auto& [waiting, reply] : std::exchange(ahead->waiting, {})) {
      waiting->answer(outcome ? std::move(reply) : Result<Reply>{fail(outcome.error())});
    }
    directory.flush(*cell, FlushWhy::awaited);
  };
  auto decision = decide_ahead(*ahead, *newest_, surroundings(around_.store));
  if (!decision) {
    // What was answered early goes, as in a crash; what waits hears why.
    newest_ = ahead->base;
    cell_->members.let_go();
    return envelope->answer(fail(std::move(decision).error()));
  }
  newest_ = std::move(decision->version);
  tally_.decided(decision->write_set);
  storage::Unit unit;
  unit.sync = ahead->is_written_soon ? storage::Sync::later : storage::Sync::before_answer;
  add_to_unit(unit, *decision, cell_->epoch);
  submit(envelope, std::move(unit), std::move(decision->reply));
}

}  // namespace perdure::runtime
