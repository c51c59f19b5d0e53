// SPDX-License-Identifier: Apache-2.0
// How flows run on their object: from one thing that they wait for to the next.
#include <algorithm>

#include "activation.hpp"
#include "alarm_dues.hpp"
#include "dead_letter.hpp"
#include "flow_refusals.hpp"
#include "flows.hpp"
#include "refusals.hpp"

namespace perdure::runtime {

namespace {

Unexpected too_large(std::string rule, std::string detail) {
  Error error{.code = ErrorCode::too_large, .detail = std::move(detail)};
  error.fields.push_back({"", std::move(rule), error.detail});
  return fail(std::move(error));
}

Result<void> check_kept(const FlowState& flow, const KeptResult& kept) {
  if (flow.kept_bytes + kept_bytes_of(kept) <= limits::flow_kept_bytes_max) return {};
  return too_large("flow_kept_bytes_max", "what is kept of the flow would be more than " +
                                              std::to_string(limits::flow_kept_bytes_max) +
                                              " bytes");
}

Unexpected too_many_flows(const ObjectId& object) {
  Error error{.code = ErrorCode::overloaded,
              .detail = to_string(object) + " has as many flows as it may, " +
                        std::to_string(limits::object_flows_max)};
  error.fields.push_back({"", "object_flows_max", error.detail});
  error.retry_after = std::chrono::seconds{1};
  return fail(std::move(error));
}

Error goes_on_soon(const ObjectId& object) {
  Error error{.code = ErrorCode::unavailable,
              .detail = "a flow that holds " + to_string(object) + " goes on soon"};
  error.retry_after = std::chrono::seconds{1};
  return error;
}

/// What is left of a flow that a message began and that has failed, with nobody to hear of it.
Sent dead_letter_of(const Envelope& envelope, const Origin& origin, const Error& error) {
  const Sent begun{.type = Sent::Type::message,
                   .from = envelope.receipt->asker,
                   .to = origin.object,
                   .to_life = origin.born_seq,
                   .command = envelope.call.name,
                   .payload = envelope.call.payload};
  SeededRandom random{envelope.random_seed};
  Sent sent{.type = Sent::Type::message, .from = origin.object, .from_life = origin.born_seq};
  sent.to = {std::string{dead_letter_kind_name}, make_uuid_v7(envelope.accepted_at, random)};
  sent.command = "record";
  sent.payload = runtime::dead_letter_of(begun, 1, error);
  sent.owner = origin.owner.text();
  sent.sender_owner = origin.owner.text();
  return sent;
}

std::string name_of_flow(const Envelope& envelope) {
  if (envelope.command->flow->holds == Holds::yes) return std::string{holding_flow_name};
  if (envelope.asked) return asked_flow_name(envelope.asked->by);
  SeededRandom random{envelope.random_seed};
  return "free/" + make_uuid_v7(envelope.accepted_at, random);
}

}  // namespace

// ---- from one wait to the next

bool Activation::begins_with_flows(const Envelope& envelope) const {
  return around_.reads == nullptr || around_.flows.may_hold(cell_->kind) || envelope.asked ||
         envelope.flow || envelope.operation == Operation::give_up_flow;
}

bool Activation::goes_ahead(const Envelope& envelope) const {
  return flow_ && envelope.call.type == CallType::query && returned_.empty() && held_by_ == 0 &&
         (parked_ == nullptr || reads_itself(envelope));
}

void Activation::let_queries_ahead() {
  if (!flow_ || !held_) return;
  std::vector<EnvelopePtr> ahead;
  std::erase_if(*held_, [&](EnvelopePtr& waiting) {
    if (!goes_ahead(*waiting)) return false;
    ahead.push_back(std::move(waiting));
    return true;
  });
  if (held_->empty()) held_.reset();
  for (auto& query : ahead) {
    query->in_flight.wake();
    receive(std::move(query));
  }
}

void Activation::answer_from_committed(Envelope& envelope) const {
  const auto version = around_.directory.committed_version(*cell_);
  if (around_.store.epoch() != cell_->epoch) return envelope.answer(opened_again());
  if (auto readable = check_readable(envelope, *version); !readable) {
    return envelope.answer(fail(std::move(readable).error()));
  }
  envelope.answer(run_query(envelope, *version, around_.store, nullptr));
}

bool Activation::is_live(const Envelope& envelope) const {
  if (flow_.get() == &envelope) return true;
  const auto found = flows_.find(envelope.flow->name);
  return found != flows_.end() && found->second.get() == &envelope;
}

storage::WriteSet Activation::expectation() const {
  return {.object = cell_->object, .epoch = cell_->epoch, .expected_seq = newest_->meta.seq};
}

Result<void> Activation::begin_flow(const EnvelopePtr& envelope) {
  const auto holds = envelope->command->flow->holds;
  if (holds == Holds::no && flows_.size() >= limits::object_flows_max) {
    return too_many_flows(cell_->object);
  }
  auto flow = std::make_shared<FlowState>();
  flow->name = name_of_flow(*envelope);
  flow->holds = holds;
  const auto& meta = newest_->meta;
  flow->owner = meta.seq > 0 ? meta.origin->owner.text()
                             : envelope->call.owner.value_or(envelope->call.principal.user_id);
  flow->life = meta.exists() ? meta.origin->born_seq : 0;
  envelope->call.life = flow->life;
  if (envelope->asked) flow->asked_by = envelope->asked->by;
  envelope->flow = std::move(flow);
  envelope->deadline.reset();  // it has begun, and goes on
  envelope->call.if_seq.reset();
  return {};
}

void Activation::enlist(const EnvelopePtr& envelope) {
  auto& flow = *envelope->flow;
  const bool holds = flow.holds == Holds::yes;
  if (holds) {
    flow_ = envelope;
  } else {
    flows_.insert_or_assign(flow.name, envelope);
  }
  if (flow.waiter != 0) return;
  auto& waits = around_.flows.waits();
  flow.waiter = waits.enter(cell_->object);
  if (holds) waits.holds(flow.waiter, cell_->object);
  if (envelope->asked) waits.waits_for(envelope->asked->asker->flow->waiter, flow.waiter);
}

void Activation::stop(const EnvelopePtr& envelope, std::unique_ptr<FlowStop> stop) {
  if (!envelope->flow) {
    if (auto begun = begin_flow(envelope); !begun) {
      return answer(envelope, fail(std::move(begun).error()));
    }
  }
  cell_->members.let_go();  // its handler runs again
  if (stop->changed) return park(envelope, std::move(*stop->changed));
  enlist(envelope);
  auto& flow = *envelope->flow;
  if (envelope->receipt && envelope->receipt->position != 0) {
    flow.stop = std::move(stop);
    return take_message(envelope);
  }
  if (flow.holds == Holds::no || is_durable()) return wait(envelope, std::move(*stop));
  flow.stop = std::move(stop);
  tell_later(envelope, {},
             {.flow = envelope, .what = FlowAnswer::What::durable, .result = Json(nullptr)});
}

void Activation::wait(const EnvelopePtr& envelope, FlowStop stop) {
  auto& wait = stop.wait;
  switch (wait.type) {
    case FlowWait::Type::ask:
    case FlowWait::Type::query: return around_.flows.ask(envelope, std::move(wait));
    case FlowWait::Type::sleep: return fall_asleep(envelope, wait.time);
    case FlowWait::Type::step: break;
  }
  const auto ask = std::make_shared<FlowAsk>(FlowAsk{.asker = envelope, .name = wait.name});
  const KeptResult kept{wait.name, around_.times.wall(), std::move(*stop.step)};
  if (auto fits = check_kept(*envelope->flow, kept); !fits) {
    return settle(envelope, fail(std::move(fits).error()));
  }
  storage::Unit unit{{expectation()}};
  keep_answer(unit, *ask, kept.result, kept.at);
  tell_later(
      envelope, std::move(unit),
      {.flow = envelope, .what = FlowAnswer::What::kept, .result = Json(nullptr), .ask = ask});
}

void Activation::take_message(const EnvelopePtr& envelope) {
  auto unit = storage::Unit{{expectation()}};
  unit.write_sets.front().takes.push_back(envelope->receipt->position);
  unit.write_sets.push_back(put_flow(*envelope, nullptr));
  tell_later(envelope, std::move(unit),
             {.flow = envelope, .what = FlowAnswer::What::taken, .result = Json(nullptr)});
}

void Activation::fall_asleep(const EnvelopePtr& envelope, Milliseconds time) {
  auto& flow = *envelope->flow;
  if (!flow.stored_due) {
    const auto rows =
        around_.store.alarms(flow_object(cell_->object), {}, limits::object_flows_max);
    if (!rows) return settle(envelope, fail(rows.error()));
    if (rows->size() >= limits::object_flows_max) {
      return settle(envelope, too_many_flows(cell_->object));
    }
  }
  const auto now = moment_of(around_.times);
  flow.sleep = make_alarm({.name = flow.name,
                           .command = std::string{flow_kind_name},
                           .schedule = Schedule::in(std::max(time, Milliseconds{0}))},
                          now);
  storage::Unit unit{{expectation(), put_sleeping_flow(*envelope)}};
  const auto ask = std::make_shared<FlowAsk>(FlowAsk{.asker = envelope});
  put_askers(unit, *envelope, ask->stored);
  tell_later(
      envelope, std::move(unit),
      {.flow = envelope, .what = FlowAnswer::What::asleep, .result = Json(nullptr), .ask = ask});
}

void Activation::tell_later(const EnvelopePtr& flow, std::optional<storage::Unit> unit,
                            FlowAnswer answer) {
  const auto note = std::make_shared<Envelope>();
  note->call.target = cell_->object;
  note->kind = &cell_->kind;
  note->operation = Operation::take;
  note->for_flow = flow;
  note->in_flight = around_.directory.keep(cell_);
  flow->in_flight.rest();
  flow->flow->is_noted = true;
  note->done = [&directory = around_.directory, cell = cell_,
                answer = std::move(answer)](Result<Reply> reply) mutable {
    answer.flow->in_flight.wake();
    if (!reply) answer.result = fail(std::move(reply).error());
    directory.answer_flow(*cell, std::move(answer));
  };
  submit(note, std::move(unit), Reply{.value = nullptr, .meta = newest_->meta});
}

void Activation::keep_waited_for(Envelope& envelope, FlowAnswer& answer) const {
  auto& flow = *envelope.flow;
  auto& ask = *answer.ask;
  if (!ask.stored.empty()) {
    note_stored(ask.stored);
    return keep(flow, std::move(ask.kept));
  }
  KeptResult kept{ask.name, around_.times.wall(), std::move(answer.result)};
  if (auto fits = check_kept(flow, kept); !fits) kept.result = fail(std::move(fits).error());
  keep(flow, std::move(kept));
}

void Activation::answered(FlowAnswer& answer) {
  const auto envelope = answer.flow;
  if (!is_live(*envelope)) return;  // it has begun again
  store_ahead();
  envelope->flow->is_noted = false;
  if (answer.result) {
    const bool sleeps = answer.what == FlowAnswer::What::asleep;
    tell_messenger(*envelope->flow,
                   {.code = sleeps ? ErrorCode::unavailable : ErrorCode::not_found,
                    .detail = sleeps ? "it has just fallen asleep" : "its row has moved"});
  }
  if (!answer.result &&
      (is_lost(answer.result.error()) ||
       (answer.ask && answer.ask->may_be_begun && is_busy(answer.result.error())))) {
    return abandon(envelope, answer.result.error());
  }
  auto& flow = *envelope->flow;
  if (flow.given_up) return settle(envelope, fail(given_up()));
  const bool is_own_note = answer.what != FlowAnswer::What::kept || answer.ask->by.flow.empty();
  if (is_own_note && !answer.result) return settle(envelope, fail(answer.result.error()));
  switch (answer.what) {
    case FlowAnswer::What::durable:
      return wait(envelope, std::move(*std::exchange(flow.stop, nullptr)));
    case FlowAnswer::What::asleep:
      flow.stored_due = flow.sleep->due;
      flow.keeps_key = true;
      if (answer.ask) note_stored(answer.ask->stored);
      if (envelope->asked) {  // whoever asked waits in memory, and so does this
        if (!around_.flows.note_asleep(envelope)) return abandon(envelope, stopping().error);
        return envelope->in_flight.rest();
      }
      forget(*envelope);
      return envelope->answer(goes_on("the flow sleeps, and goes on later"));
    case FlowAnswer::What::taken: {
      note_stored({&flow});
      envelope->receipt->position = 0;
      // Whoever carries messages out has done so; the flow has no caller any more.
      const auto carried = std::exchange(envelope->done, [](const Result<Reply>&) {});
      carried(Reply{.value = nullptr, .meta = newest_->meta});
      return wait(envelope, std::move(*std::exchange(flow.stop, nullptr)));
    }
    case FlowAnswer::What::kept: break;
  }
  flow.sleep.reset();
  keep_waited_for(*envelope, answer);
  if (flow.holds == Holds::yes || (!must_hold() && !held_)) return run_command(envelope);
  if (!held_) held_ = std::make_unique<std::deque<EnvelopePtr>>();
  envelope->in_flight.rest();
  held_->push_back(envelope);
}

// ---- its end

void Activation::forget(Envelope& envelope) {
  if (flow_.get() == &envelope) flow_.reset();
  if (!envelope.flow) return;
  auto& flow = *envelope.flow;
  if (is_live(envelope)) flows_.erase(flow.name);
  if (flow.waiter != 0) around_.flows.waits().leave(std::exchange(flow.waiter, 0));
  tell_messenger(flow, {.code = ErrorCode::unavailable, .detail = "the flow did not go on"});
}

void Activation::withdraw(const EnvelopePtr& envelope) {
  auto& flow = *envelope->flow;
  if (flow_ == envelope) flow_.reset();  // one that holds nothing stays known
  if (flow.waiter != 0) around_.flows.waits().leave(std::exchange(flow.waiter, 0));
  flow.stop.reset();
  flow.is_noted = false;
  if (flow.sleep && flow.stored_due != flow.sleep->due) flow.sleep.reset();
}

void Activation::settle(const EnvelopePtr& envelope, Result<Decision> decision) {
  if (decision && decision->stop) return stop(envelope, std::move(decision->stop));
  const auto& ask = envelope->asked;
  if (ask) ask->stored.clear();
  if (ask && decision) {
    const KeptResult kept{ask->name, {}, decision->reply.value};
    if (auto fits = check_kept(*ask->asker->flow, kept); !fits) {
      decision = fail(std::move(fits).error());
    }
  }
  forget(*envelope);
  if (!decision && envelope->receipt && envelope->receipt->position == 0) {
    decision = decide_failure(*envelope, decision.error());
  }
  storage::Unit unit;
  StreamNewsPtr news;
  const bool changes = decision && !decision->is_reply_only();
  if (changes) {
    news = build_on(*decision);
    add_to_unit(unit, *decision, cell_->epoch);
  }
  const bool is_stored = envelope->flow && envelope->flow->stored_due;
  if (is_stored) {
    if (!changes) unit.write_sets.push_back(expectation());
    unit.write_sets.push_back(erase_flow(*envelope, decision ? FlowEnd::well : FlowEnd::failed));
    ended_flows_.emplace_back(submitted_ + 1, envelope->flow->name);
  }
  auto reply = decision ? Result<Reply>{std::move(decision->reply)} : fail(decision.error());
  // An error that says nothing of what became of it is no answer to keep.
  const bool is_known = reply || !is_lost(reply.error());
  if (ask && is_known && !unit.write_sets.empty()) {
    keep_answer(unit, *ask, reply ? Result<Json>{reply->value} : fail(reply.error()),
                around_.times.wall());
  }
  ask_to_go_on();  // first: the call may be the last one that keeps what is around
  if (unit.write_sets.empty()) return answer(envelope, std::move(reply));
  submit(envelope, std::move(unit), std::move(reply), std::move(news));
}

Result<Decision> Activation::decide_failure(const Envelope& envelope, const Error& error) {
  auto decision = decide_nothing(envelope, *newest_,
                                 {.kind = cell_->kind,
                                  .store = around_.store,
                                  .pending = pending_,
                                  .alarms = alarms_,
                                  .tally = tally_,
                                  .rules = around_.rules,
                                  .times = around_.times},
                                 fail(error));
  if (envelope.receipt->then.empty()) {
    decision.write_set.sends.push_back(
        encode_sent(dead_letter_of(envelope, *newest_->meta.origin, error)));
  }
  return decision;
}

void Activation::park(const EnvelopePtr& envelope, Error why) {
  const bool is_stored = envelope->flow->stored_due.has_value();
  if (!is_stored || envelope->asked) return settle(envelope, fail(std::move(why)));
  forget(*envelope);
  if (envelope->flow->holds == Holds::yes) blocked_ = why;
  ask_to_go_on();
  answer(envelope, fail(std::move(why)));
}

void Activation::abandon(const EnvelopePtr& envelope, const Error& error) {
  forget(*envelope);
  if (envelope->flow->stored_due) {
    if (envelope->flow->holds == Holds::yes) blocked_ = goes_on_soon(cell_->object);
    around_.flows.go_on_later(flow_object(cell_->object), envelope->flow->name);
  }
  ask_to_go_on();
  const bool may_go_on = envelope->flow->stored_due || error.code == ErrorCode::outcome_unknown;
  envelope->answer(may_go_on ? unknown_outcome(error) : fail(error));
}

}  // namespace perdure::runtime
