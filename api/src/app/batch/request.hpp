// SPDX-License-Identifier: Apache-2.0
// The requests of a batch, and each as a Context of its own (batch/part.hpp).
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "app/batch/part.hpp"
#include "app/batch/references.hpp"
#include "app/context.hpp"

namespace perdure::api {

/// As the client wrote it; borrows from the body of the batch.
struct BatchRequest {
  std::string name;  ///< its `id`; empty: it has none
  http::Method method = http::Method::get;
  std::string path;
  const Json* body = nullptr;  ///< null: none
  std::optional<std::string> if_match = {};
};

/// Errors: invalid, for two requests of one name.
[[nodiscard]] Result<std::vector<BatchRequest>> read_requests(const Json& body);

/// The route that a request asks for, references in its path being any text; null: none.
[[nodiscard]] const CompiledRoute* route_of(const Router& router, const BatchRequest& request);

/// Gets the answer of one request, where there is no connection.
/// Threads  answered on any, read on another once it is ready.
class PartExchange final : public http::Exchange {
 public:
  /// `told` is called after the answer is ready.
  PartExchange(std::string path, std::string request_id, std::function<void()> told);

  void answer(http::Response&& response) override;
  std::shared_ptr<http::BodySink> stream(http::Response&& head,
                                         http::StreamOptions&& options) override;
  void accept_websocket(std::shared_ptr<http::WebSocketHandler> handler,
                        const http::WebSocketOptions& options) override;
  void abandon() noexcept override;

  [[nodiscard]] bool ready() const { return ready_.load(std::memory_order_acquire); }
  [[nodiscard]] http::Response& response() { return response_; }

 private:
  void refuse(const Problem& problem);

  const std::string path_;
  const std::string request_id_;
  const std::function<void()> told_;
  http::Response response_;
  std::atomic<bool> ready_{false};
};

/// One request on its way.
struct RunningRequest {
  std::shared_ptr<PartExchange> exchange;  // shared with the context
  std::shared_ptr<BatchPart> part;         // the same
  ContextPtr context;
};

/// Makes the context of a request whose references are completed. `body` may be null: none.
[[nodiscard]] RunningRequest make_running(const ContextPtr& whole, const BatchRequest& request,
                                          std::string path, const Json* body, BatchPart part,
                                          std::function<void()> told);

}  // namespace perdure::api
