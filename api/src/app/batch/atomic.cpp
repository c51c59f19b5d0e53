// SPDX-License-Identifier: Apache-2.0
#include "app/batch/batch.hpp"
#include "app/pipeline.hpp"
#include "app/services.hpp"

namespace perdure::api {

namespace {

class AtomicBatch final : public std::enable_shared_from_this<AtomicBatch> {
 public:
  explicit AtomicBatch(BatchPtr batch) : batch_(std::move(batch)), made_(batch_->size()) {}

  void start() {
    auto& runtime = batch_->whole->services.runtime;
    runtime.transact_found(
        [self = shared_from_this()](Transaction& transaction) { return self->run(transaction); },
        batch_->options(),
        [self = shared_from_this()](Result<Reply> reply) { self->finish(std::move(reply)); });
  }

 private:
  Result<Json> run(Transaction& transaction) {
    problem_.reset();
    running_.clear();
    asked_.clear();
    batch_->clear();
    for (std::size_t number = 0; number < batch_->size(); ++number) {
      problem_ = carry_out(transaction, number);
      // The words are the problem's: what is answered is that.
      if (problem_) return fail(ErrorCode::invalid, problem_->detail);
    }
    if (transaction.rehearses()) return Json(nullptr);
    text_ = batch_->answer.text();
    if (batch_->whole->idempotency_key.empty()) return Json(nullptr);
    return batch_->answer.stored(*batch_->whole);
  }

  std::optional<Problem> carry_out(Transaction& transaction, std::size_t number) {
    const auto& request = batch_->requests[number];
    auto path = request.path;
    Json body = request.body == nullptr ? Json(nullptr) : *request.body;
    auto wrong = batch_->results.complete_path(path);
    if (!wrong) wrong = batch_->results.complete_body(body);
    if (wrong) return of_request(std::move(*wrong), number);
    BatchPart part{.transaction = &transaction,
                   .made = &made_[number],
                   .made_by_all = &made_by_all_,
                   .asked = &asked_};
    if (!batch_->referred[number]) part.result = BatchPart::Result::not_needed;
    // Kept until the batch has ended, with what the request holds.
    running_.push_back(make_running(batch_->whole, request, std::move(path),
                                    request.body == nullptr ? nullptr : &body, std::move(part),
                                    {}));
    auto& running = running_.back();
    carry_out_part(running.context);
    if (running.part->problem) {
      return of_request(std::move(*running.part->problem), number);
    }
    if (running.part->reached) {
      batch_->results.add({});
      return {};
    }
    if (!running.exchange->ready()) {
      return of_request(not_in_batch("does not end at once"), number);
    }
    auto added = batch_->add(number, running, BatchResult::Fate::done);
    if (!added) return of_request(problem_from(std::move(added).error()), number);
    return {};
  }

  void finish(Result<Reply> reply) {
    running_.clear();
    if (!reply) {
      // Another refusal than that of the last run: the objects could not be held for the next one.
      const bool is_problem = problem_ && reply.error().detail == problem_->detail;
      if (is_problem) return answer(*batch_->whole, *problem_);
      return answer(*batch_->whole, std::move(reply).error());
    }
    if (reply->replayed) return batch_->replay(std::move(*reply));
    batch_->send(std::move(text_));
  }

  const BatchPtr batch_;
  std::vector<BatchPart::Made> made_;  ///< by request
  BatchPart::Made made_by_all_;
  BatchPart::Asked asked_;
  std::vector<RunningRequest> running_;
  std::optional<Problem> problem_;  ///< of the last run
  std::string text_;
};

}  // namespace

void run_atomic(BatchPtr batch) { std::make_shared<AtomicBatch>(std::move(batch))->start(); }

}  // namespace perdure::api
