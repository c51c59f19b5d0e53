// SPDX-License-Identifier: Apache-2.0
#include "perdure/api/http/message.hpp"

#include "perdure/api/http/handler.hpp"
#include "perdure/base/check.hpp"

namespace perdure::http {

std::string_view to_string(Method method) noexcept {
  switch (method) {
    case Method::get: return "GET";
    case Method::head: return "HEAD";
    case Method::post: return "POST";
    case Method::put: return "PUT";
    case Method::patch: return "PATCH";
    case Method::del: return "DELETE";
    case Method::options: return "OPTIONS";
  }
  return "-";
}

std::string_view Request::path() const noexcept {
  return std::string_view{target}.substr(0, target.find('?'));
}

std::string_view Request::query() const noexcept {
  const auto mark = target.find('?');
  return mark == std::string::npos ? std::string_view{} : std::string_view{target}.substr(mark + 1);
}

std::string_view Body::view() const noexcept {
  if (const auto* text = std::get_if<std::string>(&held_)) return *text;
  const auto& shared = *std::get_if<std::shared_ptr<const std::string>>(&held_);
  return shared ? std::string_view{*shared} : std::string_view{};
}

BodyWriter& BodyWriter::operator=(BodyWriter&& other) noexcept {
  if (this != &other) {
    if (sink_) sink_->abort();
    sink_ = std::move(other.sink_);
  }
  return *this;
}

BodyWriter::~BodyWriter() {
  if (sink_) sink_->abort();
}

Responder& Responder::operator=(Responder&& other) noexcept {
  if (this != &other) {
    if (exchange_) exchange_->abandon();
    exchange_ = std::move(other.exchange_);
  }
  return *this;
}

void Exchange::read_body(BodyWanted&&) { PERDURE_CHECK(false, "the body came with the head"); }

Responder::~Responder() {
  if (exchange_) exchange_->abandon();
}

std::shared_ptr<Exchange> Responder::take() {
  PERDURE_CHECK(exchange_ != nullptr, "a request is answered once");
  return std::exchange(exchange_, nullptr);
}

void Responder::send(Response response) { take()->answer(std::move(response)); }

BodyWriter Responder::stream(Response head, StreamOptions options) {
  return BodyWriter{take()->stream(std::move(head), std::move(options))};
}

void Responder::accept_websocket(std::shared_ptr<WebSocketHandler> handler,
                                 const WebSocketOptions& options) {
  take()->accept_websocket(std::move(handler), options);
}

void WholeRequestHandler::handle(Request&& request, Responder responder) {
  const auto bytes_max = body_bytes_max(request);
  if (request.body_state == BodyState::whole) {
    if (request.body.size() > bytes_max) return responder.send({.status = 413});
    return handle_whole(std::move(request), std::move(responder));
  }
  struct Waiting {
    Request request;
    Responder responder;
  };
  auto waiting = std::make_shared<Waiting>(std::move(request), std::move(responder));
  auto& reader = waiting->responder;
  reader.read_body(
      {.bytes_max = bytes_max, .done = [this, waiting = std::move(waiting)](ReadBody&& body) {
         waiting->request.body = std::move(body.bytes);
         waiting->request.hold = std::move(body.hold);
         waiting->request.body_state = BodyState::whole;
         handle_whole(std::move(waiting->request), std::move(waiting->responder));
       }});
}

}  // namespace perdure::http
