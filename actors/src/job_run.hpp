// SPDX-License-Identifier: Apache-2.0
// JobRun: one attempt at a job, from the moment that it has a place until its outcome is durable.
#pragma once

#include <condition_variable>
#include <mutex>
#include <optional>
#include <vector>

#include "job_messages.hpp"
#include "perdure/runtime/runtime.hpp"

namespace perdure::actors {

/// Threads  any; `write` blocks, and so does `wait`.
class JobRun final : public JobContext {
 public:
  JobRun(JobStay stay, const JobType& type, Runtime& runtime, std::shared_ptr<Effect> place)
      : stay_(std::move(stay)), type_(type), runtime_(runtime), place_(std::move(place)) {}

  // ---- as its function sees it
  [[nodiscard]] const std::string& id() const override { return stay_.job; }
  [[nodiscard]] const Json& payload() const override { return payload_; }
  [[nodiscard]] int attempt() const override { return attempt_; }
  [[nodiscard]] const Principal& principal() const override { return principal_; }
  [[nodiscard]] bool cancelled() const override;
  void on_cancel(std::function<void()> callback) override;
  bool wait(Milliseconds time) override;
  void progress(double current, std::optional<double> total, std::string message) override;
  Result<void> write(std::string_view text) override;
  [[nodiscard]] Timestamp now() const override { return began_at_; }
  [[nodiscard]] Runtime& runtime() override { return runtime_; }

  // ---- as the runner sees it
  [[nodiscard]] const JobStay& stay() const { return stay_; }
  [[nodiscard]] const JobType& type() const { return type_; }
  [[nodiscard]] ObjectId job() const { return {std::string{job_kind_name}, stay_.job}; }
  /// Takes what the job's `begin` gave. Before its function is called.
  void begin(const Json& begun);
  void cancel();
  /// True for the first call: the function has ended, or nobody waits for it any more.
  [[nodiscard]] bool end();
  /// The payload of the job's `finish`; also writes the rest of the output.
  [[nodiscard]] Json outcome_of(Result<Json> result);
  /// The progress that has not been sent yet, as the payload of the job's `progress`.
  [[nodiscard]] std::optional<Json> take_progress();
  /// What holds the job's place in its queue; another one after the store was opened again.
  void set_place(std::shared_ptr<Effect> place);
  [[nodiscard]] std::shared_ptr<Effect> place() const;

  /// What is left to do, for the runner alone (under its lock).
  enum class Step {
    waiting,  ///< for a place of its type
    beginning,
    working,
    reporting,
    unreported,
  } step = Step::waiting;
  Json report = nullptr;  ///< the payload of `finish`, once it is there; the runner's

 private:
  Result<void> flush(std::size_t enough);

  const JobStay stay_;
  const JobType& type_;
  Runtime& runtime_;

  // Set by begin, then only read.
  Json payload_ = nullptr;
  int attempt_ = 0;
  Principal principal_;
  Timestamp began_at_;

  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable cancel_;
  bool cancelled_ = false;
  bool ended_ = false;
  std::vector<std::function<void()>> on_cancel_;
  Json progress_ = nullptr;
  std::shared_ptr<Effect> place_;

  std::mutex output_mutex_;  // guards output_, while it is written
  std::string output_;
};

}  // namespace perdure::actors
