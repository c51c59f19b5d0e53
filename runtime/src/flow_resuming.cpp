// SPDX-License-Identifier: Apache-2.0
// How flows go on from their rows: after a start, after a sleep, for who asks again, and not at all
// when an operator gives them up.
#include <algorithm>

#include "activation.hpp"
#include "alarm_dues.hpp"
#include "flow_refusals.hpp"
#include "flows.hpp"
#include "refusals.hpp"

namespace perdure::runtime {

namespace {

Error no_such_flow(const Envelope& envelope) {
  Error error{.code = ErrorCode::conflict,
              .detail = envelope.call.name + " of " + to_string(envelope.call.target) +
                        " is no flow any more, or of another form; one of before waits for it"};
  error.fields.push_back({"", "steps_changed", error.detail});
  return error;
}

Error goes_on_by_itself() {
  return {.code = ErrorCode::not_found, .detail = "the flow goes on by itself"};
}

Error waits_for_asker(const Envelope& envelope) {
  Error error{.code = ErrorCode::unavailable,
              .detail = to_string(envelope.call.target) + " is held by a flow that goes on when " +
                        to_string(envelope.flow->asked_by->object) + " asks again"};
  error.retry_after = std::chrono::seconds{1};
  return error;
}

}  // namespace

Result<EnvelopePtr> Activation::read_flow(std::string_view name) const {
  PERDURE_TRY(row, around_.store.alarm(flow_object(cell_->object), name));
  if (!row) return EnvelopePtr{};
  return decode_flow(*row);
}

bool Activation::begin(Envelope& envelope) {
  if (auto loaded = load(around_.store); !loaded) {
    envelope.answer(fail(std::move(loaded).error()));
    return false;
  }
  if (!around_.flows.may_hold(cell_->kind) || around_.store.epoch() != cell_->epoch) return true;
  auto flow = read_flow(holding_flow_name);
  if (!flow) {
    newest_ = nullptr;
    envelope.answer(fail(std::move(flow).error()));
    return false;
  }
  if (*flow) take_up(*flow);
  return true;
}

void Activation::take_up(const EnvelopePtr& envelope) {
  auto& flow = *envelope->flow;
  if (flow.holds == Holds::yes) blocked_.reset();
  envelope->kind = &cell_->kind;
  const auto command = cell_->kind.commands.find(envelope->call.name);
  if (command != cell_->kind.commands.end()) envelope->command = &command->second;
  envelope->accepted_steady = around_.times.steady();
  if (!envelope->in_flight) envelope->in_flight = around_.directory.keep(cell_);
  if (!envelope->done) envelope->done = [](const Result<Reply>&) {};
  const auto& meta = newest_->meta;
  if (flow.life != 0 && (!meta.exists() || meta.origin->born_seq != flow.life)) {
    return settle(envelope, fail(ErrorCode::not_found, "the life of " + to_string(cell_->object) +
                                                           " in which the flow began is over"));
  }
  if (!is_flow(*envelope) || envelope->command->flow->holds != flow.holds) {
    return park(envelope, no_such_flow(*envelope));
  }
  if (flow.asked_by && !envelope->asked) {
    if (flow.holds == Holds::yes) blocked_ = waits_for_asker(*envelope);
    return envelope->answer(fail(waits_for_asker(*envelope)));
  }
  enlist(envelope);
  if (flow.sleep) return wake(envelope);
  run_command(envelope);
}

void Activation::resume(const EnvelopePtr& found) {
  store_ahead();
  const auto& name = found->flow->name;
  const auto live = flows_.find(name);
  std::erase_if(ended_flows_, [&](const auto& ended) { return ended.first <= cell_->settled; });
  const bool is_ending =
      std::ranges::any_of(ended_flows_, [&](const auto& ended) { return ended.second == name; });
  if (around_.store.epoch() != cell_->epoch) return found->answer(opened_again());
  if (live != flows_.end()) {
    const EnvelopePtr flow = live->second;
    if (!flow->flow->sleep || flow->flow->messenger)
      return found->answer(fail(goes_on_by_itself()));
    flow->flow->messenger = found;
    if (flow->flow->is_noted) return;  // it hears what becomes of that
    return wake(flow);
  }
  const bool is_held = name == holding_flow_name;
  if (is_ending || (is_held && (!blocked_ || flow_))) {
    return found->answer(fail(goes_on_by_itself()));
  }
  // What was read may have moved on since.
  auto flow = read_flow(name);
  if (!flow) return found->answer(fail(std::move(flow).error()));
  if (!*flow) return found->answer(fail(goes_on_by_itself()));
  (*flow)->in_flight = std::move(found->in_flight);  // one place in the mailbox, not two
  if (!(*flow)->flow->sleep) {
    found->answer(fail(goes_on_by_itself()));
  } else {
    (*flow)->flow->messenger = found;
  }
  take_up(*flow);
}

void Activation::tell_messenger(FlowState& flow, Error what) const {
  const auto messenger = std::exchange(flow.messenger, nullptr);
  if (messenger) messenger->answer(fail(std::move(what)));
}

void Activation::wake(const EnvelopePtr& envelope) {
  store_ahead();
  auto& flow = *envelope->flow;
  auto& sleep = *flow.sleep;
  const auto now = moment_of(around_.times);
  const auto due = corrected_due(sleep, now);
  if (due && std::max(*due, sleep.due) > now.wall) {
    correct(sleep, *due, now);
    storage::Unit unit{{expectation(), put_sleeping_flow(*envelope)}};
    return tell_later(
        envelope, std::move(unit),
        {.flow = envelope, .what = FlowAnswer::What::asleep, .result = Json(nullptr)});
  }
  if (sleep.due > now.wall) {  // not yet
    tell_messenger(flow, goes_on_by_itself());
    if (envelope->asked) return;
    forget(*envelope);
    return envelope->answer(goes_on("the flow sleeps"));
  }
  envelope->in_flight.wake();
  const auto ask = std::make_shared<FlowAsk>(FlowAsk{.asker = envelope, .name = "sleep"});
  storage::Unit unit{{expectation()}};
  keep_answer(unit, *ask, Json(nullptr), now.wall);
  tell_later(
      envelope, std::move(unit),
      {.flow = envelope, .what = FlowAnswer::What::kept, .result = Json(nullptr), .ask = ask});
}

bool Activation::attach(const EnvelopePtr& envelope) {
  const auto& by = envelope->asked->by;
  const auto goes_on_for = [&](Envelope& flow) {
    flow.asked = envelope->asked;
    flow.done = std::move(envelope->done);
    envelope->done = [](const Result<Reply>&) {};
  };
  for (const auto& name : {std::string{holding_flow_name}, asked_flow_name(by)}) {
    const auto live = name == holding_flow_name ? flow_
                      : flows_.contains(name)   ? flows_.at(name)
                                                : nullptr;
    if (live && live->flow->asked_by == by) {
      goes_on_for(*live);
    } else {
      auto found = read_flow(name);
      if (!found) return envelope->answer(fail(std::move(found).error())), true;
      if (!*found || (*found)->flow->asked_by != by) continue;
      goes_on_for(**found);
      (*found)->in_flight = std::move(envelope->in_flight);
      take_up(*found);
    }
    envelope->answer(fail(goes_on_by_itself()));
    return true;
  }
  return false;
}

void Activation::give_up(const EnvelopePtr& envelope) {
  store_ahead();
  if (auto admitted = admit(*envelope, *newest_, around_.times.steady()); !admitted) {
    return envelope->answer(fail(std::move(admitted).error()));
  }
  const auto& payload = envelope->call.payload;
  const auto name = payload.is_object() ? payload.value("name", "") : std::string{};
  const auto found = flows_.find(name);
  const auto live = found != flows_.end()       ? found->second
                    : name == holding_flow_name ? flow_
                                                : nullptr;
  const Reply reply{.value = {{"name", name}}, .meta = newest_->meta};
  if (live) {
    if (live->flow->sleep && !live->flow->is_noted) {
      settle(live, fail(given_up()));
    } else {
      live->flow->given_up = true;  // what it waits for comes first
    }
    return answer(envelope, reply);
  }
  auto stored = read_flow(name);
  if (!stored || !*stored) {
    return answer(envelope, stored ? fail(ErrorCode::not_found,
                                          to_string(cell_->object) + " has no flow " + name)
                                   : fail(stored.error()));
  }
  const auto& flow = *stored;
  flow->kind = &cell_->kind;
  const auto command = cell_->kind.commands.find(flow->call.name);
  if (command != cell_->kind.commands.end()) flow->command = &command->second;
  flow->flow->given_up = true;
  flow->in_flight = around_.directory.keep(cell_);
  flow->done = [envelope, reply](const Result<Reply>& ended) {
    const bool is_given_up = ended || ended.error().code == ErrorCode::conflict;
    envelope->answer(is_given_up ? Result<Reply>{reply} : fail(ended.error()));
  };
  if (flow->flow->holds == Holds::yes) blocked_.reset();
  settle(flow, fail(given_up()));
}

}  // namespace perdure::runtime
