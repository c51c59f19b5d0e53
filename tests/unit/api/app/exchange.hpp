// SPDX-License-Identifier: Apache-2.0
// What an application answers, when it is asked without a socket.
#pragma once

#include <atomic>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "perdure/api/http/handler.hpp"
#include "perdure/schemas/json.hpp"

namespace perdure::api {

class Streamed;

/// What came back.
struct Answer {
  int status = 0;
  http::Headers headers;
  std::string text;
  std::shared_ptr<Streamed> stream = nullptr;  ///< of a streamed answer; shared with its writer

  [[nodiscard]] Json json() const { return text.empty() ? Json() : parse_json(text).value(); }
  [[nodiscard]] std::string field(std::string_view name) const {
    return std::string{headers.find(name).value_or("")};
  }
};

/// Keeps what is written to a streamed answer. Threads  any.
class Streamed final : public http::BodySink {
 public:
  explicit Streamed(http::StreamOptions&& options) : options_(std::move(options)) {}
  Result<http::Room> write(http::Body chunk) override {
    if (ended_) return fail(ErrorCode::unavailable, "the stream is closed");
    const std::lock_guard lock{mutex_};
    text_ += chunk.view();
    return http::Room::more;
  }
  void finish() override { end(http::StreamEnd::finished); }
  void abort() noexcept override { end(http::StreamEnd::aborted); }
  [[nodiscard]] std::size_t queued_bytes() const noexcept override { return 0; }

  /// What the client would have received until now.
  [[nodiscard]] std::string text() const {
    const std::lock_guard lock{mutex_};
    return text_;
  }
  /// As the server does; only the first end counts.
  void end(http::StreamEnd how) {
    if (ended_.exchange(true)) return;
    // What the callbacks hold may hold the writer, and so this.
    const auto callbacks = std::move(options_);
    if (callbacks.on_closed) callbacks.on_closed(how);
  }

 private:
  http::StreamOptions options_;  // whoever ends the stream takes them
  mutable std::mutex mutex_;
  std::string text_;  // under mutex_
  std::atomic<bool> ended_{false};
};

class Waiting final : public http::Exchange {
 public:
  void answer(http::Response&& response) override {
    promise_.set_value({.status = response.status,
                        .headers = std::move(response.headers),
                        .text = std::string{response.body.view()}});
  }
  std::shared_ptr<http::BodySink> stream(http::Response&& head,
                                         http::StreamOptions&& options) override {
    auto body = std::make_shared<Streamed>(std::move(options));
    promise_.set_value({.status = head.status,
                        .headers = std::move(head.headers),
                        .text = std::string{head.body.view()},
                        .stream = body});
    return body;
  }
  void accept_websocket(std::shared_ptr<http::WebSocketHandler>,
                        const http::WebSocketOptions&) override {
    promise_.set_value({.status = 101, .headers = {}, .text = {}});
  }
  void abandon() noexcept override {
    promise_.set_value({.status = -1, .headers = {}, .text = "abandoned"});
  }
  std::future<Answer> future() { return promise_.get_future(); }

 private:
  std::promise<Answer> promise_;
};

}  // namespace perdure::api
