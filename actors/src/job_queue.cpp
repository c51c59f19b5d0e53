// SPDX-License-Identifier: Apache-2.0
// job_queue: who waits, and who has a place. Entries:
//
//   turns/… stays/… line/…    who waits, in the order of their turns (job_line.hpp)
//   places/<job>              the key of the job's stay that waits
//   owners/<user>/<type>      the tally of one user's jobs
//
// The root holds one tally for each type, so it stays small whatever waits.
#include <algorithm>
#include <limits>

#include "job_line.hpp"
#include "job_queue_keys.hpp"
#include "perdure/runtime/runtime.hpp"
#include "perdure/schemas/misfit.hpp"

namespace perdure::actors {

namespace {

using namespace std::chrono_literals;

/// A place waits for its result as long as it takes; busy stores and stopping servers are no reason
/// to take it away.
constexpr RetryPolicy place_retry{.attempts = 1'000, .backoff = 100ms, .ceiling = 5s};
/// The rest of a long queue gets its places as others become free: a turn is bounded.
constexpr int places_a_turn = 200;
/// Rows of an older layout that one turn moves.
constexpr std::size_t moved_a_turn = 500;
/// Owners that are known to have queued all they may; `jobs.queued` ends what they have together.
constexpr std::size_t full_max = 1'000;
/// Where stays waited before there were turns, under `<type>/<falling priority>/<number>`.
constexpr const char* old_waiting = "waiting/";

struct JobQueue {
  std::map<std::string, JobTally> types;
  JobLineState line;
  std::string founder;                ///< whose job was the first
  std::vector<std::string> full;      ///< owners that have queued all they may
  bool is_full = false;               ///< all of them together have
  std::optional<std::string> moving;  ///< of an older layout: moved so far, among owners' tallies
};

void to_json(Json& json, const JobQueue& queue) {
  json = {
      {"types", queue.types},     {"line", queue.line},
      {"founder", queue.founder}, {"full", queue.full},
      {"is_full", queue.is_full}, {"moving", queue.moving ? Json(*queue.moving) : Json(nullptr)}};
}

void from_json(const Json& json, JobQueue& queue) {
  json.at("types").get_to(queue.types);
  json.at("line").get_to(queue.line);
  json.at("founder").get_to(queue.founder);
  json.at("full").get_to(queue.full);
  json.at("is_full").get_to(queue.is_full);
  if (const auto& moving = json.at("moving"); !moving.is_null()) {
    queue.moving = moving.get<std::string>();
  }
}

/// What the handlers know beside the state. Immutable.
struct QueueRules {
  JobTypes types;
  JobOptions options;
};

std::string place_key(const std::string& job) { return "places/" + job; }

// ---- tallies

/// What an owner has waiting, of all types.
std::int64_t queued_by(Turn& turn, const std::string& owner) {
  std::int64_t sum = 0;
  const auto range = EntryRange::prefix(job_owner_prefix(owner), Order::ascending, 1'000);
  for (const auto& row : turn.entries().range(range)) sum += row.json().get<JobTally>().queued;
  return sum;
}

/// Notes whether the owner, and all together, may queue more; clients are told by the root.
void note_bounds(const QueueRules& rules, Turn& turn, JobQueue& self, const std::string& owner) {
  std::int64_t all = 0;
  for (const auto& [type, tally] : self.types) all += tally.queued;
  self.is_full = all >= static_cast<std::int64_t>(rules.options.queued_max);
  const auto most = static_cast<std::int64_t>(rules.options.owner_queued_max);
  // One owner has no more than all of them.
  const bool is_full = all >= most && queued_by(turn, owner) >= most;
  const auto found = std::ranges::find(self.full, owner);
  if (!is_full && found != self.full.end()) self.full.erase(found);
  if (is_full && found == self.full.end() && self.full.size() < full_max) {
    self.full.push_back(owner);
  }
}

/// Changes the tallies of a stay: the queue's, and its owner's.
template <class F>
void count(const QueueRules& rules, Turn& turn, JobQueue& self, const JobStay& stay, F&& change) {
  change(self.types[stay.type]);
  const auto key = job_owner_prefix(stay.owner) + stay.type;
  JobTally own;
  if (const auto entry = turn.entries().get(key)) own = entry->json().get<JobTally>();
  change(own);
  turn.entries().put_json(key, own);
  note_bounds(rules, turn, self, stay.owner);
}

// ---- places

void give_place(const QueueRules& rules, Turn& turn, JobQueue& self, const Entry& entry) {
  const auto stay = entry.json().get<JobStay>();
  JobLine{turn.entries(), self.line}.take(stay, entry.key);
  turn.entries().erase(place_key(stay.job));
  count(rules, turn, self, stay, [](JobTally& tally) {
    --tally.queued;
    ++tally.running;
  });
  turn.request({.performer = performer_of(stay.type),
                .payload = stay,
                .then = "ended",
                .context = stay,
                .retry = place_retry,
                .priority = stay.priority});
}

/// The types that wait and have room.
std::vector<JobLine::Room> rooms_of(const QueueRules& rules, const JobQueue& self) {
  std::vector<JobLine::Room> rooms;
  for (const auto& [name, tally] : self.types) {
    const auto* type = rules.types.find(name);
    // Jobs of a type that is gone wait until it is back.
    if (type == nullptr || tally.queued <= 0) continue;
    const auto taken = static_cast<std::size_t>(std::max<std::int64_t>(tally.running, 0));
    if (taken >= type->concurrency) continue;
    const auto free = type->concurrency - taken;
    rooms.push_back(
        {.type = name, .is_reserved = free <= rules.options.reserve_of(type->concurrency)});
  }
  return rooms;
}

std::size_t taken_places(const QueueRules& rules, const JobQueue& self) {
  std::int64_t taken = 0;
  for (const auto& [name, tally] : self.types) {
    // Places of a type that is gone hold up nobody until it is back.
    if (rules.types.find(name) != nullptr) taken += tally.running;
  }
  return static_cast<std::size_t>(std::max<std::int64_t>(taken, 0));
}

void give_places(const QueueRules& rules, Turn& turn, JobQueue& self) {
  const auto places = rules.options.concurrency_of(turn.object().id);
  auto taken = taken_places(rules, self);
  const JobLine line{turn.entries(), self.line};
  for (int given = 0; taken < places && given < places_a_turn; ++given, ++taken) {
    const auto entry = line.next(rooms_of(rules, self),
                                 {.rules = rules.options, .all = places, .free = places - taken});
    if (!entry) return;
    give_place(rules, turn, self, *entry);
  }
}

// ---- a queue that was written before there were turns

/// A state without turns: its stays are moved by the turns that follow.
Json with_turns(Json state) {
  return {{"types", state.at("types")},
          {"line", JobLineState{.next = state.at("next").get<std::uint64_t>()}},
          {"founder", ""},
          {"full", Json::array()},
          {"is_full", false},
          {"moving", job_owners_prefix}};
}

/// Tells the line who has places. True when some tallies are left.
bool move_tallies(Turn& turn, JobQueue& self) {
  auto range = EntryRange::prefix(job_owners_prefix, Order::ascending, moved_a_turn);
  range.from = *self.moving;
  const auto rows = turn.entries().range(range);
  JobLine line{turn.entries(), self.line};
  for (const auto& row : rows) {
    const auto running = row.json().get<JobTally>().running;
    const auto end = row.key.rfind('/');
    const auto begin = std::string_view{job_owners_prefix}.size();
    if (running > 0) {
      line.set_running(row.key.substr(begin, end - begin), row.key.substr(end + 1), running);
    }
    self.moving = row.key + '\x01';
  }
  return rows.size() == moved_a_turn;
}

/// Puts stays into the line. True when some are left.
bool move_stays(Turn& turn, JobQueue& self) {
  const auto rows =
      turn.entries().range(EntryRange::prefix(old_waiting, Order::ascending, moved_a_turn));
  JobLine line{turn.entries(), self.line};
  for (const auto& row : rows) {
    const auto stay = row.json().get<JobStay>();
    const auto order = row.key.find('/', std::string_view{old_waiting}.size()) + 1;
    turn.entries().erase(row.key);
    turn.entries().put_json(place_key(stay.job), line.add_at(stay, row.key.substr(order)));
  }
  return rows.size() == moved_a_turn;
}

void fill(const QueueRules& rules, Turn& turn, JobQueue& self) {
  if (self.moving && !move_tallies(turn, self) && !move_stays(turn, self)) self.moving.reset();
  // Nobody gets a place before all stand in the line.
  if (!self.moving) give_places(rules, turn, self);
}

// ---- commands

void wait_in(const QueueRules& rules, Turn& turn, JobQueue& self, const JobStay& stay) {
  const auto entry = JobLine{turn.entries(), self.line}.add(stay);
  turn.entries().put_json(place_key(stay.job), entry);
  count(rules, turn, self, stay, [](JobTally& tally) { ++tally.queued; });
}

void enqueue(const QueueRules& rules, Turn& turn, JobQueue& self, const JobStay& stay) {
  if (turn.meta().seq == 0) self.founder = stay.owner;
  wait_in(rules, turn, self, stay);
  fill(rules, turn, self);
}

/// A job that waits was cancelled. One that has a place already is found out when it begins.
void leave(const QueueRules& rules, Turn& turn, JobQueue& self, const JobStay& stay) {
  const auto place = turn.entries().get(place_key(stay.job));
  const auto key = place ? place->json().get<std::string>() : std::string{};
  const auto entry = place ? turn.entries().get(key) : std::nullopt;
  if (!entry || entry->json().get<JobStay>().run != stay.run) return turn.change_nothing();
  if (key.starts_with(old_waiting)) {
    turn.entries().erase(key);
  } else {
    JobLine{turn.entries(), self.line}.leave(entry->json().get<JobStay>(), key);
  }
  turn.entries().erase(place_key(stay.job));
  count(rules, turn, self, stay, [](JobTally& tally) {
    --tally.queued;
    ++tally.cancelled;
  });
}

void ended(const QueueRules& rules, Turn& turn, JobQueue& self, const Json& payload) {
  const auto stay = payload.at("context").get<JobStay>();
  const auto reply = payload.value("reply", Json());
  JobLine{turn.entries(), self.line}.release(stay);
  count(rules, turn, self, stay, [&](JobTally& tally) {
    --tally.running;
    if (reply == outcome::succeeded) ++tally.succeeded;
    if (reply == outcome::failed) ++tally.failed;
    if (reply == outcome::cancelled) ++tally.cancelled;
  });
  // Nobody could perform it for very long. It waits again: giving up is the job's business.
  if (payload.contains("error")) wait_in(rules, turn, self, stay);
  fill(rules, turn, self);
}

/// Limits may have changed since the server ended, and types come back.
void advance(const QueueRules& rules, Turn& turn, JobQueue& self) {
  for (const auto& owner : std::vector{self.full}) note_bounds(rules, turn, self, owner);
  fill(rules, turn, self);
  if (self.moving) turn.send({.to = turn.object(), .command = "advance"});
}

std::vector<FieldError> check_state(const Json& state) {
  try {
    static_cast<void>(state.get<JobQueue>());
    return {};
  } catch (const std::exception& refused) {
    return {{"", "type", describe_misfit(refused)}};
  }
}

/// A queue says who waits and runs now, and where: that has no past to go back to.
std::vector<FieldError> check_change(const Json&, const Json&) {
  return {{"", "queue", "says what waits and runs now, which an earlier state does not know"}};
}

/// A copy has given no places, and those who wait stand in the line of the queue that they chose.
void settle(Turn& turn, JobQueue& self, const JobQueue* before) {
  if (before != nullptr) return;
  self = {};
  for (EntryRange range{.limit = moved_a_turn};;) {
    const auto rows = turn.entries().range(range);
    for (const auto& row : rows) turn.entries().erase(row.key);
    if (rows.size() < range.limit) return;
  }
}

}  // namespace

std::size_t JobOptions::concurrency_of(const std::string& queue) const {
  const auto found = queue_limits.find(queue);
  return found == queue_limits.end() ? concurrency : found->second;
}

std::size_t JobOptions::share_of(std::size_t places) const {
  return std::max<std::size_t>(1, places * owner_share_percent / 100);
}

std::size_t JobOptions::reserve_of(std::size_t places) const {
  return std::min(places - 1, (places * reserve_percent + 99) / 100);
}

std::size_t JobOptions::running_below(std::size_t places, std::size_t free,
                                      std::size_t owners) const {
  if (free <= reserve_of(places)) return 1;
  return owners > 1 ? share_of(places) : std::numeric_limits<std::size_t>::max();
}

Kind job_queue_kind(const JobTypes& types, const JobOptions& options) {
  // Shared by the handlers, which outlive this call: immutable.
  const auto rules = std::make_shared<const QueueRules>(QueueRules{types, options});
  return kind<JobQueue>(std::string{job_queue_kind_name})
      .reach(Reach::system)
      .schema_version(2)
      .upgrade(1, with_turns)
      .command("enqueue",
               [rules](Turn& turn, JobQueue& self, const JobStay& stay) {
                 enqueue(*rules, turn, self, stay);
               },
               {.callers = Callers::messages})
      .command("leave",
               [rules](Turn& turn, JobQueue& self, const JobStay& stay) {
                 leave(*rules, turn, self, stay);
               },
               {.callers = Callers::messages})
      .command("ended",
               [rules](Turn& turn, JobQueue& self, const Json& payload) {
                 ended(*rules, turn, self, payload);
               },
               {.callers = Callers::messages})
      .command("advance", [rules](Turn& turn, JobQueue& self) { advance(*rules, turn, self); },
               {.callers = Callers::host})
      .index({.name = "founder", .fields = {"founder"}, .scope = IndexDefinition::Scope::all})
      .check_state(check_state)
      .check_change(check_change)
      .on_settle(settle);
}

}  // namespace perdure::actors
