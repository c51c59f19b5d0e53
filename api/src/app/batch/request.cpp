// SPDX-License-Identifier: Apache-2.0
#include "app/batch/request.hpp"

#include <array>
#include <set>
#include <utility>

#include "app/pipeline.hpp"
#include "perdure/schemas/schema.hpp"

namespace perdure::api {

namespace {

http::Method method_of(std::string_view name) {
  for (const auto method : {http::Method::get, http::Method::post, http::Method::put,
                            http::Method::patch, http::Method::del}) {
    if (http::to_string(method) == name) return method;
  }
  return http::Method::options;  // the schema has it not
}

/// A tag may come without its quotes. Whatever else is no tag is judged as the field If-Match is.
std::string tag_of(std::string text) {
  const bool begins_as_tag = !text.empty() && text.front() >= '0' && text.front() <= '9';
  if (!begins_as_tag || text.find_first_of("\", \t") != std::string::npos) return text;
  return '"' + text + '"';
}

std::optional<std::string> if_match_in(const Json& request) {
  const auto sent = request.find("if_match");
  if (sent == request.end()) return {};
  return tag_of(sent->get<std::string>());
}

/// What is written to a stream that nobody reads.
class NoSink final : public http::BodySink {
 public:
  Result<http::Room> write(http::Body /*chunk*/) override {
    return fail(ErrorCode::unavailable, "a batch has no streams");
  }
  void finish() override {}
  void abort() noexcept override {}
  [[nodiscard]] std::size_t queued_bytes() const noexcept override { return 0; }
};

}  // namespace

Result<std::vector<BatchRequest>> read_requests(const Json& body) {
  std::vector<BatchRequest> requests;
  std::set<std::string> names;
  for (const auto& one : body.at("requests")) {
    BatchRequest request{.name = one.value("id", std::string{}),
                         .method = method_of(one.at("method").get_ref<const std::string&>()),
                         .path = one.at("path").get<std::string>(),
                         .if_match = if_match_in(one)};
    const auto sent = one.find("body");
    if (sent != one.end() && !sent->is_null()) request.body = &*sent;
    if (!request.name.empty() && !names.insert(request.name).second) {
      return fail(invalid_value({{"/requests/" + std::to_string(requests.size()) + "/id",
                                  "repeated", "is the id of an earlier request, too"}}));
    }
    requests.push_back(std::move(request));
  }
  return requests;
}

const CompiledRoute* route_of(const Router& router, const BatchRequest& request) {
  const std::string_view path{request.path};
  const auto parsed = Path::parse(path.substr(0, path.find('?')));
  return parsed ? router.find(request.method, *parsed).route : nullptr;
}

PartExchange::PartExchange(std::string path, std::string request_id, std::function<void()> told)
    : path_(std::move(path)), request_id_(std::move(request_id)), told_(std::move(told)) {}

void PartExchange::answer(http::Response&& response) {
  response_ = std::move(response);
  ready_.store(true, std::memory_order_release);
  if (told_) told_();
}

void PartExchange::refuse(const Problem& problem) { answer(render(problem, path_, request_id_)); }

std::shared_ptr<http::BodySink> PartExchange::stream(http::Response&& /*head*/,
                                                     http::StreamOptions&& /*options*/) {
  refuse(not_in_batch("answers with a stream, which a batch has no room for"));
  return std::make_shared<NoSink>();
}

void PartExchange::accept_websocket(std::shared_ptr<http::WebSocketHandler> /*handler*/,
                                    const http::WebSocketOptions& /*options*/) {
  refuse(not_in_batch("opens a WebSocket"));
}

void PartExchange::abandon() noexcept {
  refuse(problem_from({.code = ErrorCode::internal, .detail = "the request was dropped"}));
}

RunningRequest make_running(const ContextPtr& whole, const BatchRequest& request, std::string path,
                            const Json* body, BatchPart part, std::function<void()> told) {
  http::Request made{.method = request.method, .target = std::move(path)};
  made.peer = whole->request.peer;
  made.transport = whole->request.transport;
  made.request_id = whole->request.request_id;
  if (body != nullptr) made.body = dump_json(*body);
  if (request.if_match) made.headers.add("If-Match", *request.if_match);
  RunningRequest running;
  running.exchange =
      std::make_shared<PartExchange>(std::string{made.path()}, made.request_id, std::move(told));
  running.part = std::make_shared<BatchPart>(std::move(part));
  running.part->whole = whole;
  running.context = std::make_shared<Context>(whole->services, std::move(made),
                                              http::Responder{running.exchange});
  auto& context = *running.context;
  context.part = running.part;
  context.key = whole->key;
  context.secret = whole->secret;
  context.standing = whole->standing;
  context.traceparent = whole->traceparent;
  return running;
}

}  // namespace perdure::api
