// SPDX-License-Identifier: Apache-2.0
#include "alarm_clock.hpp"

#include <algorithm>

namespace perdure::runtime {

namespace {

constexpr auto window = std::chrono::seconds{10};
/// The window is read on before it ends, so that nothing in it is late.
constexpr auto read_ahead = std::chrono::seconds{5};
constexpr std::size_t window_rows_max = 16'384;
/// Alarms that run at the same time: after an outage, objects are woken at the pace at which they
/// are done.
constexpr std::size_t running_max = 512;
/// What could not be run is looked for again after this.
constexpr auto again_after = std::chrono::milliseconds{250};

}  // namespace

AlarmClock::AlarmClock(const storage::Store& store, const Clock& clock, Fire fire)
    : store_(store), clock_(clock), fire_(std::move(fire)) {}

void AlarmClock::set(const ObjectId& object, const std::string& name, Timestamp due) {
  const std::scoped_lock lock{mutex_};
  if (due >= window_end_) return;
  window_.insert({due, object, name});
  if (window_.size() <= 2 * window_rows_max) return;
  const auto last = std::prev(window_.end());
  window_end_ = last->due;  // read again when its time comes
  window_.erase(last);
}

void AlarmClock::read_window(Timestamp now) {
  const auto until = now + window;
  const auto rows = store_.alarms_due(until - Milliseconds{1}, window_rows_max);
  const std::scoped_lock lock{mutex_};
  if (!rows) {
    window_end_ = std::min(window_end_, now);  // a failing store: what was missed stays so
    read_not_before_ = clock_.monotonic() + again_after;
    return;
  }
  for (const auto& row : *rows) {
    Due due{row.due, row.object, row.name};
    if (!running_.contains(due)) window_.insert(std::move(due));
  }
  window_end_ = rows->size() < window_rows_max ? until : rows->back().due;
}

bool AlarmClock::step() {
  const auto now = clock_.now();
  bool read = false;
  {
    const std::scoped_lock lock{mutex_};
    const bool low = window_.size() + running_.size() < window_rows_max / 2;
    read = now + read_ahead >= window_end_ && low && clock_.monotonic() >= read_not_before_;
  }
  if (read) read_window(now);
  std::vector<Due> due;
  {
    const std::scoped_lock lock{mutex_};
    while (!window_.empty() && window_.begin()->due <= now && running_.size() < running_max) {
      due.push_back(*window_.begin());
      running_.insert(due.back());
      window_.erase(window_.begin());
    }
  }
  for (const auto& one : due) {
    fire_(one.object, {one.name, one.due},
          [this, one](bool dealt_with) { finished(one, dealt_with); });
  }
  return !due.empty();
}

void AlarmClock::finished(const Due& due, bool dealt_with) {
  const std::scoped_lock lock{mutex_};
  running_.erase(due);
  if (dealt_with) return;
  // Out of the window, it is found by reading on from it, but not at once: what keeps it from
  // running (a disk that failed) lasts a while.
  window_end_ = std::min(window_end_, due.due);
  read_not_before_ = clock_.monotonic() + again_after;
}

Timestamp AlarmClock::next() const {
  const std::scoped_lock lock{mutex_};
  const auto pause = read_not_before_ - clock_.monotonic();
  auto read = window_end_ == Timestamp::min() ? window_end_ : window_end_ - read_ahead;
  if (pause.count() > 0) read = std::max(read, clock_.now() + pause);
  if (window_.empty() || running_.size() >= running_max) return read;
  return std::min(window_.begin()->due, read);
}

void AlarmClock::reset() {
  const std::scoped_lock lock{mutex_};
  window_.clear();
  window_end_ = Timestamp::min();
}

void AlarmClock::check_invariants() const {
  const std::scoped_lock lock{mutex_};
  if (window_end_ == Timestamp::min()) return;
  const auto rows = store_.alarms_due(window_end_ - Milliseconds{1}, window_rows_max);
  if (!rows) return;
  for (const auto& row : *rows) {
    const Due due{row.due, row.object, row.name};
    PERDURE_CHECK(window_.contains(due) || running_.contains(due),
                  "the clock misses alarm " + row.name + " of " + to_string(row.object));
  }
}

}  // namespace perdure::runtime
