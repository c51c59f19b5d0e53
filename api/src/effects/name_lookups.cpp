// SPDX-License-Identifier: Apache-2.0
#include "effects/name_lookups.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>

#include "perdure/base/utf8.hpp"

namespace perdure::effects {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_hex_digit(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

Result<NameLookups::Endpoints> endpoints_of(const Result<NameAnswer>& answer, std::uint16_t port) {
  if (!answer) return fail(answer.error());
  NameLookups::Endpoints endpoints;
  for (const auto& address : answer->addresses) endpoints.emplace_back(address, port);
  return endpoints;
}

}  // namespace

std::optional<asio::ip::address> literal_address(const std::string& host) {
  error_code ec;
  const auto address = asio::ip::make_address(host, ec);
  if (ec) return {};
  return address;
}

bool ends_in_number(std::string_view host) {
  if (host.ends_with('.')) host.remove_suffix(1);
  auto last = host.substr(host.rfind('.') + 1);
  if (last.starts_with("0x") || last.starts_with("0X")) {
    last.remove_prefix(2);
    return std::ranges::all_of(last, is_hex_digit);
  }
  return !last.empty() && std::ranges::all_of(last, is_digit);
}

void NameLookups::ask(Caller caller, OwnerKey owner, const std::string& name, std::uint16_t port,
                      Found found) {
  const auto host = fold_ascii_case(name);
  const auto later = [&](const Result<NameAnswer>& answer) {
    answer_later(port, std::move(found), answer);
  };
  if (stopped_) return later(fail(ErrorCode::unavailable, "the server is stopping"));
  if (const auto address = literal_address(host)) return later(NameAnswer{{*address}});
  if (ends_in_number(host)) {
    return later(fail(ErrorCode::forbidden, host + " is neither a name nor an IP address"));
  }
  if (const auto* known = kept(host)) return later(*known);
  auto& look_up = look_ups_[host];
  if (!look_up.running && !look_up.queued.contains(owner)) {
    if (queue_.push(owner, std::string{host}) != Queued::yes) {
      if (look_up.waiting.empty()) look_ups_.erase(host);
      Error full{.code = ErrorCode::overloaded, .detail = "too many look-ups of names wait"};
      full.retry_after = std::chrono::seconds{1};
      return later(fail(std::move(full)));
    }
    look_up.queued.insert(owner);
  }
  look_up.waiting.push_back({caller, port, std::move(found)});
  hosts_by_caller_[caller] = host;
  begin_next();
}

void NameLookups::answer_later(std::uint16_t port, Found found, const Result<NameAnswer>& answer) {
  asio::post(loop_, [found = std::move(found), endpoints = endpoints_of(answer, port)] {
    found(endpoints);
  });
}

void NameLookups::leave(Caller caller) {
  const auto host = hosts_by_caller_.extract(caller);
  if (host.empty()) return;
  auto& waiting = look_ups_.at(host.mapped()).waiting;
  const auto waiter = std::ranges::find(waiting, caller, &Waiter::caller);
  answer_later(0, std::move(waiter->found), fail(ErrorCode::unavailable, "the call has ended"));
  waiting.erase(waiter);
}

void NameLookups::begin_next() {
  while (!stopped_) {
    auto next = queue_.take();
    if (!next) return;
    const auto found = look_ups_.find(next->item);
    if (found != look_ups_.end()) found->second.queued.erase(next->owner);
    // Another owner's turn has begun it, or all who asked have left.
    const bool is_wanted =
        found != look_ups_.end() && !found->second.running && !found->second.waiting.empty();
    if (is_wanted) {
      begin(next->owner, next->item);
      continue;
    }
    if (found != look_ups_.end() && !found->second.running && found->second.queued.empty()) {
      look_ups_.erase(found);
    }
    queue_.finish(next->owner, 0);
  }
}

void NameLookups::begin(OwnerKey owner, const std::string& host) {
  look_ups_.at(host).running = true;
  const auto answer = [this, owner, host](const Result<NameAnswer>& result) {
    answered(owner, host, result);
  };
  if (!channel_) {
    auto opened = DnsChannel::open(loop_, servers_);
    if (!opened) {
      asio::post(loop_, [answer, error = opened.error()] { answer(fail(error)); });
      return;
    }
    channel_ = std::move(*opened);
  }
  channel_->ask(host, answer);
}

void NameLookups::answered(OwnerKey owner, const std::string& host,
                           const Result<NameAnswer>& answer) {
  queue_.finish(owner, 1);
  keep(host, answer);
  auto look_up = look_ups_.extract(host);
  const auto& waiting = look_up.mapped().waiting;
  // First: one that goes on may make others leave.
  for (const auto& waiter : waiting) hosts_by_caller_.erase(waiter.caller);
  for (const auto& waiter : waiting) waiter.found(endpoints_of(answer, waiter.port));
  begin_next();
  if (running() == 0) channel_.reset();
}

const Result<NameAnswer>* NameLookups::kept(const std::string& host) {
  const auto now = Steady::now();
  while (!kept_until_.empty() && kept_until_.begin()->first <= now) forget_first();
  const auto found = kept_.find(host);
  return found == kept_.end() ? nullptr : &found->second.answer;
}

void NameLookups::keep(const std::string& host, const Result<NameAnswer>& answer) {
  if (stopped_ || kept_.contains(host)) return;
  if (kept_.size() == kept_max) forget_first();
  const auto until =
      Steady::now() + (answer ? std::clamp(answer->ttl, kept_least, kept_most) : kept_least);
  kept_.insert_or_assign(host, Kept{answer, until});
  kept_until_.emplace(until, host);
}

void NameLookups::forget_first() {
  kept_.erase(kept_until_.begin()->second);
  kept_until_.erase(kept_until_.begin());
}

void NameLookups::stop() {
  stopped_ = true;
  // Answers what is under way; what waits for its turn has no channel to answer it.
  channel_.reset();
  std::vector<Caller> callers;
  for (const auto& [caller, host] : hosts_by_caller_) {
    if (!look_ups_.at(host).running) callers.push_back(caller);
  }
  for (const auto caller : callers) leave(caller);
}

}  // namespace perdure::effects
