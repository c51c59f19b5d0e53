// SPDX-License-Identifier: Apache-2.0
// A batch: many requests in one (POST /batch).
//
//   atomic       one transaction. Its handler carries out the requests one after another, each as a
//                step of it, and gives up at the first problem. It runs first while no object is
//                held, to find which ones they are (Runtime::transact_found).
//   not atomic   one request after another, each with a derived idempotency key if the batch has
//                one. The answer is kept at the end, so that a retry gets the same, whatever has
//                changed meanwhile; one that a crash left without an answer replays the requests.
//
// Threads  a batch is on one thread at a time: those for slow work, where owners take turns.
#pragma once

#include <memory>

#include "app/batch/answer.hpp"
#include "app/batch/request.hpp"
#include "app/worker_pool.hpp"

namespace perdure::api {

/// What both sorts of a batch have.
struct BatchBase {
  BatchBase(ContextPtr context, std::vector<BatchRequest> all);

  const ContextPtr whole;
  const std::vector<BatchRequest> requests;
  std::string fingerprint;  ///< of the whole
  std::vector<bool> referred;
  BatchResults results;
  BatchAnswer answer;
  WorkClass work = WorkClass::read;  ///< of the threads that it runs on

  [[nodiscard]] std::size_t size() const { return requests.size(); }
  /// The options of the transaction that keeps the answer, or is the batch.
  [[nodiscard]] TransactionOptions options() const;
  /// Begins a run: nothing has been answered, nor has any result.
  void clear();
  /// Adds what a request was answered with: to the answer, and to the results.
  /// Errors  too_large (there is no room in the answer; nothing was added); as hold_more.
  Result<void> add(std::size_t number, const RunningRequest& request, BatchResult::Fate fate);
  /// Answers with what was kept.
  void replay(Reply reply);
  void send(std::string text);

 private:
  std::size_t bytes_ = 0;       ///< that this run keeps
  std::size_t held_bytes_ = 0;  ///< the most that a run has kept: they are counted once
};

using BatchPtr = std::shared_ptr<BatchBase>;  // shared by the callbacks that move it

/// A problem of a request, as one of the batch: its pointers are below `/requests/<number>`, the
/// number being from 0, as places of arrays are in JSON Pointer.
[[nodiscard]] Problem of_request(Problem problem, std::size_t number);

void run_atomic(BatchPtr batch);
void run_each(BatchPtr batch);

/// For /batch.
void run_batch(const ContextPtr& context);

}  // namespace perdure::api
