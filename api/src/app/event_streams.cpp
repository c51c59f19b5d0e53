// SPDX-License-Identifier: Apache-2.0
#include "app/event_streams.hpp"

#include <algorithm>

#include "app/live_grant.hpp"
#include "app/services.hpp"
#include "perdure/api/http/sse.hpp"

namespace perdure::api {

namespace {

constexpr std::size_t page_events = 100;
constexpr std::size_t texts_max = 1'000;
/// Keys are looked at this often when nothing happens.
constexpr std::chrono::seconds check_period{1};
/// How often a client whose topics are rare is told how far the log was read for it.
constexpr std::chrono::seconds place_period{15};

/// Subscribers have nothing to say.
constexpr http::WebSocketOptions socket_options{.message_bytes_max = 4096,
                                                .send_queue_bytes_max = 256 * 1024};

}  // namespace

struct EventStreams::Stream {
  Stream(LiveGrant with, EventQuery from, StreamRules its)
      : grant(std::move(with)), query(std::move(from)), rules(std::move(its)) {}

  // The thread's.
  LiveGrant grant;
  EventQuery query;
  StreamRules rules;
  std::string told;  ///< the last cursor that was sent

  std::unique_ptr<EventOutlet> outlet;  // set before the thread sees the stream
  std::atomic<bool> paused{false};      ///< until there is room
  std::atomic<bool> closed{false};      ///< by the client, or the server
  std::atomic<bool> draining{false};

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
  bool tell_place() {
    if (!write(encode_place(outlet->form(), query.after))) return false;
    told = query.after;
    return true;
  }
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
    all_.wake();
  }
  void on_closed(http::WebSocket&, std::uint16_t) override {
    stream_->closed = true;
    all_.wake();
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
  if (context->request.upgrade == http::Upgrade::websocket) {
    return answer_websocket(*context, std::make_shared<Socket>(*this, std::move(stream)),
                            socket_options);
  }
  auto options = http::event_stream_options();
  options.on_writable = [this, stream] {
    stream->paused = false;
    wake();
  };
  options.on_drain = [this, stream] {
    stream->draining = true;
    wake();
  };
  options.on_closed = [this, stream](http::StreamEnd) {
    stream->closed = true;
    wake();
  };
  auto writer = answer_stream(*context, http::event_stream_head(), std::move(options));
  start(std::move(stream), outlet_to(std::move(writer)));
}

void EventStreams::start(StreamPtr stream, std::unique_ptr<EventOutlet> outlet) {
  stream->outlet = std::move(outlet);
  // A client that is cut off before its first event comes back to the place where it began.
  stream->tell_place();
  if (const auto& first = stream->rules.first_event; !first.empty()) {
    stream->write(encode_event(
        stream->outlet->form(),
        {.cursor = stream->query.after, .topic = first, .body = stream->rules.first_data}));
  }
  {
    const std::lock_guard lock{mutex_};
    streams_.push_back(std::move(stream));
    if (!thread_.joinable()) thread_ = std::thread{[this] { work(); }};
  }
  wake();
}

void EventStreams::wake() {
  {
    const std::lock_guard lock{mutex_};
    if (std::exchange(awake_, true)) return;
  }
  changed_.notify_one();
}

void EventStreams::work() {
  // Made and ended here alone, never under mutex_: its callback takes that.
  std::unique_ptr<EventWatch> watch;
  auto places_told = services_.monotonic();
  for (;;) {
    std::vector<StreamPtr> streams;
    {
      std::unique_lock lock{mutex_};
      const auto ready = [&] { return awake_ || stopping_; };
      if (streams_.empty()) {
        changed_.wait(lock, ready);
      } else {
        changed_.wait_for(lock, check_period, ready);
      }
      if (stopping_) return;
      awake_ = false;
      std::erase_if(streams_, [](const StreamPtr& stream) { return stream->closed.load(); });
      streams = streams_;
    }
    if (streams.empty()) {
      watch.reset();
      continue;
    }
    if (!watch) watch = services_.runtime.watch_events([this] { wake(); });
    feed_all(streams);
    if (services_.monotonic() - places_told < place_period) continue;
    tell_places(streams);
    places_told = services_.monotonic();
  }
}

void EventStreams::feed_all(const std::vector<StreamPtr>& streams) {
  bool more = false;
  for (const auto& stream : streams) {
    if (stream->closed) continue;
    if (stream->draining) {
      stream->outlet->end(EventEnd::draining);
      stream->closed = true;
    } else if (admits(*stream) && !stream->paused) {
      more |= feed(*stream);
    }
  }
  texts_.clear();
  if (more) wake();
}

bool EventStreams::feed(Stream& stream) {
  const auto page = services_.runtime.read_events(stream.query);
  if (!page) {
    // A cut stream comes again with its id; the log may be readable then.
    stream.outlet->cut();
    stream.closed = true;
    return false;
  }
  auto& after = stream.query.after;
  const auto moved_to = [&](const std::string& cursor) { after = stream.told = cursor; };
  if (page->lost) {
    auto start = stream.query;
    start.limit = 0;
    const auto place = services_.runtime.read_events(start);
    if (!place) return true;
    if (!stream.write(encode_lost(stream.outlet->form(), after, place->next))) return false;
    moved_to(place->next);
    return !stream.paused;
  }
  for (const auto& event : page->events) {
    const auto use = stream.rules.use ? stream.rules.use(*event) : EventUse::sent;
    if (use == EventUse::skipped) {
      after = event->cursor;
      continue;
    }
    if (!stream.write(text_of(stream.outlet->form(), *event))) return false;
    moved_to(event->cursor);
    if (use == EventUse::sent_as_last) {
      stream.outlet->end(EventEnd::complete);
      stream.closed = true;
      return false;
    }
    if (stream.paused) return false;
  }
  after = page->next;
  return !page->at_end;
}

Result<EventText> EventStreams::text_of(EventForm form, const Event& event) {
  const Place place{form, event.position};
  if (const auto known = texts_.find(place); known != texts_.end()) return known->second;
  PERDURE_TRY(text, encode_event(form, event));
  if (texts_.size() >= texts_max) texts_.clear();
  texts_.emplace(place, text);
  return text;
}

void EventStreams::tell_places(const std::vector<StreamPtr>& streams) {
  for (const auto& stream : streams) {
    if (stream->closed || stream->paused || stream->told == stream->query.after) continue;
    stream->tell_place();
  }
}

bool EventStreams::admits(Stream& stream) {
  using Verdict = LiveGrant::Verdict;
  const auto verdict = stream.grant.look(services_, [this] { wake(); });
  if (verdict == Verdict::refused || verdict == Verdict::expired) {
    stream.outlet->end(verdict == Verdict::expired ? EventEnd::expired : EventEnd::refused);
    stream.closed = true;
  }
  stream.query.principal = stream.grant.principal();
  return verdict == Verdict::holds;
}

}  // namespace perdure::api
