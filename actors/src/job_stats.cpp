// SPDX-License-Identifier: Apache-2.0
// What queues have and had, read from their roots and entries.
#include "job_queue_keys.hpp"
#include "perdure/actors/jobs.hpp"
#include "perdure/runtime/runtime.hpp"

namespace perdure::actors {

namespace {

struct QueueCounts {
  std::map<std::string, JobTally> types;
  std::int64_t owners_waiting = 0;
};

/// A user's own share is in the entries, everybody's is in the root.
Result<QueueCounts> read_queue(const Runtime& runtime, const ObjectView& view,
                               const std::optional<std::string>& owner) {
  QueueCounts counts;
  if (!owner) {
    for (const auto& [type, tally] : view.state.at("types").items())
      tally.get_to(counts.types[type]);
    view.state.at("line").at("waiting").get_to(counts.owners_waiting);
    return counts;
  }
  const auto prefix = job_owner_prefix(*owner);
  PERDURE_TRY(rows, runtime.entries(view.meta.object(),
                                    EntryRange::prefix(prefix, Order::ascending, 1'000)));
  for (const auto& row : rows) row.json().get_to(counts.types[row.key.substr(prefix.size())]);
  return counts;
}

Result<std::map<std::string, QueueCounts>> read_queues(const Runtime& runtime,
                                                       const std::optional<std::string>& owner) {
  std::map<std::string, QueueCounts> queues;
  ListRequest request{.kind = std::string{job_queue_kind_name}, .limit = 500};
  do {
    PERDURE_TRY(page, runtime.list(request));
    for (const auto& view : page.items) {
      PERDURE_TRY(counts, read_queue(runtime, view, owner));
      if (!counts.types.empty()) queues.emplace(view.meta.object().id, std::move(counts));
    }
    request.cursor = std::move(page.next_cursor);
  } while (!request.cursor.empty() && queues.size() < job_queues_max);
  return queues;
}

Json with_concurrency(const JobTally& tally, std::size_t concurrency) {
  Json json = tally;
  json["concurrency"] = concurrency;
  return json;
}

}  // namespace

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

Result<JobTallies> job_tallies(const Runtime& runtime, const std::optional<std::string>& owner) {
  PERDURE_TRY(queues, read_queues(runtime, owner));
  JobTallies all;
  for (auto& [name, queue] : queues) all.emplace(name, std::move(queue.types));
  return all;
}

Result<Json> job_stats(const Runtime& runtime, const JobTypes& types, const JobOptions& options,
                       const std::optional<std::string>& owner) {
  PERDURE_TRY(counts, read_queues(runtime, owner));
  std::map<std::string, JobTally> by_type;
  for (const auto& [name, type] : types.all()) by_type[name];
  Json queues = Json::array();
  for (const auto& [queue, count] : counts) {
    JobTally sum;
    for (const auto& [type, tally] : count.types) {
      sum += tally;
      by_type[type] += tally;
    }
    queues.push_back(with_concurrency(sum, options.concurrency_of(queue)));
    queues.back()["queue"] = queue;
    // How many others wait is no user's business.
    if (!owner) queues.back()["owners_waiting"] = count.owners_waiting;
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
