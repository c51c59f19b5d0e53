// SPDX-License-Identifier: Apache-2.0
// Refusals: the errors of calls that more than one part of the runtime turns away.
#pragma once

#include <chrono>
#include <string>

#include "perdure/base/result.hpp"
#include "perdure/storage/store.hpp"

namespace perdure::runtime {

/// The runtime takes no calls any more.
[[nodiscard]] Unexpected stopping();
/// Writes have stopped; says why, by the health's name and with what to do.
[[nodiscard]] Unexpected writes_have_stopped(storage::Health health);
/// Errors: as writes_have_stopped. Reads nothing but memory.
[[nodiscard]] Result<void> check_health(const storage::Store& store);
/// A call reached an activation which the store's reopening has outlived.
[[nodiscard]] Unexpected opened_again();
/// A commit failed in a way that leaves open what became of the change.
[[nodiscard]] Unexpected unknown_outcome(const Error& cause);

}  // namespace perdure::runtime
