// SPDX-License-Identifier: Apache-2.0
// Grants of an object: what `$share` and `$unshare` make of them.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "perdure/base/result.hpp"
#include "perdure/runtime/object_meta.hpp"
#include "perdure/schemas/json.hpp"

namespace perdure::runtime {

/// As ObjectMeta has them; null: there are none.
using Grants = std::shared_ptr<const std::vector<ObjectGrant>>;

/// The grants of an object after `$share`; the same pointer if the payload changes nothing.
/// Errors  invalid   the payload, or the grantee owns the object.
///         conflict  the object has as many as it may (`limits::object_grants_max`).
[[nodiscard]] Result<Grants> with_grant(const ObjectMeta& meta, const Json& payload);

/// The same after `$unshare`. Errors: invalid; not_found when there is no such grant.
[[nodiscard]] Result<Grants> without_grant(const ObjectMeta& meta, const Json& payload);

/// Whether something of the object is granted to an owner, by its text.
[[nodiscard]] bool is_granted(const ObjectMeta& meta, const std::string& grantee);

}  // namespace perdure::runtime
