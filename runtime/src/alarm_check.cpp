// SPDX-License-Identifier: Apache-2.0
#include "alarm_check.hpp"

#include "alarm_dues.hpp"
#include "alarm_rows.hpp"

namespace perdure::runtime {

namespace {

constexpr std::size_t rows_at_once = 256;
constexpr std::size_t moving_max = 64;
/// What could not be read or moved is looked for again after this.
constexpr Milliseconds again_after{1'000};

}  // namespace

AlarmCheck::AlarmCheck(const storage::Store& store, const Times& times, const Clock& clock,
                       AlarmClock::Fire move)
    : store_(store),
      times_(times),
      clock_(clock),
      move_(std::move(move)),
      seen_(times.times_set_back()) {}

void AlarmCheck::begin() {
  const std::scoped_lock lock{mutex_};
  const auto set_back = times_.times_set_back();
  if (set_back == seen_ && !again_) return;
  seen_ = set_back;
  again_ = false;
  if (std::exchange(failed_, false)) not_before_ = clock_.monotonic() + again_after;
  at_ = Place{times_.wall(), {}, {}};
}

bool AlarmCheck::step() {
  times_.look();
  begin();
  if (!at_ || clock_.monotonic() < not_before_) return false;
  const auto rows = store_.alarms_due(Timestamp::max(), rows_at_once, *at_);
  if (!rows) {
    not_before_ = clock_.monotonic() + again_after;
    return false;
  }
  auto went = Went::on;
  bool moved = false;
  for (const auto& place : *rows) {
    went = look_at(place);
    if (went != Went::on) break;
    at_ = place;
    moved = true;
  }
  if (went == Went::over || (went == Went::on && rows->size() < rows_at_once)) at_.reset();
  return moved;
}

AlarmCheck::Went AlarmCheck::look_at(const Place& place) {
  if (place.due > times_.wall() + parked_for / 2) return Went::over;
  const auto row = store_.alarm(place.object, place.name);
  if (!row || !*row || (*row)->due != place.due) return Went::on;  // whoever moved it knew better
  const auto alarm = decode_alarm(**row);
  if (!alarm || !corrected_due(*alarm, moment_of(times_))) return Went::on;
  if (!take_place()) return Went::full;
  move_(place.object, {.name = place.name, .due = place.due, .why = Tick::Why::clock_was_set},
        [this](bool dealt_with) { finished(dealt_with); });
  return Went::on;
}

bool AlarmCheck::take_place() {
  const std::scoped_lock lock{mutex_};
  if (moving_ >= moving_max) return false;
  ++moving_;
  return true;
}

void AlarmCheck::finished(bool dealt_with) {
  const std::scoped_lock lock{mutex_};
  --moving_;
  if (dealt_with) return;
  again_ = true;
  failed_ = true;
}

void AlarmCheck::changed(const ObjectId& object, const storage::AlarmChange& change) {
  if (!change.due) return;
  times_.look();
  if (times_.times_set_back() == 0 || *change.due <= times_.wall()) return;
  const auto alarm = decode_alarm({object, change.name, *change.due, change.body});
  if (!alarm || !corrected_due(*alarm, moment_of(times_))) return;
  const std::scoped_lock lock{mutex_};
  again_ = true;
}

void AlarmCheck::reset() {
  const std::scoped_lock lock{mutex_};
  again_ = true;
}

void AlarmCheck::check_invariants() const {
  const std::scoped_lock lock{mutex_};
  PERDURE_CHECK(moving_ <= moving_max, "more alarms are being moved than may be");
}

}  // namespace perdure::runtime
