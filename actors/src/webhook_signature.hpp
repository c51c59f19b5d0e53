// SPDX-License-Identifier: Apache-2.0
// Signatures of deliveries, as https://www.standardwebhooks.com has them (symmetric, v1).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "perdure/base/time.hpp"
#include "perdure/schemas/json.hpp"

namespace perdure::actors {

/// The key in a secret `whsec_<base64>` of 24 to 64 bytes. Errors: invalid (`/secret`).
[[nodiscard]] Result<std::string> webhook_key(const std::string& secret);

/// The fields `webhook-id`, `webhook-timestamp` and `webhook-signature`; one signature for each
/// secret. Bytes of `id` that no field may hold are percent-encoded.
[[nodiscard]] Json sign_webhook(const std::vector<std::string>& secrets, const std::string& id,
                                Timestamp now, std::string_view body);

}  // namespace perdure::actors
