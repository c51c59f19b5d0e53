// SPDX-License-Identifier: Apache-2.0
#include "perdure/testing/network.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "perdure/runtime/lent_thread.hpp"
#include "perdure/testing/world.hpp"

namespace perdure::testing {

namespace {

/// A client that hears nothing for so long sends again.
constexpr Milliseconds answer_timeout{2'000};
constexpr Milliseconds backoff{50};
constexpr Milliseconds backoff_max{1'000};

bool settles(const Result<Reply>& reply) {
  if (reply) return true;
  switch (reply.error().code) {
    case ErrorCode::overloaded:
    case ErrorCode::unavailable:
    case ErrorCode::outcome_unknown:
    case ErrorCode::stale_epoch:
    case ErrorCode::deadline_exceeded: return false;
    default: return true;
  }
}

std::string text_of(const Result<Reply>& reply) {
  return reply ? fmt::format("{} at seq {}", reply->value.dump(), reply->meta.seq)
               : to_string(reply.error());
}

}  // namespace

Network::Network(World& world, std::uint64_t seed, std::shared_ptr<Trace> trace)
    : world_(world), chance_(seed, "network", std::move(trace)) {}

void Network::request(Call call, ReplyHandler done) {
  const auto number = next_number_++;
  if (call.type == CallType::command && call.idempotency_key.empty()) {
    call.idempotency_key = fmt::format("request-{}", number);
  }
  requests_.emplace(number, Request{.call = std::move(call), .done = std::move(done)});
  send(number);
}

void Network::send(std::uint64_t number) {
  auto& request = requests_.at(number);
  ++request.attempt;
  const auto now = world_.clock().monotonic();
  request.again_at = now + answer_timeout + Milliseconds{chance_.below(500)};
  timers_.emplace(request.again_at, number);
  world_.tell([&] {
    return fmt::format("request {} (attempt {}): {} of {} {}", number, request.attempt,
                       request.call.name, to_string(request.call.target),
                       request.call.payload.dump());
  });
  put_on_wire({.request = number, .call = std::make_shared<const Call>(request.call)});
}

void Network::put_on_wire(Message message) {
  const bool twice = chance_.one_in(weather_.twice_one_in);
  for (int copy = 0; copy < (twice ? 2 : 1); ++copy) {
    if (chance_.one_in(weather_.lost_one_in)) {
      world_.tell([&] {
        return fmt::format("{} {} is lost", message.call ? "request" : "the reply to request",
                           message.request);
      });
      continue;
    }
    const auto late =
        weather_.delay_max.count() == 0
            ? Milliseconds{0}
            : Milliseconds{chance_.below(static_cast<std::uint64_t>(weather_.delay_max.count()))};
    wire_.emplace(world_.clock().monotonic() + late, message);
  }
}

bool Network::step() {
  const auto now = world_.clock().monotonic();
  if (!wire_.empty() && wire_.begin()->first <= now) {
    const auto message = wire_.extract(wire_.begin()).mapped();
    deliver(message);
    return true;
  }
  if (timers_.empty() || timers_.begin()->first > now) return false;
  const auto [time, number] = *timers_.begin();
  timers_.erase(timers_.begin());
  const auto found = requests_.find(number);
  if (found != requests_.end() && found->second.again_at == time) send(number);
  return true;
}

void Network::deliver(const Message& message) {
  if (!message.call) return arrive(message.request, *message.reply);
  auto call = *message.call;
  if (!call.idempotency_key.empty()) sent_.emplace(message.request, call);
  // The turn may run within the call, as in a server, or later.
  std::optional<LentThread> lent;
  if (chance_.one_in(2)) lent.emplace();
  world_.runtime().call(
      std::move(call), [this, number = message.request, life = world_.life()](Result<Reply> reply) {
        if (life != world_.life()) return;  // the connection broke
        put_on_wire({.request = number,
                     .call = nullptr,
                     .reply = std::make_shared<const Result<Reply>>(std::move(reply))});
      });
}

void Network::arrive(std::uint64_t number, const Result<Reply>& reply) {
  if (const auto sent = sent_.find(number); reply && sent != sent_.end()) {
    remember(sent->second, *reply);
  }
  const auto found = requests_.find(number);
  if (found == requests_.end()) return;  // it has been told
  auto& request = found->second;
  if (!settles(reply)) {
    const auto wait = std::min(backoff_max, backoff * request.attempt);
    request.again_at = world_.clock().monotonic() + wait;
    timers_.emplace(request.again_at, number);
    return;
  }
  chance_.note(reply ? reply->meta.seq : 0);
  world_.tell([&] { return fmt::format("request {} is answered: {}", number, text_of(reply)); });
  const auto done = std::move(request.done);
  requests_.erase(found);
  done(reply);
}

void Network::remember(const Call& call, const Reply& reply) {
  const auto text = text_of(reply);
  const auto key = call.principal.user_id + "/" + call.idempotency_key;
  const auto [known, is_new] = answered_.emplace(key, text);
  world_.expect(is_new || known->second == text, [&] {
    return fmt::format("two replies to the idempotency key {}: {} and {}", call.idempotency_key,
                       known->second, text);
  });
}

Milliseconds Network::next() const {
  auto next = Milliseconds::max();
  if (!wire_.empty()) next = std::min(next, wire_.begin()->first);
  if (!timers_.empty()) next = std::min(next, timers_.begin()->first);
  return next;
}

void Network::cut() {
  std::erase_if(wire_, [](const auto& message) { return message.second.call == nullptr; });
  const auto now = world_.clock().monotonic();
  for (auto& [number, request] : requests_) {
    request.again_at = now + backoff;
    timers_.emplace(request.again_at, number);
  }
}

void Network::clear() {
  requests_.clear();
  wire_.clear();
  timers_.clear();
}

}  // namespace perdure::testing
