// SPDX-License-Identifier: Apache-2.0
#include "app/shown_secret.hpp"

#include <array>

#include "app/batch/part.hpp"
#include "app/dispatch.hpp"
#include "app/new_id.hpp"
#include "app/secrets.hpp"
#include "app/services.hpp"
#include "perdure/actors/resource.hpp"
#include "perdure/schemas/write_json.hpp"

namespace perdure::api {

std::string secret_bits(Context& context, std::string_view use) {
  Sha256 bits{};
  if (context.idempotency_key.empty()) {
    context.services.random.fill(bits);
  } else {
    bits = keyed_digest(context.secret, {use, context.route->route.operation, context.values[0],
                                         context.idempotency_key, context.request.body});
  }
  return std::string{bytes_of(bits)};
}

void call_with_secret(ContextPtr context, Call call, ShownSecret shown,
                      std::shared_ptr<void> held) {
  if (held) context->held.push_back(std::move(held));
  auto& called = *context;
  auto done = [context = std::move(context), shown = std::move(shown)](Result<Reply> reply) {
    if (!reply) return answer(*context, explain_taken_id(*context, std::move(reply).error()));
    context->replayed = reply->replayed;
    const auto& route = context->route->route;
    JsonAnswer json{.status = route.status, .text = {}, .seq = reply->meta.seq};
    if (route.status == 201) json.location = location_of(*context, reply->meta.object().id);
    auto body = actors::resource_body(reply->meta, std::move(reply->value));
    if (body[shown.label_member] == shown.label) {
      if (context->part) {
        context->part->secret = shown.secret;
      } else {
        body["secret"] = shown.secret;
      }
    }
    write_json(json.text, body);
    answer(*context, std::move(json));
  };
  call_object(called, std::move(call), std::move(done));
}

}  // namespace perdure::api
