// SPDX-License-Identifier: Apache-2.0
#include "recovery.hpp"

namespace perdure::runtime {

void Recovery::step() {
  if (!opened_again_) {
    const auto recovered = around_.store.recover();
    if (!recovered) return around_.hooks.reopening_failed(recovered.error());
    opened_again_ = *recovered;
    if (halves_ == Halves::in_two_steps) return;
  }
  if (!std::exchange(opened_again_, false)) return;
  around_.directory.drop_before(around_.store.epoch());
  around_.agenda.reset();
  around_.flows.reset();
  around_.hooks.writes_resumed();
}

}  // namespace perdure::runtime
