// SPDX-License-Identifier: Apache-2.0
// What `perdure check` asks of each record beyond the store's own checks.
#pragma once

#include "perdure/storage/store_factory.hpp"

namespace perdure {

/// Decodes each record, and compares the hash it holds with the hash of the record before it
/// (where that one was kept).
[[nodiscard]] storage::RecordCheck journal_check();

}  // namespace perdure
