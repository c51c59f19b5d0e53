// SPDX-License-Identifier: Apache-2.0
#include "app/tickets.hpp"

#include "app/secrets.hpp"

namespace perdure::api {

namespace {

Unexpected too_many(std::string of_whom) {
  return fail(Error{.code = ErrorCode::rate_limited,
                    .detail = std::move(of_whom) + " has as many tickets as it may",
                    .fields = {},
                    .retry_after = Tickets::lifetime});
}

}  // namespace

Result<std::string> Tickets::issue(std::shared_ptr<KeyRecord> key, OwnerKey owner) {
  auto text = make_secret(random_, ticket_prefix);
  const auto now = clock_.monotonic();
  const std::lock_guard lock{mutex_};
  drop_expired(now);
  if (const auto found = counts_.find(key.get());
      found != counts_.end() && found->second >= tickets_of_key_max) {
    return too_many("the key");
  }
  if (!room_.take(owner, 1)) {
    if (room_.held(owner) > 0) return too_many("the user");
    return fail(ErrorCode::overloaded, "there are as many tickets as there may be");
  }
  const auto tag = siphash(tag_key_, text);
  const auto expires = now + lifetime;
  ++counts_[key.get()];
  open_.emplace(tag, Ticket{std::move(key), expires});
  issued_.push_back({tag, owner, expires});
  return text;
}

std::shared_ptr<KeyRecord> Tickets::redeem(std::string_view ticket) {
  const auto tag = siphash(tag_key_, ticket);
  const auto now = clock_.monotonic();
  const std::lock_guard lock{mutex_};
  const auto found = open_.find(tag);
  if (found == open_.end()) return nullptr;
  auto key = now < found->second.expires ? found->second.key : nullptr;
  erase(found);
  return key;
}

void Tickets::drop_expired(Milliseconds now) {
  for (; !issued_.empty() && issued_.front().expires <= now; issued_.pop_front()) {
    if (const auto found = open_.find(issued_.front().tag); found != open_.end()) erase(found);
    room_.give_back(issued_.front().owner, 1);
  }
}

void Tickets::erase(Open::iterator found) {
  const auto count = counts_.find(found->second.key.get());
  if (--count->second == 0) counts_.erase(count);
  open_.erase(found);
}

}  // namespace perdure::api
