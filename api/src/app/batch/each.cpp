// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "app/batch/batch.hpp"
#include "app/pipeline.hpp"
#include "app/secrets.hpp"
#include "app/services.hpp"

namespace perdure::api {

namespace {

/// The key of one request: no client can send it, as it has a blank.
std::string derived_key(const std::string& key, std::size_t number) {
  if (key.empty()) return {};
  return fmt::format("batch {} {}", to_hex(bytes_of(sha256(key))), number);
}

/// One request after another. While one is on its way the task is parked.
class EachOfBatch final : public SlowTask, public std::enable_shared_from_this<EachOfBatch> {
 public:
  EachOfBatch(BatchPtr batch, WorkerPool& pool) : batch_(std::move(batch)), pool_(pool) {}

  Step step(const Slice& slice) override {
    for (;;) {
      if (running_) {
        if (!running_->exchange->ready()) return Step::parked;
        if (auto taken = take(); !taken) {
          answer(*batch_->whole, std::move(taken).error());
          return Step::done;
        }
      }
      if (number_ == batch_->size()) {
        finish();
        return Step::done;
      }
      if (slice.over()) return Step::again;
      begin();
    }
  }

 private:
  const BatchRequest& request() const { return batch_->requests[number_]; }

  void refuse(const Problem& problem) {
    batch_->answer.add_problem(request().name, problem, *batch_->whole, request().path);
    batch_->results.add({.fate = BatchResult::Fate::failed});
    ++number_;
  }

  void begin() {
    if (batch_->answer.is_full()) {
      return refuse(problem_from({.code = ErrorCode::too_large,
                                  .detail = "the answer of the batch is full; this request was "
                                            "not carried out"}));
    }
    auto path = request().path;
    Json body = request().body == nullptr ? Json(nullptr) : *request().body;
    auto wrong = batch_->results.complete_path(path);
    if (!wrong) wrong = batch_->results.complete_body(body);
    if (wrong) return refuse(*wrong);
    running_ = make_running(batch_->whole, request(), std::move(path),
                            request().body == nullptr ? nullptr : &body, {.asked = &asked_},
                            [self = weak_from_this(), &pool = pool_] {
                              if (auto task = self.lock()) pool.resume(task);
                            });
    auto& context = *running_->context;
    context.idempotency_key = derived_key(batch_->whole->idempotency_key, number_);
    carry_out_part(std::move(running_->context));
  }

  /// Errors  as hold_more: there is no memory for the answer.
  Result<void> take() {
    const bool failed = running_->exchange->response().status >= 400;
    auto added = batch_->add(number_, *running_,
                             failed ? BatchResult::Fate::failed : BatchResult::Fate::done);
    if (!added && added.error().code != ErrorCode::too_large) return added;
    if (!added) {
      batch_->answer.add_without_body(request().name, *running_);
      batch_->results.add({.fate = BatchResult::Fate::failed});
    }
    running_.reset();
    ++number_;
    return {};
  }

  /// Keeps the answer, if there is a key for it, and gives it.
  void finish() {
    auto& whole = *batch_->whole;
    if (whole.idempotency_key.empty()) return batch_->send(batch_->answer.text());
    whole.services.runtime.transact_found(
        [batch = batch_](Transaction&) {
          return Result<Json>{batch->answer.stored(*batch->whole)};
        },
        batch_->options(),
        [batch = batch_](Result<Reply> reply) {
          if (!reply) return answer(*batch->whole, std::move(reply).error());
          if (reply->replayed) return batch->replay(std::move(*reply));
          batch->send(batch->answer.text());
        });
  }

  const BatchPtr batch_;
  WorkerPool& pool_;
  BatchPart::Asked asked_;
  std::optional<RunningRequest> running_;
  std::size_t number_ = 0;
};

}  // namespace

void run_each(BatchPtr batch) {
  const auto whole = batch->whole;
  auto& pool = whole->services.slow_work.of(WorkClass::read);
  run_slow(whole, WorkClass::read, std::make_shared<EachOfBatch>(std::move(batch), pool));
}

}  // namespace perdure::api
