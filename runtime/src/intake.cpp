// SPDX-License-Identifier: Apache-2.0
#include "intake.hpp"

#include <fmt/format.h>

#include "caller_thread.hpp"
#include "lent_thread.hpp"
#include "refusals.hpp"

namespace perdure::runtime {

Intake::Intake(Around around, Limits limits)
    : around_(around),
      limits_(limits),
      once_(limits.idempotency_keys, limits.idempotency_window),
      reads_({.store = around.store,
              .directory = around.directory,
              .paces = around.paces,
              .system = around.system,
              .reads = around.reads}) {}

void Intake::call(Call&& call, ReplyHandler&& done) {
  const auto envelope = std::make_shared<Envelope>();
  envelope->call = std::move(call);
  envelope->done = std::move(done);
  enter(envelope);
}

void Intake::call_inside(Call&& call, ReplyHandler&& done) {
  const auto envelope = std::make_shared<Envelope>();
  envelope->call = std::move(call);
  envelope->done = std::move(done);
  envelope->via = Via::object;
  enter(envelope);
}

void Intake::carry_out(Call call, Receipt receipt, ReplyHandler done) {
  const auto envelope = std::make_shared<Envelope>();
  envelope->call = std::move(call);
  envelope->done = std::move(done);
  envelope->receipt = std::move(receipt);
  envelope->via = Via::object;
  enter(envelope);
}

void Intake::fire(const ObjectId& object, Tick tick, std::function<void(bool)> done) {
  const auto envelope = std::make_shared<Envelope>();
  envelope->call.target = object;
  envelope->operation = Operation::fire;
  envelope->via = Via::object;
  envelope->tick = std::move(tick);
  // An alarm that was moved meanwhile is not_found: it is dealt with, too.
  envelope->done = [done = std::move(done)](const Result<Reply>& reply) {
    done(reply || reply.error().code == ErrorCode::not_found);
  };
  enter(envelope);
}

void Intake::stream(Call call, StreamChangePtr change, ReplyHandler done) {
  const auto envelope = std::make_shared<Envelope>();
  envelope->call = std::move(call);
  envelope->call.name = "$stream";
  envelope->operation = Operation::stream;
  envelope->stream = std::move(change);
  envelope->done = std::move(done);
  enter(envelope);
}

void Intake::resume(const EnvelopePtr& envelope) {
  if (closed_.load(std::memory_order_relaxed)) return envelope->answer(stopping());
  if (auto health = check_health(around_.store); !health) {
    return envelope->answer(fail(std::move(health).error()));
  }
  envelope->kind = around_.kinds.find(envelope->call.target.kind);
  // It waits for a host that knows the kind.
  if (envelope->kind == nullptr) return envelope->answer(fail(ErrorCode::not_found, "no kind"));
  envelope->accepted_steady = around_.times.steady();
  deliver(envelope);
}

CellPtr Intake::hold(const ObjectId& object, std::uint64_t transaction, ReplyHandler done) {
  const auto envelope = std::make_shared<Envelope>();
  envelope->call.target = object;
  envelope->operation = Operation::hold;
  envelope->transaction = transaction;
  envelope->done = std::move(done);
  enter(envelope);
  return envelope->in_flight.cell();
}

void Intake::enter(const EnvelopePtr& envelope) {
  if (!let_in(*envelope)) return;
  if (envelope->call.type == CallType::query && reads_.answer(envelope)) return;
  deliver(envelope);
}

bool Intake::let_in(Envelope& envelope) {
  check_holds_no_lock("a lock is held over a call of the runtime");
  if (auto resolved = resolve(envelope); !resolved) {
    envelope.answer(fail(std::move(resolved).error()));
    return false;
  }
  stamp(envelope);
  if (auto may_run = may_run_now(envelope); !may_run) {
    envelope.answer(fail(std::move(may_run).error()));
    return false;
  }
  if (envelope.call.type == CallType::query || envelope.operation == Operation::hold) return true;
  envelope.random_seed = around_.random.next();
  if (envelope.operation == Operation::fire && envelope.tick->why == Tick::Why::due) {
    around_.hooks.alarm_fired(envelope.call.target, envelope.accepted_at - envelope.tick->due);
  }
  if (envelope.call.idempotency_key.empty()) return true;
  if (around_.reads == nullptr) {
    return once_.begin(envelope, around_.store, claims_at()) == Once::Begun::runs;
  }
  envelope.key_sought_at = claims_at();
  return once_.enter(envelope) == Once::Begun::runs;
}

std::optional<Result<Reply>> Intake::look_up(Envelope& envelope, const storage::StoreReader& rows) {
  auto known = once_.look(envelope, rows, *envelope.key_sought_at);
  if (!known) envelope.key_sought_at.reset();
  return known;
}

Result<void> Intake::resolve(Envelope& envelope) const {
  if (envelope.call.idempotency_key.size() > limits::idempotency_key_bytes_max) {
    return fail(ErrorCode::invalid, fmt::format("an idempotency key has at most {} bytes",
                                                limits::idempotency_key_bytes_max));
  }
  switch (envelope.operation) {
    case Operation::transaction: return {};  // its steps name what they call
    case Operation::stream:
    case Operation::fire:
    case Operation::hold: break;
    default: return around_.kinds.resolve(envelope);
  }
  const auto& kind = envelope.call.target.kind;
  envelope.kind = around_.kinds.find(kind);
  if (envelope.kind != nullptr) return {};
  // The alarm waits: a later version of the host may know its kind again.
  return fail(ErrorCode::unavailable, "there is no kind " + kind + " now");
}

void Intake::stamp(Envelope& envelope) const {
  envelope.accepted_at = around_.times.wall();
  envelope.accepted_steady = around_.times.steady();
  if (const auto& deadline = envelope.call.deadline) {
    envelope.deadline = envelope.accepted_steady + (*deadline - envelope.accepted_at);
  }
}

Result<void> Intake::may_run_now(const Envelope& envelope) const {
  // The transaction that it is for has been let in, and is to end.
  if (envelope.operation == Operation::hold) return {};
  if (closed_.load(std::memory_order_relaxed) && !envelope.asked) return stopping();
  if (envelope.call.type == CallType::query) return {};
  return check_health(around_.store);
}

void Intake::deliver(const EnvelopePtr& envelope) {
  std::optional<CallerThread> here;
  if (may_run_here(*envelope)) here.emplace(around_.system);
  auto delivered = around_.directory.deliver(envelope, here ? &*here : nullptr);
  if (!delivered) return envelope->answer(fail(std::move(delivered).error()));
  if (here) here->run();
}

bool Intake::may_run_here(const Envelope& envelope) const {
  return is_lent() && !envelope.asked && !envelope.flow && envelope.command != nullptr &&
         around_.paces.is_quick(*envelope.kind);
}

}  // namespace perdure::runtime
