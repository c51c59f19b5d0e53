// SPDX-License-Identifier: Apache-2.0
#include "app/batch/batch.hpp"

#include <fmt/format.h>

#include "app/checks.hpp"
#include "app/services.hpp"

namespace perdure::api {

namespace {

/// Passwords that are hashed for one atomic batch, each of which keeps a thread for a while.
constexpr std::size_t atomic_hashes_max = 8;

std::vector<std::string> names_of(const std::vector<BatchRequest>& requests) {
  std::vector<std::string> names;
  for (const auto& request : requests) names.push_back(request.name);
  return names;
}

std::vector<bool> referred_of(const BatchResults& results,
                              const std::vector<BatchRequest>& requests) {
  std::vector<std::string> paths;
  std::vector<const Json*> bodies;
  for (const auto& request : requests) {
    paths.push_back(request.path);
    bodies.push_back(request.body);
  }
  return results.referred(paths, bodies);
}

/// What the routes of the requests make of the batch.
struct Scan {
  Secrecy secrecy = Secrecy::plain;
  std::size_t hashes = 0;
};

Scan scan(const Router& router, const std::vector<BatchRequest>& requests) {
  Scan scan;
  for (const auto& request : requests) {
    const auto* route = route_of(router, request);
    if (route == nullptr) continue;
    if (route->route.secrecy == Secrecy::secret_body) scan.secrecy = Secrecy::secret_body;
    const auto* commands = std::get_if<Commands>(&route->route.target);
    if (commands != nullptr && commands->slow == WorkClass::hash) ++scan.hashes;
  }
  return scan;
}

/// All tokens that the requests take beyond the one that the batch took.
std::optional<Problem> take_tokens(Context& whole, std::size_t requests) {
  auto& services = whole.services;
  const auto now = services.monotonic();
  const auto more = requests - 1;
  const auto bucket = whole.key->bucket();
  if (more == 0 || !bucket) return {};
  for (const auto* one : {bucket.get(), &services.server_bucket}) {
    if (!one->policy().limits() || requests <= one->policy().requests) continue;
    return problem_from(invalid_value(
        {{"/requests", "limit",
          fmt::format("has at most {} requests, of which each counts towards a rate limit of so "
                      "many",
                      one->policy().requests)}}));
  }
  auto state = bucket->take(now, more);
  std::string_view whose = "the key's";
  if (state.taken) {
    whole.rate = state;
    state = services.server_bucket.take(now, more);
    whose = "the server's";
  }
  if (state.taken) return {};
  return problem_from({.code = ErrorCode::rate_limited,
                       .detail = fmt::format("{} rate limit has no room for {} requests now, each "
                                             "of a batch being one",
                                             whose, requests),
                       .fields = {},
                       .retry_after = state.retry});
}

/// The place in a batch of what a problem of one request points at.
std::string place_of(const std::string& pointer) {
  if (pointer.empty() || pointer.starts_with('/')) return "/body" + pointer;
  if (pointer == "If-Match") return "/if_match";
  // The key is the batch's.
  if (pointer == "Idempotency-Key") return {};
  // A parameter.
  return "/path";
}

}  // namespace

BatchBase::BatchBase(ContextPtr context, std::vector<BatchRequest> all)
    : whole(std::move(context)), requests(std::move(all)), results(names_of(requests)) {
  referred = referred_of(results, requests);
}

TransactionOptions BatchBase::options() const {
  auto& pool = whole->services.slow_work.of(work);
  return {.principal = whole->principal(),
          .idempotency_key = whole->idempotency_key,
          .idempotency_fingerprint = fingerprint,
          .request_id = whole->request.request_id,
          .traceparent = whole->traceparent,
          .run_on = [&pool, owner = whole->owner()](std::function<void()> part) {
            return pool.run(owner, std::move(part));
          }};
}

void BatchBase::clear() {
  results.clear();
  answer.clear();
  bytes_ = 0;
}

Result<void> BatchBase::add(std::size_t number, const RunningRequest& request,
                            BatchResult::Fate fate) {
  const auto& response = request.exchange->response();
  PERDURE_TRY_VOID(answer.add(requests[number].name, request));
  // As an item, and within the text of the whole.
  bytes_ += 2 * response.body.size();
  if (referred[number]) bytes_ += parsed_bytes_of(response.body.view());
  if (bytes_ > held_bytes_) {
    PERDURE_TRY_VOID(hold_more(*whole, bytes_ - held_bytes_));
    held_bytes_ = bytes_;
  }
  results.add({.fate = fate, .body = referred[number] ? body_of(response) : Json(nullptr)});
  return {};
}

void BatchBase::send(std::string text) {
  perdure::api::answer(*whole, JsonAnswer{.status = 200, .text = std::move(text)});
}

void BatchBase::replay(Reply reply) {
  whole->replayed = true;
  send(BatchAnswer::text_of(*whole, std::move(reply.value)));
}

Problem of_request(Problem problem, std::size_t number) {
  const auto at = fmt::format("/requests/{}", number);
  for (auto& field : problem.fields) field.pointer = at + place_of(field.pointer);
  // The request as a whole stands first, so that it is named where no rule of it is.
  problem.fields.insert(problem.fields.begin(), {at, std::string{problem.code}, problem.detail});
  problem.detail = fmt::format("{}: {}", at, problem.detail);
  return problem;
}

void run_batch(const ContextPtr& context) {
  auto requests = read_requests(context->body);
  if (!requests) return answer(*context, std::move(requests).error());
  const bool is_atomic = context->body.at("atomic").get<bool>();
  const auto scanned = scan(context->services.router, *requests);
  auto batch = std::make_shared<BatchBase>(context, std::move(*requests));
  batch->fingerprint = fingerprint_of(*context, scanned.secrecy);
  if (!context->idempotency_key.empty()) {
    auto stored = context->services.runtime.stored_reply(
        context->principal(), context->idempotency_key, batch->fingerprint);
    if (!stored) return answer(*context, std::move(stored).error());
    if (*stored) return batch->replay(std::move(**stored));
  }
  if (auto problem = take_tokens(*context, batch->size())) return answer(*context, *problem);
  if (!is_atomic) return run_each(std::move(batch));
  if (scanned.hashes > atomic_hashes_max) {
    return answer(*context,
                  invalid_parameter("/requests", "limit",
                                    fmt::format("may create at most {} users in an atomic batch",
                                                atomic_hashes_max)));
  }
  if (scanned.hashes > 0) batch->work = WorkClass::hash;
  run_atomic(std::move(batch));
}

}  // namespace perdure::api
