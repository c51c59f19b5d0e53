// SPDX-License-Identifier: Apache-2.0
#include "http/session.hpp"

#include <boost/asio/post.hpp>

#include "http/request_checks.hpp"
#include "http/response_head.hpp"
#include "http/websocket_session.hpp"
#include "perdure/api/http/direct_answers.hpp"

namespace perdure::http {

namespace {

/// How long the first request of a connection without a place is waited for.
constexpr Milliseconds turn_away_within{250};

Instant now() { return std::chrono::steady_clock::now(); }

}  // namespace

Session::Session(std::shared_ptr<IoLoop> loop, Channel channel, Place place)
    : Connection(std::move(loop)),
      channel_(std::move(channel)),
      place_(std::move(place)),
      scanner_(this->loop().core().options.limits) {}

void Session::start() {
  exchange_started_ = now();
  loop().link(*this);
  if (phase_ == Phase::closed) return;
  error_code ec;
  auto& socket = channel_.socket();
  const auto remote = socket.remote_endpoint(ec);
  if (!ec) peer_ = remote.address().to_string();
  address_ = owner_key(place_.key());
  kept_ = hold_for({});
  const auto admission =
      count_connection() == Fit::yes ? place_.admission() : Admission::server_full;
  socket.set_option(asio::ip::tcp::no_delay{true}, ec);
  socket.non_blocking(true, ec);
  if (ec) return close();
  if (channel_.is_tls()) return begin_tls(admission);
  if (admission != Admission::admitted) {
    enter(Phase::turned_away, turn_away_within);
    return read_more();
  }
  enter(Phase::idle, loop().core().options.timeouts.header);
  read_more();
  if (loop().core().draining) begin_drain();  // it was on its way to this loop
}

/// A page of another origin may read the answer only if it is told to whom it goes. That stands in
/// the request, which is on its way mostly: it is waited for, but not for long.
Session::Step Session::step_turned_away() {
  const auto refusal = scanner_.advance(input_.view());
  if (!refusal && !scanner_.complete()) {
    read_more();
    return Step::wait;
  }
  return refuse_connection();
}

Session::Step Session::refuse_connection() {
  if (const auto origin = find_origin(input_.view()); scanner_.complete() || !origin.empty()) {
    origin_ = origin;
  }
  return refuse({503, "overloaded",
                 place_.admission() == Admission::address_full
                     ? "Too many connections from this address are open."
                     : "Too many connections are open."});
}

void Session::begin_tls(Admission admission) {
  // A handshake costs more than it tells a client that will not be served.
  if (admission != Admission::admitted) return close();
  enter(Phase::handshake, loop().core().options.timeouts.header);
  auto self = std::static_pointer_cast<Session>(shared_from_this());
  channel_.tls().async_handshake(asio::ssl::stream_base::server,
                                 [this, self = std::move(self)](const error_code& ec) {
                                   if (phase_ == Phase::closed) return;
                                   if (ec) return close();
                                   enter(Phase::idle, loop().core().options.timeouts.header);
                                   read_more();
                                 });
}

void Session::enter(Phase phase, Milliseconds timeout) { enter(phase, timeout, now()); }

void Session::enter(Phase phase, Milliseconds timeout, Instant at) {
  phase_ = phase;
  set_deadline(at + timeout);
}

/// From here on this connection may keep the loop for a while.
void Session::begin_slice() { slice_ends_ = now() + slice_max; }

/// Goes on with the next request when the other connections of the loop have had their turn.
void Session::give_way() {
  auto self = std::static_pointer_cast<Session>(shared_from_this());
  asio::post(loop().context(), [self = std::move(self)] {
    const Stepping stepping{self->stepping_};
    if (self->phase_ == Phase::idle) self->advance();
  });
}

void Session::advance() {
  begin_slice();
  while (phase_ != Phase::closed && take_step() == Step::again) {
  }
}

Session::Step Session::take_step() {
  switch (phase_) {
    case Phase::idle:
    case Phase::header: return step_header();
    case Phase::body: return step_body();
    case Phase::skipping: return step_skip();
    case Phase::turned_away: return step_turned_away();
    default: return Step::wait;
  }
}

Session::Step Session::step_header() {
  if (input_.empty()) {
    if (!reading_) input_.shrink();
    static_cast<void>(count_connection());  // it gives back what it had grown by
    read_more();
    return Step::wait;
  }
  const auto at = now();
  if (phase_ == Phase::idle) enter(Phase::header, loop().core().options.timeouts.header, at);
  const auto& limits = loop().core().options.limits;
  const auto input = input_.view();
  if (const auto refusal = scanner_.advance(input)) {
    exchange_started_ = at;
    return refuse_head(*refusal, input);
  }
  if (!scanner_.complete()) {
    if (const auto fit = count_connection(); fit != Fit::yes) {
      exchange_started_ = at;
      return refuse(refusal_of(fit));
    }
    read_more();
    return Step::wait;
  }
  exchange_started_ = at;
  const auto block = input.substr(scanner_.begin(), scanner_.end() - scanner_.begin());
  request_.upgrade = Upgrade::none;
  request_.request_id.clear();
  const auto refusal = parser_.parse_header(block, limits, request_, framing_);
  origin_.emplace(refusal ? find_origin(block) : framing_.origin);
  input_.consume(scanner_.end());
  request_id_ = request_.request_id.empty() ? loop().make_request_id() : request_.request_id;
  path_.assign(request_.path());
  if (refusal) return refuse(*refusal);
  method_name_ = to_string(request_.method);
  const auto accepted = request_.headers.find("Accept-Encoding");
  client_takes_gzip_ = accepted && accepts_gzip(*accepted);
  return take_body_at_hand();
}

Session::Step Session::dispatch() {
  body_bytes_in_ = request_.body.size();
  request_.request_id = request_id_;
  request_.peer = peer_;
  request_.transport = channel_.is_tls() ? http::Transport::tls : http::Transport::plain;
  request_.body_state = body_unread_ ? BodyState::unread : BodyState::whole;
  if (request_.upgrade == Upgrade::websocket) upgrade_headers_ = request_.headers;
  enter(Phase::handling, loop().core().options.timeouts.handler);
  reply_kind_ = ReplyKind::none;
  claimed_.store(false, std::memory_order_release);

  loop().watch().note(method_name_, path_);
  in_handle_ = true;
  Responder responder{std::static_pointer_cast<Session>(shared_from_this())};
  if (request_.upgrade == Upgrade::websocket && request_.path() == "/ws/echo" &&
      loop().core().options.websocket_echo == Echo::on) {
    responder.accept_websocket(make_echo_handler(), echo_options());
  } else {
    try {
      loop().core().handler.handle(std::move(request_), std::move(responder));
    } catch (...) {
      // The responder went with the handler's frame: the client gets its 500.
    }
  }
  request_.body.clear();
  return handled();
}

/// The handler has returned: it may have answered or asked for the body, or will do so later.
Session::Step Session::handled() {
  in_handle_ = false;
  if (std::exchange(answered_inline_, false)) return respond();
  if (std::exchange(body_wanted_inline_, false)) return begin_body();
  return Step::wait;
}

void Session::answer(Response&& response) {
  if (!claim()) return;
  reply_ = std::move(response);
  reply_kind_ = ReplyKind::response;
  reply_ready();
}

void Session::accept_websocket(std::shared_ptr<WebSocketHandler> handler,
                               const WebSocketOptions& options) {
  if (!claim()) return;
  websocket_handler_ = std::move(handler);
  websocket_options_ = options;
  reply_kind_ = ReplyKind::websocket;
  reply_ready();
}

void Session::abandon() noexcept {
  if (!claim()) return;
  reply_kind_ = ReplyKind::abandoned;
  reply_ready();
}

void Session::reply_ready() {
  // `in_handle_` belongs to the loop's thread: it is read only there.
  if (loop().is_current_thread() && in_handle_) {
    answered_inline_ = true;
  } else if (!DirectAnswers::here() || !answer_here()) {
    reply_waits_.store(true, std::memory_order_release);
    loop().wake(shared_from_this());
  }
}

/// Sends the reply, and waits for the next request, on this thread. False if that is the loop's to
/// do.
bool Session::answer_here() {
  const std::unique_lock stepping{stepping_, std::try_to_lock};
  if (!stepping || phase_ != Phase::handling || !input_.empty() || body_unread_) return false;
  // The encoder is the loop's, and a large body would hold this thread up.
  if (reply_.body.view().size() > compression_bytes_min) return false;
  if (reply_kind_ != ReplyKind::response || channel_.is_tls()) return false;
  if (send(std::move(reply_)) == Step::again) advance();
  return true;
}

void Session::on_wake() {
  const Stepping stepping{stepping_};
  if (phase_ == Phase::streaming) {
    if (pump_stream() == Step::again) advance();
    return;
  }
  begin_slice();
  if (body_waits_.exchange(false, std::memory_order_acquire)) {
    if (phase_ != Phase::handling) return drop_body_wanted();
    if (begin_body() == Step::again) advance();
    return;
  }
  if (phase_ == Phase::compressing) {
    if (!compressed_waits_.exchange(false, std::memory_order_acquire)) return;
    take_compressed();
    if (begin_answer() == Step::again) advance();
    return;
  }
  // A stream that has ended since may have asked for this.
  if (!reply_waits_.exchange(false, std::memory_order_acquire)) return;
  if (phase_ != Phase::handling) return end_stream(StreamEnd::disconnected);
  if (respond() == Step::again) advance();
}

Session::Step Session::respond() {
  switch (reply_kind_) {
    case ReplyKind::response: return send(std::move(reply_));
    case ReplyKind::stream: return start_stream();
    case ReplyKind::websocket: return accept_or_refuse_websocket();
    default: return send(render({500, "internal", "The request was not answered."}));
  }
}

Session::Step Session::accept_or_refuse_websocket() {
  if (const auto refusal = check_websocket_handshake(upgrade_headers_)) return refuse(*refusal);
  if (!input_.empty()) {
    return refuse(malformed("Bytes follow the handshake before it was answered."));
  }
  phase_ = Phase::closed;  // the channel goes on under another owner
  loop().unlink(*this);
  start_websocket({.loop = shared_loop(),
                   .channel = std::move(channel_),
                   .place = std::move(place_),
                   .kept = std::move(kept_),
                   .queued = hold_for({}),
                   .handshake = std::move(upgrade_headers_),
                   .request_id = request_id_,
                   .handler = std::move(websocket_handler_),
                   .options = websocket_options_});
  if (loop().core().services.on_finished) {
    loop().core().services.on_finished({.method = method_name_,
                                        .status = 101,
                                        .duration = now() - exchange_started_,
                                        .request_id = request_id_,
                                        .path = path_});
  }
  return Step::wait;
}

Session::Step Session::refuse(const Refusal& refusal) {
  // What follows on this connection cannot be trusted to begin where we think it does.
  framing_.connection = Framing::Connection::close;
  if (request_id_.empty()) request_id_ = loop().make_request_id();
  return send(render(refusal));
}

/// Of a head that was not read whole.
Session::Step Session::refuse_head(const Refusal& refusal, std::string_view head) {
  if (const auto origin = find_origin(head); !origin.empty()) origin_ = origin;
  return refuse(refusal);
}

Response Session::render(const Refusal& refusal) {
  auto response = loop().core().services.render_problem({.status = refusal.status,
                                                         .code = refusal.code,
                                                         .detail = std::string{refusal.detail},
                                                         .request_id = request_id_,
                                                         .path = path_,
                                                         .origin = origin_});
  if ((refusal.status == 503 || refusal.status == 429) && !response.headers.find("Retry-After")) {
    response.headers.add("Retry-After", "1");
  }
  if (refusal.status == 426) {
    response.headers.add("Upgrade", "websocket");
    response.headers.add("Sec-WebSocket-Version", "13");
  }
  return response;
}

void Session::on_deadline() {
  const Stepping stepping{stepping_};
  if (now() < deadline()) return;  // it was answered just now
  const auto& timeouts = loop().core().options.timeouts;
  switch (phase_) {
    case Phase::header:
    case Phase::body:
    case Phase::turned_away:
      // The read in flight must end before the buffer may be touched.
      timed_out_ = true;
      set_deadline(now() + timeouts.linger);
      {
        error_code ec;
        channel_.socket().cancel(ec);
      }
      return;
    case Phase::handling: {
      if (!claim()) return;  // the answer is on its way
      const auto safe = method_name_ == "-" || is_safe(*method_from(method_name_));
      const auto step =
          safe ? refuse({503, "deadline_exceeded", "The request took too long."})
               : refuse({503, "outcome_unknown",
                         "The request took too long; it may or may not have taken effect."});
      if (step == Step::again) advance();
      return;
    }
    case Phase::streaming: return on_stream_deadline();
    case Phase::writing:
      if (reader_keeps_up()) return;
      channel_.reset_on_close();
      return close();
    default: close();
  }
}

void Session::begin_drain() {
  const Stepping stepping{stepping_};
  if (phase_ == Phase::handshake) return close();
  if (phase_ == Phase::streaming) {
    close_after_ = true;
    return stream_->tell_drain();
  }
  if (phase_ == Phase::skipping) close_after_ = true;
  if (phase_ != Phase::idle) return;
  // A request that has arrived and was not read yet is still answered.
  error_code ec;
  if (input_.empty() && channel_.socket().available(ec) == 0) linger();
}

void Session::abort() {
  const Stepping stepping{stepping_};
  if (phase_ == Phase::streaming) return cut_stream(StreamEnd::stopped);
  close();
}

}  // namespace perdure::http
