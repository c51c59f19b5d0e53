// SPDX-License-Identifier: Apache-2.0
// Drops expired claims while RocksDB compacts them.
#pragma once

#include <rocksdb/compaction_filter.h>

#include <memory>

#include "rocksdb/options.hpp"

namespace perdure::storage {

/// Commits count an expired claim as absent already; this only frees its space. Time is what
/// commits were told, so that a wrong system clock cannot drop a live claim.
[[nodiscard]] std::shared_ptr<rocksdb::CompactionFilterFactory> claim_filter_factory(
    std::shared_ptr<const CommitClock> clock);

}  // namespace perdure::storage
