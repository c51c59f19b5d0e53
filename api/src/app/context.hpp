// SPDX-License-Identifier: Apache-2.0
// Context: one request on its way through the application, and the ways to answer it.
//
// Lifecycle  made by Application::handle, kept by whoever will answer, gone with the answer.
// Threads    one at a time; it moves between the io, runtime and worker threads.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "app/fields.hpp"
#include "app/key_cache.hpp"
#include "app/paths.hpp"
#include "app/problem.hpp"
#include "app/rate_limit.hpp"
#include "app/router.hpp"
#include "perdure/api/app/application.hpp"
#include "perdure/runtime/inspect.hpp"

namespace perdure::api {

struct BatchPart;

struct Context {
  Context(Application::Services& all, http::Request&& from, http::Responder to)
      : services(all), request(std::move(from)), responder(std::move(to)) {}

  Application::Services& services;
  http::Request request;
  http::Responder responder;
  std::chrono::steady_clock::time_point started = std::chrono::steady_clock::now();

  Path path = {};
  PathValues values = {};
  const CompiledRoute* route = nullptr;
  std::vector<QueryValue> query = {};
  Json body = nullptr;

  // Set by authentication.
  std::shared_ptr<KeyRecord> key = nullptr;  // shared with the cache, which may drop it meanwhile
  std::string_view secret = {};              // the key as it was sent; borrows from `request`
  std::shared_ptr<const Standing> standing = nullptr;  // shared with the cache, as `key`
  std::optional<RateState> rate = {};

  // Set by the checks.
  std::optional<TagList> if_match = {};
  std::optional<TagList> if_none_match = {};
  std::string idempotency_key = {};
  std::string traceparent = {};

  bool chose_id = false;                    ///< the body names the id of what it makes
  std::vector<std::shared_ptr<void>> held;  ///< let go before the request is answered
  bool replayed = false;  ///< the answer was stored by an earlier request with the same key
  /// Of a request of a batch; null: it came by itself. Shared with the batch.
  std::shared_ptr<BatchPart> part = nullptr;

  /// The value of a query parameter, or null.
  [[nodiscard]] const std::string* find_query(std::string_view name) const;
  [[nodiscard]] bool query_is(std::string_view name, std::string_view value) const;
  /// The path parameter of this name; a route without it is a bug.
  [[nodiscard]] std::string_view value(std::string_view name) const;
  /// Whose turns and memory the request takes: the user's once that is known, before it the
  /// client's address.
  [[nodiscard]] OwnerKey owner() const {
    return standing ? standing->owner : owner_key(request.peer);
  }
  /// The principal of the request: nobody before authentication. Borrows from `standing`.
  [[nodiscard]] const Principal& principal() const {
    static const Principal nobody;
    return standing ? standing->principal : nobody;
  }
  [[nodiscard]] bool is_read() const {
    return request.method == http::Method::get || request.method == http::Method::head;
  }
};

/// Adds the common fields, counts, and sends. The last thing that is done with a context.
void answer(Context& context, http::Response&& response);
/// The same with a body that follows: adds the common fields to `head`, counts the request (as long
/// as its head took), and gives the writer.
[[nodiscard]] http::BodyWriter answer_stream(Context& context, http::Response&& head,
                                             http::StreamOptions&& options);
/// Upgrades a request that asked for it, and counts it.
void answer_websocket(Context& context, std::shared_ptr<http::WebSocketHandler> handler,
                      const http::WebSocketOptions& options);
void answer(Context& context, const Problem& problem);
void answer(Context& context, Error error);

/// A JSON body; with `seq` also the ETag, and 304 when the client has that seq already (of a read)
/// or 412 when If-Match names another.
struct JsonAnswer {
  int status = 200;
  std::string text;
  std::optional<Seq> seq = {};
  std::string beside = {};  ///< what the ETag says behind the seq (opaque_tag)
  std::string location = {};
  std::string link = {};
};
void answer(Context& context, JsonAnswer&& json);

/// What is the same for everybody and as long as the server runs; `opaque` names its bytes: 304 for
/// a client that has them.
struct StaticAnswer {
  std::string opaque;
  std::string_view content_type;
  http::Body body;
  std::shared_ptr<const std::string> gzip_body = {};
  std::string_view caching = "no-cache";
  /// Of a page: what it may load, and that it tells no other site where it was.
  std::string_view content_policy = {};
};
void answer(Context& context, const StaticAnswer& file);
/// A shared body with the digest of its bytes.
[[nodiscard]] StaticAnswer static_answer(std::string_view content_type, std::string bytes);

/// 204.
void answer_nothing(Context& context);

/// A call of the runtime with everything that the request carries: principal, idempotency key,
/// deadline, trace. Preconditions are added by `add_precondition`.
[[nodiscard]] Call make_call(Context& context, ObjectId target, CallType type, std::string name,
                             Json payload = nullptr);

/// Tells a request with an idempotency key from another one under the same key.
[[nodiscard]] std::string fingerprint_of(const Context& context, Secrecy secrecy);

/// Calls an object for a request. Routes call objects by this alone: the call of a request of an
/// atomic batch is a step of its transaction.
void call_object(Context& context, Call&& call, ReplyHandler done);
/// An object as it is now; for a request of an atomic batch as the requests before have left it.
/// Errors: as Runtime::inspect.
[[nodiscard]] Result<ObjectView> look_at(const Context& context, const ObjectId& object);
/// A state with null for each reference whose object does not exist, seen as by `look_at`.
[[nodiscard]] Json without_dead_references(const Context& context, const KindDefinition& kind,
                                           Json state);
/// What a request makes by chance or at great cost, under a name: made once, however often the
/// atomic batch runs that the request is of. Errors: those of `make`.
[[nodiscard]] Result<std::string> made_once(Context& context, const char* name,
                                            const std::function<Result<std::string>()>& make);
/// A new UUIDv7, made once.
[[nodiscard]] std::string fresh_id(Context& context);

/// Where an event stream is to go on: Last-Event-ID, which a client sends when it comes again, goes
/// before `?after=` of the address that it came with. Borrows from `context`.
[[nodiscard]] std::optional<std::string_view> resume_after(const Context& context);

/// Applies If-Match and If-None-Match of an unsafe request to a call of an existing object. What
/// does not exist is left to the call: its 404 goes before any precondition (RFC 9110, section
/// 13.2.1). So is the judgement itself, which a retry with its idempotency key is spared.
/// False when the answer has been given: the object cannot be looked at.
[[nodiscard]] bool add_precondition(Context& context, Call& call);

/// The same for what is no call: judges now, and also answers 412.
[[nodiscard]] bool check_precondition(Context& context, const ObjectId& object);

/// `Error` for one field.
[[nodiscard]] Error invalid_parameter(std::string name, std::string code, std::string message);

}  // namespace perdure::api
