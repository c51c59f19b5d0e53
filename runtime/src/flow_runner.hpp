// SPDX-License-Identifier: Apache-2.0
// FlowRunner: runs the handler of a flow from its start to its end, or to the first thing that it
// waits for and that is not kept yet. Pure, as the rest of a turn is, but for steps.
#pragma once

#include "flow_state.hpp"
#include "turn_context.hpp"
#include "turn_runner.hpp"

namespace perdure::runtime {

class FlowRunner final : public FlowContext {
 public:
  /// `turn` is the one that the flow's end becomes; null: the flow holds nothing.
  FlowRunner(const Envelope& envelope, Turn* turn);

  /// Runs the handler. Returns what it came to; none: it has stopped, and `stop` says where.
  [[nodiscard]] std::optional<Result<Json>> run(void* state);
  [[nodiscard]] std::unique_ptr<FlowStop> take_stop() { return std::move(stop_); }

  [[nodiscard]] Turn& turn() override;
  [[nodiscard]] const ObjectId& object() const override { return envelope_.call.target; }
  [[nodiscard]] const Principal& principal() const override { return envelope_.call.principal; }
  [[nodiscard]] Timestamp now() const override { return now_; }
  [[nodiscard]] Random& random() override { return random_; }

 private:
  [[nodiscard]] const Result<Json>* kept(FlowWait&& wait) override;
  void stop_for_change(std::string_view waits_for, std::string_view waited_for);

  const Envelope& envelope_;
  Turn* const turn_;
  const std::vector<KeptResult>& kept_;
  SeededRandom random_;
  Timestamp now_;
  std::size_t next_ = 0;
  std::unique_ptr<FlowStop> stop_;
};

/// The turn of a flow that holds nothing: it ends with a reply, and changes nothing of the object.
/// Errors: as run_turn.
[[nodiscard]] Result<Decision> run_free_flow(const Envelope& envelope, const Version& newest,
                                             const TurnSurroundings& around);

}  // namespace perdure::runtime
