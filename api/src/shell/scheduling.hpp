// SPDX-License-Identifier: Apache-2.0
// How Linux schedules the server's threads.
#pragma once

namespace perdure::shell {

/// From now on the calling thread, and threads that it starts, push no other thread aside when they
/// wake (SCHED_BATCH, sched(7)): the stages of requests then run in batches, with fewer switches
/// between them. False when the system refuses.
[[nodiscard]] bool schedule_in_batches();

}  // namespace perdure::shell
