// SPDX-License-Identifier: Apache-2.0
// Calls whose answers somebody waits for.
#include "core.hpp"
#include "pending_call.hpp"
#include "perdure/runtime/runtime.hpp"

namespace perdure {

std::shared_ptr<runtime::PendingCall> Runtime::Core::pend(const Call& call, Executor* executor,
                                                          std::optional<Milliseconds> deadline) {
  auto pending = std::make_shared<runtime::PendingCall>(calls_, call, executor);
  calls_->deadlines().add(*pending, deadline.value_or(calls_->deadline()));
  return pending;
}

std::shared_ptr<runtime::PendingCall> Runtime::pend(Call call, std::optional<Milliseconds> deadline,
                                                    Executor* executor) {
  auto& core = *core_;
  const auto now = core.clock().now();
  if (call.deadline && !deadline) deadline = std::max(Milliseconds{0}, *call.deadline - now);
  const auto most = deadline.value_or(core.calls().deadline());
  // What has not run by then is refused when its turn comes.
  if (!call.deadline && most < Timestamp::max() - now) call.deadline = now + most;
  auto pending = core.pend(call, executor, most);
  core.intake().call(std::move(call), pending->handler());
  return pending;
}

detail::FutureGiven<Reply, Call> Runtime::call(Call call) {
  return detail::FutureGiven<Reply, Call>{pend(std::move(call), {}, nullptr)};
}

std::shared_ptr<runtime::PendingCall> ObjectRef::pend(Call call) const {
  call.target = id_;
  if (call.payload.is_null()) call.payload = Json::object();
  return runtime_->pend(std::move(call), {}, nullptr);
}

namespace detail {

std::shared_ptr<runtime::PendingCall> Handle::send(CallType type, std::string_view name,
                                                   Json payload) const {
  return runtime->pend({.target = id,
                        .type = type,
                        .name = std::string{name},
                        .payload = std::move(payload),
                        .principal = principal,
                        .idempotency_key = idempotency_key,
                        .if_seq = if_seq,
                        .owner = owner,
                        .request_id = request_id,
                        .traceparent = traceparent},
                       deadline, executor);
}

}  // namespace detail

namespace {

using Transacted = detail::FutureGiven<Reply, TransactionOptions>;

/// What a transaction is called where a call's name is wanted.
Call transaction_call(ObjectId first) { return {.target = std::move(first), .name = "transact"}; }

}  // namespace

Transacted Runtime::transact(std::vector<ObjectId> objects, TransactionHandler handler,
                             TransactionOptions options) {
  auto pending =
      core_->pend(transaction_call(objects.empty() ? ObjectId{} : objects.front()), nullptr, {});
  transact(std::move(objects), std::move(handler), std::move(options), pending->handler());
  return Transacted{std::move(pending)};
}

Transacted Runtime::transact(std::vector<TransactionStep> steps, TransactionOptions options) {
  auto pending =
      core_->pend(transaction_call(steps.empty() ? ObjectId{} : steps.front().object), nullptr, {});
  transact(std::move(steps), std::move(options), pending->handler());
  return Transacted{std::move(pending)};
}

Transacted Runtime::transact_found(TransactionHandler handler, TransactionOptions options) {
  auto pending = core_->pend(transaction_call({"$runtime", "transaction"}), nullptr, {});
  transact_found(std::move(handler), std::move(options), pending->handler());
  return Transacted{std::move(pending)};
}

Future<Reply> Runtime::transact(std::vector<ObjectId> objects, TransactionHandler handler) {
  return transact(std::move(objects), std::move(handler), TransactionOptions{});
}

Future<Reply> Runtime::transact(std::vector<TransactionStep> steps) {
  return transact(std::move(steps), TransactionOptions{});
}

Future<Reply> Runtime::transact_found(TransactionHandler handler) {
  return transact_found(std::move(handler), TransactionOptions{});
}

}  // namespace perdure
