// SPDX-License-Identifier: Apache-2.0
#include "app/event_outlet.hpp"

#include "app/close_reasons.hpp"
#include "perdure/api/http/sse.hpp"
#include "perdure/schemas/json.hpp"

namespace perdure::api {

namespace {

constexpr std::chrono::milliseconds retry{1'000};

EventText frame(const Json& json) { return std::make_shared<const std::string>(dump_json(json)); }

class StreamOutlet final : public EventOutlet {
 public:
  explicit StreamOutlet(http::BodyWriter writer) : writer_(std::move(writer)) {}
  [[nodiscard]] EventForm form() const override { return EventForm::sse; }
  Result<http::Room> write(const EventText& text) override { return writer_.write(text); }
  void end(EventEnd) override { writer_.finish(); }
  void end(const CloseReason& why) override {
    const auto data = dump_json({{"code", why.code}});
    // One that has no room for it learns why when it comes again.
    if (const auto text = http::encode({.event = "perdure.closed", .data = data})) {
      static_cast<void>(writer_.write(*text).has_value());
    }
    writer_.finish();
  }
  void cut() override { writer_.abort(); }

 private:
  http::BodyWriter writer_;
};

class SocketOutlet final : public EventOutlet {
 public:
  explicit SocketOutlet(std::shared_ptr<http::WebSocket> socket) : socket_(std::move(socket)) {}
  [[nodiscard]] EventForm form() const override { return EventForm::frames; }
  Result<http::Room> write(const EventText& text) override {
    return socket_->send(http::MessageKind::text, text);
  }
  void end(EventEnd why) override {
    // At a drain the server itself closes its sockets.
    if (why == EventEnd::complete) close(*socket_, close_reason::complete);
  }
  void end(const CloseReason& why) override { close(*socket_, why); }
  void cut() override { close(*socket_, close_reason::not_now); }

 private:
  const std::shared_ptr<http::WebSocket> socket_;  // shared with its session
};

}  // namespace

Result<EventText> encode_event(EventForm form, const Event& event) {
  if (form == EventForm::sse) {
    return http::encode({.id = event.cursor, .event = event.topic, .data = event.body});
  }
  // The body is a JSON object with members, and a cursor has nothing to escape.
  auto text = event.body.substr(0, event.body.rfind('}'));
  text += R"(,"cursor":")" + event.cursor + R"("})";
  return std::make_shared<const std::string>(std::move(text));
}

Result<EventText> encode_place(EventForm form, const std::string& cursor) {
  if (form == EventForm::sse) return http::encode({.id = cursor, .retry = retry});
  return frame({{"type", "perdure.events.place"}, {"cursor", cursor}});
}

Result<EventText> encode_first(EventForm form, const Event& event) {
  if (form == EventForm::frames) return encode_event(form, event);
  return http::encode(
      {.id = event.cursor, .event = event.topic, .data = event.body, .retry = retry});
}

Result<EventText> encode_lost(EventForm form, const std::string& after, const std::string& next) {
  if (form == EventForm::sse) {
    const auto data = dump_json({{"after", after}, {"next", next}});
    return http::encode({.id = next, .event = "perdure.events.lost", .data = data});
  }
  return frame({{"type", "perdure.events.lost"}, {"after", after}, {"cursor", next}});
}

std::unique_ptr<EventOutlet> outlet_to(http::BodyWriter writer) {
  return std::make_unique<StreamOutlet>(std::move(writer));
}

std::unique_ptr<EventOutlet> outlet_to(std::shared_ptr<http::WebSocket> socket) {
  return std::make_unique<SocketOutlet>(std::move(socket));
}

}  // namespace perdure::api
