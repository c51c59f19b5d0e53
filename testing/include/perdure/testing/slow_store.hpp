// SPDX-License-Identifier: Apache-2.0
// SlowStore: another store with reads that take their time, as if it were elsewhere.
//
// It says that its reads are slow, so a runtime on it fetches the rows of turns in batches instead
// of reading in place. Each round trip of a read is told before it is made: whoever is told may
// count it, or keep the reader waiting.
//
// Threads  as the store beneath; `on_read` is called on the thread that reads, by several at once.
#pragma once

#include <functional>
#include <memory>
#include <string_view>

#include "perdure/storage/store_factory.hpp"

namespace perdure::testing {

/// A round trip, as the one who is told sees it.
struct RoundTrip {
  std::string_view what;  ///< the method of the store
  std::size_t reads = 1;  ///< in one batch
};
using OnRead = std::function<void(const RoundTrip&)>;

/// Stores of `beneath` with slow reads; `on_read` may be empty.
[[nodiscard]] std::shared_ptr<storage::StoreFactory> slow_stores(
    std::shared_ptr<storage::StoreFactory> beneath, OnRead on_read);

}  // namespace perdure::testing
