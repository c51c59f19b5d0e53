// SPDX-License-Identifier: Apache-2.0
#include "committer.hpp"

#include <algorithm>
#include <chrono>
#include <thread>

#include "lent_thread.hpp"
#include "perdure/base/processor_time.hpp"
#include "refusals.hpp"
#include "settlement.hpp"

namespace perdure::runtime {

namespace {

// About two syncs of a fast disk.
constexpr auto gather_max = std::chrono::microseconds{200};

std::size_t log_bytes_of_all(const storage::Unit& unit) {
  std::size_t bytes = 0;
  for (const auto& write_set : unit.write_sets) bytes += log_bytes_of(write_set);
  return bytes;
}

// The same for all submissions of an object, so that they keep their order. The first one knows the
// owner, but for those of an object without a record.
OwnerKey line_of(const Submission& submission) {
  if (submission.settle) return caller_key(submission.envelope->call.principal).value_or(0);
  auto& cell = *submission.envelope->in_flight.cell();
  if (!cell.line) {
    const auto& owner = submission.version->meta.origin->owner.text();
    cell.line = owner.empty() ? cell.hash : perdure::owner_key(owner);
  }
  return *cell.line;
}

}  // namespace

std::size_t log_bytes_of(const storage::WriteSet& write_set) {
  std::size_t bytes = write_set.record ? write_set.record->size() : 0;
  for (const auto& entry : write_set.entries)
    bytes += entry.key.size() + (entry.value ? entry.value->size() : 0);
  for (const auto& event : write_set.events) bytes += event.size();
  for (const auto& sent : write_set.sends) bytes += sent.size();
  for (const auto& change : write_set.indexes) bytes += change.value.size();
  return bytes;
}

Committer::Committer(storage::Store& store, Directory& directory, Time claims_at, EveryHook& hooks,
                     Effects effects)
    : store_(store),
      directory_(directory),
      claims_at_(std::move(claims_at)),
      hooks_(hooks),
      effects_(std::move(effects)) {}

void Committer::submit(SubmissionPtr submission) {
  const auto by = commits_before_sleep() ? Submitter::lent : Submitter::other;
  bool wake = false;
  if (submission->unit) submission->bytes = log_bytes_of_all(*submission->unit);
  {
    const std::scoped_lock lock{mutex_};
    waiting_bytes_ += submission->bytes;
    waiting_.push_back(std::move(submission));
    count_waiting();
    wake = lead_.submitted(by);
  }
  if (wake) arrived_.notify_one();
}

void Committer::count_waiting() {
  waiting_count_.store(waiting_.size() + held_over_.waiting(), std::memory_order_relaxed);
}

std::vector<SubmissionPtr> Committer::take_turns(std::size_t submissions_max) {
  for (auto& submission : waiting_) {
    const auto line = line_of(*submission);
    PERDURE_CHECK(held_over_.push(line, std::move(submission)) == Queued::yes, "it has no bound");
  }
  waiting_.clear();
  waiting_bytes_ = 0;
  std::vector<SubmissionPtr> taken;
  std::size_t bytes = 0;
  while (taken.size() < submissions_max && bytes < batch_bytes_max) {
    auto next = held_over_.take();
    if (!next) break;
    // A reply alone costs something, too.
    held_over_.finish(next->owner, std::max<std::size_t>(next->item->bytes, 1));
    bytes += next->item->bytes;
    taken.push_back(std::move(next->item));
  }
  return taken;
}

Committer::Batch Committer::take(std::size_t submissions_max) {
  Batch batch;
  {
    const std::scoped_lock lock{mutex_};
    if (held_over_.empty() && waiting_.size() <= submissions_max &&
        waiting_bytes_ <= batch_bytes_max) {
      batch.submissions.swap(waiting_);
      waiting_bytes_ = 0;
    } else {
      batch.submissions = take_turns(submissions_max);
    }
    count_waiting();
  }
  batch.units.reserve(batch.submissions.size());
  for (const auto& submission : batch.submissions) {
    if (submission->unit) batch.units.push_back(std::move(*submission->unit));
  }
  return batch;
}

void Committer::commit(Batch batch) {
  auto& units = batch.units;
  std::vector<storage::Outcome> outcomes;
  if (!units.empty()) {
    const auto start = std::chrono::steady_clock::now();
    outcomes = store_.commit(units, claims_at_());
    hooks_.batch_committed(units.size(), std::chrono::steady_clock::now() - start);
    PERDURE_CHECK(outcomes.size() == units.size(), "one outcome for each unit");
    turns_ += units.size();
    for (std::size_t i = 0; i < units.size(); ++i) {
      if (outcomes[i]) tell_what_was_asked(units[i], *outcomes[i]);
    }
  }
  std::size_t next = 0;
  for (const auto& submission : batch.submissions) {
    settle(submission, submission->unit ? &outcomes[next++] : nullptr);
  }
}

bool Committer::step(std::size_t submissions_max) {
  auto batch = take(submissions_max);
  if (batch.submissions.empty()) return false;
  commit(std::move(batch));
  return true;
}

void Committer::tell_what_was_asked(storage::Unit& unit, const storage::Committed& committed) {
  const auto asks = [](const storage::WriteSet& write_set) {
    return !write_set.alarms.empty() || !write_set.sends.empty() || !write_set.events.empty();
  };
  if (std::ranges::any_of(unit.write_sets, asks)) effects_.asked(unit, committed);
  const auto releases = [](const storage::WriteSet& set) { return !set.releases.empty(); };
  if (std::ranges::any_of(unit.write_sets, releases)) effects_.released(unit);
}

void Committer::settle(const SubmissionPtr& submission, const storage::Outcome* outcome) {
  if (submission->settle) return submission->settle(*outcome);
  Cell& cell = *submission->envelope->in_flight.cell();
  const auto& version = submission->version;
  const auto committed = cell.committed_seq.load(std::memory_order_relaxed);
  // The store is asked only where it matters.
  const bool is_left_behind = outcome == nullptr && committed < version->meta.seq;
  const auto health = is_left_behind ? store_.health() : storage::Health::writable;
  switch (settlement_of({.outcome = outcome,
                         .depends_on = version->meta.seq,
                         .committed = committed,
                         .health = health})) {
    case Settlement::answered:
      if (outcome != nullptr) publish(cell, version);
      if (submission->news) effects_.streamed(cell, submission->news);
      return answer(*submission, std::move(submission->reply));
    case Settlement::refused: submission->refused = outcome->error(); [[fallthrough]];
    case Settlement::runs_again: return effects_.give_back(submission);
    case Settlement::in_doubt:
      directory_.drop(cell);
      return answer(*submission, unknown_outcome(outcome->error()));
    case Settlement::outlived: directory_.drop(cell); return answer(*submission, opened_again());
    case Settlement::stopped: return answer(*submission, writes_have_stopped(health));
  }
}

void Committer::publish(Cell& cell, const VersionPtr& version) {
  if (version->meta.seq == cell.committed_seq.load(std::memory_order_relaxed)) return;
  directory_.committed(cell, version);
  effects_.committed(cell, *version);
}

void Committer::answer(Submission& submission, Result<Reply> reply) {
  const auto envelope = std::move(submission.envelope);
  Cell& cell = *envelope->in_flight.cell();
  cell.settled.fetch_add(1, std::memory_order_release);
  if (cell.recovering.load(std::memory_order_acquire)) directory_.tell_settled(cell);
  envelope->answer(std::move(reply));
}

// A sync costs as much processor time as several turns, so one for many is worth a short wait, if
// there is anything to wait for. A lone caller is never delayed.
void Committer::gather() {
  const auto until = std::chrono::steady_clock::now() + gather_max;
  for (;;) {
    const auto waiting = waiting_count_.load(std::memory_order_relaxed);
    if (waiting == 0 || waiting >= directory_.moving()) return;
    if (std::chrono::steady_clock::now() >= until) return;
    std::this_thread::yield();
  }
}

bool Committer::step_at_pace() {
  auto batch = take(pace_.turns_max());
  const auto turns = batch.submissions.size();
  if (turns == 0) return false;
  const auto begin = processor_time();
  commit(std::move(batch));
  pace_.note(turns, processor_time() - begin);
  return true;
}

bool Committer::begin_lead() {
  const std::scoped_lock lock{mutex_};
  return anything_waits() && lead_.begin();
}

bool Committer::end_lead() {
  bool wake = false;
  bool more = false;
  {
    const std::scoped_lock lock{mutex_};
    lead_.end();
    more = anything_waits();
    wake = stopping_;  // the own thread waits for the last lead
  }
  if (wake) arrived_.notify_one();
  return more;
}

bool Committer::commit_waiting() {
  if (waiting_count_.load(std::memory_order_relaxed) == 0 || !begin_lead()) return false;
  step_at_pace();
  return end_lead();
}

void Committer::run() {
  for (;;) {
    gather();
    if (begin_lead()) {
      step_at_pace();
      end_lead();
      continue;
    }
    std::unique_lock lock{mutex_};
    if (anything_waits() && !lead_.is_led()) continue;
    if (stopping_ && !lead_.is_led()) return;
    lead_.sleep();
    arrived_.wait(lock, [this] { return !lead_.is_asleep() || (stopping_ && !lead_.is_led()); });
    lead_.wake();
  }
}

void Committer::check_invariants() const {
  const std::scoped_lock lock{mutex_};
  PERDURE_CHECK(waiting_count_.load() == waiting_.size() + held_over_.waiting(),
                "the count of what waits is off");
  held_over_.check_invariants();
  for (const auto& submission : waiting_) {
    PERDURE_CHECK(submission->settle || submission->envelope->in_flight.cell(),
                  "a turn of nobody waits");
    PERDURE_CHECK(!submission->settle || submission->unit, "a transaction without a unit waits");
  }
}

void Committer::stop() {
  {
    const std::scoped_lock lock{mutex_};
    stopping_ = true;
    lead_.wake();
  }
  arrived_.notify_one();
}

}  // namespace perdure::runtime
