// SPDX-License-Identifier: Apache-2.0
#include "shell/scheduling.hpp"

#include <sched.h>

namespace perdure::shell {

bool schedule_in_batches() {
  const sched_param parameters{};
  return sched_setscheduler(0, SCHED_BATCH, &parameters) == 0;
}

}  // namespace perdure::shell
