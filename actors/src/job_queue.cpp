// SPDX-License-Identifier: Apache-2.0
// job_queue: who waits, and who has a place. Entries:
//
//   waiting/<type>/<falling priority>/<number>   a stay, in the order of its turn among its type
//   places/<job>                                 the key of the job's stay that waits
//   owners/<user>/<type>                         the tally of one user's jobs
//
// The root holds one tally for each type, so it stays small whatever waits.
#include <limits>

#include "job_messages.hpp"
#include "ordered_text.hpp"
#include "perdure/runtime/runtime.hpp"

namespace perdure::actors {

namespace {

using namespace std::chrono_literals;

/// A place waits for its result as long as it takes; busy stores and stopping servers are no reason
/// to take it away.
constexpr RetryPolicy place_retry{.attempts = 1'000, .backoff = 100ms, .ceiling = 5s};
constexpr std::size_t queues_max = 1'000;
constexpr const char* waiting = "waiting/";
constexpr const char* owners = "owners/";

struct JobQueue {
  std::map<std::string, JobTally> types;
  std::uint64_t next = 1;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(JobQueue, types, next)

/// What the handlers know beside the state. Immutable.
struct QueueRules {
  JobTypes types;
  JobOptions options;
};

std::string owner_prefix(const std::string& owner) { return owners + equal_text(owner) + '/'; }
std::string place_key(const std::string& job) { return "places/" + job; }

/// Where a stay waits: among those of its type the smallest suffix is next.
std::string suffix_of(int priority, std::uint64_t number) {
  constexpr std::int64_t middle = std::int64_t{1} << 32;
  return ordered_key(static_cast<std::uint64_t>(middle - priority)) + '/' + ordered_key(number);
}
std::string waiting_prefix(const std::string& type) { return waiting + type + '/'; }

/// Changes the tallies of a stay: the queue's, and its owner's.
template <class F>
void count(Turn& turn, JobQueue& self, const JobStay& stay, F&& change) {
  change(self.types[stay.type]);
  const auto key = owner_prefix(stay.owner) + stay.type;
  JobTally own;
  if (const auto entry = turn.entries().get(key)) own = entry->json().get<JobTally>();
  change(own);
  turn.entries().put_json(key, own);
}

void give_place(Turn& turn, JobQueue& self, const Entry& entry) {
  const auto stay = entry.json().get<JobStay>();
  turn.entries().erase(entry.key);
  turn.entries().erase(place_key(stay.job));
  count(turn, self, stay, [](JobTally& tally) {
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

/// The stay whose turn it is: of those that stand first in their types, and whose types have room.
std::optional<Entry> next_of(const QueueRules& rules, Turn& turn, const JobQueue& self) {
  std::optional<Entry> best;
  std::string best_suffix;
  for (const auto& [name, tally] : self.types) {
    const auto* type = rules.types.find(name);
    // Jobs of a type that is gone wait until it is back.
    if (type == nullptr || tally.queued == 0 ||
        tally.running >= static_cast<std::int64_t>(type->concurrency)) {
      continue;
    }
    const auto prefix = waiting_prefix(name);
    auto first = turn.entries().range(EntryRange::prefix(prefix, Order::ascending, 1));
    if (first.empty()) continue;
    auto suffix = first.front().key.substr(prefix.size());
    if (best && best_suffix <= suffix) continue;
    best = std::move(first.front());
    best_suffix = std::move(suffix);
  }
  return best;
}

void fill(const QueueRules& rules, Turn& turn, JobQueue& self) {
  const auto places = static_cast<std::int64_t>(rules.options.concurrency_of(turn.object().id));
  std::int64_t taken = 0;
  for (const auto& [name, tally] : self.types) {
    // Places of a type that is gone hold up nobody until it is back.
    if (rules.types.find(name) != nullptr) taken += tally.running;
  }
  // The rest of a long queue gets its places as others become free: a turn is bounded.
  constexpr int places_a_turn = 200;
  for (int given = 0; taken < places && given < places_a_turn; ++given, ++taken) {
    const auto entry = next_of(rules, turn, self);
    if (!entry) return;
    give_place(turn, self, *entry);
  }
}

void wait_in(Turn& turn, JobQueue& self, const JobStay& stay) {
  const auto key = waiting_prefix(stay.type) + suffix_of(stay.priority, self.next++);
  turn.entries().put_json(key, stay);
  turn.entries().put_json(place_key(stay.job), key);
  count(turn, self, stay, [](JobTally& tally) { ++tally.queued; });
}

void enqueue(const QueueRules& rules, Turn& turn, JobQueue& self, const JobStay& stay) {
  wait_in(turn, self, stay);
  fill(rules, turn, self);
}

/// A job that waits was cancelled. One that has a place already is found out when it begins.
void leave(Turn& turn, JobQueue& self, const JobStay& stay) {
  const auto place = turn.entries().get(place_key(stay.job));
  const auto key = place ? place->json().get<std::string>() : std::string{};
  const auto entry = place ? turn.entries().get(key) : std::nullopt;
  if (!entry || entry->json().get<JobStay>().run != stay.run) return turn.change_nothing();
  turn.entries().erase(key);
  turn.entries().erase(place_key(stay.job));
  count(turn, self, stay, [](JobTally& tally) {
    --tally.queued;
    ++tally.cancelled;
  });
}

void ended(const QueueRules& rules, Turn& turn, JobQueue& self, const Json& payload) {
  const auto stay = payload.at("context").get<JobStay>();
  const auto reply = payload.value("reply", Json());
  count(turn, self, stay, [&](JobTally& tally) {
    --tally.running;
    if (reply == outcome::succeeded) ++tally.succeeded;
    if (reply == outcome::failed) ++tally.failed;
    if (reply == outcome::cancelled) ++tally.cancelled;
  });
  // Nobody could perform it for very long. It waits again: giving up is the job's business.
  if (payload.contains("error")) wait_in(turn, self, stay);
  fill(rules, turn, self);
}

std::vector<FieldError> check_state(const Json& state) {
  try {
    static_cast<void>(state.get<JobQueue>());
    return {};
  } catch (const std::exception& refused) {
    return {{"", "type", refused.what()}};
  }
}

void add(JobTallies& all, const std::string& queue, const std::string& type, const Json& tally) {
  all[queue][type] += tally.get<JobTally>();
}

Json with_concurrency(const JobTally& tally, std::size_t concurrency) {
  Json json = tally;
  json["concurrency"] = concurrency;
  return json;
}

}  // namespace

std::size_t JobOptions::concurrency_of(const std::string& queue) const {
  const auto found = queue_limits.find(queue);
  return found == queue_limits.end() ? concurrency : found->second;
}

JobTally& JobTally::operator+=(const JobTally& other) {
  queued += other.queued;
  running += other.running;
  succeeded += other.succeeded;
  failed += other.failed;
  cancelled += other.cancelled;
  return *this;
}

void to_json(Json& json, const JobTally& tally) {
  json = {{"queued", tally.queued},
          {"running", tally.running},
          {"succeeded", tally.succeeded},
          {"failed", tally.failed},
          {"cancelled", tally.cancelled}};
}

void from_json(const Json& json, JobTally& tally) {
  json.at("queued").get_to(tally.queued);
  json.at("running").get_to(tally.running);
  json.at("succeeded").get_to(tally.succeeded);
  json.at("failed").get_to(tally.failed);
  json.at("cancelled").get_to(tally.cancelled);
}

Kind job_queue_kind(const JobTypes& types, const JobOptions& options) {
  // Shared by the handlers, which outlive this call: immutable.
  const auto rules = std::make_shared<const QueueRules>(QueueRules{types, options});
  return kind<JobQueue>(std::string{job_queue_kind_name})
      .command("enqueue", [rules](Turn& turn, JobQueue& self,
                                  const JobStay& stay) { enqueue(*rules, turn, self, stay); })
      .command("leave",
               [](Turn& turn, JobQueue& self, const JobStay& stay) { leave(turn, self, stay); })
      .command("ended", [rules](Turn& turn, JobQueue& self,
                                const Json& payload) { ended(*rules, turn, self, payload); })
      // Limits may have changed since the server ended, and types come back.
      .command("advance", [rules](Turn& turn, JobQueue& self) { fill(*rules, turn, self); })
      .check_state(check_state);
}

Result<JobTallies> job_tallies(const Runtime& runtime, const std::optional<std::string>& owner) {
  JobTallies all;
  ListRequest request{.kind = std::string{job_queue_kind_name}, .limit = 500};
  do {
    PERDURE_TRY(page, runtime.list(request));
    for (const auto& view : page.items) {
      const auto& queue = view.meta.object();
      if (!owner) {
        for (const auto& [type, tally] : view.state.at("types").items()) {
          add(all, queue.id, type, tally);
        }
        continue;
      }
      const auto prefix = owner_prefix(*owner);
      PERDURE_TRY(rows,
                  runtime.entries(queue, EntryRange::prefix(prefix, Order::ascending, 1'000)));
      for (const auto& row : rows) {
        add(all, queue.id, row.key.substr(prefix.size()), row.json());
      }
    }
    request.cursor = std::move(page.next_cursor);
  } while (!request.cursor.empty() && all.size() < queues_max);
  return all;
}

Result<Json> job_stats(const Runtime& runtime, const JobTypes& types, const JobOptions& options,
                       const std::optional<std::string>& owner) {
  PERDURE_TRY(tallies, job_tallies(runtime, owner));
  std::map<std::string, JobTally> by_type;
  for (const auto& [name, type] : types.all()) by_type[name];
  Json queues = Json::array();
  for (const auto& [queue, of_types] : tallies) {
    JobTally sum;
    for (const auto& [type, tally] : of_types) {
      sum += tally;
      by_type[type] += tally;
    }
    queues.push_back(with_concurrency(sum, options.concurrency_of(queue)));
    queues.back()["queue"] = queue;
  }
  Json performers = Json::array();
  for (const auto& [name, tally] : by_type) {
    const auto* type = types.find(name);
    performers.push_back(with_concurrency(tally, type == nullptr ? 0 : type->concurrency));
    performers.back()["type"] = name;
  }
  return Json{{"queues", std::move(queues)}, {"performers", std::move(performers)}};
}

}  // namespace perdure::actors
