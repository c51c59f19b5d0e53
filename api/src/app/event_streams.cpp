// SPDX-License-Identifier: Apache-2.0
#include "app/event_streams.hpp"

#include <algorithm>

#include "app/close_reasons.hpp"
#include "app/live_grant.hpp"
#include "app/services.hpp"
#include "app/stream_rights.hpp"
#include "perdure/api/http/sse.hpp"
#include "perdure/runtime/access.hpp"

namespace perdure::api {

namespace {

constexpr std::size_t page_events = 100;
/// So that streams are fed while others publish without a pause.
constexpr std::size_t pages_at_once = 20;
constexpr std::size_t texts_max = 1'000;
/// Keys are looked at this often when nothing happens.
constexpr std::chrono::seconds check_period{1};
/// How often a client whose topics are rare is told how far the log was read for it.
constexpr std::chrono::seconds place_period{15};

/// Subscribers have nothing to say.
constexpr http::WebSocketOptions socket_options{.message_bytes_max = 4096,
                                                .send_queue_bytes_max = 256 * 1024};

/// Where a reader goes on that has missed events: behind these, and before all that it has not.
Result<std::string> place_behind_loss(const Runtime& runtime, EventQuery query) {
  PERDURE_TRY(page, runtime.read_events(query));
  if (page.events.empty()) return std::move(page.next);
  // What was lost is the front of the log.
  query.limit = 0;
  PERDURE_TRY(front, runtime.read_events(query));
  return std::move(front.next);
}

}  // namespace

/// What became of an event. It is kept until the event is passed: to judge it may change what the
/// stream knows, and an event that there is no room for comes again.
struct EventStreams::Judged {
  std::uint64_t position = 0;
  EventUse use = EventUse::sent;
  EventText text = nullptr;  ///< of its own; null: that of the event
};

struct EventStreams::Stream {
  Stream(LiveGrant with, EventQuery from, StreamRules its)
      : grant(std::move(with)), query(std::move(from)), rules(std::move(its)) {}

  // The thread's.
  LiveGrant grant;
  EventQuery query;
  StreamRules rules;
  std::string told;          ///< the last cursor that was sent
  std::uint64_t passed = 0;  ///< the position of the last event that was sent or skipped
  bool is_behind = true;     ///< more than the common place in the log was not looked at yet
  std::string reader = {};   ///< whose objects it is about; empty: everybody's
  std::optional<Judged> judged = {};  ///< an event that there was no room for
  bool was_opened_by_role = false;

  std::unique_ptr<EventOutlet> outlet;  // set before the thread sees the stream
  std::atomic<bool> paused{false};      ///< until there is room
  std::atomic<bool> closed{false};      ///< by the client, or the server
  std::atomic<bool> draining{false};

  /// Whose objects it is about by its reader's present role.
  [[nodiscard]] std::string concerns() const {
    if (!rules.concerns.empty() || is_privileged(grant.principal())) return rules.concerns;
    return grant.principal().user_id;
  }
  /// Whether the client may come back to a place.
  [[nodiscard]] bool is_settled(const std::string& cursor) const {
    return rules.settled_at.empty() || position_of(cursor) >= position_of(rules.settled_at);
  }
  /// True when the text was queued. Pauses the stream when the queue is full.
  bool write(const Result<EventText>& text) {
    if (!text) return false;
    // First, so that room which comes at once is not missed.
    paused = true;
    const auto room = outlet->write(*text);
    if (!room) {
      if (room.error().code != ErrorCode::overloaded) closed = true;
      return false;
    }
    if (*room == http::Room::more) paused = false;
    return true;
  }
  bool tell_place(const std::string& cursor) {
    if (!is_settled(cursor) || !write(encode_place(outlet->form(), cursor))) return false;
    told = cursor;
    return true;
  }
  /// A client that is cut off before its first event comes back to the place where it began. One
  /// that is to see first how things stood there has no place before it has.
  void begin() {
    if (rules.first_event.empty()) {
      tell_place(query.after);
      return;
    }
    const Event first{.position = 0,
                      .cursor = is_settled(query.after) ? query.after : "",
                      .topic = rules.first_event,
                      .body = std::move(rules.first_data)};
    // One text: the first one is taken however large it is.
    if (write(encode_first(outlet->form(), first))) told = first.cursor;
  }
  void end(const auto& why) {
    outlet->end(why);
    closed = true;
  }
  void cut() {
    outlet->cut();
    closed = true;
  }
};

/// What the thread is called for.
struct EventStreams::Calls {
  std::vector<StreamPtr> streams;
  bool asked_again = false;
};

class EventStreams::Socket final : public http::WebSocketHandler {
 public:
  Socket(EventStreams& all, StreamPtr stream) : all_(all), stream_(std::move(stream)) {}

