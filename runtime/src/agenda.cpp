// SPDX-License-Identifier: Apache-2.0
#include "agenda.hpp"

#include <algorithm>

#include "flow_state.hpp"

namespace perdure::runtime {

namespace {

/// So that a step of the wall clock is noticed.
constexpr Milliseconds wait_max{250};
constexpr Milliseconds event_trims_every{60'000};

PumpEffects with_wake(PumpEffects effects, std::function<void()> wake) {
  effects.wake = std::move(wake);
  return effects;
}

}  // namespace

Agenda::Agenda(storage::Store& store, const Clock& clock, const Times& times, Random& random,
               const RuntimeOptions& options, AlarmEffects alarms, PumpEffects effects,
               Subscriptions::CallObject call)
    : clock_(clock),
      alarms_(store, clock, options.alarms, std::move(alarms.owner_of), waking(alarms.fire)),
      alarm_check_(store, times, clock, waking(alarms.fire)),
      outbox_(store, clock, random, with_wake(std::move(effects), [this] { wake(); })),
      events_(store),
      subscriptions_(
          store, clock, events_, std::move(call),
          [this](const ObjectId& from, const ObjectId& to, const std::string& owner) {
            return outbox_.is_waiting(from, to, owner);
          },
          [this] { wake(); }),
      log_trimmer_(store, times, options.event_retention) {}

AlarmClock::Fire Agenda::waking(AlarmClock::Fire fire) {
  return [this, fire = std::move(fire)](const ObjectId& object, Tick tick,
                                        const std::function<void(bool)>& done) {
    fire(object, std::move(tick), [this, done](bool dealt_with) {
      done(dealt_with);
      wake();
    });
  };
}

void Agenda::asked(storage::Unit& unit, const storage::Committed& committed) {
  bool is_due = false;
  auto position = committed.first_outbox_position;
  auto event = committed.first_event_position;
  for (auto& write_set : unit.write_sets) {
    for (const auto& alarm : write_set.alarms) {
      alarms_.set(write_set.object, alarm);
      alarm_check_.changed(write_set.object, alarm);
      is_due = is_due || (alarm.due && *alarm.due != waiting_due);
    }
    if (!write_set.sends.empty()) {
      is_due = true;
      outbox_.arrived(position, write_set.sends);
      position += write_set.sends.size();
    }
    if (!write_set.events.empty()) {
      const auto count = write_set.events.size();
      events_.published(event, std::move(write_set.events));
      event += count;
      published_.fetch_add(count, std::memory_order_relaxed);
    }
  }
  if (is_due) wake();
}

void Agenda::wake() {
  {
    const std::scoped_lock lock{mutex_};
    if (std::exchange(awake_, true)) return;
  }
  woken_.notify_one();
}

void Agenda::post(std::function<void()> function) {
  {
    const std::scoped_lock lock{mutex_};
    posted_.push_back(std::move(function));
  }
  wake();
}

bool Agenda::run_posted() {
  std::vector<std::function<void()>> posted;
  {
    const std::scoped_lock lock{mutex_};
    posted.swap(posted_);
  }
  for (const auto& function : posted) function();
  return !posted.empty();
}

bool Agenda::step() {
  const bool ran = run_posted();
  {
    const std::scoped_lock lock{mutex_};
    if (resting_) return ran;
  }
  const bool corrected = alarm_check_.step();
  const bool fired = alarms_.step();
  const bool moved = outbox_.step();
  const bool passed_on = subscriptions_.step();
  const bool trims = trim_events();
  return ran || corrected || fired || moved || passed_on || trims;
}

bool Agenda::trim_events() {
  const auto now = clock_.monotonic();
  const bool is_time = now - trimmed_at_ >= event_trims_every;
  if (is_time) {
    trimmed_at_ = now;
    log_trimmer_.trim_old();
  }
  if (!is_time && published_.load(std::memory_order_relaxed) < log_trimmer_.looks_after()) {
    return false;
  }
  const auto seen = published_.load(std::memory_order_relaxed);
  if (log_trimmer_.trim_many()) return true;
  published_.fetch_sub(seen, std::memory_order_relaxed);
  return false;
}

std::optional<Milliseconds> Agenda::next_step() const {
  const auto outbox = outbox_.next();
  const auto subscriptions = subscriptions_.next();
  if (!outbox || !subscriptions) return outbox ? outbox : subscriptions;
  return std::min(*outbox, *subscriptions);
}

Milliseconds Agenda::wait() const {
  auto wait = std::min(wait_max, alarms_.next() - clock_.now());
  if (const auto next = next_step()) wait = std::min(wait, *next - clock_.monotonic());
  return std::max(wait, Milliseconds{0});
}

void Agenda::run() {
  for (;;) {
    {
      const std::scoped_lock lock{mutex_};
      if (stopping_) return;
      awake_ = false;
    }
    if (step()) continue;
    const auto pause = std::max(wait(), Milliseconds{1});
    std::unique_lock lock{mutex_};
    woken_.wait_for(lock, pause, [this] { return awake_ || stopping_; });
  }
}

void Agenda::reset() {
  alarms_.reset();
  alarm_check_.reset();
  outbox_.reset();
  events_.reset();
  subscriptions_.reset();
  wake();
}

void Agenda::check_invariants() {
  alarms_.check_invariants();
  alarm_check_.check_invariants();
  events_.check_invariants();
  outbox_.check_invariants();
  subscriptions_.check_invariants();
}

void Agenda::rest() {
  outbox_.stop();
  const std::scoped_lock lock{mutex_};
  resting_ = true;
}

void Agenda::stop() {
  {
    const std::scoped_lock lock{mutex_};
    stopping_ = true;
  }
  woken_.notify_one();
}

}  // namespace perdure::runtime
