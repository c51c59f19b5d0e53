// SPDX-License-Identifier: Apache-2.0
#include "app/context.hpp"

#include <algorithm>
#include <limits>

#include "app/batch/part.hpp"
#include "app/checks.hpp"
#include "app/secrets.hpp"
#include "app/services.hpp"
#include "perdure/base/check.hpp"
#include "perdure/base/crypto.hpp"

namespace perdure::api {

namespace {

constexpr std::string_view json_type = "application/json";
constexpr Seq seq_of_nothing = std::numeric_limits<Seq>::max();

void count(const Context& context, int status) {
  auto& services = context.services;
  const auto place =
      context.route == nullptr ? services.meters.size() : services.router.place_of(*context.route);
  auto* meter = place < services.meters.size() ? services.meters[place] : services.other_meter;
  if (meter == nullptr) return;
  const auto took = std::chrono::steady_clock::now() - context.started;
  meter->answered(http::to_string(context.request.method), status,
                  std::chrono::duration_cast<std::chrono::nanoseconds>(took));
}

void add_rate(const Context& context, http::Headers& headers) {
  if (!context.rate || !context.key) return;
  const auto bucket = context.key->bucket();
  if (!bucket || !bucket->policy().limits()) return;
  headers.add("RateLimit-Policy", bucket->policy_text());
  headers.add("RateLimit", bucket->state_text(*context.rate));
}

// The coding that a body would be sent under, and whether that depends on what the client takes: a
// 304 says what the 200 would have said (RFC 9110, section 15.4.5).
struct CodingChoice {
  http::Coding coding = http::Coding::as_is;
  bool varies = false;
};

CodingChoice choose_coding(const Context& context, std::string_view content_type,
                           std::size_t bytes) {
  if (bytes <= http::compression_bytes_min || !http::is_compressible(content_type)) return {};
  const auto accepted = context.request.headers.find("Accept-Encoding");
  const bool takes_gzip = accepted && http::accepts_gzip(*accepted);
  return {takes_gzip ? http::Coding::gzip : http::Coding::as_is, true};
}

// Makes the response a 304 if the client has what it would get; `opaque` names that.
bool spare_client(const Context& context, std::string_view opaque, CodingChoice choice,
                  http::Response& response) {
  const auto tag = context.if_none_match->find_weakly(opaque, choice.coding);
  if (!tag) return false;
  response.status = 304;
  response.headers.add("ETag", *tag);
  if (choice.varies) response.headers.add("Vary", "Accept-Encoding");
  return true;
}

/// What every JSON answer says of caches.
const http::Headers& fields_of_json() {
  static const http::Headers fields = [] {
    http::Headers made;
    made.add("Cache-Control", "private, no-cache");
    made.add("Vary", "Authorization, X-API-Key");
    return made;
  }();
  return fields;
}

Error stale() {
  return {.code = ErrorCode::stale_precondition,
          .detail = "If-Match does not fit the newest version of the resource"};
}

// Adds the common fields, and counts. A batch does both for its requests.
void complete(Context& context, http::Response& response) {
  auto& headers = response.headers;
  if (context.part) {
    if (context.replayed) headers.add("Idempotent-Replayed", "true");
    return;
  }
  if (!context.traceparent.empty()) headers.add("traceparent", context.traceparent);
  if (context.replayed) headers.add("Idempotent-Replayed", "true");
  add_rate(context, headers);
  if (context.services.cors.enabled()) {
    headers.add("Vary", "Origin");
    if (const auto origin = context.request.headers.find("Origin")) {
      context.services.cors.allow(*origin, response);
    }
  }
  if (context.route != nullptr && !context.route->route.also_produces.empty()) {
    headers.add("Vary", "Accept");
  }
  headers.add("X-Content-Type-Options", "nosniff");
  count(context, response.status);
  response.owner = context.owner();
  if (context.route != nullptr) response.route = context.route->route.path;
}

}  // namespace

const std::string* Context::find_query(std::string_view name) const {
  const auto found = std::ranges::find(query, name, &QueryValue::name);
  return found == query.end() ? nullptr : &found->value;
}

bool Context::query_is(std::string_view name, std::string_view wanted) const {
  const auto* found = find_query(name);
  return found != nullptr && *found == wanted;
}

std::string_view Context::value(std::string_view name) const {
  const auto found = std::ranges::find(route->path_parameters, name);
  PERDURE_CHECK(found != route->path_parameters.end(), name);
  return values[static_cast<std::size_t>(found - route->path_parameters.begin())];
}

void answer(Context& context, http::Response&& response) {
  complete(context, response);
  // An atomic batch lets go of what its requests hold when all of them are done.
  if (!context.part || !context.part->is_atomic()) context.held.clear();
  context.responder.send(std::move(response));
}

http::BodyWriter answer_stream(Context& context, http::Response&& head,
                               http::StreamOptions&& options) {
  complete(context, head);
  return context.responder.stream(std::move(head), std::move(options));
}

void answer_websocket(Context& context, std::shared_ptr<http::WebSocketHandler> handler,
                      const http::WebSocketOptions& options) {
  count(context, 101);
  context.responder.accept_websocket(std::move(handler), options);
}

void answer(Context& context, const Problem& problem) {
  if (context.part) context.part->problem = problem;
  answer(context, render(problem, context.request.target, context.request.request_id));
}

void answer(Context& context, Error error) { answer(context, problem_from(std::move(error))); }

void answer(Context& context, JsonAnswer&& json) {
  http::Response response{.status = json.status,
                          .headers = http::Headers::beginning_with(fields_of_json()),
                          .body = {}};
  auto& headers = response.headers;
  bool is_spared = false;
  if (json.seq) {
    const auto opaque = opaque_tag(*json.seq, context.services.runtime.line(), json.beside);
    if (context.is_read()) {
      if (context.if_match && !context.if_match->matches_strongly(*json.seq)) {
        return answer(context, stale());
      }
      is_spared = context.if_none_match &&
                  spare_client(context, opaque, choose_coding(context, json_type, json.text.size()),
                               response);
    }
    if (!is_spared) headers.add("ETag", '"' + opaque + '"');
  }
  if (!json.location.empty()) headers.add("Location", json.location);
  if (!json.link.empty()) headers.add("Link", json.link);
  if (!is_spared) {
    headers.add("Content-Type", json_type);
    response.body = std::move(json.text);
  }
  answer(context, std::move(response));
}

StaticAnswer static_answer(std::string_view content_type, std::string bytes) {
  auto digest = to_hex(bytes_of(sha256(bytes))).substr(0, 16);
  return {.opaque = std::move(digest),
          .content_type = content_type,
          .body = std::make_shared<const std::string>(std::move(bytes))};
}

void answer(Context& context, const StaticAnswer& file) {
  http::Response response{.status = 200, .headers = {}, .body = {}};
  const bool is_spared =
      context.if_none_match &&
      spare_client(context, file.opaque,
                   choose_coding(context, file.content_type, file.body.size()), response);
  if (!is_spared) {
    response.body = file.body;
    response.gzip_body = file.gzip_body;
    response.headers.add("Content-Type", file.content_type);
    response.headers.add("ETag", '"' + file.opaque + '"');
  }
  response.headers.add("Cache-Control", file.caching);
  if (!file.content_policy.empty()) {
    response.headers.add("Content-Security-Policy", file.content_policy);
    response.headers.add("Referrer-Policy", "no-referrer");
  }
  answer(context, std::move(response));
}

void answer_nothing(Context& context) {
  http::Response response{.status = 204, .headers = {}, .body = {}};
  response.headers.add("Cache-Control", "private, no-cache");
  answer(context, std::move(response));
}

Call make_call(Context& context, ObjectId target, CallType type, std::string name, Json payload) {
  Call call{.target = std::move(target),
            .type = type,
            .name = std::move(name),
            .payload = std::move(payload),
            .principal = context.principal()};
  const auto& services = context.services;
  call.deadline = services.clock.now() + services.options.call_deadline;
  if (type == CallType::command) {
    call.request_id = context.request.request_id;
    call.traceparent = context.traceparent;
    if (!context.idempotency_key.empty()) {
      call.idempotency_key = context.idempotency_key;
      call.idempotency_fingerprint = fingerprint_of(context, context.route->route.secrecy);
    }
  }
  return call;
}

std::string fingerprint_of(const Context& context, Secrecy secrecy) {
  // Bodies with secrets are hashed under the caller's own key, which is stored nowhere: a stored
  // fingerprint must not help to guess a password.
  const auto secret = secrecy == Secrecy::secret_body ? context.secret : "";
  const auto digest =
      keyed_digest(secret, {http::to_string(context.request.method), context.route->route.path,
                            context.values[0], context.values[1], context.values[2],
                            context.values[3], context.request.query(), context.request.body});
  return to_hex(bytes_of(digest));
}

void call_object(Context& context, Call&& call, ReplyHandler done) {
  if (!context.part || !context.part->is_atomic()) {
    return context.services.runtime.call(std::move(call), std::move(done));
  }
  auto& part = *context.part;
  auto& transaction = *part.transaction;
  if (call.type != CallType::command) {
    return done(fail(ErrorCode::invalid, "an atomic batch takes commands, and this is a query"));
  }
  if (transaction.rehearses() && part.result == BatchPart::Result::not_needed) {
    if (auto reached = transaction.reach(call.target); !reached) {
      return done(fail(std::move(reached).error()));
    }
    part.reached = true;
    return;
  }
  done(transaction.run({.object = std::move(call.target),
                        .command = std::move(call.name),
                        .payload = std::move(call.payload),
                        .if_seq = call.if_seq,
                        .owner = std::move(call.owner),
                        .principal = std::move(call.principal)}));
}

namespace {

std::optional<ObjectView> left_by_batch(const Context& context, const ObjectId& object) {
  if (!context.part || !context.part->is_atomic()) return {};
  return context.part->transaction->left(object);
}

}  // namespace

Result<ObjectView> look_at(const Context& context, const ObjectId& object) {
  auto left = left_by_batch(context, object);
  if (!left) return context.services.runtime.inspect(object);
  if (left->meta.exists()) return std::move(*left);
  return fail(ErrorCode::not_found, "there is no " + to_string(object));
}

Json without_dead_references(const Context& context, const KindDefinition& kind, Json state) {
  return Runtime::without_dead_references(kind, std::move(state), [&](const ObjectId& object) {
    const auto left = left_by_batch(context, object);
    return left ? left->meta.exists() : context.services.runtime.exists(object);
  });
}

Result<std::string> made_once(Context& context, const char* name,
                              const std::function<Result<std::string>()>& make) {
  if (!context.part || context.part->made == nullptr) return make();
  auto& made = *context.part->made;
  if (const auto known = made.find(name); known != made.end()) return known->second;
  PERDURE_TRY(value, make());
  made.emplace(name, value);
  return value;
}

std::string fresh_id(Context& context) {
  return made_once(context, "id",
                   [&]() -> Result<std::string> {
                     return make_uuid_v7(context.services.clock.now(), context.services.random);
                   })
      .value();
}

std::optional<std::string_view> resume_after(const Context& context) {
  const auto last = context.request.headers.find("Last-Event-ID");
  if (last && !last->empty()) return last;
  // The parameter is a list's own where the stream is a list: messages after one.
  if (context.route->route.produces != "text/event-stream") return {};
  if (const auto* after = context.find_query("after")) return *after;
  return {};
}

namespace {

// The object judges it: a retry with its idempotency key gets its reply however stale it is by now.
Result<void> put_precondition(Context& context, Call& call) {
  const auto& match = context.if_match;
  const auto& none = context.if_none_match;
  if (!match && !none) return {};
  if (match && !none && match->tags.size() == 1) {
    const auto& tag = match->tags.front();
    const bool usable = tag.seq && tag.strength == TagList::Tag::Strength::strong;
    call.if_seq = usable ? *tag.seq : seq_of_nothing;
    return {};
  }
  // What one expected seq cannot say: look for the seq that is meant, and expect that one.
  const auto now = look_at(context, call.target);
  if (!now && now.error().code != ErrorCode::not_found) return fail(now.error());
  if (now && judge(context, now->meta, Action::read).hidden()) return {};
  const Seq seq = now ? now->meta.seq : 0;
  const bool any = match && match->scope == TagList::Scope::any;
  const bool fits_match = !match || (any ? now.has_value() : match->matches_strongly(seq));
  const bool fits_none = !none || !now || !none->matches_weakly(seq);
  call.if_seq = fits_match && fits_none ? seq : seq_of_nothing;
  return {};
}

}  // namespace

bool add_precondition(Context& context, Call& call) {
  auto put = put_precondition(context, call);
  if (!put) answer(context, std::move(put).error());
  return put.has_value();
}

bool check_precondition(Context& context, const ObjectId& object) {
  Call call{.target = object, .principal = context.principal()};
  if (!add_precondition(context, call)) return false;
  if (!call.if_seq) return true;
  const auto now = look_at(context, object);
  if (!now || now->meta.seq == *call.if_seq) return true;  // what does not exist is the call's 404
  answer(context, stale());
  return false;
}

Error invalid_parameter(std::string name, std::string code, std::string message) {
  Error error{.code = ErrorCode::invalid, .detail = name + " " + message};
  error.fields.push_back({std::move(name), std::move(code), std::move(message)});
  return error;
}

}  // namespace perdure::api
