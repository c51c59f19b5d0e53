// SPDX-License-Identifier: Apache-2.0
#include "effects/http_exchange.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <charconv>
#include <limits>

#include "perdure/base/crypto.hpp"
#include "perdure/base/utf8.hpp"

namespace perdure::effects {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace bh = beast::http;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

using Executor = asio::io_context::executor_type;
constexpr asio::use_awaitable_t<Executor> awaited;
constexpr std::uint32_t header_bytes_max = 32 * 1024;

bool is_redirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

std::uint16_t port_number(const Url& url) {
  std::uint16_t number = 0;
  std::from_chars(url.port.data(), url.port.data() + url.port.size(), number);
  return number;
}

/// Whether reading stopped where the connection did, and the body may end there: it has no size.
bool ends_the_body(const error_code& ec, bool has_size) {
  if (ec == bh::error::end_of_stream) return true;
  return ec == asio::ssl::error::stream_truncated && !has_size;
}

template <class Token>
auto async_look_up(NameLookups& lookups, NameLookups::Caller caller, OwnerKey owner, const Url& url,
                   Token&& token) {
  return asio::async_initiate<Token, void(Result<NameLookups::Endpoints>)>(
      [&lookups, caller, owner, &url](auto handler) {
        // Shared: the callback is copied, a handler cannot be.
        const auto kept = std::make_shared<decltype(handler)>(std::move(handler));
        lookups.ask(caller, owner, url.host, port_number(url),
                    [kept](Result<NameLookups::Endpoints> endpoints) {
                      std::move (*kept)(std::move(endpoints));
                    });
      },
      token);
}

Json headers_of(const bh::fields& fields) {
  Json headers = Json::object();
  for (const auto& field : fields) {
    const auto name = fold_ascii_case(std::string_view{field.name_string()});
    std::string value{std::string_view{field.value()}};
    if (!is_valid_utf8(value)) continue;
    if (headers.contains(name)) value = headers[name].get<std::string>() + ", " + value;
    headers[name] = std::move(value);
  }
  return headers;
}

}  // namespace

HttpExchange::HttpExchange(std::shared_ptr<HttpPerformer::Core> core,
                           std::shared_ptr<Effect> effect, HttpCall call)
    : core_(std::move(core)),
      effect_(std::move(effect)),
      call_(std::move(call)),
      number_(core_->next_number++),
      owner_(owner_key(effect_->owner())),
      host_(call_.url.authority),
      deadline_(core_->io.get_executor()),
      connect_deadline_(core_->io.get_executor()) {}

void HttpExchange::start() {
  if (call_.not_after && core_->clock.now() > *call_.not_after) {
    return finish(fail(ErrorCode::deadline_exceeded, "not_after had passed before it began"));
  }
  if (call_.not_before && core_->clock.now() < *call_.not_before) {
    return finish(fail(ErrorCode::deadline_exceeded, "not_before had not come when it began"));
  }
  if (core_->stopped()) return finish(fail(ErrorCode::unavailable, "the server is stopping"));
  // Asked for again in a while, so that a host that hangs leaves room for others.
  // Of which one owner fills half.
  const auto places = 2 * core_->options.host_calls_max;
  auto& room = core_->host_rooms.try_emplace(host_, places).first->second;
  if (!room.take(owner_, 1)) {
    Error full{.code = ErrorCode::overloaded,
               .detail = fmt::format("{} calls to {} are under way", room.used(), host_)};
    full.retry_after = std::chrono::seconds{1};
    return finish(fail(std::move(full)));
  }
  const auto self = shared_from_this();
  core_->running.insert(self);
  effect_->on_cancel([weak = weak_from_this(), core = core_] {
    asio::post(core->io, [weak] {
      const auto exchange = weak.lock();
      if (exchange) exchange->abort({.code = ErrorCode::conflict, .detail = "cancelled"});
    });
  });
  deadline_.expires_after(call_.timeout);
  deadline_.async_wait([self](error_code ec) {
    if (ec) return;
    self->abort(self->unavailable(fmt::format("no answer in {} ms", self->call_.timeout.count())));
  });
  asio::co_spawn(core_->io.get_executor(), run(), asio::detached);
}

void HttpExchange::abort(Error error) {
  finish(fail(std::move(error)));
  close();
}

void HttpExchange::finish(Result<Json> result) {
  deadline_.cancel();
  if (const auto effect = std::exchange(effect_, nullptr)) effect->finish(std::move(result));
}

void HttpExchange::close() {
  error_code ignored;
  connect_deadline_.cancel();
  core_->lookups.leave(number_);
  if (connecting_) connecting_->close(ignored);
  if (channel_) channel_->socket().close(ignored);
}

Error HttpExchange::unavailable(std::string_view what) const {
  return {.code = ErrorCode::unavailable,
          .detail = fmt::format("{}: {}", call_.url.authority, what)};
}

