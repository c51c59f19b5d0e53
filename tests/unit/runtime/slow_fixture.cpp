// SPDX-License-Identifier: Apache-2.0
#include "perdure/testing/slow_store.hpp"

namespace perdure {

/// For fixture.hpp, whose tests say `testing` and mean GoogleTest's.
std::shared_ptr<storage::StoreFactory> with_slow_reads(
    std::shared_ptr<storage::StoreFactory> stores) {
  return testing::slow_stores(std::move(stores), {});
}

}  // namespace perdure
