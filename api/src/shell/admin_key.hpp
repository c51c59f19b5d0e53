// SPDX-License-Identifier: Apache-2.0
// The administrator's key, from the settings to the log.
#pragma once

#include <string>

#include "perdure/api/app/bootstrap.hpp"
#include "perdure/api/shell/log.hpp"
#include "shell/config.hpp"

namespace perdure::shell {

/// The key that is set, by `admin_key` or in the file that `admin_key_file` names; empty: none is.
/// Errors  invalid  both are set; the file cannot be read, holds nothing, or too much for a key.
[[nodiscard]] Result<std::string> admin_key(const Config& config);

/// Says which key is in force, and what was mended. Only its prefix is ever written.
void log_admin_key(Log& log, const api::AdminKey& key);

}  // namespace perdure::shell
