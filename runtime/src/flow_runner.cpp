// SPDX-License-Identifier: Apache-2.0
#include "flow_runner.hpp"

#include <fmt/format.h>

#include "perdure/schemas/schema.hpp"

namespace perdure::runtime {

namespace {

/// Of a flow that has not waited yet.
const std::vector<KeptResult>& nothing_kept() {
  static const std::vector<KeptResult> nothing;
  return nothing;
}

/// So that a flow and its turn draw different numbers.
constexpr std::uint64_t flow_seed = 0x9E37'79B9'7F4A'7C15;

Unexpected broken_rule(ErrorCode code, std::string rule, std::string detail) {
  Error error{.code = code, .detail = std::move(detail)};
  error.fields.push_back({"", std::move(rule), error.detail});
  return fail(std::move(error));
}

[[noreturn]] void refuse(ErrorCode code, std::string rule, std::string detail) {
  throw Failure(broken_rule(code, std::move(rule), std::move(detail)).error);
}

/// A step is code of others: what it throws is its result.
Result<Json> do_step(const FlowWait& wait) {
  try {
    return wait.work();
  } catch (const Failure& failure) {
    return fail(failure.error());
  } catch (const std::exception& thrown) {
    return fail(ErrorCode::internal, fmt::format("{} threw: {}", wait.name, thrown.what()));
  }
}

}  // namespace

FlowRunner::FlowRunner(const Envelope& envelope, Turn* turn)
    : envelope_(envelope),
      turn_(turn),
      kept_(envelope.flow ? envelope.flow->kept : nothing_kept()),
      random_(envelope.random_seed ^ flow_seed),
      now_(envelope.accepted_at) {}

Turn& FlowRunner::turn() {
  if (turn_ == nullptr) {
    refuse(ErrorCode::invalid, "no_turn",
           fmt::format("{} holds nothing, so it has no turn: it changes its object by asking it",
                       envelope_.call.name));
  }
  return *turn_;
}

const Result<Json>* FlowRunner::kept(FlowWait&& wait) {
  if (next_ >= limits::flow_waits_max) {
    refuse(ErrorCode::too_large, "flow_waits_max",
           fmt::format("a flow waits for at most {} things", limits::flow_waits_max));
  }
  if (wait.type == FlowWait::Type::sleep && turn_ != nullptr) {
    refuse(ErrorCode::invalid, "sleeps_while_holding",
           fmt::format("{} holds its object, which nobody could reach while it sleeps; a flow that "
                       "takes no state may sleep",
                       envelope_.call.name));
  }
  if (next_ < kept_.size()) {
    const auto& kept = kept_[next_];
    if (kept.name != wait.name) {
      stop_for_change(wait.name, kept.name);
      return nullptr;
    }
    ++next_;
    now_ = kept.at;
    return &kept.result;
  }
  stop_ = std::make_unique<FlowStop>(FlowStop{.wait = std::move(wait)});
  if (stop_->wait.type == FlowWait::Type::step) stop_->step = do_step(stop_->wait);
  return nullptr;
}

void FlowRunner::stop_for_change(std::string_view waits_for, std::string_view waited_for) {
  auto detail = fmt::format(
      "{} of {} waits for `{}` where it has waited for `{}` (number {}): its code was changed "
      "beneath it",
      envelope_.call.name, to_string(envelope_.call.target), waits_for, waited_for, next_ + 1);
  stop_ = std::make_unique<FlowStop>(FlowStop{
      .wait = {},
      .changed = broken_rule(ErrorCode::conflict, "steps_changed", std::move(detail)).error});
}

std::optional<Result<Json>> FlowRunner::run(void* state) {
  auto outcome = envelope_.command->flow->run(*this, state, envelope_.call.payload);
  if (stop_) return {};
  PERDURE_CHECK(outcome, envelope_.call.name + " stopped without waiting for anything of its flow");
  if (next_ < kept_.size()) {
    stop_for_change("its end", kept_[next_].name);
    return {};
  }
  return outcome;
}

Result<Decision> run_free_flow(const Envelope& envelope, const Version& newest,
                               const TurnSurroundings& around) {
  if (const auto& check = envelope.command->check_payload; check && !envelope.flow) {
    if (auto broken = check(envelope.call.payload); !broken.empty()) {
      return fail(invalid_value(std::move(broken)));
    }
  }
  FlowRunner runner{envelope, nullptr};
  auto outcome = runner.run(nullptr);
  if (!outcome) {
    Decision decision;
    decision.stop = runner.take_stop();
    return decision;
  }
  if (!*outcome) return fail(outcome->error());
  return decide_nothing(envelope, newest, around, std::move(*outcome));
}

}  // namespace perdure::runtime
