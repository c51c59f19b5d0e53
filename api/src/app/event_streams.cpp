// SPDX-License-Identifier: Apache-2.0
#include "app/event_streams.hpp"

#include <algorithm>

#include "app/authenticate.hpp"
#include "app/checks.hpp"
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
constexpr std::chrono::milliseconds retry{1'000};

}  // namespace

struct EventStreams::Stream {
  ContextPtr context;
  EventQuery query;                        // the thread's
  StreamRules rules;                       // the thread's
  std::string told;                        // the thread's: the last id that was sent
  std::optional<http::BodyWriter> writer;  // set before the thread sees the stream
  std::atomic<bool> paused{false};         ///< until there is room
  std::atomic<bool> closed{false};         ///< by the client, or the server
  std::atomic<bool> draining{false};

  // Of the check of the key.
  std::atomic<bool> asking{false};
  std::atomic<bool> refused{false};
  std::mutex mutex;                         // guards granted
  std::shared_ptr<const Standing> granted;  // shared: immutable; what the last check found

  /// True when the chunk was queued. Pauses the stream when the queue is full.
  bool write(const Text& text) {
    // First, so that room which comes at once is not missed.
    paused = true;
    const auto room = writer->write(text);
    if (!room) {
      if (room.error().code != ErrorCode::overloaded) closed = true;
      return false;
    }
    if (*room == http::Room::more) paused = false;
    return true;
  }
  bool write(const http::ServerEvent& event) {
    const auto text = http::encode(event);
    return text && write(*text);
  }
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
  auto stream = std::make_shared<Stream>();
  query.limit = page_events;
  stream->query = std::move(query);
  stream->rules = std::move(rules);
  stream->granted = context->standing;
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
  stream->context = std::move(context);
  stream->writer.emplace(std::move(writer));
  // A client that is cut off before its first event comes back to the place where it began.
  stream->write({.id = stream->query.after, .retry = retry});
  stream->told = stream->query.after;
  if (!stream->rules.first_event.empty()) {
    stream->write({.id = stream->query.after,
                   .event = stream->rules.first_event,
                   .data = stream->rules.first_data});
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
    if (stream->draining || stream->refused) {
      stream->writer->finish();
      stream->closed = true;
    } else if (admits(stream) && !stream->paused) {
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
    stream.writer->abort();
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
    const auto data = dump_json({{"after", after}, {"next", place->next}});
    if (!stream.write({.id = place->next, .event = "perdure.events.lost", .data = data})) {
      return false;
    }
    moved_to(place->next);
    return !stream.paused;
  }
  for (const auto& event : page->events) {
    const auto use = stream.rules.use ? stream.rules.use(*event) : EventUse::sent;
    if (use == EventUse::skipped) {
      after = event->cursor;
      continue;
    }
    const auto text = text_of(*event);
    if (!text || !stream.write(*text)) return false;
    moved_to(event->cursor);
    if (use == EventUse::sent_as_last) {
      stream.writer->finish();
      stream.closed = true;
      return false;
    }
    if (stream.paused) return false;
  }
  after = page->next;
  return !page->at_end;
}

Result<EventStreams::Text> EventStreams::text_of(const Event& event) {
  if (const auto known = texts_.find(event.position); known != texts_.end()) return known->second;
  PERDURE_TRY(text, http::encode({.id = event.cursor, .event = event.topic, .data = event.body}));
  if (texts_.size() >= texts_max) texts_.clear();
  texts_.emplace(event.position, text);
  return text;
}

void EventStreams::tell_places(const std::vector<StreamPtr>& streams) {
  for (const auto& stream : streams) {
    if (stream->closed || stream->paused || stream->told == stream->query.after) continue;
    if (stream->write(http::ServerEvent{.id = stream->query.after})) {
      stream->told = stream->query.after;
    }
  }
}

bool EventStreams::admits(const StreamPtr& stream) {
  if (stream->asking) return false;
  auto& context = *stream->context;
  {
    const std::lock_guard lock{stream->mutex};
    context.standing = stream->granted;
  }
  const auto& expires_at = context.standing->grant.expires_at;
  if ((expires_at && *expires_at <= services_.clock.now()) || !check_permission(context)) {
    stream->refused = true;
    wake();
    return false;
  }
  stream->query.principal = context.standing->principal;
  if (context.standing->holds()) return true;
  ask_again(stream);
  return false;
}

void EventStreams::ask_again(const StreamPtr& stream) {
  stream->asking = true;
  ask_standing(services_, stream->context->key,
               [this, stream](Result<std::shared_ptr<const Standing>> standing) {
                 const bool answered =
                     standing || standing.error().code == ErrorCode::unauthenticated;
                 if (standing) {
                   const std::lock_guard lock{stream->mutex};
                   stream->granted = std::move(*standing);
                 } else if (answered) {
                   stream->refused = true;
                 }
                 stream->asking = false;
                 // What failed for now is asked again at the next look, not at once.
                 if (answered) wake();
               });
}

}  // namespace perdure::api
