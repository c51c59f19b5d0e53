// SPDX-License-Identifier: Apache-2.0
// Rows of deliveries: what stands in a webhook's entries, and what is read there without a turn.
//
//   deliveries/<number>       what clients see of it; in `internal` its `number`, and the `seq` of
//                             its last change
//   bodies/<number>           the event, JSON text
//   events/<digest>           the number of the delivery that an event became
//   queue/<due>/<number>      waits for a later attempt: the milliseconds that it was to wait
//   waiting/<number>          the same deliveries, in the order of lists
//   sending/<number>          {effect, until}: an attempt that is under way, and when to doubt it
//   succeeded/<number>        ended well; failed/<number>: was given up
//   finished/<count>          the number of what has ended either way, oldest first
//
// A delivery's first attempt needs no row of its own: those from `internal.next_try` on wait in
// line, by their numbers. A delivery's id ends with its number. Versions up to 0.1.0 had rows
// `ids/<delivery id>` instead, and none by status: `internal.rows_from` is the first number that
// has them.
//
// Times in rows (`due`, `until`) are steady times (Turn::steady_now): they measure waits.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "list_query.hpp"
#include "perdure/runtime/turn.hpp"

namespace perdure::actors {

inline constexpr std::string_view deliveries_prefix = "deliveries/";
inline constexpr std::string_view queue_prefix = "queue/";
inline constexpr std::string_view waiting_prefix = "waiting/";
inline constexpr std::string_view sending_prefix = "sending/";
inline constexpr std::string_view finished_prefix = "finished/";

/// A row of one of the prefixes above, or of `<status>/`.
[[nodiscard]] std::string row_key(std::string_view prefix, std::uint64_t number);
[[nodiscard]] std::string body_key(std::uint64_t number);
[[nodiscard]] std::string event_key(const std::string& event_id);
[[nodiscard]] std::string queue_key(Timestamp due, std::uint64_t number);
[[nodiscard]] std::string legacy_id_key(const std::string& id);
/// The row by status of a delivery that has ended.
[[nodiscard]] std::string ended_key(std::string_view status, std::uint64_t number);

/// The number at the end of a row's key, or of a delivery's id; 0: there is none.
[[nodiscard]] std::uint64_t number_in(std::string_view key);
[[nodiscard]] Timestamp due_in(std::string_view queue_key);
/// How long an entry of the queue was to wait. Versions up to 0.1.0 did not say.
[[nodiscard]] std::optional<Milliseconds> wait_in(std::string_view value);

/// A new delivery's id: `fresh`, a UUID, with the number in its last 48 bits.
[[nodiscard]] std::string delivery_id(std::string fresh, std::uint64_t number);
[[nodiscard]] bool has_number(const std::string& id, std::uint64_t number);

/// The delivery of an id.
[[nodiscard]] std::optional<Json> find_delivery(const EntryReader& entries, const std::string& id);

/// A delivery as clients see it in a list; `delivery_alone`: as a reply by itself, with its
/// validator.
[[nodiscard]] Json delivery_body(const ObjectMeta& webhook, Json delivery);
[[nodiscard]] Json delivery_alone(const ObjectMeta& webhook, Json delivery);
/// The seq of its last change. Those of versions up to 0.1.0 have none until they change.
[[nodiscard]] Seq seq_of_delivery(const Json& delivery);

/// The payload and reply of `list_deliveries`: `sort` by `created_at`, `status`.
/// Shape  `internal` is the webhook's. A page is full if there are as many of the status; but of
///        what versions up to 0.1.0 left, at most limits::page_rows_max are looked at.
[[nodiscard]] Result<Json> list_deliveries(const View& view, const Json& internal,
                                           const Json& payload);

}  // namespace perdure::actors
