// SPDX-License-Identifier: Apache-2.0
#include "app/chat/live_conversations.hpp"

#include <algorithm>

#include "app/close_reasons.hpp"
#include "app/services.hpp"
#include "perdure/actors/conversation.hpp"

namespace perdure::api::chat {

namespace {

using Fate = LiveConversation::Fate;

/// Keys, and conversations that were deleted, are looked at this often.
constexpr Milliseconds check_period{1'000};
constexpr std::size_t page_events = 500;

}  // namespace

LiveConversations::~LiveConversations() {
  {
    const std::lock_guard lock{mutex_};
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

std::optional<Owner> LiveConversations::owner_of(const ObjectId& conversation) const {
  const std::lock_guard lock{mutex_};
  const auto found = owners_.find(conversation);
  return found == owners_.end() ? std::nullopt : std::optional{found->second};
}

void LiveConversations::open(Context& context, Entrance entrance) {
  auto grant = LiveGrant::of(context);
  if (!grant) return answer(context, std::move(grant).error());
  auto member = std::make_shared<Member>(*this, services_, std::move(entrance), std::move(*grant));
  answer_websocket(
      context, std::move(member),
      {.message_bytes_max = services_.options.body_bytes_max, .overflow = http::Overflow::close});
}

void LiveConversations::join(MemberPtr member) {
  member->presence = {
      .connection = 0, .user_id = member->grant.principal().user_id, .status = "online"};
  post({Input::What::join, std::move(member)});
}

void LiveConversations::leave(MemberPtr member) { post({Input::What::leave, std::move(member)}); }

void LiveConversations::signal(MemberPtr member, FrameType type, Json body) {
  post({Input::What::signal, std::move(member), type, std::move(body)});
}

void LiveConversations::post(Input input) {
  {
    const std::lock_guard lock{mutex_};
    if (input.what == Input::What::join) input.member->presence.connection = ++connections_;
    inputs_.push_back(std::move(input));
    if (!thread_.joinable()) thread_ = std::thread{[this] { work(); }};
  }
  wake();
}

void LiveConversations::wake() {
  {
    const std::lock_guard lock{mutex_};
    if (std::exchange(awake_, true)) return;
  }
  changed_.notify_one();
}

bool LiveConversations::take_inputs(std::vector<Input>& inputs,
                                    std::optional<Milliseconds> tell_at) {
  inputs.clear();
  std::unique_lock lock{mutex_};
  const auto ready = [&] { return awake_ || stopping_; };
  if (open_.empty()) {
    changed_.wait(lock, ready);
  } else {
    const auto now = services_.monotonic_ms();
    auto until = checked_at_ + check_period;
    if (tell_at) until = std::min(until, *tell_at);
    changed_.wait_for(lock, std::max(until - now, Milliseconds{0}), ready);
  }
  awake_ = false;
  inputs.swap(inputs_);
  return !stopping_;
}

void LiveConversations::work() {
  std::vector<Input> inputs;
  std::optional<Milliseconds> tell_at;
  while (take_inputs(inputs, tell_at)) {
    for (auto& input : inputs) apply(input);
    if (open_.empty()) {
      // Made and ended here alone, never under mutex_: its callback takes that.
      watch_.reset();
      cursor_.clear();
      to_feed_.clear();
      to_tell_.clear();
      tell_at.reset();
      continue;
    }
    read_events();
    feed_all();
    tell_at = tell_presence();
    if (services_.monotonic_ms() - checked_at_ >= check_period) check_all();
  }
}

// -------------------------------------------------------------------------------------- sockets

void LiveConversations::apply(Input& input) {
  switch (input.what) {
    case Input::What::join: return join_now(input.member);
    case Input::What::leave: return leave_now(input.member);
    case Input::What::signal: {
      const auto found = open_.find(input.member->conversation);
      if (found == open_.end()) return;
      found->second.signal(*input.member, input.type, input.body);
      to_tell_.push_back(found->first);
    }
  }
}

/// Before anything is read of a conversation, so that nothing falls between the two.
bool LiveConversations::follow_events() {
  if (!cursor_.empty()) return true;
  if (!watch_) watch_ = services_.runtime.watch_events([this] { wake(); });
  auto end = services_.runtime.events_end();
  if (end) cursor_ = std::move(*end);
  return end.has_value();
}

void LiveConversations::join_now(const MemberPtr& member) {
  auto found = open_.find(member->conversation);
  if (found == open_.end()) {
    if (!follow_events()) return close(*member->socket, close_reason::not_now);
    const auto view = services_.runtime.inspect(member->conversation);
    if (!view && view.error().code != ErrorCode::not_found) {
      return close(*member->socket, close_reason::not_now);
    }
    if (!view || !view->meta.exists()) return close(*member->socket, close_reason::deleted);
    found = open_.try_emplace(member->conversation, services_, *view).first;
    const std::lock_guard lock{mutex_};
    owners_[found->first] = found->second.owner();
  }
  found->second.join(member);
  want_feed(found->second);
  to_tell_.push_back(found->first);
}

void LiveConversations::leave_now(const MemberPtr& member) {
  const auto found = open_.find(member->conversation);
  if (found == open_.end()) return;
  found->second.leave(member);
  if (!found->second.members().empty()) return to_tell_.push_back(found->first);
  forget(found);
}

LiveConversations::Found LiveConversations::forget(Found found) {
  {
    const std::lock_guard lock{mutex_};
    owners_.erase(found->first);
  }
  return open_.erase(found);
}

// ------------------------------------------------------------------------------------- messages

void LiveConversations::read_events() {
  if (cursor_.empty()) return;
  for (;;) {
    const auto page =
        services_.runtime.read_events({.after = cursor_,
                                       .topics = {std::string{actors::conversation::message_topic}},
                                       .limit = page_events});
    if (!page) return;  // the log may be readable at the next check
    if (page->lost) {
      for (auto& [object, conversation] : open_) {
        conversation.look_again();
        want_feed(conversation);
      }
    }
    for (const auto& event : page->events) {
      const auto found = open_.find(event->source);
      if (found == open_.end()) continue;
      const auto seq = actors::conversation::seq_of_event(event->body);
      const auto fate = found->second.heard_of(seq);
      want_feed(found->second);
      settle(found, fate);
    }
    cursor_ = page->next;
    if (page->at_end) return;
  }
}

void LiveConversations::want_feed(LiveConversation& conversation) {
  if (conversation.is_unfinished()) to_feed_.push_back(conversation.object());
}

void LiveConversations::feed_all() {
  std::vector<ObjectId> unfinished;
  unfinished.swap(to_feed_);
  std::ranges::sort(unfinished);
  unfinished.erase(std::ranges::unique(unfinished).begin(), unfinished.end());
  bool more = false;
  for (const auto& object : unfinished) {
    const auto found = open_.find(object);
    if (found == open_.end()) continue;
    more |= found->second.feed([this] { wake(); });
    want_feed(found->second);
  }
  if (more) wake();
}

std::optional<Milliseconds> LiveConversations::tell_presence() {
  std::optional<Milliseconds> first;
  std::ranges::sort(to_tell_);
  to_tell_.erase(std::ranges::unique(to_tell_).begin(), to_tell_.end());
  std::erase_if(to_tell_, [&](const ObjectId& object) {
    const auto found = open_.find(object);
    if (found == open_.end()) return true;
    const auto due = found->second.tell_presence(services_.monotonic_ms());
    if (due) first = first ? std::min(*first, *due) : *due;
    return !due;
  });
  return first;
}

// --------------------------------------------------------------------------------------- checks

void LiveConversations::check_all() {
  checked_at_ = services_.monotonic_ms();
  for (auto found = open_.begin(); found != open_.end();) {
    found = settle(found, found->second.check(checked_at_, [this] { wake(); }));
  }
}

LiveConversations::Found LiveConversations::settle(Found found, Fate fate) {
  if (fate == Fate::lives) return std::next(found);
  // Forgotten before a client can hear of it: whoever comes next must be told what is true now.
  auto ended = std::move(found->second);
  const auto next = forget(found);
  ended.close_all(fate == Fate::deleted ? close_reason::deleted : close_reason::rewritten);
  return next;
}

}  // namespace perdure::api::chat
