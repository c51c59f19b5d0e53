// SPDX-License-Identifier: Apache-2.0
// Secrets that are made here and shown in one answer: of API keys, of webhooks.
//
// A create or rotate with an Idempotency-Key derives its secret from the caller's own key and the
// request, so that a retry shows the same secret although nobody has kept it. Seen by another key
// of the same user, a replayed answer comes without the secret.
#pragma once

#include <string>
#include <string_view>

#include "app/context.hpp"

namespace perdure::api {

/// 256 bits for a secret of this request. `use` keeps secrets of one sort apart from those of
/// others.
[[nodiscard]] std::string secret_bits(Context& context, std::string_view use);

struct ShownSecret {
  std::string label_member;  ///< of the resource: the label of the secret that it has
  std::string label;
  std::string secret;
};

/// Calls, and answers with the resource, to which `secret` is added if it is the one that it has.
/// `held` is let go when the outcome is known, before the answer; that of a request of an atomic
/// batch when the batch has ended.
void call_with_secret(ContextPtr context, Call call, ShownSecret shown,
                      std::shared_ptr<void> held = nullptr);

}  // namespace perdure::api
