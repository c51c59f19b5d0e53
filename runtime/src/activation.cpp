// SPDX-License-Identifier: Apache-2.0
#include "activation.hpp"

#include <algorithm>
#include <chrono>

#include "flow_refusals.hpp"
#include "flows.hpp"
#include "handler_mark.hpp"
#include "intake.hpp"
#include "messages.hpp"
#include "once_bound.hpp"
#include "quorums.hpp"
#include "quota.hpp"
#include "refusals.hpp"
#include "unique_keys.hpp"

namespace perdure::runtime {

namespace {

// With fewer pending entries, those that became durable are not looked for in the middle of a run.
constexpr std::size_t pending_entries_before_pruning = 64;

std::string_view name_of_turn(const Envelope& envelope) {
  return envelope.tick ? envelope.tick->name : envelope.call.name;
}

Error explain_refusal(const KindDefinition& kind, const TurnRules& rules, const Envelope& envelope,
                      Error error) {
  auto explained = explain_quorum(kind, explain_taken(kind, std::move(error)));
  explained = explain_quota(rules.quotas, std::move(explained));
  return explain_once(rules.quotas.idempotency_keys, rules.idempotency_window, envelope.accepted_at,
                      std::move(explained));
}

}  // namespace

Result<void> Activation::load(const storage::StoreReader& rows) {
  if (newest_) return {};
  newest_ = around_.directory.committed_version(*cell_);
  if (newest_) return {};
  PERDURE_TRY(version, load_version(cell_->kind, cell_->object, rows));
  newest_ = std::move(version);
  around_.directory.loaded(*cell_, newest_);
  return {};
}

void Activation::receive(EnvelopePtr envelope) {
  if (!newest_ && begins_with_flows(*envelope) && !begin(*envelope)) return;
  if (envelope->flow) return resume(envelope);
  if (envelope->operation == Operation::give_up_flow) return give_up(envelope);
  if (envelope->asked && envelope->asked->may_be_begun && attach(envelope)) return;
  if (asks_held_object(*envelope)) return answer_from_committed(*envelope);
  if (goes_ahead(*envelope) || (!must_hold() && !held_)) return run(envelope);
  if (!held_) held_ = std::make_unique<std::deque<EnvelopePtr>>();
  envelope->in_flight.rest();
  held_->push_back(std::move(envelope));
}

const storage::StoreReader& Activation::rows(const Envelope& envelope) const {
  if (seen_ && !reads_itself(envelope)) return *seen_;
  return around_.store;
}

bool Activation::parks(const EnvelopePtr& envelope) {
  if (reads_itself(*envelope) || !seen_ || !seen_->lacks()) return false;
  parked_ = envelope;
  // Shared, since functions are copied.
  auto kept = std::make_shared<InFlight>(around_.directory.keep(cell_));
  around_.reads->fetch(cell_->owner_key(),
                       {.reads = seen_->take_lacking(),
                        .done = [cell = cell_, &directory = around_.directory, ticket = ++ticket_,
                                 kept = std::move(kept)](std::vector<storage::Read> reads,
                                                         std::vector<storage::ReadAnswer> answers) {
                          directory.tell_fetched(*cell, std::make_shared<FetchedRows>(FetchedRows{
                                                            ticket, std::move(reads),
                                                            std::move(answers), std::move(*kept)}));
                        }});
  return true;
}

void Activation::fetched(FetchedRows& rows) {
  if (!parked_ || rows.ticket != ticket_) return;  // the turn has begun anew since
  seen_->put(std::move(rows.reads), std::move(rows.answers));
  const auto envelope = std::exchange(parked_, nullptr);
  static_cast<void>(rows.kept.land());  // the envelope keeps what is around
  ask_to_go_on();
  run(envelope);
  let_queries_ahead();
}

void Activation::run(const EnvelopePtr& envelope) {
  if (around_.reads != nullptr && !seen_) seen_ = std::make_unique<ReadSet>();
  take_turn(envelope);
  // From here on the runtime may be gone.
  if (!parked_ && seen_ && !seen_->empty()) seen_.reset();
}

void Activation::take_turn(const EnvelopePtr& envelope) {
  std::optional<Result<Reply>> known;
  if (envelope->key_sought_at) known = around_.intake.look_up(*envelope, rows(*envelope));
  auto loaded = load(rows(*envelope));
  if (parks(envelope)) return;
  if (known) return envelope->answer(std::move(*known));
  if (!loaded) return envelope->answer(fail(std::move(loaded).error()));
  forget_durable();
  if (envelope->flow) {  // it was admitted when it began
    if (envelope->flow->given_up) return settle(envelope, fail(given_up()));
    return envelope->flow->sleep ? wake(envelope) : run_command(envelope);
  }
  if (envelope->receipt && envelope->receipt->epoch != cell_->epoch) {
    return answer(envelope, opened_again());
  }
  if (auto admitted = admit(*envelope, *newest_, around_.times.steady()); !admitted) {
    return answer(envelope, fail(std::move(admitted).error()));
  }
  if (auto readable = check_readable(*envelope, *newest_); !readable) {
    return answer(envelope, fail(std::move(readable).error()));
  }
  if (blocked_ && envelope->call.type == CallType::command) {
    return answer(envelope, fail(*blocked_));
  }
  if (envelope->operation == Operation::hold) {
    store_ahead();
    return hold(envelope);
  }
  if (envelope->call.type == CallType::command) return run_command(envelope);
  auto reply = ask(*envelope);
  if (!parks(envelope)) answer(envelope, std::move(reply));
}

Result<Reply> Activation::ask(const Envelope& envelope) {
  const QueryTimer timer{around_.paces, envelope, *newest_};
  const HandlerMark mark{&around_.directory, HandlerMark::Of::handler, cell_->kind.name,
                         envelope.call.name};
  return run_query(envelope, *newest_, rows(envelope), &pending_);
}

TurnSurroundings Activation::surroundings(const storage::StoreReader& rows) {
  return {.kind = cell_->kind,
          .store = rows,
          .pending = pending_,
          .gaps = &gaps_,
          .alarms = alarms_,
          .tally = tally_,
          .streams = &streams_,
          .members = &cell_->members,
          .newest = newest_.get(),
          .rules = around_.rules,
          .times = around_.times};
}

void Activation::run_command(const EnvelopePtr& envelope) {
  const HandlerMark mark{&around_.directory, HandlerMark::Of::handler, cell_->kind.name,
                         name_of_turn(*envelope)};
  if (run_ahead(envelope)) return;
  store_ahead();
  const bool counts = envelope->command != nullptr && newest_->root_bytes <= quick_root_bytes_max;
  const auto start = std::chrono::steady_clock::now();
  auto decision = run_turn(*envelope, *newest_, surroundings(rows(*envelope)));
  if (parks(envelope)) return cell_->members.let_go();  // it may have changed them
  const auto took = std::chrono::steady_clock::now() - start;
  around_.hooks.turn_finished(cell_->kind.name, took);
  cell_->members.measure();
  if (counts) around_.paces.ran(cell_->kind, took);
  if (envelope->asked || is_flow(*envelope)) return settle(envelope, std::move(decision));
  if (!decision) return answer(envelope, fail(std::move(decision).error()));
  if (decision->is_reply_only()) return answer(envelope, std::move(decision->reply));
  auto news = build_on(*decision);
  storage::Unit unit;
  add_to_unit(unit, *decision, cell_->epoch);
  submit(envelope, std::move(unit), std::move(decision->reply), std::move(news));
}

StreamNewsPtr Activation::build_on(Decision& decision) {
  if (decision.version) newest_ = std::move(decision.version);
  close_gaps(gaps_, decision.entries);
  put_over(pending_, std::move(decision.entries));
  alarms_.add(std::move(decision.alarms), submitted_ + 1);
  tally_.decided(decision.write_set);
  if (!decision.streams) return {};
  streams_.decided(*decision.streams, decision.write_set, submitted_ + 1);
  return std::make_shared<const StreamNews>(std::move(decision.streams->news));
}

void Activation::forget_durable() {
  // The rows that the turn was given may be older than what has become durable since.
  if (seen_ && !seen_->empty()) return;
  const auto settled = cell_->settled.load(std::memory_order_acquire);
  alarms_.forget(settled);
  streams_.forget(settled);
  if (pending_.empty()) return;
  const Seq durable = cell_->committed_seq.load(std::memory_order_acquire);
  if (durable == newest_->meta.seq) {
    pending_.clear();
  } else if (pending_.size() > prune_past_) {
    std::erase_if(pending_, [&](const auto& entry) { return entry.second.seq <= durable; });
    // Half of what is looked through next time is new, so each entry is looked at twice on average.
    prune_past_ = std::max(2 * pending_.size(), pending_entries_before_pruning);
  }
}

void Activation::answer(const EnvelopePtr& envelope, Result<Reply> reply) {
  // The store opened again beneath it may hold turns that this state knows nothing of.
  if (around_.store.epoch() != cell_->epoch) reply = opened_again();
  // A change of alarms may be on its way without a new version: that an alarm was moved is known to
  // nobody before it is durable.
  if (is_durable()) return envelope->answer(std::move(reply));
  if (ahead_ && may_be_ahead()) {
    if (!ahead_->is_written_soon) return envelope->answer(std::move(reply));
    ahead_->waiting.push_back({envelope, std::move(reply)});
    return;
  }
  submit(envelope, {}, std::move(reply));
}

bool Activation::is_durable() const {
  return cell_->committed_seq.load(std::memory_order_acquire) == newest_->meta.seq &&
         alarms_.empty();
}

void Activation::submit(const EnvelopePtr& envelope, std::optional<storage::Unit> unit,
                        Result<Reply> reply, StreamNewsPtr news) {
  ++submitted_;
  if (envelope->operation != Operation::flush) synced_ = submitted_;
  around_.committer.submit(std::make_shared<Submission>(Submission{.envelope = envelope,
                                                                   .unit = std::move(unit),
                                                                   .version = newest_,
                                                                   .reply = std::move(reply),
                                                                   .news = std::move(news)}));
}

void Activation::take_back(SubmissionPtr submission) {
  cell_->settled.fetch_add(1, std::memory_order_relaxed);
  returned_.push_back(std::move(submission));
  recover_when_alone();
}

void Activation::recover_when_alone() {
  const auto settled = cell_->settled.load(std::memory_order_acquire);
  if (!returned_.empty() && submitted_ == settled) recover();
}

void Activation::go_back_to_committed() {
  newest_ = around_.directory.committed_version(*cell_);
  pending_.clear();
  alarms_.clear();
  tally_.forget();
  streams_.clear();
  cell_->members.let_go();
  gaps_.clear();
}

void Activation::recover() {
  cell_->recovering.store(false, std::memory_order_release);
  go_back_to_committed();
  const auto again = std::exchange(returned_, {});
  // A transaction that was not granted the object comes back with the others: its turn comes again,
  // behind theirs. One that was granted it goes on: what was refused moved no version
  // (housekeeping), so the grant did not depend on it.
  const bool hold_came_back = std::ranges::any_of(again, [](const SubmissionPtr& submission) {
    return submission->envelope->operation == Operation::hold;
  });
  InFlight kept;                                     // until all that came back has a place
  const auto lost = std::exchange(ahead_, nullptr);  // it was built on what came back
  if (lost && !lost->is_written_soon) {
    around_.directory.unhurried().fetch_sub(1, std::memory_order_relaxed);
  }
  if (hold_came_back) {
    held_by_ = 0;
    kept = std::move(kept_);
  }
  auto held = held_ ? std::move(held_) : std::make_unique<std::deque<EnvelopePtr>>();
  // It saw what did not come to be, and runs behind what came before it.
  if (parked_) held->push_front(std::exchange(parked_, nullptr));
  if (seen_ && !seen_->empty()) seen_.reset();
  if (lost) put_back(*lost, *held);
  for (auto submission = again.rbegin(); submission != again.rend(); ++submission) {
    auto& refused = (*submission)->refused;
    const auto& envelope = (*submission)->envelope;
    if (envelope->ahead && !refused) {
      put_back(*envelope->ahead, *held);
      continue;
    }
    if (refused) {
      refused = explain_refusal(cell_->kind, around_.rules, *envelope, std::move(*refused));
      if (!takes_refusal(*envelope, *refused)) continue;
      envelope->refused = std::exchange(refused, std::nullopt);
    }
    if (envelope->for_flow) withdraw(envelope->for_flow);
    held->push_front(envelope->for_flow ? envelope->for_flow : envelope);
    held->front()->in_flight.rest();
  }
  if (!held->empty()) held_ = std::move(held);
  ask_to_go_on();
  for (const auto& submission : again) {
    if (submission->envelope->ahead && !submission->refused) submission->envelope->answer(Reply{});
    if (!submission->refused) continue;
    if (const auto& ask = submission->envelope->asked) ask->stored.clear();
    submission->envelope->answer(fail(std::move(*submission->refused)));
  }
  let_queries_ahead();
}

void Activation::ask_to_go_on() {
  if (!held_ || must_hold() || std::exchange(going_on_, true)) return;
  around_.directory.go_on(*cell_);
}

void Activation::go_on() {
  going_on_ = false;
  if (!held_ || must_hold()) return;
  const auto next = std::move(held_->front());
  next->in_flight.wake();
  held_->pop_front();
  if (held_->empty()) held_.reset();
  ask_to_go_on();  // first: the call may be the last one that keeps what is around
  run(next);
}

void Activation::hold(const EnvelopePtr& envelope) {
  PERDURE_CHECK(held_by_ == 0, "two transactions hold " + to_string(cell_->object));
  held_by_ = envelope->transaction;
  kept_ = around_.directory.keep(cell_);
  // Granted when all that came before is durable, what left no record included.
  Reply granted{.value = nullptr, .meta = newest_->meta};
  if (submitted_ == cell_->settled.load(std::memory_order_acquire)) {
    return answer(envelope, std::move(granted));
  }
  submit(envelope, {}, std::move(granted));
}

void Activation::release(std::uint64_t transaction) {
  // A transaction that was refused the object ends, too: whoever holds it by then goes on.
  if (held_by_ != transaction) return;
  held_by_ = 0;
  const auto kept = std::move(kept_);  // counted down last: it may be all that keeps the cell
  go_back_to_committed();
  ask_to_go_on();
}

void Activation::check_invariants() const {
  PERDURE_CHECK(!held_ || must_hold() || going_on_, "calls are held without a reason");
  PERDURE_CHECK(!held_ || !held_->empty(), "there is a place for calls that are held, and none");
  PERDURE_CHECK((held_by_ != 0) == static_cast<bool>(kept_),
                "who holds the object does not keep it");
  PERDURE_CHECK(submitted_ >= cell_->settled.load(), "more has settled than went out");
  PERDURE_CHECK(!ahead_ || static_cast<bool>(ahead_->kept), "what is ahead keeps no object");
  // A transaction moves the durable version of an object that it holds.
  if (newest_ && held_by_ == 0) {
    PERDURE_CHECK(newest_->meta.seq >= cell_->committed_seq.load(), "newest is behind committed");
  }
}

}  // namespace perdure::runtime
