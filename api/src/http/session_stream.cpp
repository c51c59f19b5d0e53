// SPDX-License-Identifier: Apache-2.0
// The part of the session that sends a body which is made meanwhile.
#include <netinet/tcp.h>

#include "http/response_head.hpp"
#include "http/session.hpp"

namespace perdure::http {

namespace {

using UserTimeout = asio::detail::socket_option::integer<IPPROTO_TCP, TCP_USER_TIMEOUT>;

}  // namespace

std::shared_ptr<BodySink> Session::stream(Response&& head, StreamOptions&& options) {
  auto body = std::make_shared<StreamedBody>(shared_loop(), shared_from_this(), std::move(options),
                                             hold_for(head.owner));
  if (!claim()) {
    body->end(StreamEnd::disconnected);
    return body;
  }
  // The queue is empty: only a body that is longer than its announced length is refused.
  if (!body->write(std::exchange(head.body, {}))) body->abort();
  reply_ = std::move(head);
  reply_kind_ = ReplyKind::stream;
  stream_ = body;
  reply_ready();
  return body;
}

Session::Step Session::start_stream() {
  if (stream_->is_aborted()) {
    end_stream(StreamEnd::aborted);
    return send(render({500, "internal", "The request was not answered."}));
  }
  const auto size = stream_->content_length();
  const auto old = framing_.version == Framing::Version::http_1_0;
  const auto form = size ? BodyForm::sized : old ? BodyForm::until_close : BodyForm::chunked;
  if (form == BodyForm::until_close) framing_.connection = Framing::Connection::close;
  const auto started = std::chrono::steady_clock::now();
  write_head({.form = form, .body_bytes = size.value_or(0)}, started);
  if (is_bodiless()) {
    end_stream(StreamEnd::finished);
    body_ = {};
    phase_ = Phase::writing;
    await_reader(started);
    return write_pending();
  }
  if (stream_->heartbeat_period().count() > 0) lasts_for_ = LastsFor::its_reader;
  stream_->start(std::exchange(head_, {}), form);
  phase_ = Phase::streaming;
  reader_pace_.end();
  // A client that is gone without a word is noticed by what it does not acknowledge.
  error_code ec;
  channel_.socket().set_option(
      UserTimeout{static_cast<int>(loop().core().options.timeouts.write.count())}, ec);
  watch_client();
  if (loop().core().draining) stream_->tell_drain();
  return pump_stream();
}

/// Sends what waits. Returns where the next step waits for the socket or for the producer.
Session::Step Session::pump_stream() {
  const auto stream = stream_;  // callbacks may end it
  for (std::size_t turn_bytes = 0; !stream_writing_;) {
    if (stream->is_aborted()) {
      cut_stream(StreamEnd::aborted);
      return Step::wait;
    }
    const auto unsent = stream->unsent();
    if (unsent.empty()) {
      if (stream->is_complete()) return finish_stream();
      await_producer();
      break;
    }
    if (channel_.is_tls() || turn_bytes >= turn_bytes_max) {
      write_stream();
      break;
    }
    error_code ec;
    const auto count = channel_.write_now(unsent, ec);
    if (ec == asio::error::would_block) {
      write_stream();
      break;
    }
    if (ec) {
      cut_stream(StreamEnd::disconnected);
      return Step::wait;
    }
    turn_bytes += count;
    count_sent(count);
  }
  stream->tell_room();
  return Step::wait;
}

void Session::count_sent(std::size_t count) {
  written_ += count;
  stream_->sent(count);
}

void Session::write_stream() {
  stream_writing_ = true;
  if (!reader_pace_.waits()) await_reader(std::chrono::steady_clock::now());
  auto self = std::static_pointer_cast<Session>(shared_from_this());
  auto on_written = [self = std::move(self), stream = stream_](const error_code& ec,
                                                               std::size_t count) {
    auto& session = *self;
    const Stepping stepping{session.stepping_};
    session.stream_writing_ = false;
    if (session.phase_ != Phase::streaming) return;
    if (ec) return session.cut_stream(StreamEnd::disconnected);
    session.count_sent(count);
    if (session.pump_stream() == Step::again) session.advance();
  };
  channel_.async_write_some(stream_->unsent(), std::move(on_written));
}

/// All that waited was sent: the client is up to date, whatever its pace was.
void Session::await_producer() {
  reader_pace_.end();
  const auto period = stream_->heartbeat_period();
  set_deadline(std::chrono::steady_clock::now() +
               (period.count() > 0 ? period : loop().core().options.timeouts.stream_idle));
}

void Session::on_stream_deadline() {
  if (stream_writing_) {
    if (!reader_keeps_up()) cut_stream(StreamEnd::stalled);
    return;
  }
  if (stream_->heartbeat_period().count() == 0) return cut_stream(StreamEnd::silent);
  stream_->beat();
  if (pump_stream() == Step::again) advance();
}

/// Reads while nothing is to be read, to hear of the client's end. Bytes of a next request end
/// the watch: a later end is noticed by writing.
void Session::watch_client() {
  if (!input_.empty()) return;
  if (!reading_) input_.shrink();
  read_more();
}

Session::Step Session::finish_stream() {
  end_stream(StreamEnd::finished);
  return finish_exchange();
}

void Session::end_stream(StreamEnd how) {
  if (const auto stream = std::exchange(stream_, nullptr)) stream->end(how);
}

void Session::cut_stream(StreamEnd how) {
  report(std::chrono::steady_clock::now());
  const auto looks_whole =
      framing_.version == Framing::Version::http_1_0 && !stream_->content_length();
  if (looks_whole || how == StreamEnd::stalled) channel_.reset_on_close();
  end_stream(how);
  close();
}

}  // namespace perdure::http
