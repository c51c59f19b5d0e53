// SPDX-License-Identifier: Apache-2.0
#include "streams.hpp"

#include <condition_variable>

#include "perdure/api/http/sse.hpp"

namespace perdure::http {

namespace {

const char* name_of(StreamEnd how) {
  switch (how) {
    case StreamEnd::finished: return "finished";
    case StreamEnd::disconnected: return "disconnected";
    case StreamEnd::stalled: return "stalled";
    case StreamEnd::silent: return "silent";
    case StreamEnd::aborted: return "aborted";
    case StreamEnd::stopped: return "stopped";
  }
  return "-";
}

Response plain(std::string body) {
  Response response;
  response.headers.add("Content-Type", "text/plain");
  response.body = std::move(body);
  return response;
}

std::size_t number_in(std::string_view query) {
  return query.empty() ? 0 : std::stoull(std::string{query});
}

/// Lines that show whether one is missing or out of order.
std::string line(std::size_t number) {
  auto text = std::to_string(number);
  text.resize(1023, '.');
  return text + '\n';
}

void send_events(const Request& request, Responder responder) {
  auto after = number_in(request.headers.find("Last-Event-ID").value_or(""));
  auto writer = responder.stream(event_stream_head(), event_stream_options());
  for (int i = 0; i < 3; ++i) {
    const auto id = std::to_string(++after);
    const auto data = "first " + id + "\r\n\nevent: forged";
    const auto text =
        encode({.id = id, .event = "tick", .data = data, .retry = std::chrono::milliseconds{10}});
    if (text) static_cast<void>(writer.write(*text));
  }
  writer.finish();
}

}  // namespace

/// One stream, shared between its callbacks and its producer.
struct Streams::Open {
  std::mutex mutex;
  std::condition_variable changed;
  std::unique_ptr<BodyWriter> writer;  // under mutex
  bool closed = false;                 // under mutex
  bool room = true;                    // under mutex
  std::size_t queued_bytes_max = 0;    // under mutex

  Result<Room> write(Body chunk) {
    const std::lock_guard lock{mutex};
    auto written = writer->write(std::move(chunk));
    queued_bytes_max = std::max(queued_bytes_max, writer->queued_bytes());
    if (!written || *written == Room::full) room = false;
    return written;
  }
  void finish() {
    const std::lock_guard lock{mutex};
    writer->finish();
  }
  /// Writes `count` lines at the client's pace.
  void produce(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      {
        std::unique_lock lock{mutex};
        changed.wait(lock, [this] { return room || closed; });
        if (closed) return;
      }
      // Paused at each `full`, it is never refused but for the stream's end.
      if (!write(line(i))) return;
    }
    finish();
  }
};

Streams::~Streams() {
  for (auto& producer : producers_) producer.join();
}

bool Streams::handle(Request& request, Responder& responder) {
  if (!request.path().starts_with("/stream/")) return false;
  if (request.method == Method::post || request.path() == "/stream/report") {
    control(request, std::move(responder));
  } else {
    open(request, std::move(responder));
  }
  return true;
}

// GET …/lines?N   N lines of 1 KiB from another thread, at the client's pace
//     …/sized?N   the same with a Content-Length
//     …/kept      stays open; POST …/push, …/end and …/abort act on all that are
//     …/beating   the same with a heartbeat every 100 ms
//     …/inline    written and finished within the handler
//     …/short     ends before its Content-Length; …/long does not fit into it
//     …/dropped   gives up before the first byte
//     …/events    the three events after Last-Event-ID, and the end
void Streams::open(const Request& request, Responder responder) {
  const auto what = request.path().substr(std::string_view{"/stream/"}.size());
  if (what == "events") return send_events(request, std::move(responder));
  const auto count = number_in(request.query());
  auto stream = std::make_shared<Open>();
  StreamOptions options{.queue_bytes_max = 64 * 1024};
  if (what == "sized") options.content_length = count * 1024;
  if (what == "short" || what == "long") options.content_length = 10;
  if (what == "beating") options.heartbeat = {.period = Milliseconds{100}, .text = ":\n"};
  options.on_writable = [stream] {
    const std::lock_guard lock{stream->mutex};
    stream->room = true;
    stream->changed.notify_all();
  };
  options.on_drain = [stream] {
    static_cast<void>(stream->write("last"));
    stream->finish();
  };
  options.on_closed = [this, stream](StreamEnd how) {
    std::size_t most = 0;
    {
      const std::lock_guard lock{stream->mutex};
      stream->closed = true;
      stream->changed.notify_all();
      most = stream->queued_bytes_max;
    }
    ended(how, most);
  };
  auto head = plain(what == "inline" ? "first " : "");
  {
    const std::lock_guard lock{stream->mutex};
    stream->writer =
        std::make_unique<BodyWriter>(responder.stream(std::move(head), std::move(options)));
  }
  const std::lock_guard lock{mutex_};
  open_.push_back(stream);
  if (what == "lines" || what == "sized") {
    producers_.emplace_back([stream, count] { stream->produce(count); });
  } else if (what == "inline" || what == "short") {
    static_cast<void>(stream->write("second"));
    stream->finish();
  } else if (what == "long") {
    const auto refused = stream->write("eleven byte");
    const auto invalid = !refused && refused.error().code == ErrorCode::invalid;
    static_cast<void>(stream->write(invalid ? "refused" : "mistake"));
    static_cast<void>(stream->write("..."));
    stream->finish();
  } else if (what == "dropped") {
    stream->writer.reset();
    open_.pop_back();
  }
}

void Streams::control(const Request& request, Responder responder) {
  if (request.path() == "/stream/report") return responder.send(plain(report()));
  const std::lock_guard lock{mutex_};
  for (auto& stream : open_) {
    if (request.path() == "/stream/push") static_cast<void>(stream->write(request.body));
    if (request.path() == "/stream/end") stream->finish();
    if (request.path() == "/stream/abort") stream->writer->abort();
  }
  if (request.path() != "/stream/push") open_.clear();
  responder.send(plain("done"));
}

std::string Streams::report() {
  const std::lock_guard lock{mutex_};
  return ends_;
}

void Streams::ended(StreamEnd how, std::size_t queued_bytes_max) {
  const std::lock_guard lock{mutex_};
  ends_ += std::string{name_of(how)} + ' ' + std::to_string(queued_bytes_max) + '\n';
}

}  // namespace perdure::http
