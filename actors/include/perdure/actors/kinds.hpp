// SPDX-License-Identifier: Apache-2.0
// The kinds that the server has. They are made with the runtime's public API only, as an
// embedder's are; each has its file in src/, and its line in kinds.cpp.
#pragma once

#include <map>
#include <string>
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

/// The own errors of kinds by their names, each with the kinds that declare it.
struct OwnErrorOfKinds {
  OwnErrorDefinition error;
  std::vector<std::string> kinds;
};
[[nodiscard]] std::map<std::string, OwnErrorOfKinds> own_errors(const std::vector<Kind>& kinds);

}  // namespace perdure::actors
