// SPDX-License-Identifier: Apache-2.0
// The part of the session that reads a request's body: with the head where both arrived together,
// else when the handler has judged the head and asks for it.
#include "http/session.hpp"
#include "perdure/base/let_go.hpp"

namespace perdure::http {

namespace {

/// A body that nobody wanted is read over up to here, so that the connection can go on.
constexpr std::size_t skipped_bytes_max = std::size_t{64} * 1024;

/// The first allocation for a body; later ones double it.
constexpr std::size_t body_bytes_first = std::size_t{64} * 1024;

/// What an open connection takes beside a grown read buffer (docs/benchmarks.md, sockets).
constexpr std::size_t plain_connection_bytes = std::size_t{6} * 1024;
constexpr std::size_t tls_connection_bytes = std::size_t{40} * 1024;

constexpr Refusal too_large{413, "too_large", "The request body is too large."};

}  // namespace

Fit Session::count_connection() {
  const auto base = channel_.is_tls() ? tls_connection_bytes : plain_connection_bytes;
  return kept_.resize(base + (input_.capacity() > ReadBuffer::idle_bytes ? input_.capacity() : 0));
}

Hold Session::hold_for(std::optional<OwnerKey> owner) {
  auto* const budget = loop().core().services.memory;
  return budget == nullptr ? Hold{} : Hold{*budget, owner.value_or(address_)};
}

/// A sized body that has arrived with its head goes along with it. All others wait until the
/// handler wants them.
Session::Step Session::take_body_at_hand() {
  request_.body.clear();
  body_unread_ = framing_.body != Framing::BodyKind::none;
  if (framing_.body == Framing::BodyKind::sized &&
      framing_.content_length <= input_.view().size()) {
    const auto step = parser_.parse_body(
        input_.view(), static_cast<std::size_t>(framing_.content_length), request_.body);
    input_.consume(step.consumed);
    body_unread_ = false;
  }
  return dispatch();
}

void Session::read_body(BodyWanted&& wanted) {
  body_wanted_ = std::move(wanted);
  // `in_handle_` belongs to the loop's thread: it is read only there.
  if (loop().is_current_thread() && in_handle_) {
    body_wanted_inline_ = true;
    return;
  }
  body_waits_.store(true, std::memory_order_release);
  loop().wake(shared_from_this());
}

/// The request may be the last owner of this session but for the caller.
void Session::drop_body_wanted() { const auto dropped = std::exchange(body_wanted_, {}); }

Session::Step Session::begin_body() {
  const auto sized = framing_.body == Framing::BodyKind::sized;
  if (sized && framing_.content_length > body_wanted_.bytes_max) return refuse_body(too_large);
  let_go(incoming_);
  incoming_.hold = hold_for(body_wanted_.owner);
  if (auto* budget = loop().core().services.memory; sized && budget != nullptr) {
    // Said before it is sent, and not counted before it arrives.
    const auto announced = static_cast<std::size_t>(framing_.content_length);
    const auto fit = announced <= body_bytes_first
                         ? Fit::yes
                         : budget->fit_of(body_wanted_.owner.value_or(address_), announced);
    if (fit != Fit::yes) return refuse_body(refusal_of(fit));
  }
  body_started_ = std::chrono::steady_clock::now();
  phase_ = Phase::body;
  extend_body_deadline();
  if (framing_.expect == Framing::Expect::continue_100 && input_.empty()) return write_continue();
  return Step::again;
}

Session::Step Session::write_continue() {
  framing_.expect = Framing::Expect::nothing;
  head_ = "HTTP/1.1 100 Continue\r\n\r\n";
  body_ = {};
  written_ = 0;
  if (!channel_.is_tls()) {
    error_code ec;
    written_ = channel_.write_now(asio::buffer(head_), ec);
    if (ec && ec != asio::error::would_block) {
      close();
      return Step::wait;
    }
    if (written_ == head_.size()) return Step::again;
  }
  // Back to the body from `write_some`.
  write_some();
  return Step::wait;
}

/// Counts the memory for the bytes that are about to be appended, before it is taken.
Fit Session::reserve_body() {
  auto& bytes = incoming_.bytes;
  const auto needed = bytes.size() + input_.view().size();
  if (needed <= bytes.capacity()) return Fit::yes;
  const auto bound = framing_.body == Framing::BodyKind::sized
                         ? static_cast<std::size_t>(framing_.content_length)
                         : body_wanted_.bytes_max;
  auto room = std::min(bound, std::max({needed, body_bytes_first, 2 * bytes.capacity()}));
  if (room <= bytes.capacity()) return Fit::yes;
  if (room > kept_uncounted_bytes) {
    auto fit = incoming_.hold.resize(room + input_.capacity());
    if (fit != Fit::yes) {
      room = std::min(bound, needed);
      fit = incoming_.hold.resize(room + input_.capacity());
    }
    if (fit != Fit::yes) return fit;
  }
  // `reserve` of a string that has something may take up to twice as much.
  std::string larger;
  larger.reserve(room);
  larger += bytes;
  bytes.swap(larger);
  return Fit::yes;
}

Session::Step Session::step_body() {
  if (!input_.empty()) {
    framing_.expect = Framing::Expect::nothing;  // the client did not wait
    if (const auto fit = reserve_body(); fit != Fit::yes) return refuse_body(refusal_of(fit));
    const auto step = parser_.parse_body(input_.view(), body_wanted_.bytes_max, incoming_.bytes);
    input_.consume(step.consumed);
    const auto taken = incoming_.bytes.capacity();
    incoming_.hold.check_covers(taken > kept_uncounted_bytes ? taken : 0);
    if (step.refusal) return refuse_body(*step.refusal);
    if (step.done) return finish_body();
    extend_body_deadline();
  }
  read_more();
  return Step::wait;
}

Session::Step Session::finish_body() {
  body_unread_ = false;
  body_bytes_in_ = incoming_.bytes.size();
  enter(Phase::handling, loop().core().options.timeouts.handler);
  loop().watch().note(method_name_, path_);
  in_handle_ = true;
  try {
    // What it keeps of the request goes with it, before the answer is counted.
    std::exchange(body_wanted_, {}).done(std::exchange(incoming_, {}));
  } catch (...) {
    // The responder went with `done`: the client gets its 500.
  }
  return handled();
}

/// The handler hears nothing of it: its request ends with what it wanted to do with the body.
Session::Step Session::refuse_body(const Refusal& refusal) {
  claim();
  let_go(incoming_);
  drop_body_wanted();
  return refuse(refusal);
}

void Session::extend_body_deadline() {
  const auto rule = body_pace(loop().core().options.timeouts);
  const auto bytes = incoming_.bytes.size();
  if (bytes == 0) {
    body_pace_.begin(rule, body_started_, 0);
  } else {
    static_cast<void>(body_pace_.keeps_up(rule, std::chrono::steady_clock::now(), bytes));
  }
  set_deadline(body_pace_.next_look());
}

void Session::settle_unread_body() {
  if (!body_unread_) return;
  const auto is_long =
      framing_.body == Framing::BodyKind::sized && framing_.content_length > skipped_bytes_max;
  // Nobody knows whether a client that was told nothing sends its body all the same.
  if (is_long || framing_.expect == Framing::Expect::continue_100) {
    framing_.connection = Framing::Connection::close;
  }
}

Session::Step Session::step_skip() {
  if (!input_.empty()) {
    const auto step = parser_.parse_body(input_.view(), skipped_bytes_max, incoming_.bytes);
    input_.consume(step.consumed);
    if (step.refusal || step.done) {
      let_go(incoming_);
      body_unread_ = false;
      if (step.refusal || close_after_ || loop().core().draining) {
        linger();
        return Step::wait;
      }
      enter(Phase::idle, loop().core().options.timeouts.idle);
      return Step::again;
    }
  }
  read_more();
  return Step::wait;
}

}  // namespace perdure::http
