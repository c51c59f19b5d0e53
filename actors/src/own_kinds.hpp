// SPDX-License-Identifier: Apache-2.0
// One function for each kind; kinds.cpp lists them.
#pragma once

#include "perdure/actors/webhook.hpp"
#include "perdure/runtime/kind.hpp"

namespace perdure::actors {

[[nodiscard]] Kind api_key_kind();
[[nodiscard]] Kind conversation_kind();
[[nodiscard]] Kind counter_kind();
[[nodiscard]] Kind document_kind();
[[nodiscard]] Kind notebook_kind();
[[nodiscard]] Kind user_kind();
[[nodiscard]] Kind webhook_kind(const WebhookPolicy& policy);

}  // namespace perdure::actors
