// SPDX-License-Identifier: Apache-2.0
// The flows of an object as operators see them.
#pragma once

#include "perdure/base/object_id.hpp"
#include "perdure/schemas/json.hpp"
#include "perdure/storage/store.hpp"

namespace perdure::runtime {

/// Those that have rows: see builtin::flows. Errors: those of the store; corrupt.
[[nodiscard]] Result<Json> view_flows(const storage::StoreReader& store, const ObjectId& object);

}  // namespace perdure::runtime
