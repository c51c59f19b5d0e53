// SPDX-License-Identifier: Apache-2.0
// Password hashes: argon2id. Costs tens of milliseconds and 64 MiB, so on worker threads only.
#pragma once

#include <string>

#include "perdure/base/result.hpp"

namespace perdure::api {

/// The text form (`$argon2id$v=19$m=…`) with a fresh salt.
/// Errors  overloaded  there is no memory for it.
[[nodiscard]] Result<std::string> hash_password(const std::string& password);

}  // namespace perdure::api
