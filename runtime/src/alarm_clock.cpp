// SPDX-License-Identifier: Apache-2.0
#include "alarm_clock.hpp"

#include <algorithm>

namespace perdure::runtime {

namespace {

constexpr auto window = std::chrono::seconds{10};
/// The window is read on before it ends, so that nothing in it is late.
constexpr auto read_ahead = std::chrono::seconds{5};
constexpr std::size_t window_rows_max = 16'384;
/// Rows of one look into the store: other things that objects asked for wait meanwhile.
constexpr std::size_t rows_at_once = 2'048;
/// Alarms that run at the same time: after an outage, objects are woken at the pace at which they
/// are done.
constexpr std::size_t running_max = 512;
/// Objects whose owners are remembered. (One that an admin makes anew for somebody else counts for
/// the owner before until it is forgotten.)
constexpr std::size_t owners_max = 65'536;
/// What could not be run is looked for again after this.
constexpr auto again_after = std::chrono::milliseconds{250};

/// The place before all alarms of a moment.
storage::AlarmPlace before(Timestamp due) { return {due, {}, {}}; }

constexpr auto long_ago = Timestamp::min();

}  // namespace

AlarmClock::AlarmClock(const storage::Store& store, const Clock& clock, const AlarmLimits& limits,
                       OwnerOf owner_of, Fire fire)
    : store_(store),
      clock_(clock),
      find_owner_(std::move(owner_of)),
      fire_(std::move(fire)),
      lines_(limits),
      read_to_(before(long_ago)) {}

void AlarmClock::set(const ObjectId& object, const storage::AlarmChange& change) {
  const std::scoped_lock lock{mutex_};
  if (change.previous_due) window_.erase({*change.previous_due, object, change.name});
  if (!change.due) return;
  Place place{*change.due, object, change.name};
  if (place > read_to_) return;
  window_.insert(std::move(place));
  if (window_.size() <= 2 * window_rows_max) return;
  const auto last = std::prev(window_.end());
  read_to_ = std::min(read_to_, before(last->due));  // read again when its time comes
  window_.erase(last);
}

bool AlarmClock::step() {
  if (forget_all()) return true;
  settle_ended();
  bool moved = read_window();
  moved = move_due() || moved;
  moved = feed() || moved;
  return fire_due() || moved;
}

bool AlarmClock::forget_all() {
  const std::scoped_lock lock{mutex_};
  if (!std::exchange(forgets_, false)) return false;
  window_.clear();
  read_to_ = before(long_ago);
  lines_.clear();
  behind_.clear();
  pass_.reset();
  return true;
}

bool AlarmClock::is_pausing() const { return monotonic() < read_not_before_; }
void AlarmClock::pause(Microseconds since) {
  read_not_before_ = std::max(read_not_before_, since + again_after);
}

void AlarmClock::settle_ended() {
  std::vector<Ended> ended;
  {
    const std::scoped_lock lock{mutex_};
    ended.swap(ended_);
  }
  for (const auto& [alarm, dealt_with, at] : ended) {
    const auto [owner, is_set_again] = running_.extract(alarm).mapped();
    lines_.finish(owner);
    if (dealt_with) {
      if (is_set_again) admit(alarm);
      continue;
    }
    // It is found by reading on, but not at once: what keeps it from running (a disk that failed)
    // lasts a while.
    leave_out(owner, alarm);
    pause(at);
  }
}

bool AlarmClock::read_window() {
  const auto now = clock_.now();
  const auto until = now + window;
  if (is_pausing()) return false;
  Place from;
  {
    const std::scoped_lock lock{mutex_};
    if (read_to_.due > now + read_ahead || window_.size() >= window_rows_max) return false;
    // Raised before the store is looked at: what is set meanwhile may not be found there.
    from = std::exchange(read_to_, before(until));
  }
  auto rows = store_.alarms_due(until - Milliseconds{1}, rows_at_once, from);
  const std::scoped_lock lock{mutex_};
  if (!rows) {
    read_to_ = std::min(read_to_, from);
    pause(monotonic());
    return false;
  }
  if (rows->size() == rows_at_once) read_to_ = std::min(read_to_, rows->back());
  const bool found = !rows->empty();
  window_.insert(std::make_move_iterator(rows->begin()), std::make_move_iterator(rows->end()));
  return found;
}

bool AlarmClock::move_due() {
  const auto now = clock_.now();
  std::vector<Place> due;
  {
    const std::scoped_lock lock{mutex_};
    while (!window_.empty() && window_.begin()->due <= now && due.size() < rows_at_once) {
      due.push_back(std::move(window_.extract(window_.begin()).value()));
    }
  }
  for (const auto& alarm : due) admit(alarm);
  return !due.empty();
}

Result<OwnerKey> AlarmClock::owner_of(const ObjectId& object) {
  if (const auto found = owners_.find(object); found != owners_.end()) return found->second;
  if (owners_.size() >= owners_max) owners_.clear();
  PERDURE_TRY(owner, find_owner_(object));
  // With the object's name where nobody shares.
  const auto key = owner ? perdure::owner_key(*owner) : perdure::owner_key(to_string(object));
  owners_.emplace(object, key);
  return key;
}

bool AlarmClock::is_known(OwnerKey owner, const Place& alarm) const {
  return running_.contains(alarm) || lines_.contains(owner, alarm);
}

void AlarmClock::admit(const Place& alarm) {
  const auto owner = owner_of(alarm.object);
  if (!owner) return read_again(alarm);
  if (const auto running = running_.find(alarm); running != running_.end()) {
    // Its turn may have set it for the time that it had: a retry within the same millisecond.
    running->second.is_set_again = true;
    return;
  }
  if (lines_.contains(*owner, alarm)) return;
  const auto behind = behind_.find(*owner);
  const bool is_next = behind == behind_.end() || alarm <= behind->second;
  if (!is_next || lines_.room(*owner) == 0) return leave_out(*owner, alarm);
  lines_.add(*owner, alarm, monotonic());
}

void AlarmClock::read_again(const Place& alarm) {
  pause(monotonic());
  const std::scoped_lock lock{mutex_};
  read_to_ = std::min(read_to_, before(alarm.due));
}

void AlarmClock::leave_out(OwnerKey owner, const Place& alarm) {
  auto place = before(alarm.due);
  const auto [behind, is_new] = behind_.try_emplace(owner, place);
  if (!is_new && place < behind->second) behind->second = std::move(place);
  // A pass that has come past it does not find it any more.
  if (pass_ && alarm <= pass_->at) pass_->fed.erase(owner);
}

void AlarmClock::begin_pass() {
  Pass pass;
  for (const auto& [owner, place] : behind_) {
    if (lines_.waiting(owner) > lines_.room(owner)) continue;  // more than half full
    if (pass.fed.empty() || place < pass.at) pass.at = place;
    pass.fed.insert(owner);
  }
  if (!pass.fed.empty()) pass_ = std::move(pass);
}

bool AlarmClock::feed() {
  if (is_pausing()) return false;
  if (!pass_) begin_pass();
  if (!pass_) return false;
  const auto rows = store_.alarms_due(read_until(), rows_at_once, pass_->at);
  if (!rows) {
    pass_.reset();
    pause(monotonic());
    return false;
  }
  for (const auto& alarm : *rows) {
    if (pass_->fed.empty()) break;
    if (!is_in_window(alarm) && !feed(alarm)) {
      pass_.reset();
      pause(monotonic());
      return false;
    }
    pass_->at = alarm;
  }
  const bool is_over = rows->size() < rows_at_once;
  if (is_over) {
    for (const auto owner : pass_->fed) behind_.erase(owner);
  }
  if (is_over || pass_->fed.empty()) pass_.reset();
  return true;
}

bool AlarmClock::feed(const Place& alarm) {
  const auto owner = owner_of(alarm.object);
  if (!owner) return false;
  const auto fed = pass_->fed.find(*owner);
  if (fed == pass_->fed.end()) return true;
  auto& behind = behind_.at(*owner);
  if (alarm <= behind) return true;
  if (!is_known(*owner, alarm)) {
    if (lines_.room(*owner) == 0) {
      pass_->fed.erase(fed);
      return true;
    }
    lines_.add(*owner, alarm, monotonic());
  }
  behind = alarm;
  return true;
}

Timestamp AlarmClock::read_until() const {
  const std::scoped_lock lock{mutex_};
  return read_to_.due;
}

bool AlarmClock::is_in_window(const Place& alarm) const {
  const std::scoped_lock lock{mutex_};
  return alarm > read_to_ || window_.contains(alarm);
}

bool AlarmClock::fire_due() {
  std::vector<Place> due;
  while (running_.size() < running_max) {
    auto taken = lines_.take(monotonic());
    if (!taken) break;
    if (taken->alarm.due > clock_.now()) {  // the wall clock was set back while it waited
      lines_.finish(taken->owner);
      const std::scoped_lock lock{mutex_};
      window_.insert(std::move(taken->alarm));
      continue;
    }
    running_.emplace(taken->alarm, Running{.owner = taken->owner});
    due.push_back(std::move(taken->alarm));
  }
  for (auto& alarm : due) {
    const auto object = alarm.object;
    Tick tick{alarm.name, alarm.due};
    fire_(object, std::move(tick), [this, alarm = std::move(alarm)](bool dealt_with) {
      const std::scoped_lock lock{mutex_};
      ended_.push_back({alarm, dealt_with, monotonic()});
    });
  }
  return !due.empty();
}

Timestamp AlarmClock::next() const {
  const auto now = clock_.now();
  const auto mono = monotonic();
  const auto at = [&](Microseconds time) {
    return now + std::chrono::ceil<Milliseconds>(time - mono);
  };
  const auto after_pause = [&](Timestamp time) {
    return read_not_before_ > mono ? std::max(time, at(read_not_before_)) : time;
  };
  const std::scoped_lock lock{mutex_};
  if (forgets_ || !ended_.empty()) return now;
  auto next = after_pause(now + read_ahead);
  if (window_.size() < window_rows_max) {
    const bool is_unread = read_to_.due < long_ago + read_ahead;
    next = after_pause(is_unread ? now : read_to_.due - read_ahead);
  }
  if (!window_.empty()) next = std::min(next, window_.begin()->due);
  if (!behind_.empty() && read_not_before_ > mono) next = std::min(next, at(read_not_before_));
  if (const auto line = lines_.next(); line && running_.size() < running_max) {
    next = std::min(next, at(*line));
  }
  return next;
}

void AlarmClock::reset() {
  const std::scoped_lock lock{mutex_};
  forgets_ = true;
}

std::size_t AlarmClock::held() const {
  const std::scoped_lock lock{mutex_};
  return window_.size() + lines_.waiting() + running_.size();
}

void AlarmClock::check_invariants() const {
  const std::scoped_lock lock{mutex_};
  lines_.check_invariants();
  if (forgets_) return;
  Place at = before(long_ago);
  for (;;) {
    const auto rows = store_.alarms_due(read_to_.due, rows_at_once, at);
    if (!rows) return;
    for (const auto& row : *rows) {
      if (row > read_to_) return;
      if (window_.contains(row) || running_.contains(row)) continue;
      const auto owner = owners_.find(row.object);
      const bool known = owner != owners_.end() && lines_.contains(owner->second, row);
      const bool behind = owner != owners_.end() && behind_.contains(owner->second) &&
                          row > behind_.at(owner->second);
      PERDURE_CHECK(known || behind,
                    "the clock misses alarm " + row.name + " of " + to_string(row.object));
    }
    if (rows->size() < rows_at_once) return;
    at = rows->back();
  }
}

}  // namespace perdure::runtime