  void on_open(std::shared_ptr<http::WebSocket> socket) override {
    all_.start(stream_, outlet_to(std::move(socket)));
  }
  void on_message(http::WebSocket&, http::MessageKind, std::string_view) override {}
  void on_writable() override {
    stream_->paused = false;
    all_.call_for(stream_);
  }
  void on_closed(http::WebSocket&, std::uint16_t) override {
    stream_->closed = true;
    all_.call_for(stream_);
  }

 private:
  EventStreams& all_;
  const StreamPtr stream_;
};

EventStreams::~EventStreams() {
  {
    const std::lock_guard lock{mutex_};
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void EventStreams::open(ContextPtr context, EventQuery query, StreamRules rules) {
  query.limit = page_events;
  auto grant = LiveGrant::of(*context);
  if (!grant) return answer(*context, std::move(grant).error());
  auto stream = std::make_shared<Stream>(std::move(*grant), std::move(query), std::move(rules));
  stream->was_opened_by_role = is_privileged(context->principal());
  stream->reader = stream->concerns();
  if (context->request.upgrade == http::Upgrade::websocket) {
    return answer_websocket(*context, std::make_shared<Socket>(*this, std::move(stream)),
                            socket_options);
  }
  auto options = http::event_stream_options();
  options.on_writable = [this, stream] {
    stream->paused = false;
    call_for(stream);
  };
  options.on_drain = [this, stream] {
    stream->draining = true;
    call_for(stream);
  };
  options.on_closed = [this, stream](http::StreamEnd) {
    stream->closed = true;
    call_for(stream);
  };
  auto writer = answer_stream(*context, http::event_stream_head(), std::move(options));
  start(std::move(stream), outlet_to(std::move(writer)));
}

void EventStreams::start(StreamPtr stream, std::unique_ptr<EventOutlet> outlet) {
  stream->outlet = std::move(outlet);
  stream->begin();
  call_for(std::move(stream));
}

void EventStreams::call_for(StreamPtr stream) {
  std::unique_lock lock{mutex_};
  if (stopping_) return;
  calls_.push_back(std::move(stream));
  if (!thread_.joinable()) thread_ = std::thread{[this] { work(); }};
  wake_locked(std::move(lock));
}

void EventStreams::wake() { wake_locked(std::unique_lock{mutex_}); }

void EventStreams::wake_locked(std::unique_lock<std::mutex> lock) {
  if (std::exchange(awake_, true)) return;
  lock.unlock();
  changed_.notify_one();
}

void EventStreams::work() {
  Calls calls;
  while (wait(calls)) {
    for (const auto& stream : calls.streams) take_in(stream);
    // What is kept while the thread waits keeps its place of the user's.
    calls.streams.clear();
    if (calls.asked_again) look_again_at(std::exchange(unsure_, {}));
    if (streams_.empty()) {
      watch_.reset();
      looked_to_.clear();
      continue;
    }
    read_log();
    feed_ready();
    check_keys();
    tell_places();
  }
  watch_.reset();
}

bool EventStreams::wait(Calls& calls) {
  std::unique_lock lock{mutex_};
  const auto is_called = [&] { return awake_ || stopping_; };
  if (streams_.empty()) {
    changed_.wait(lock, is_called);
  } else if (ready_.empty()) {
    changed_.wait_for(lock, check_period, is_called);
  }
  awake_ = false;
  calls = {.streams = std::exchange(calls_, {}), .asked_again = std::exchange(asked_again_, false)};
  return !stopping_;
}

void EventStreams::take_in(const StreamPtr& stream) {
  if (streams_.try_emplace(stream.get(), stream).second) others_of(*stream).insert(stream.get());
  look_after(*stream);
  if (stream->closed) let_go(*stream);
}

std::set<EventStreams::Stream*>& EventStreams::others_of(const Stream& stream) {
  return stream.reader.empty() ? all_seeing_ : by_reader_[stream.reader];
}

void EventStreams::leave_others(Stream& stream) {
  all_seeing_.erase(&stream);
  if (const auto own = by_reader_.find(stream.reader); own != by_reader_.end()) {
    own->second.erase(&stream);
    if (own->second.empty()) by_reader_.erase(own);
  }
}

void EventStreams::let_go(Stream& stream) {
  ready_.erase(&stream);
  unsure_.erase(&stream);
  leave_others(stream);
  streams_.erase(&stream);
}

/// Something about the stream itself has changed.
void EventStreams::look_after(Stream& stream) {
  if (stream.draining && !stream.closed) stream.end(EventEnd::draining);
  if (!stream.closed && stream.is_behind && !stream.paused) ready_.insert(&stream);
}

// ---- the log, once for all

void EventStreams::read_log() {
  // The callback takes mutex_: watches are made and ended here alone, never under it.
  if (!watch_) watch_ = services_.runtime.watch_events([this] { wake(); });
  const auto begin = [&] {
    const auto end = services_.runtime.events_end();
    looked_to_ = end ? *end : std::string{};
    touch_all();
  };
  if (looked_to_.empty()) return begin();
  for (std::size_t pages = 0; pages < pages_at_once; ++pages) {
    const auto page = services_.runtime.read_events({.after = looked_to_, .limit = page_events});
    // Each stream finds out for itself.
    if (!page || page->lost) return begin();
    for (const auto& event : page->events) {
      grants_moved_ |= event->source.kind == "api_key" || event->source.kind == "user";
      touch_those(*event, looked_to_);
      looked_to_ = event->cursor;
    }
    looked_to_ = page->next;
    if (page->at_end) return;
  }
  wake();
}

void EventStreams::touch_those(const Event& event, const std::string& before) {
  for (auto* stream : all_seeing_) touch(*stream, event, before);
  const auto touch_of = [&](const std::string& reader) {
    const auto found = by_reader_.find(reader);
    if (found == by_reader_.end()) return;
    for (auto* stream : found->second) touch(*stream, event, before);
  };
  touch_of(event.owner.text());
  for (const auto& grant : event.grants) touch_of(grant.grantee.text());
}

void EventStreams::touch(Stream& stream, const Event& event, const std::string& before) {
  if (stream.is_behind) return;
  const auto& topics = stream.query.topics;
  const bool is_wanted = topics.empty() || std::ranges::any_of(topics, [&](const auto& pattern) {
                           return topic_matches(pattern, event.topic);
                         });
  if (!is_wanted) return;
  stream.is_behind = true;
  stream.query.after = before;
  if (!stream.paused) ready_.insert(&stream);
}

void EventStreams::touch_all() {
  for (const auto& [stream, shared] : streams_) {
    stream->is_behind = true;
    if (!stream->paused) ready_.insert(stream);
  }
}

// ---- each stream's own place

void EventStreams::feed_ready() {
  const std::vector<Stream*> ready{ready_.begin(), ready_.end()};
  for (auto* stream : ready) {
    const bool goes_on = !stream->closed && !stream->paused && admits(*stream) &&
                         feed(*stream) == Fed::more && !stream->paused;
    if (!goes_on) ready_.erase(stream);
    if (stream->closed) let_go(*stream);
  }
  texts_.clear();
}

EventStreams::Fed EventStreams::feed(Stream& stream) {
  const auto page = services_.runtime.read_events(stream.query);
  if (!page) {
    // A cut stream comes again with its id; the log may be readable then.
    stream.cut();
    return Fed::all;
  }
  if (page->lost) return tell_lost(stream);
  for (const auto& event : page->events) {
    if (event->position <= stream.passed) continue;
    if (!send(stream, *event)) return Fed::all;
  }
  stream.query.after = page->next;
  stream.is_behind = !page->at_end;
  if (!stream.rules.settled_at.empty() && stream.is_settled(page->next)) {
    stream.tell_place(page->next);
    stream.rules.settled_at.clear();
  }
  return stream.is_behind ? Fed::more : Fed::all;
}

EventStreams::Fed EventStreams::tell_lost(Stream& stream) {
  const auto place = place_behind_loss(services_.runtime, stream.query);
  if (!place) {
    stream.cut();
    return Fed::all;
  }
  return tell_lost_until(stream, *place) ? Fed::more : Fed::all;
}

bool EventStreams::tell_lost_until(Stream& stream, const std::string& place) {
  const bool begins_anew = stream.rules.lost == StreamRules::Lost::begins_anew;
  const auto& next = begins_anew ? std::string{} : place;
  if (!stream.write(encode_lost(stream.outlet->form(), stream.query.after, next))) return false;
  if (begins_anew) stream.end(EventEnd::complete);
  stream.query.after = stream.told = place;
  return true;
}

bool EventStreams::judge(Stream& stream, const Event& event) const {
  if (stream.judged && stream.judged->position == event.position) return true;
  Judged judged{.position = event.position};
  if (!scopes_open(services_.router, stream.grant.principal(), event)) {
    judged.use = EventUse::skipped;
  } else if (stream.rules.use) {
    const auto use = stream.rules.use(event, judged.text);
    if (!use) stream.cut();
    if (!use) return false;
    judged.use = *use;
  }
  stream.judged = std::move(judged);
  return true;
}

/// Says whether the next event may follow at once: the stream has room, and goes on.
bool EventStreams::send(Stream& stream, const Event& event) {
  if (!judge(stream, event)) return false;
  const auto use = stream.judged->use;
  const auto& text = stream.judged->text;
  if (use == EventUse::sent || use == EventUse::sent_as_last) {
    const auto sent = text ? Result<EventText>{text} : text_of(stream.outlet->form(), event);
    if (!stream.write(sent)) return false;
    stream.told = event.cursor;
  }
  if (use == EventUse::lost && !tell_lost_until(stream, event.cursor)) return false;
  stream.judged.reset();
  stream.query.after = event.cursor;
  stream.passed = event.position;
  if (use == EventUse::sent_as_last) stream.end(EventEnd::complete);
  if (use == EventUse::withdrawn) stream.end(close_reason::withdrawn);
  if (use == EventUse::gone) stream.end(close_reason::deleted);
  return !stream.closed && !stream.paused;
}

Result<EventText> EventStreams::text_of(EventForm form, const Event& event) {
  const Place place{form, event.position};
  if (const auto known = texts_.find(place); known != texts_.end()) return known->second;
  PERDURE_TRY(text, encode_event(form, event));
  if (texts_.size() >= texts_max) texts_.clear();
  texts_.emplace(place, text);
  return text;
}

void EventStreams::check_keys() {
  const bool is_due = services_.monotonic() - keys_checked_ >= check_period;
  if (!std::exchange(grants_moved_, false) && !is_due) return;
  keys_checked_ = services_.monotonic();
  std::set<Stream*> all;
  for (const auto& [stream, shared] : streams_) all.insert(stream);
  look_again_at(all);
}

void EventStreams::look_again_at(const std::set<Stream*>& streams) {
  for (auto* stream : streams) {
    if (!stream->closed && admits(*stream)) look_after(*stream);
    if (stream->closed) let_go(*stream);
  }
}

void EventStreams::tell_places() {
  if (services_.monotonic() - places_told_ < place_period) return;
  places_told_ = services_.monotonic();
  for (const auto& [stream, shared] : streams_) {
    const auto& place = stream->is_behind ? stream->query.after : looked_to_;
    const bool is_news = position_of(place) > position_of(stream->told);
    if (is_news && !stream->closed && !stream->paused) stream->tell_place(place);
  }
}

bool EventStreams::admits(Stream& stream) {
  using Verdict = LiveGrant::Verdict;
  auto verdict = stream.grant.look(services_, [this] {
    std::unique_lock lock{mutex_};
    asked_again_ = true;
    wake_locked(std::move(lock));
  });
  const auto& of = stream.rules.of;
  const auto& principal = stream.grant.principal();
  if (verdict == Verdict::holds && of &&
      !permits(principal, possession_of(*of), Action::read).allowed()) {
    verdict = Verdict::refused;
  }
  const bool has_lost_role = stream.was_opened_by_role && !is_privileged(principal);
  if (verdict == Verdict::holds && has_lost_role &&
      shows_what_role_opened(stream.rules, principal)) {
    verdict = Verdict::refused;
  }
  if (verdict == Verdict::unsure) {
    unsure_.insert(&stream);
  } else if (verdict != Verdict::holds) {
    stream.end(reason_of(verdict));
  }
  if (stream.rules.sight == StreamRules::Sight::readable) stream.query.principal = principal;
  if (verdict == Verdict::holds) follow_role(stream);
  return verdict == Verdict::holds;
}

void EventStreams::follow_role(Stream& stream) {
  auto reader = stream.concerns();
  if (reader == stream.reader) return;
  leave_others(stream);
  stream.reader = std::move(reader);
  others_of(stream).insert(&stream);
}

}  // namespace perdure::api
