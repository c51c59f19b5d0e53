// SPDX-License-Identifier: Apache-2.0
#include "stream_hub.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "stream_writer.hpp"

namespace perdure::runtime {

namespace {

std::size_t bytes_of(const std::vector<StreamItem>& items) {
  std::size_t bytes = 0;
  for (const auto& item : items) bytes += sizeof(StreamItem) + item.text.size();
  return bytes;
}

Unexpected gone(std::string why) {
  Error error{.code = ErrorCode::gone, .detail = why};
  error.fields.push_back({"/after", "stale_cursor", std::move(why)});
  return fail(std::move(error));
}

/// Whether the item at the cursor is the one that its reader has seen.
Result<void> check_cursor(const storage::StoreReader& store, const ObjectId& object,
                          const std::string& stream, const StreamCursor& after) {
  if (after.offset == 0) return {};
  PERDURE_TRY(items, items_after(store, object, stream, after.offset - 1, 1));
  if (items.empty()) {
    return gone(fmt::format("stream {} has no item {}: it is another one", stream, after.offset));
  }
  if (after.mark == 0 || items.front().mark == after.mark) return {};
  return gone(fmt::format("item {} of stream {} is of another attempt than the one that was read",
                          after.offset, stream));
}

StreamInfo::Status status_of(StreamTail::Status status) {
  switch (status) {
    case StreamTail::Status::done: return StreamInfo::Status::done;
    case StreamTail::Status::failed: return StreamInfo::Status::failed;
    case StreamTail::Status::cut: return StreamInfo::Status::cut;
    case StreamTail::Status::none:
    case StreamTail::Status::open: break;
  }
  return StreamInfo::Status::open;
}

/// Marks those who are over, or have something to read, and takes out who is to be called.
class Calls {
 public:
  void add(const std::shared_ptr<Attendee>& attendee) {
    if (std::exchange(attendee->waits, false)) waiting_.push_back(attendee);
  }
  void end(const std::shared_ptr<Attendee>& attendee, const Error& why) {
    if (!attendee->over) attendee->over = why;
    add(attendee);
  }
  /// Shape: no lock is held.
  void make() const {
    for (const auto& attendee : waiting_) attendee->waker.call();
  }

 private:
  std::vector<std::shared_ptr<Attendee>> waiting_;
};

}  // namespace

class StreamHub::Reader final : public StreamReader {
 public:
  Reader(StreamHub& hub, StreamChannelPtr channel, std::shared_ptr<Attendee> self,
         StreamCursor after)
      : hub_(hub), channel_(std::move(channel)), self_(std::move(self)), cursor_(after) {}
  ~Reader() override {
    self_->waker.close();
    hub_.leave(channel_, self_);
  }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  Result<std::vector<StreamItem>> read(std::size_t items_max) override {
    const auto most = std::max<std::size_t>(items_max, 1);
    for (;;) {
      {
        const std::scoped_lock lock{channel_->mutex};
        if (self_->over) return fail(*self_->over);
        if (is_over_) return std::vector<StreamItem>{};
        if (auto items = from_tail(most); !items.empty()) return advance(std::move(items));
      }
      PERDURE_TRY(items, items_after(hub_.around_.store, channel_->object, channel_->stream,
                                     cursor_.offset, most));
      const std::scoped_lock lock{channel_->mutex};
      if (self_->over) return fail(*self_->over);
      if (!items.empty()) return advance(std::move(items));
      if (channel_->last > cursor_.offset) continue;  // it came in between
      self_->waits = true;
      return items;
    }
  }

  [[nodiscard]] StreamCursor cursor() const override { return cursor_; }

 private:
  std::vector<StreamItem> from_tail(std::size_t most) const {
    std::vector<StreamItem> items;
    const auto next = cursor_.offset + 1;
    if (channel_->tail.empty() || channel_->tail.front()->front().offset > next) return items;
    std::size_t bytes = 0;
    auto at = std::ranges::upper_bound(channel_->tail, next, {},
                                       [](const auto& chunk) { return chunk->front().offset; });
    for (--at; at != channel_->tail.end(); ++at) {
      for (const auto& item : **at) {
        if (item.offset < next) continue;
        if (items.size() >= most || bytes >= limits::stream_read_bytes_max) return items;
        bytes += item.text.size();
        items.push_back(item);
      }
    }
    return items;
  }

