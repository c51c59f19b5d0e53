// SPDX-License-Identifier: Apache-2.0
// The way of a request through the application, for those that come within another one.
#pragma once

#include "app/context.hpp"

namespace perdure::api {

/// The operation of the route of batches.
inline constexpr std::string_view batch_operation = "batch";

/// Carries out a request of a batch (Context::part), whose caller is known: finds its route, checks
/// it, dispatches it. One that cannot be part of its batch is answered with a 422 (`not_in_batch`).
void carry_out_part(ContextPtr context);

/// The refusal of a request that cannot be part of a batch.
[[nodiscard]] Problem not_in_batch(std::string message);

}  // namespace perdure::api
