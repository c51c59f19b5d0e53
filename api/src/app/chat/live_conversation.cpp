// SPDX-License-Identifier: Apache-2.0
#include "app/chat/live_conversation.hpp"

#include <algorithm>
#include <map>

#include "app/services.hpp"
#include "perdure/actors/conversation.hpp"
#include "perdure/runtime/access.hpp"

namespace perdure::api::chat {

namespace {

namespace conversation = actors::conversation;
using Verdict = LiveGrant::Verdict;

constexpr std::size_t page_messages = 100;
/// A page ends with the message that brings it here, so that large ones are few.
constexpr std::size_t page_bytes = std::size_t{256} * 1024;
/// Pages that are kept while members who are behind at different places are fed.
constexpr std::size_t pages_at_once = 16;
/// More than this at once goes to nobody's queue: all are fed as they have room.
constexpr std::size_t broadcast_bytes_max = std::size_t{256} * 1024;
/// How long a member still hears messages while its key is being asked about.
constexpr Milliseconds unsure_max{3'000};
/// A hibernated conversation is looked at in the store this often.
constexpr Milliseconds look_period{5'000};

constexpr std::size_t listed_max = 100;
/// Presence costs each member a frame: between two of them there is time for all others.
constexpr Milliseconds presence_period_min{50};
constexpr std::chrono::microseconds presence_period_of_member{200};
/// Typing frames that one conversation sends out at once, and the time for each one more.
constexpr unsigned typing_burst = 10'000;
constexpr std::chrono::microseconds typing_interval{50};

}  // namespace

LiveConversation::LiveConversation(Application::Services& services, const ObjectView& view)
    : services_(services),
      object_(view.meta.object()),
      meta_(view.meta),
      next_(conversation::last_seq(view.state) + 1),
      seen_at_(services.monotonic_ms()),
      typing_(typing_burst, typing_interval) {}

// ------------------------------------------------------------------------------------- messages

LiveConversation::Fate LiveConversation::heard_of(std::uint64_t seq) {
  // Each message has one event, so a gap or a step back means that the past was put back.
  const bool expected = !event_seq_ || seq == *event_seq_ + 1;
  event_seq_ = seq;
  if (!expected) return Fate::rewritten;
  if (seq >= next_) stale_ = true;
  return Fate::lives;
}

Result<LiveConversation::Page> LiveConversation::read(std::uint64_t first) const {
  auto range = conversation::messages_after(first - 1, page_messages);
  range.bytes_max = page_bytes;
  PERDURE_TRY(rows, services_.runtime.entries(object_, range));
  Page page{.frames = {}, .first = first, .is_full = range.may_go_on(rows)};
  page.frames.reserve(rows.size());
  for (const auto& row : rows) {
    auto frame = message_frame(row);
    page.bytes += frame->size();
    page.frames.emplace_back(std::move(frame));
  }
  return page;
}

bool LiveConversation::feed(const std::function<void()>& wake) {
  bool more = false;
  if (stale_) {
    // Members that were here at `next_` are the only ones that a broadcast can reach.
    const auto page = read(next_);
    if (page) {
      renew_grants();
      broadcast(*page, wake);
      next_ += page->frames.size();
      stale_ = page->is_full;
      more = stale_;
    }
  }
  if (behind_ > 0) more |= feed_behind(wake);
  return more;
}

void LiveConversation::broadcast(const Page& page, const std::function<void()>& wake) {
  const auto end = page.first + page.frames.size();
  if (end == page.first) return;
  for (const auto& member : members_) {
    if (member->gone || member->next >= end) continue;  // one that knows of them already
    if (member->next < page.first || page.bytes > broadcast_bytes_max || !admits(*member, wake)) {
      ++behind_;
      continue;
    }
    send(*member, std::span{page.frames}.subspan(member->next - page.first));
    member->next = end;
  }
}

bool LiveConversation::feed_behind(const std::function<void()>& wake) {
  std::map<std::uint64_t, Page> pages;  // many come back at one place
  bool more = false;
  behind_ = 0;
  for (const auto& member : members_) {
    if (member->gone || member->next >= next_) continue;
    ++behind_;
    if (member->paused || !admits(*member, wake)) continue;
    auto found = pages.find(member->next);
    if (found == pages.end()) {
      auto page = read(member->next);
      if (!page) continue;  // looked for again at the next check
      renew_grants();
      if (!admits(*member, wake)) continue;
      if (pages.size() == pages_at_once) pages.clear();
      found = pages.emplace(member->next, std::move(*page)).first;
    }
    more |= feed_page(*member, found->second);
    if (member->next >= next_) --behind_;
  }
  return more;
}

/// True when the member takes more, and there is more for it.
bool LiveConversation::feed_page(Member& member, const Page& page) {
  if (page.frames.empty()) {
    // What it waits for is gone.
    close(*member.socket, close_reason::rewritten);
    member.gone = true;
    return false;
  }
  for (const auto& frame : page.frames) {
    if (member.next >= next_ || member.paused) break;
    send(member, std::span{&frame, 1});
    if (member.gone) return false;
    ++member.next;
  }
  return member.next < next_ && !member.paused;
}

void LiveConversation::send(Member& member, std::span<const http::Body> frames) {
  // First, so that room which comes at once is not missed.
  member.paused = true;
  const auto room = member.socket->send(http::MessageKind::text, frames);
  if (room && *room == http::Room::more) member.paused = false;
  if (!room) member.gone = true;  // closed, or closed by this: it hears no more
}

void LiveConversation::renew_grants() {
  if (!meta_.grants) return;
  const auto view = services_.runtime.inspect(object_);
  if (view) meta_.grants = view->meta.grants;
}

bool LiveConversation::admits(Member& member, const std::function<void()>& wake) {
  const auto verdict = member.grant.look(services_, wake);
  if (verdict == Verdict::unsure) {
    const auto now = services_.monotonic_ms();
    if (member.unsure_since == Milliseconds{0}) member.unsure_since = now;
    return now - member.unsure_since < unsure_max;
  }
  member.unsure_since = Milliseconds{0};
  if (verdict == Verdict::holds) {
    if (permits(member.grant.principal(), possession_of(meta_), Action::read).allowed())
      return true;
    close(*member.socket, close_reason::withdrawn);
  } else {
    close(*member.socket, reason_of(verdict));
  }
  member.gone = true;
  return false;
}

// -------------------------------------------------------------------------------------- members

void LiveConversation::join(const MemberPtr& member) {
  member->next = member->after.value_or(next_ - 1) + 1;
  if (member->next > next_) {
    // It may have heard of a message before this has: the ack, or the answer to a POST.
    const auto view = services_.runtime.inspect(object_);
    if (!view) return close(*member->socket, close_reason::not_now);
    if (member->next > conversation::last_seq(view->state) + 1) {
      return close(*member->socket, close_reason::rewritten);
    }
  }
  member->place = members_.size();
  members_.push_back(member);
  if (member->next < next_) ++behind_;

  std::vector<Presence> listed;
  for (const auto& other : members_) {
    if (listed.size() == listed_max) break;
    listed.push_back(other->presence);
  }
  const http::Body welcome{
      welcome_frame(member->presence, listed, members_.size(), member->next - 1)};
  send(*member, std::span{&welcome, 1});
  if (members_.size() == 1) return;  // nobody is there to be told
  if (joined_.size() < listed_max) joined_.push_back(member->presence);
  stir(services_.monotonic_ms());
}

void LiveConversation::leave(const MemberPtr& member) {
  const auto place = member->place;
  if (place >= members_.size() || members_[place] != member) return;
  members_[place] = std::move(members_.back());
  members_[place]->place = place;
  members_.pop_back();
  const auto is_it = [&](const Presence& one) {
    return one.connection == member->presence.connection;
  };
  std::erase_if(updated_, is_it);
  if (std::erase_if(joined_, is_it) == 0 && left_.size() < listed_max) {
    left_.push_back(member->presence);
  }
  stir(services_.monotonic_ms());
}

void LiveConversation::signal(Member& member, FrameType type, const Json& body) {
  if (member.gone) return;
  const auto now = services_.monotonic_ms();
  if (type == FrameType::typing) {
    const auto cost = static_cast<unsigned>(std::min<std::size_t>(members_.size(), typing_burst));
    if (typing_.take(now, cost)) send_to_others(&member, typing_frame(member.presence, body));
    return;
  }
  member.presence.status = body.at("status").get<std::string>();
  std::erase_if(updated_,
                [&](const Presence& one) { return one.connection == member.presence.connection; });
  if (updated_.size() < listed_max) updated_.push_back(member.presence);
  stir(now);
}

void LiveConversation::stir(Milliseconds now) {
  if (tell_at_) return;
  const auto period =
      std::chrono::duration_cast<Milliseconds>(presence_period_of_member * members_.size());
  tell_at_ = now + std::max(presence_period_min, period);
}

std::optional<Milliseconds> LiveConversation::tell_presence(Milliseconds now) {
  if (!tell_at_ || *tell_at_ > now) return tell_at_;
  tell_at_.reset();
  // A single one that has come knows that it has.
  const auto is_it = [&](const MemberPtr& member) {
    return !joined_.empty() && member->presence.connection == joined_.front().connection;
  };
  const bool alone = joined_.size() == 1 && left_.empty() && updated_.empty();
  const auto newcomer = alone ? std::ranges::find_if(members_, is_it) : members_.end();
  send_to_others(newcomer == members_.end() ? nullptr : newcomer->get(),
                 presence_frame({joined_, left_, updated_, members_.size()}));
  joined_.clear();
  left_.clear();
  updated_.clear();
  return {};
}

/// What is not stored is not worth a queue: who reads slowly goes without.
void LiveConversation::send_to_others(const Member* sender, const Frame& frame) {
  const http::Body body{frame};
  for (const auto& member : members_) {
    if (member.get() == sender || member->gone || member->paused) continue;
    send(*member, std::span{&body, 1});
  }
}

void LiveConversation::close_all(const CloseReason& reason) {
  for (const auto& member : members_) {
    close(*member->socket, reason);
    member->gone = true;
  }
}

// --------------------------------------------------------------------------------------- checks

LiveConversation::Fate LiveConversation::check(Milliseconds now,
                                               const std::function<void()>& wake) {
  const auto fate = look(now);
  for (const auto& member : members_) {
    if (!member->gone) static_cast<void>(admits(*member, wake));
  }
  return fate;
}

LiveConversation::Fate LiveConversation::look(Milliseconds now) {
  auto seq = watch_.seq();
  if (!seq) {
    // Not active when it was last looked at; it may be now.
    watch_ = services_.runtime.watch(object_);
    seq = watch_.seq();
  }
  if (seq ? *seq == meta_.seq : now - seen_at_ < look_period) return Fate::lives;
  seen_at_ = now;
  auto view = services_.runtime.inspect(object_);
  if (!view) {
    return view.error().code == ErrorCode::not_found ? Fate::deleted : Fate::lives;
  }
  if (!view->meta.exists()) return Fate::deleted;
  meta_ = std::move(view->meta);
  if (conversation::last_seq(view->state) + 1 < next_) return Fate::rewritten;
  return Fate::lives;
}

}  // namespace perdure::api::chat