auto HttpExchange::run() -> Task<void> {
  const auto self = shared_from_this();
  try {
    auto result = co_await perform();
    finish(std::move(result));
  } catch (const std::exception& thrown) {
    finish(fail(ErrorCode::internal, fmt::format("an HTTP call failed: {}", thrown.what())));
  }
  close();
  core_->running.erase(self);
  core_->bodies.give_back(owner_, body_bytes_);
  const auto room = core_->host_rooms.find(host_);
  room->second.give_back(owner_, 1);
  if (room->second.used() == 0) core_->host_rooms.erase(room);
}

auto HttpExchange::perform() -> Task<Result<Json>> {
  for (;;) {
    auto answer = co_await ask();
    if (!answer) co_return fail(std::move(answer).error());
    const auto goes_on = redirect(*answer);
    if (!goes_on) co_return fail(goes_on.error());
    if (!*goes_on) co_return result_of(std::move(*answer));
  }
}

auto HttpExchange::ask() -> Task<Result<Answer>> {
  const auto endpoints = co_await resolve();
  if (!endpoints) co_return fail(endpoints.error());
  const auto connected = co_await connect(*endpoints);
  if (!connected) co_return fail(connected.error());

  bh::request<bh::string_body> request;
  request.method_string(call_.method);
  request.target(call_.url.target);
  request.version(11);
  request.set(bh::field::user_agent, core_->options.user_agent);
  request.set(bh::field::accept, "*/*");
  for (const auto& [name, value] : call_.headers) request.set(name, value);
  request.set(bh::field::host, call_.url.authority);
  request.set(bh::field::connection, "close");
  request.body() = call_.body;
  if (!call_.body.empty() || (call_.method != "GET" && call_.method != "HEAD")) {
    request.content_length(call_.body.size());
  }
  error_code ec;
  co_await bh::async_write(*channel_, request, asio::redirect_error(awaited, ec));
  // A server may answer, and close, before it has read everything.
  const bool cut = ec == asio::error::broken_pipe || ec == asio::error::connection_reset;
  if (ec && !cut) co_return fail(unavailable(ec.message()));
  auto answer = co_await read();
  close();
  co_return answer;
}

auto HttpExchange::resolve() -> Task<Result<Endpoints>> {
  auto looked_up = co_await async_look_up(core_->lookups, number_, owner_, call_.url, awaited);
  if (effect_ == nullptr) co_return fail(unavailable("ended"));
  if (!looked_up) {
    const auto& why = looked_up.error();
    const bool is_final = why.code == ErrorCode::forbidden || why.code == ErrorCode::overloaded;
    if (is_final) co_return fail(why);
    co_return fail(unavailable("the name cannot be resolved: " + why.detail));
  }
  auto found = std::move(*looked_up);
  std::erase_if(found, [&](const tcp::endpoint& endpoint) {
    return !core_->policy.admits(endpoint.address());
  });
  if (found.empty()) {
    co_return fail(
        ErrorCode::forbidden,
        fmt::format("{} is no public address, and not in an allowed network", call_.url.host));
  }
  co_return found;
}

void HttpExchange::watch_connecting() {
  connect_deadline_.expires_after(core_->options.connect_timeout);
  // By number: it may have been on its way when it was cancelled.
  connect_deadline_.async_wait([self = shared_from_this(), number = ++connects_](error_code ec) {
    if (ec || number != self->connects_) return;
    self->connect_late_ = number;
    self->close();
  });
}

auto HttpExchange::connect(const Endpoints& endpoints) -> Task<Result<void>> {
  std::string why;
  for (const auto& endpoint : endpoints) {
    if (effect_ == nullptr) co_return fail(unavailable("ended"));
    connecting_.emplace(core_->io.get_executor());
    watch_connecting();
    error_code ec;
    co_await connecting_->async_connect(endpoint, asio::redirect_error(awaited, ec));
    if (!ec) {
      const bool secure = call_.url.scheme == Url::Scheme::https;
      channel_ =
          std::make_unique<http::Channel>(std::move(*connecting_), secure ? core_->tls : nullptr);
      connecting_.reset();
      auto shaken = co_await shake_hands();
      connect_deadline_.cancel();
      ++connects_;
      co_return shaken;
    }
    connect_deadline_.cancel();
    why = connect_late_ == connects_ ? "no connection in time" : ec.message();
  }
  co_return fail(unavailable(why));
}