  std::vector<StreamItem> advance(std::vector<StreamItem> items) {
    const auto& last = items.back();
    cursor_ = StreamCursor::after(last);
    is_over_ = last.type == StreamItem::Type::ended && last.end != StreamEnd::cut;
    return items;
  }

  StreamHub& hub_;
  const StreamChannelPtr channel_;
  const std::shared_ptr<Attendee> self_;
  StreamCursor cursor_;
  bool is_over_ = false;
};

Result<std::unique_ptr<StreamWriter>> StreamHub::write(const ObjectId& object, std::string stream,
                                                       StreamAttempt attempt) {
  PERDURE_TRY_VOID(check_stream_name(stream));
  if (attempt.number == 0) {
    Error error{.code = ErrorCode::invalid, .detail = "attempts are counted from 1"};
    error.fields.push_back({"/attempt", "minimum", error.detail});
    return fail(std::move(error));
  }
  return open_writer(around_.intake, object, std::move(stream), std::move(attempt));
}

Result<std::unique_ptr<StreamReader>> StreamHub::follow(const ObjectId& object, std::string stream,
                                                        StreamCursor after, Principal principal,
                                                        std::function<void()> wake) {
  PERDURE_TRY_VOID(check_stream_name(stream));
  auto self = std::make_shared<Attendee>(std::move(principal), std::move(wake));
  // First, so that whatever is committed from here on is heard of; it leaves with the reader.
  PERDURE_TRY(channel, enter(object, stream, self));
  auto reader = std::make_unique<Reader>(*this, std::move(channel), self, after);
  PERDURE_TRY_VOID(may_attend(around_.store, around_.kinds, object, self->principal));
  PERDURE_TRY_VOID(check_cursor(around_.store, object, stream, after));
  return reader;
}

Result<std::vector<StreamInfo>> StreamHub::list(const ObjectId& object,
                                                const Principal& principal) const {
  PERDURE_TRY_VOID(may_attend(around_.store, around_.kinds, object, principal));
  PERDURE_TRY(names, stream_names(around_.store, object));
  std::vector<StreamInfo> infos;
  for (auto& name : names) {
    PERDURE_TRY(tail, load_tail(around_.store, object, name));
    if (tail.status == StreamTail::Status::none) continue;  // it was dropped just now
    infos.push_back({.name = std::move(name),
                     .attempt = tail.attempt,
                     .last_offset = tail.next - 1,
                     .bytes = tail.bytes(),
                     .status = status_of(tail.status)});
  }
  return infos;
}

void StreamHub::drop(const ObjectId& object, std::string stream, const Principal& principal,
                     std::function<void(Result<void>)> done) {
  auto change =
      std::make_shared<const StreamChange>(StreamChange{.name = std::move(stream), .drops = true});
  around_.intake.stream({.target = object, .principal = principal}, std::move(change),
                        [done = std::move(done)](Result<Reply> reply) {
                          done(reply ? Result<void>{} : fail(std::move(reply).error()));
                        });
}

StreamChannelPtr StreamHub::find(const ObjectId& object, std::string_view stream) const {
  const std::scoped_lock lock{mutex_};
  const auto found = channels_.find(object);
  if (found == channels_.end()) return nullptr;
  for (const auto& channel : found->second) {
    if (channel->stream == stream) return channel;
  }
  return nullptr;
}

Result<StreamChannelPtr> StreamHub::enter(const ObjectId& object, const std::string& stream,
                                          const std::shared_ptr<Attendee>& reader) {
  const std::scoped_lock lock{mutex_};
  if (readers_.load() >= limits::stream_readers_max) {
    Error error{.code = ErrorCode::overloaded,
                .detail = "streams have as many readers as they may"};
    error.retry_after = std::chrono::seconds{1};
    return fail(std::move(error));
  }
  auto& channels = channels_[object];
  const auto found = std::ranges::find(channels, stream, &StreamChannel::stream);
  const auto channel = found != channels.end()
                           ? *found
                           : channels.emplace_back(std::make_shared<StreamChannel>(object, stream));
  readers_.fetch_add(1);
  const std::scoped_lock also{channel->mutex};
  channel->readers.push_back(reader);
  return channel;
}

void StreamHub::leave(const StreamChannelPtr& channel, const std::shared_ptr<Attendee>& reader) {
  const std::scoped_lock lock{mutex_};
  readers_.fetch_sub(1);
  const std::scoped_lock also{channel->mutex};
  std::erase(channel->readers, reader);
  if (!channel->readers.empty()) return;
  forget_tail(*channel);
  const auto found = channels_.find(channel->object);
  std::erase(found->second, channel);
  if (found->second.empty()) channels_.erase(found);
}

void StreamHub::forget_tail(StreamChannel& channel) {
  tail_bytes_.fetch_sub(channel.tail_bytes);
  channel.tail_bytes = 0;
  channel.tail.clear();
}

void StreamHub::keep(StreamChannel& channel, const StreamChunk& chunk,
                     const StreamNewsPtr& keeper) {
  if (chunk.items.empty()) return;
  const bool follows = channel.last + 1 == chunk.items.front().offset;
  if (!follows) forget_tail(channel);
  channel.last = chunk.items.back().offset;
  if (channel.readers.empty()) return;  // they have left meanwhile, and the channel with them
  channel.tail.emplace_back(keeper, &chunk.items);
  const auto bytes = bytes_of(chunk.items);
  channel.tail_bytes += bytes;
  if (tail_bytes_.fetch_add(bytes) + bytes > limits::stream_tails_bytes_max) {
    return forget_tail(channel);  // its readers go by the rows
  }
  while (channel.tail_bytes > limits::stream_tail_bytes_max) {
    const auto oldest = bytes_of(*channel.tail.front());
    channel.tail.pop_front();
    channel.tail_bytes -= oldest;
    tail_bytes_.fetch_sub(oldest);
  }
}

void StreamHub::committed(const Cell& cell, const StreamNewsPtr& news) {
  if (readers_.load() == 0) return;
  for (const auto& chunk : *news) {
    const auto channel = find(cell.object, chunk.stream);
    if (!channel) continue;
    Calls calls;
    {
      const std::scoped_lock lock{channel->mutex};
      if (chunk.is_dropped) {
        const Error why{.code = ErrorCode::gone,
                        .detail = "stream " + chunk.stream + " was dropped"};
        for (const auto& reader : channel->readers) calls.end(reader, why);
        forget_tail(*channel);
        channel->last = 0;
      }
      keep(*channel, chunk, news);
      for (const auto& reader : channel->readers) calls.add(reader);
    }
    calls.make();
  }
}

void StreamHub::changed(const ObjectMeta& meta, Reach reach) {
  if (readers_.load() == 0) return;
  std::vector<StreamChannelPtr> channels;
  {
    const std::scoped_lock lock{mutex_};
    const auto found = channels_.find(meta.object());
    if (found == channels_.end()) return;
    channels = found->second;
  }
  Calls calls;
  for (const auto& channel : channels) {
    const std::scoped_lock lock{channel->mutex};
    for (const auto& reader : channel->readers) {
      if (const auto why = refusal_to_attend(reader->principal, meta, reach)) {
        calls.end(reader, *why);
      }
    }
  }
  calls.make();
}

void StreamHub::check_invariants() const {
  const std::scoped_lock lock{mutex_};
  std::size_t readers = 0;
  std::size_t bytes = 0;
  for (const auto& [object, channels] : channels_) {
    PERDURE_CHECK(!channels.empty(), "an object without readers has a place");
    for (const auto& channel : channels) {
      const std::scoped_lock also{channel->mutex};
      PERDURE_CHECK(!channel->readers.empty(), "nobody reads a stream that is kept");
      readers += channel->readers.size();
      bytes += channel->tail_bytes;
      PERDURE_CHECK(channel->tail.empty() || channel->tail.back()->back().offset == channel->last,
                    "a tail does not end where it was told");
    }
  }
  PERDURE_CHECK(readers == readers_.load(), "the count of readers is off");
  PERDURE_CHECK(bytes == tail_bytes_.load(), "the size of the tails is off");
}

}  // namespace perdure::runtime
