// SPDX-License-Identifier: Apache-2.0
#include "flows.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "refusals.hpp"

namespace perdure::runtime {

namespace {

storage::AlarmPlace before_waiting() { return {waiting_due - Milliseconds{1}, {}, {}}; }

}  // namespace

bool is_lost(const Error& error) {
  return error.code == ErrorCode::unavailable || error.code == ErrorCode::outcome_unknown ||
         error.code == ErrorCode::stale_epoch;
}

Flows::Flows(Around around) : around_(around), looked_at_(before_waiting()) {
  const auto cut_off = around_.store.alarms_due(Timestamp::max(), 1, before_waiting());
  has_rows_ = !cut_off || !cut_off->empty();
  for (const auto& kind : around_.kinds.all()) {
    for (const auto& [name, command] : kind.definition().commands) {
      if (command.flow && command.flow->holds == Holds::yes) holding_.insert(&kind.definition());
    }
  }
}

Result<void> Flows::check_depth(const Envelope& asker) const {
  std::size_t depth = 1;
  for (const auto* at = asker.asked.get(); at != nullptr; at = at->asker->asked.get()) ++depth;
  if (depth <= limits::flow_depth_max) return {};
  Error error{.code = ErrorCode::too_large,
              .detail = fmt::format("{} flows wait for one another in a row, which are as many as "
                                    "may",
                                    limits::flow_depth_max)};
  error.fields.push_back({"", "flow_depth_max", error.detail});
  return fail(std::move(error));
}

void Flows::ask(const EnvelopePtr& asker, FlowWait wait) {
  const auto& flow = *asker->flow;
  const auto place = flow.kept.size();
  const auto ask = std::make_shared<FlowAsk>(FlowAsk{.asker = asker,
                                                     .name = std::move(wait.name),
                                                     .by = {asker->call.target, flow.name, place},
                                                     .may_be_begun = flow.begun_wait == place});
  if (auto fits = check_depth(*asker); !fits) return answered(ask, fail(std::move(fits).error()));
  const bool is_query = wait.type == FlowWait::Type::query;
  if (!is_query) {
    if (auto waits = waits_.waits_for(flow.waiter, wait.object); !waits) {
      return answered(ask, fail(std::move(waits).error()));
    }
  }
  const auto envelope = std::make_shared<Envelope>();
  auto& call = envelope->call;
  call.target = std::move(wait.object);
  call.type = is_query ? CallType::query : CallType::command;
  call.name = std::move(wait.operation);
  call.payload = std::move(wait.payload);
  call.owner = flow.owner;
  call.request_id = asker->call.request_id;
  call.traceparent = asker->call.traceparent;
  asker->in_flight.rest();
  envelope->via = Via::object;
  envelope->asked = ask;
  envelope->done = [this, ask](Result<Reply> reply) {
    answered(ask, reply ? Result<Json>{std::move(reply->value)} : fail(std::move(reply).error()));
  };
  around_.intake.ask(envelope);
}

bool Flows::note_asleep(const EnvelopePtr& flow) {
  const std::scoped_lock lock{mutex_};
  if (stopped_) return false;
  if (asleep_.size() >= prune_past_) {
    std::erase_if(asleep_, [](const auto& one) { return one.expired(); });
    prune_past_ = std::max(2 * asleep_.size(), prune_past_);
  }
  asleep_.push_back(flow);
  return true;
}

void Flows::stop() {
  std::vector<std::weak_ptr<Envelope>> asleep;
  {
    const std::scoped_lock lock{mutex_};
    stopped_ = true;
    asleep.swap(asleep_);
  }
  for (const auto& one : asleep) {
    const auto flow = one.lock();
    if (!flow || !flow->in_flight.cell()) continue;
    around_.directory.answer_flow(
        *flow->in_flight.cell(),
        {.flow = flow, .what = FlowAnswer::What::asleep, .result = stopping()});
  }
}

void Flows::answered(const std::shared_ptr<FlowAsk>& ask, Result<Json> answer) {
  waits_.goes_on(ask->asker->flow->waiter);
  ask->asker->in_flight.wake();
  around_.directory.answer_flow(*ask->asker->in_flight.cell(), {.flow = ask->asker,
                                                                .what = FlowAnswer::What::kept,
                                                                .result = std::move(answer),
                                                                .ask = ask});
}

void Flows::wake(const ObjectId& object, const Tick& tick, const std::function<void(bool)>& done) {
  const auto row = around_.store.alarm(object, tick.name);
  if (!row) return done(false);
  if (!*row || (*row)->due != tick.due) return done(true);
  go_on(**row, done);
}

void Flows::go_on(const storage::AlarmRow& row, std::function<void(bool)> done) {
  auto envelope = decode_flow(row);
  if (!envelope) return done(true);  // damaged: there is nothing to go on with
  (*envelope)->call.principal = {};  // it was let in when it began
  (*envelope)->done = [done = std::move(done)](const Result<Reply>& reply) {
    done(reply || reply.error().code == ErrorCode::not_found);
  };
  around_.intake.resume(*envelope);
}

void Flows::go_on(const ObjectId& object, const std::string& name) {
  const auto row = around_.store.alarm(object, name);
  if (!row) return go_on_later(object, name);
  if (!*row) return;
  go_on(**row, [this, object, name](bool is_dealt_with) {
    if (!is_dealt_with) go_on_later(object, name);
  });
}

void Flows::go_on_later(const ObjectId& object, const std::string& name) {
  const std::scoped_lock lock{mutex_};
  later_.emplace_back(object, name);
}

void Flows::reset() {
  const std::scoped_lock lock{mutex_};
  looked_at_ = before_waiting();
}

void Flows::step() {
  if (around_.store.health() != storage::Health::writable) return;
  std::vector<std::pair<ObjectId, std::string>> again;
  {
    const std::scoped_lock lock{mutex_};
    again.swap(later_);
  }
  for (const auto& [object, name] : again) go_on(object, name);
  look_further();
}

void Flows::look_further() {
  std::optional<storage::AlarmPlace> from;
  {
    const std::scoped_lock lock{mutex_};
    from = looked_at_;
  }
  if (!from) return;
  const auto places = around_.store.alarms_due(Timestamp::max(), found_at_once, from);
  if (!places) return;
  for (const auto& place : *places) {
    if (place.object.kind == flow_kind_name) go_on(place.object, place.name);
  }
  const std::scoped_lock lock{mutex_};
  if (looked_at_ != from) return;  // it begins anew
  const bool is_over = places->size() < found_at_once;
  looked_at_ = is_over ? std::nullopt : std::optional{places->back()};
}

}  // namespace perdure::runtime
