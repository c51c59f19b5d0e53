// SPDX-License-Identifier: Apache-2.0
// Outbox items as bytes.
#pragma once

#include "perdure/runtime/outbox.hpp"
#include "perdure/storage/store.hpp"

namespace perdure::runtime {

/// One row of the outbox.
struct Sent {
  using Type = OutboxItem::Type;
  Type type = Type::message;
  ObjectId from;
  Seq from_life = 0;           ///< the born seq of the life that sent it; 0: an earlier version did
  ObjectId to = {};            ///< message
  Seq to_life = 0;             ///< message: the only life that it is for; 0: any
  std::string performer = {};  ///< effect
  std::string effect_id = {};  ///< effect and cancel
  std::string command = {};    ///< message
  Json payload = nullptr;
  std::string then = {};
  Json context = nullptr;
  RetryPolicy retry = {};
  Milliseconds timeout{0};
  int priority = 0;
  std::string owner = {};         ///< of what a message creates
  std::string sender_owner = {};  ///< of `from`: who is charged for it, and takes turns
  std::string request_id = {};
  std::string traceparent = {};
};

/// Whether an alarm, a message or an effect may carry `json`, its member `pointer`.
/// Errors: too_large (bytes, or nested deeper than limits::nesting_max).
[[nodiscard]] Result<void> check_carried(std::string_view pointer, const Json& json,
                                         std::size_t bytes_max);

[[nodiscard]] std::string encode_sent(const Sent& sent);
/// Errors: corrupt.
[[nodiscard]] Result<Sent> decode_sent(const storage::OutboxRow& row);

/// What `then` is given.
[[nodiscard]] Json answer_payload(const Json& context, const Result<Json>& answer);

}  // namespace perdure::runtime
