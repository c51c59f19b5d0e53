// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace perdure::runtime {

/// Whether this thread may run turns of the objects that it calls.
[[nodiscard]] bool is_lent();
/// Whether this thread commits what it has submitted before it sleeps.
[[nodiscard]] bool commits_before_sleep();
/// Whether this thread serves others, so that only what is quick may run on it.
[[nodiscard]] bool lends_only_for_quick();

}  // namespace perdure::runtime
