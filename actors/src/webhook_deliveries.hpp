// SPDX-License-Identifier: Apache-2.0
// Deliveries: the queue of one webhook, in its entries.
//
//   deliveries/<number>       what clients see of it, and `number`
//   bodies/<number>           the event, JSON text
//   ids/<delivery id>         its number
//   events/<digest>           the number of the delivery that an event became
//   queue/<due>/<number>      waits for its (next) attempt: the milliseconds that it was to wait
//   sending/<number>          {effect, until}: an attempt that is under way, and when to doubt it
//   finished/<count>          the number of what succeeded or was given up, oldest first
//
// Times in entries (`due`, `until`) are steady times (Turn::steady_now): they measure waits.
//
// All functions are parts of turns, and take the webhook's state as JSON. What they keep in the
// root are counts, so that nothing has to be read that is not due.
#pragma once

#include <algorithm>
#include <optional>
#include <string>

#include "perdure/actors/webhook.hpp"
#include "perdure/runtime/turn.hpp"

namespace perdure::actors {

/// The members of `internal` that belong to deliveries, as they begin.
[[nodiscard]] Json no_deliveries();

class Deliveries {
 public:
  Deliveries(const WebhookPolicy& policy, Turn& turn, Json& state)
      : policy_(policy), turn_(turn), state_(state) {}

  /// Takes an event on, and sends what is due. None: it was taken before.
  std::optional<Json> add(const Json& event);
  /// {context: {number, attempt}, reply or error}. False when it is about nothing that is awaited.
  bool attempted(const Json& outcome);
  /// Errors: not_found, conflict.
  Result<Json> retry(const std::string& id);
  /// The state was brought back, or in from outside: what was being sent is sent again.
  void settle();
  /// Starts what is due as far as may be, sets the alarm for the rest, and has the subscription
  /// pause when too much waits, until half of it is done.
  void go_on();

 private:
  void send_due();
  void start(const std::string& queue_key, std::uint64_t number);
  void doubt(const Entry& sending);
  void succeed(Json& delivery);
  void fail_attempt(Json& delivery, const Json& outcome);
  void give_up(Json& delivery);
  /// When the alarm is to go off.
  struct Wake {
    std::optional<Timestamp> time = {};
    void at(Timestamp other) { time = time ? std::min(*time, other) : other; }
  };

  /// Whether an entry of the queue may be sent; else the alarm waits for it.
  [[nodiscard]] bool is_due(const Entry& entry, Timestamp now, Wake& wake);
  void wait_for(Json& delivery, Milliseconds wait);
  [[nodiscard]] Timestamp failing_from();
  void finish(Json& delivery, const char* status);
  void forget_oldest();
  void disable(const char* reason);
  [[nodiscard]] Json signed_request(const std::string& event_id, const std::string& body) const;
  [[nodiscard]] Json load(std::uint64_t number) const;
  void store(const Json& delivery);
  [[nodiscard]] Json& internal();

  const WebhookPolicy& policy_;
  Turn& turn_;
  Json& state_;
};

/// A delivery as clients see it.
[[nodiscard]] Json delivery_body(const ObjectMeta& webhook, Json delivery);
/// The number of a delivery, by its id.
[[nodiscard]] std::optional<std::uint64_t> find_delivery(const EntryReader& entries,
                                                         const std::string& id);
/// Its entry's key.
[[nodiscard]] std::string delivery_key(std::uint64_t number);
inline constexpr const char* deliveries_prefix = "deliveries/";

/// What `change` of a webhook's subscription is sent.
void change_subscription(Turn& turn, const Json& state, const std::string& from);

}  // namespace perdure::actors
