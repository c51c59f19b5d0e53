// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace perdure::runtime {

/// Whether this thread may run turns of the objects that it calls.
[[nodiscard]] bool is_lent();

}  // namespace perdure::runtime
