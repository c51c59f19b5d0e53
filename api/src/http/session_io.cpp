// SPDX-License-Identifier: Apache-2.0
// The half of the session that touches the socket: reading, writing, closing.
#include <span>

#include "http/acknowledged_bytes.hpp"
#include "http/request_checks.hpp"
#include "http/response_head.hpp"
#include "http/session.hpp"
#include "perdure/base/let_go.hpp"

namespace perdure::http {

namespace {

constexpr std::size_t read_bytes_min = 2 * 1024;
constexpr std::size_t body_read_bytes = 64 * 1024;
/// Up to here a body is copied behind its head where that saves a write (each write under TLS is
/// a record of its own).
constexpr std::size_t join_bytes_max = 16 * 1024;

bool wants_close(const Headers& headers) {
  const auto connection = headers.find("Connection");
  return connection && equals_ignoring_case(*connection, "close");
}

}  // namespace

void Session::read_more() {
  if (std::exchange(reading_, true)) return;
  const auto large = phase_ == Phase::body && framing_.content_length > body_read_bytes;
  auto* room = input_.prepare(large ? body_read_bytes : read_bytes_min);
  auto self = std::static_pointer_cast<Session>(shared_from_this());
  channel_.async_read_some(asio::buffer(room, input_.room()),
                           [self = std::move(self)](const error_code& ec, std::size_t count) {
                             self->on_read(ec, count);
                           });
}

void Session::on_read(error_code ec, std::size_t count) {
  const Stepping stepping{stepping_};
  reading_ = false;
  if (phase_ == Phase::closed) return;
  if (phase_ == Phase::lingering) return on_read_lingering(ec);
  if (phase_ == Phase::streaming) {
    if (ec) return cut_stream(StreamEnd::disconnected);
    return input_.commit(count);
  }
  if (timed_out_) {
    timed_out_ = false;
    exchange_started_ = std::chrono::steady_clock::now();
    if (phase_ == Phase::turned_away) {
      if (refuse_connection() == Step::again) advance();
      return;
    }
    const Refusal late{408, "request_timeout", "The request took too long to arrive."};
    const auto step = phase_ == Phase::body ? refuse_body(late) : refuse_head(late, input_.view());
    if (step == Step::again) advance();
    return;
  }
  // A client that is gone in the middle of a request hears no answer.
  if (ec) return close();
  input_.commit(count);
  advance();
}

/// Picks the bytes of the body, and whether they are to be compressed, where the client and the
/// content allow it.
Coding Session::choose_coding() {
  body_ = reply_.body.view();
  varies_ = false;
  if (body_.size() <= compression_bytes_min || reply_.headers.find("Content-Encoding")) {
    return Coding::as_is;
  }
  if (!reply_.gzip_body && !is_compressible(reply_.headers.find("Content-Type").value_or(""))) {
    return Coding::as_is;
  }
  varies_ = true;
  if (!client_takes_gzip_) return Coding::as_is;
  if (!reply_.gzip_body) return Coding::gzip;
  body_ = *reply_.gzip_body;
  tell_gzip();
  return Coding::as_is;
}

/// What is sent is another representation of the same thing, and has a validator of its own.
void Session::tell_gzip() {
  reply_.headers.add("Content-Encoding", "gzip");
  if (const auto tag = reply_.headers.find("ETag")) {
    reply_.headers.replace("ETag", tag_under(Coding::gzip, *tag));
  }
}

/// Has the pool compress the body; false when it has no room. The loop goes on in `on_wake`.
bool Session::compress_elsewhere() {
  const auto before = phase_;
  enter(Phase::compressing, loop().core().options.timeouts.handler);
  auto self = std::static_pointer_cast<Session>(shared_from_this());
  auto done = [self = std::move(self)](std::string&& compressed) {
    self->compressed_ = std::move(compressed);
    self->compressed_waits_.store(true, std::memory_order_release);
    self->loop().wake(self);
  };
  if (loop().core().gzip_pool.submit(address_, body_, std::move(done))) return true;
  phase_ = before;
  return false;
}

void Session::take_compressed() {
  const auto bytes = compressed_.capacity() > kept_uncounted_bytes ? compressed_.capacity() : 0;
  if (written_hold_.bytes() == 0) written_hold_ = hold_for(reply_.owner);
  if (written_hold_.resize(bytes) != Fit::yes) {  // of a shared body, which takes nothing as it is
    let_go(compressed_);
    return;
  }
  body_ = compressed_;
  let_go(reply_.body);  // its memory: the answer may take long to send
  tell_gzip();
}

/// The head of `reply_`, and with it whether the connection goes on.
void Session::write_head(const BodyShape& shape, Instant started) {
  settle_unread_body();
  if (loop().core().draining.load(std::memory_order_relaxed) || wants_close(reply_.headers)) {
    framing_.connection = Framing::Connection::close;
  }
  close_after_ = framing_.connection == Framing::Connection::close;
  head_.clear();
  written_ = 0;
  const auto date_line = loop().date_line().at(started);
  append_head(head_, reply_,
              {.date_line = {date_line.data(), date_line.size()},
               .request_id = request_id_,
               .extra_lines = shape.extra_lines,
               .version = framing_.version,
               .connection = framing_.connection,
               .form = shape.form,
               .body_bytes = shape.body_bytes});
}

bool Session::is_bodiless() const { return method_name_ == "HEAD" || !has_body(reply_.status); }

void Session::count_reply() {
  const auto bytes = reply_.body.owned_bytes();
  if (bytes <= kept_uncounted_bytes) return;
  written_hold_ = hold_for(reply_.owner);
  const auto fit = written_hold_.resize(bytes);
  if (fit == Fit::yes) return;
  const auto method = method_from(method_name_);
  const bool is_safe_to_drop = method && is_safe(*method);
  reply_ = render(is_safe_to_drop
                      ? refusal_of(fit)
                      : Refusal{503, "outcome_unknown",
                                "The request was carried out, but its answer cannot be kept: the "
                                "server has no memory for it (limits.memory)."});
}

Session::Step Session::send(Response&& response) {
  if (&response != &reply_) reply_ = std::move(response);
  count_reply();
  if (choose_coding() == Coding::gzip) {
    if (body_.size() > gzip_inline_bytes_max) {
      if (compress_elsewhere()) return Step::wait;
    } else {
      compressed_ = loop().gzip().encode(body_);
      take_compressed();
    }
  }
  return begin_answer();
}

/// Head and body are as they will be sent.
Session::Step Session::begin_answer() {
  const auto started = std::chrono::steady_clock::now();
  write_head({.body_bytes = body_.size(),
              .extra_lines = varies_ ? std::string_view{"Vary: Accept-Encoding\r\n"} : ""},
             started);
  if (is_bodiless()) body_ = {};
  if (channel_.is_tls() && body_.size() <= join_bytes_max) {
    head_.append(body_);
    body_ = {};
  }
  phase_ = Phase::writing;
  await_reader(started);
  return write_pending();
}

namespace {

/// What is left of head and body after `written` bytes of both, as much as one turn may send.
std::array<asio::const_buffer, 2> rest_of(std::string_view head, std::string_view body,
                                          std::size_t written) {
  const auto head_done = std::min(written, head.size());
  head.remove_prefix(head_done);
  body.remove_prefix(written - head_done);
  body = body.substr(0, Session::turn_bytes_max);
  return {asio::const_buffer{head.data(), head.size()},
          asio::const_buffer{body.data(), body.size()}};
}

}  // namespace

Session::Step Session::write_pending() {
  const auto total = head_.size() + body_.size();
  if (!channel_.is_tls()) {
    // Nearly always the kernel takes all at once: no handler, no turn of the loop. What went wrong
    // is met again by the loop, which alone closes connections.
    error_code ec;
    written_ += channel_.write_now(rest_of(head_, body_, written_), ec);
    if (written_ == total) return finish_exchange();
  }
  write_some();
  return Step::wait;
}

void Session::write_some() {
  auto self = std::static_pointer_cast<Session>(shared_from_this());
  auto on_written = [self = std::move(self)](const error_code& ec, std::size_t count) {
    auto& session = *self;
    const Stepping stepping{session.stepping_};
    if (session.phase_ == Phase::closed) return;
    if (ec) return session.close();
    session.written_ += count;
    if (session.written_ < session.head_.size() + session.body_.size()) {
      return session.write_some();
    }
    // The interim 100 was written from within the body phase.
    if (session.phase_ == Phase::body) return session.advance();
    if (session.finish_exchange() == Step::again) session.advance();
  };
  channel_.async_write_some(rest_of(head_, body_, written_), std::move(on_written));
}

/// Something waits for the client to read it.
void Session::await_reader(Instant from) {
  reader_pace_.begin(reader_pace(loop().core().options.timeouts), from);
  set_deadline(reader_pace_.next_look());
}

/// At its deadline: whether the client has read enough to be waited for, until the next one.
bool Session::reader_keeps_up() {
  const auto rule = reader_pace(loop().core().options.timeouts);
  const auto taken = acknowledged_bytes(channel_.socket().native_handle());
  if (!reader_pace_.keeps_up(rule, std::chrono::steady_clock::now(), taken)) return false;
  set_deadline(reader_pace_.next_look());
  return true;
}

void Session::report(Instant finished) {
  const auto& on_finished = loop().core().services.on_finished;
  if (!on_finished) return;
  on_finished({.method = method_name_,
               .status = reply_.status,
               .duration = finished - exchange_started_,
               .body_bytes_in = body_bytes_in_,
               .bytes_out = written_,
               .request_id = request_id_,
               .path = path_,
               .route = reply_.route,
               .cause = reply_.cause,
               .lasts_for = lasts_for_});
}

Session::Step Session::finish_exchange() {
  const auto finished = std::chrono::steady_clock::now();
  report(finished);
  let_go(reply_);
  let_go(compressed_);
  body_ = {};
  written_hold_.release();
  if (close_after_) {
    linger();
    return Step::wait;
  }
  request_id_.clear();
  method_name_ = "-";
  path_.clear();
  origin_.reset();
  lasts_for_ = LastsFor::its_work;
  body_bytes_in_ = 0;
  scanner_.restart();
  if (body_unread_) {
    let_go(incoming_);
    enter(Phase::skipping, loop().core().options.timeouts.body, finished);
    return Step::again;
  }
  enter(Phase::idle, loop().core().options.timeouts.idle, finished);
  if (input_.empty() || finished < slice_ends_) return Step::again;
  give_way();
  return Step::wait;
}

void Session::linger() {
  enter(Phase::lingering, loop().core().options.timeouts.linger);
  error_code ec;
  if (channel_.is_tls()) {
    if (!reading_) return say_goodbye();
    channel_.socket().cancel(ec);  // `on_read_lingering` goes on
    return;
  }
  channel_.socket().shutdown(asio::socket_base::shutdown_send, ec);
  read_more();  // meets what went wrong
}

void Session::on_read_lingering(const error_code& ec) {
  if (channel_.is_tls()) return say_goodbye();
  if (ec) return close();
  input_.consume(input_.view().size());
  read_more();
}

/// TLS only: waits for the peer's close_notify, at most for the linger time.
void Session::say_goodbye() {
  auto self = std::static_pointer_cast<Session>(shared_from_this());
  channel_.tls().async_shutdown([self = std::move(self)](const error_code&) { self->close(); });
}

void Session::close() {
  if (phase_ == Phase::closed) return;
  // Until the handler has said that it wants the body, `body_wanted_` is the handler's.
  if (phase_ == Phase::body) drop_body_wanted();
  phase_ = Phase::closed;
  claimed_.store(true, std::memory_order_release);  // a late answer is dropped
  error_code ec;
  channel_.socket().close(ec);
  loop().unlink(*this);
  place_.leave();
}

}  // namespace perdure::http
