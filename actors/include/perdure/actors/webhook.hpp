// SPDX-License-Identifier: Apache-2.0
// webhook: a resource (resource.hpp) that sends its owner's events to a URL, signed as Standard
// Webhooks says: `webhook-id` (the event's id), `webhook-timestamp`, `webhook-signature`, over the
// CloudEvent as JSON. At least once, in no certain order.
//
// It hears events by a `subscription` of its own, keeps each as a delivery in its entries, and asks
// for an effect of the performer `http` for every attempt. So a crash loses neither event, attempt
// nor delivery. Few attempts of one webhook are under way at a time, one alone while it fails.
//
// Fields: those of the schema Webhook. Object index: `updated_at`, which attempts move, too.
//
//   create           the fields, and secret, after: the cursor of the event log to begin at,
//                    others: how many its owner has already
//   update           the fields, and after: the cursor from which other topics hold
//   rotate           {secret}; for `overlap` both secrets sign
//   test             makes a delivery of an event `webhook.test`       → the delivery
//   retry_delivery   {id, $if_seqs?}: now, with all its attempts anew  → the delivery
//   list_deliveries  (query) {limit?, cursor?, status?}, newest first → {items, next_cursor}
//   get_delivery     (query) {id} → the delivery, as the schema WebhookDelivery
//   events           {events: [a CloudEvent as JSON text, …]}, from the subscription
//   event            a CloudEvent, from a subscription that an earlier version made
//   attempted        an attempt's outcome, from the performer
//   deliver          goes on with what is due; harmless at any time
//
// A delivery is given up after `WebhookPolicy::retry.attempts`; it stays in the list as `failed`,
// and becomes a dead letter. A webhook is disabled when the receiver answers 410 (`gone`), when no
// attempt succeeded for too long (`failing`), or when its owner is not served any more
// (`owner_inactive`, see for_active_owners); the event `webhook.disabled` {id, url, reason} says
// so. What waits then goes on when the owner enables it again.
//
// A delivery is an item of its webhook (items.hpp): it has its own validator, and its changes are
// told as `webhook_delivery.created`, `.updated` (it ended, or was begun anew; not each attempt)
// and `.purged` (it is not kept any more), with `topic`: that of the event which it delivers.
//
// Events about webhooks and deliveries (`topics_by_name`) come to a webhook only if a pattern of
// its names them by their first part: `**` does not. Else n webhooks that ask for everything would
// hear of each other n² times. Each chain of them ends. `webhook.disabled` and `webhook.lagging`
// are what deliveries cause: a webhook never has its own ones delivered, and each needs an owner
// who enables the webhook again, or as many further deliveries. A delivery of an event about a
// delivery is told to readers of the event log, but to no webhook. Of itself a webhook hears
// `webhook.updated` only.
//
// Errors  conflict  test and retry_delivery of a disabled webhook; retry_delivery of what is being
//                   sent. not_found: no such delivery (any more). invalid: topics, secret, one
//                   more than an owner may have.
// Limits  `topics_bytes_max` of patterns. `WebhookPolicy::per_owner_max` webhooks of one owner, as
//         `others` says, so an event makes at most as many deliveries. Past
//         `WebhookPolicy::waiting_max` that wait the webhook *lags*: its subscription pauses, later
//         events wait in the event log and come when half is done (`lagging_since`, event
//         `webhook.lagging` {id, url, waiting}). `deliveries_kept` finished deliveries, oldest gone
//         first; past `deliveries_waiting_max`, which only `test` and `retry_delivery` can reach,
//         one fails at once.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <string_view>

#include "perdure/base/random.hpp"
#include "perdure/runtime/outbox.hpp"
#include "perdure/runtime/retry.hpp"

namespace perdure {
class Runtime;
}

namespace perdure::actors {

struct WebhookPolicy {
  /// 5 s, 30 s, 3 min, 18 min, 1.8 h, 10.8 h and a day between attempts, half of it jitter.
  RetryPolicy retry{.attempts = 8,
                    .backoff = std::chrono::seconds{5},
                    .factor = 6,
                    .ceiling = std::chrono::hours{24}};
  Milliseconds timeout{15'000};                             ///< of one attempt
  Milliseconds disable_after = std::chrono::hours{5 * 24};  ///< of failing
  int given_up_max = 50;  ///< deliveries given up one after another, then it is disabled
  std::size_t per_owner_max = 1'000;
  std::size_t waiting_max = 1'000;  ///< deliveries that wait; past it the webhook lags
};

namespace webhook {

/// First parts of topics that only come to a webhook whose pattern begins with them.
inline constexpr std::string_view own_topics = "webhook";
inline constexpr std::string_view delivery_topics = "webhook_delivery";
inline constexpr std::array topics_by_name{own_topics, delivery_topics};
inline constexpr std::string_view disabled_topic = "webhook.disabled";
inline constexpr std::string_view lagging_topic = "webhook.lagging";
/// Of a webhook's patterns together: its subscription has them in memory.
inline constexpr std::size_t topics_bytes_max = 4u << 10;
inline constexpr std::size_t events_a_turn_max = 32;  ///< that come to a webhook at once
inline constexpr std::size_t deliveries_kept = 1'000;
inline constexpr std::size_t deliveries_waiting_max = 10'000;
inline constexpr std::chrono::hours overlap{24};

/// `whsec_` and the base64 of 256 bits.
[[nodiscard]] std::string secret_from(std::string_view bits);
/// The first characters of a secret, to know it by.
[[nodiscard]] std::string secret_label(std::string_view secret);
/// An owner has as many as they may. The message names the rule.
[[nodiscard]] Unexpected too_many(std::size_t per_owner_max);

/// The performer `http` for a host whose owners are objects of the kind `user`: an attempt of a
/// webhook whose owner is deactivated, deleted or erased is not made, and fails as
/// `unauthenticated`, which disables the webhook. While the owner cannot be asked about, no attempt
/// is made, and none counts. An event of an object that was shared with the owner, and is not any
/// more, fails as `gone`, which ends its delivery alone. All else goes to `perform`.
/// Lifetime  the runtime outlives what it performs for.
[[nodiscard]] Performer for_active_owners(Runtime& runtime, Performer perform);

}  // namespace webhook

}  // namespace perdure::actors
