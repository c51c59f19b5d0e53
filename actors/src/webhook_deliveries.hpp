// SPDX-License-Identifier: Apache-2.0
// Deliveries: the queue of one webhook, in its entries (webhook_rows.hpp).
//
// All functions are parts of turns, and take the webhook's state as JSON. What they keep in the
// root are counts and numbers, so that nothing has to be read that is not due. A turn loads a
// delivery once and writes it once, in `go_on`, however many steps it takes.
//
// Events, in the turn's own commit: `webhook_delivery.created`; `.updated` when a delivery ends or
// is begun anew, not for each attempt; `.purged` when it is forgotten.
#pragma once

#include <algorithm>
#include <deque>
#include <map>
#include <optional>
#include <string>

#include "perdure/actors/webhook.hpp"
#include "perdure/runtime/turn.hpp"

namespace perdure::actors {

/// The members of `internal` that belong to deliveries, as they begin.
[[nodiscard]] Json no_deliveries();
/// Makes those of schema version 3, whose deliveries all wait in the queue, into those of today.
void add_rows_from(Json& internal);

class Deliveries {
 public:
  Deliveries(const WebhookPolicy& policy, Turn& turn, Json& state)
      : policy_(policy), turn_(turn), state_(state) {}

  /// Takes an event on; `go_on` sends it. `text` is the event as JSON text. The delivery's number;
  /// none: it was taken before.
  std::optional<std::uint64_t> add(const Json& event, std::string text);
  /// {context: {number, attempt}, reply or error}. False when it is about nothing that is awaited.
  bool attempted(const Json& outcome);
  /// `payload` is {id, $if_seqs?}.
  /// Errors: not_found, conflict, stale_precondition.
  Result<Json> retry(const Json& payload);
  /// The state was brought back, or in from outside: what was being sent is sent again.
  void settle();
  /// Starts what is due as far as may be, sets the alarm for the rest, and has the subscription
  /// pause when too much waits, until half of it is done. Follows `add`, and is part of the others.
  void go_on();
  /// The same, where this turn may be the alarm's.
  void on_alarm();
  /// A delivery as this turn leaves it; null: there is none.
  [[nodiscard]] Json load(std::uint64_t number) const;

 private:
  /// When the alarm is to go off.
  struct Wake {
    std::optional<Timestamp> time = {};
    void at(Timestamp other) { time = time ? std::min(*time, other) : other; }
  };
  struct Due {
    Timestamp due;
    std::uint64_t number;
  };

  void send_due();
  [[nodiscard]] std::size_t count_sending(Timestamp now, Wake& wake);
  void start_due(std::size_t sending, Timestamp now, Wake& wake);
  [[nodiscard]] std::deque<Due> due_in_queue(Timestamp now, Wake& wake);
  [[nodiscard]] std::optional<Due> first_in_line();
  void set_alarm(const Wake& wake, Timestamp now);
  /// Until when its outcome is waited for; none: it cannot be sent.
  std::optional<Timestamp> start(std::uint64_t number);
  void doubt(const Entry& sending);
  void take_out_of_queue(Json& delivery);
  void succeed(Json& delivery);
  void fail_attempt(Json& delivery, const Json& outcome);
  void give_up(Json& delivery);
  void wait_for(Json& delivery, Milliseconds wait);
  [[nodiscard]] Timestamp failing_from();
  void finish(Json& delivery, const char* status);
  void forget_oldest();
  void forget(std::uint64_t number);
  void disable(const char* reason);
  [[nodiscard]] Json signed_request(const std::string& event_id, const std::string& body) const;
  void store(const Json& delivery);
  void write();
  void tell_change(Json& delivery);
  void tell(std::string_view verb, const Json& delivery, Json changed);
  [[nodiscard]] Json& internal();

  const WebhookPolicy& policy_;
  Turn& turn_;
  Json& state_;
  bool alarm_rang_ = false;
  std::map<std::uint64_t, Json> changed_;  ///< deliveries that `write` has yet to put down
};

/// What a webhook's subscription is sent: `topics` hold from the cursor `from` on, or at once.
void change_subscription(Turn& turn, const Json& state, const std::string& from);
/// How events come to a webhook: members of the payloads of `subscribe` and `change`.
[[nodiscard]] Json manner_of_events();

}  // namespace perdure::actors
