// SPDX-License-Identifier: Apache-2.0
// The part of a key that bloom filters hold, for RocksDB.
#pragma once

#include <rocksdb/slice_transform.h>

#include <memory>

namespace perdure::storage {

/// Everything before the seq at the end: the object of a record or pin, the entry of a version.
[[nodiscard]] std::shared_ptr<const rocksdb::SliceTransform> seq_prefix_extractor();
/// Up to the second NUL: the object.
[[nodiscard]] std::shared_ptr<const rocksdb::SliceTransform> object_prefix_extractor();

}  // namespace perdure::storage
