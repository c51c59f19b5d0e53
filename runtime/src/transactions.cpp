// SPDX-License-Identifier: Apache-2.0
#include "transactions.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "handler_mark.hpp"

namespace perdure::runtime {

Transactions::Transactions(Around around, Post post)
    : around_(around),
      effects_{
          .hold =
              [this](const ObjectId& object, std::uint64_t number, ReplyHandler done) {
                return around_.intake.hold(object, number, std::move(done));
              },
          .release = [this](const CellPtr& cell,
                            std::uint64_t number) { around_.directory.release(*cell, number); },
          .post = std::move(post),
          .look_up =
              [this](Envelope& envelope) {
                return around_.intake.look_up(envelope, around_.store);
              },
          .claims_at = [this] { return around_.intake.claims_at(); },
          .next_number = [this] { return ++last_number_; }} {}

Result<void> Transactions::check(const Scope& scope) const {
  const auto count = scope.objects.size();
  const bool is_empty = count == 0 && scope.others == TransactionTurns::Others::refused;
  if (is_empty || count > limits::transaction_objects_max) {
    return fail(ErrorCode::invalid, fmt::format("a transaction names 1 to {} objects",
                                                limits::transaction_objects_max));
  }
  for (const auto& object : scope.objects) {
    PERDURE_TRY_VOID(validate(object));
    if (around_.kinds.find(object.kind) == nullptr) {
      return fail(ErrorCode::not_found, "there is no kind " + object.kind);
    }
  }
  return {};
}

void Transactions::begin(Scope scope, TransactionHandler handler, const TransactionOptions& options,
                         ReplyHandler done) {
  auto& objects = scope.objects;
  std::ranges::sort(objects);
  const auto repeated = std::ranges::unique(objects);
  objects.erase(repeated.begin(), repeated.end());
  const auto envelope = std::make_shared<Envelope>();
  envelope->operation = Operation::transaction;
  envelope->done = [guest = around_.flights.invite(), runtime = &around_.directory,
                    done = std::move(done)](Result<Reply> reply) {
    const HandlerMark mark{runtime, HandlerMark::Of::reply, "(a transaction)", "$transact"};
    done(std::move(reply));
  };
  if (auto fits = check(scope); !fits) return envelope->answer(fail(std::move(fits).error()));
  auto& call = envelope->call;
  if (!objects.empty()) call.target = objects.front();
  call.name = "$transact";
  call.payload = std::move(scope.fingerprint);
  call.principal = options.principal;
  call.idempotency_key = options.idempotency_key;
  call.idempotency_fingerprint = options.idempotency_fingerprint;
  call.request_id = options.request_id;
  call.traceparent = options.traceparent;
  envelope->transaction = effects_.next_number();
  if (!around_.intake.let_in(*envelope)) return;
  std::make_shared<TransactionRun>(envelope, std::move(objects), scope.others, std::move(handler),
                                   options,
                                   TransactionRun::Around{.store = around_.store,
                                                          .directory = around_.directory,
                                                          .committer = around_.committer,
                                                          .times = around_.times,
                                                          .rules = around_.rules,
                                                          .kinds = around_.kinds,
                                                          .waits = around_.waits,
                                                          .effects = effects_})
      ->start();
}

}  // namespace perdure::runtime
