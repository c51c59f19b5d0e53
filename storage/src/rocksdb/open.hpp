// SPDX-License-Identifier: Apache-2.0
// open_rocksdb with the environment given from outside, so that tests can inject faults into it.
#pragma once

#include <rocksdb/env.h>

#include "perdure/storage/rocksdb_store.hpp"

namespace perdure::storage {

/// As open_rocksdb. `env` must outlive the store.
[[nodiscard]] Result<std::unique_ptr<Store>> open_rocksdb_in(RocksdbOptions options,
                                                             rocksdb::Env* env);

}  // namespace perdure::storage
