// SPDX-License-Identifier: Apache-2.0
// The kinds that the server has. They are made with the runtime's public API only, as an
// embedder's are; each has its file in src/, and its line in kinds.cpp.
#pragma once

#include <vector>

#include "perdure/actors/webhook.hpp"
#include "perdure/runtime/kind.hpp"

namespace perdure::actors {

/// `counter` and `document`: in every server, for benchmarks and first steps.
///
///   counter   add {by: integer = 1} → the new value; query value → it. Starts at 0.
///   document  any JSON object: put {…} replaces it, patch {…} merges (RFC 7396), query get.
[[nodiscard]] std::vector<Kind> built_in_kinds();

/// What of the domain's behaviour a host can set.
struct DomainOptions {
  WebhookPolicy webhooks = {};
};

/// The kinds of all nouns (noun.hpp).
[[nodiscard]] std::vector<Kind> domain_kinds(const DomainOptions& options = {});

}  // namespace perdure::actors