auto HttpExchange::shake_hands() -> Task<Result<void>> {
  if (!channel_->is_tls()) co_return Result<void>{};
  auto& tls = channel_->tls();
  error_code ec;
  asio::ip::make_address(call_.url.host, ec);
  // A server name is a name, never an address (RFC 6066, section 3).
  if (ec) {
    auto* name = call_.url.host.data();  // the macro for this has a cast that we do not allow
    SSL_ctrl(tls.native_handle(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, name);
  }
  tls.set_verify_callback(asio::ssl::host_name_verification{call_.url.host}, ec);
  co_await tls.async_handshake(asio::ssl::stream_base::client, asio::redirect_error(awaited, ec));
  if (ec) co_return fail(unavailable("TLS: " + ec.message()));
  co_return Result<void>{};
}

auto HttpExchange::read() -> Task<Result<Answer>> {
  core_->bodies.give_back(owner_, std::exchange(body_bytes_, 0));  // that of a redirect
  beast::flat_buffer buffer{2 * header_bytes_max};
  for (;;) {
    // A body of pieces: one of a string makes room for what the peer announces.
    bh::response_parser<bh::buffer_body> parser;
    parser.header_limit(header_bytes_max);
    parser.body_limit(std::numeric_limits<std::uint64_t>::max());  // counted below
    parser.skip(call_.method == "HEAD");
    error_code ec;
    co_await bh::async_read_header(*channel_, buffer, parser, asio::redirect_error(awaited, ec));
    if (ec) co_return fail(unavailable(ec.message()));
    if (parser.get().result_int() < 200) continue;  // interim
    Answer answer{.status = static_cast<int>(parser.get().result_int()),
                  .headers = headers_of(parser.get())};
    const auto most = call_.response_bytes_max;
    // One byte too many tells a body that was cut from one that just fits. What stands behind it
    // is not judged: whether it came in the same piece depends on the network.
    std::array<char, 8'192> piece;
    while (!parser.is_done() && answer.body.size() <= most) {
      auto& body = parser.get().body();
      body = {.data = piece.data(), .size = piece.size(), .more = true};
      co_await bh::async_read_some(*channel_, buffer, parser, asio::redirect_error(awaited, ec));
      const auto held = hold_body(piece.size() - body.size);
      if (!held) co_return fail(held.error());
      answer.body.append(piece.data(), piece.size() - body.size);
      if (ends_the_body(ec, parser.content_length().has_value() || parser.chunked())) break;
      if (ec && ec != bh::error::need_buffer && answer.body.size() <= most) {
        co_return fail(unavailable(ec.message()));
      }
    }
    answer.truncated = answer.body.size() > most;
    if (answer.truncated && !call_.truncate) {
      co_return fail(ErrorCode::too_large, fmt::format("{}: the response has more than {} bytes",
                                                       call_.url.authority, most));
    }
    if (answer.truncated) answer.body.resize(cut_utf8(answer.body, most).size());
    co_return answer;
  }
}

Result<void> HttpExchange::hold_body(std::size_t bytes) {
  if (!core_->bodies.take(owner_, bytes)) {
    return fail(unavailable(
        fmt::format("responses of {} bytes are being read already", core_->bodies.held(owner_))));
  }
  body_bytes_ += bytes;
  return {};
}

Result<bool> HttpExchange::redirect(const Answer& answer) {
  if (call_.redirects_max == 0 || !is_redirect(answer.status)) return false;
  const auto location = answer.headers.find("location");
  if (location == answer.headers.end()) return false;
  if (--call_.redirects_max == 0) {
    return fail(ErrorCode::conflict, fmt::format("{}: too many redirects", call_.url.authority));
  }
  PERDURE_TRY(next, resolve_url(call_.url, location->get_ref<const std::string&>()));
  const bool other_method =
      answer.status == 303 ? call_.method != "HEAD" : answer.status < 303 && call_.method == "POST";
  if (other_method) {
    call_.method = "GET";
    call_.body.clear();
  }
  // What was meant for one server is not shown to another one.
  const bool moved = !next.same_origin(call_.url);
  std::erase_if(call_.headers, [&](const auto& header) {
    const auto name = fold_ascii_case(header.first);
    return (moved && (name == "authorization" || name == "cookie" || name == "x-api-key")) ||
           (other_method && name.starts_with("content-"));
  });
  call_.url = std::move(next);
  return true;
}

Result<Json> HttpExchange::result_of(Answer answer) const {
  if (!call_.any_status && (answer.status == 429 || answer.status >= 500)) {
    auto error = unavailable(fmt::format("answered {}", answer.status));
    error.retry_after = retry_after_of(answer.headers, core_->clock.now());
    return fail(std::move(error));
  }
  const auto retry_after = retry_after_of(answer.headers, core_->clock.now());
  Json result{
      {"status", answer.status}, {"url", call_.url.text()}, {"headers", std::move(answer.headers)}};
  if (retry_after) result["retry_after_s"] = retry_after->count();
  if (is_valid_utf8(answer.body)) {
    result["body"] = std::move(answer.body);
  } else {
    result["body_base64"] = to_base64(answer.body);
  }
  if (answer.truncated) result["truncated"] = true;
  return result;
}

}  // namespace perdure::effects
