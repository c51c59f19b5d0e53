// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "errors.hpp"
#include "job_queue_keys.hpp"
#include "perdure/actors/jobs.hpp"
#include "perdure/runtime/runtime.hpp"

namespace perdure::actors {

namespace {

/// A place that frees itself makes room for one job; clients have better things to do than to ask
/// for each.
constexpr std::chrono::seconds come_again{10};

/// True when there are `most` queues in this range of an index.
Result<bool> has_queues(const Runtime& runtime, ListRequest request, std::size_t most) {
  constexpr std::size_t page_max = 500;
  std::size_t found = 0;
  do {
    request.limit = std::min(most - found, page_max);
    PERDURE_TRY(page, runtime.list(request));
    found += page.items.size();
    request.cursor = std::move(page.next_cursor);
  } while (found < most && !request.cursor.empty());
  return found >= most;
}

Error owner_has_all(const std::string& queue) {
  return {.code = ErrorCode::rate_limited,
          .detail = "you have as many jobs waiting in the queue " + queue +
                    " as an owner may (jobs.owner_queued)",
          .retry_after = come_again};
}

Error queue_is_full(const std::string& queue) {
  return {.code = ErrorCode::overloaded,
          .detail = "the queue " + queue + " holds as many jobs as it may (jobs.queued)",
          .retry_after = come_again};
}

Error no_more_queues(std::size_t most, std::string_view whose) {
  return invalid_field("/queue", "limit",
                       fmt::format("must be a queue that is there: {} {} already", whose, most));
}

}  // namespace

Result<void> admit_job(const Runtime& runtime, const std::string& queue, const std::string& owner) {
  PERDURE_TRY(view, runtime.inspect({std::string{job_queue_kind_name}, queue}));
  const auto full = view.state.at("full").get<std::vector<std::string>>();
  if (std::ranges::find(full, owner) != full.end()) return fail(owner_has_all(queue));
  if (view.state.at("is_full") == true) return fail(queue_is_full(queue));
  return {};
}

Result<JobsQueued> jobs_queued(const Runtime& runtime, const std::string& queue,
                               const std::string& owner) {
  const ObjectId object{std::string{job_queue_kind_name}, queue};
  JobsQueued queued;
  const auto view = runtime.inspect(object);
  if (!view && view.error().code == ErrorCode::not_found) return queued;
  if (!view) return fail(view.error());
  for (const auto& [type, tally] : view->state.at("types").items()) {
    queued.of_all += tally.value("queued", std::int64_t{0});
  }
  constexpr std::size_t types_max = 1'000;
  PERDURE_TRY(rows, runtime.entries(object, EntryRange::prefix(job_owner_prefix(owner),
                                                               Order::ascending, types_max)));
  for (const auto& row : rows) {
    PERDURE_TRY(tally, parse_stored_json(row.value));
    queued.of_owner += tally.value("queued", std::int64_t{0});
  }
  return queued;
}

Result<void> admit_job_among(const JobOptions& options, const std::string& queue,
                             const JobsQueued& queued) {
  if (queued.of_owner >= static_cast<std::int64_t>(options.owner_queued_max)) {
    return fail(owner_has_all(queue));
  }
  if (queued.of_all >= static_cast<std::int64_t>(options.queued_max)) {
    return fail(queue_is_full(queue));
  }
  return {};
}

Result<void> admit_job_queue(const Runtime& runtime, const std::string& owner) {
  const std::string kind{job_queue_kind_name};
  ListRequest own{.kind = kind, .index = "founder"};
  own.equals.emplace_back(owner);
  PERDURE_TRY(are_all_begun, has_queues(runtime, std::move(own), job_owner_queues_max));
  if (are_all_begun) return fail(no_more_queues(job_owner_queues_max, "your jobs began"));
  PERDURE_TRY(there_are_all, has_queues(runtime, {.kind = kind}, job_queues_max));
  if (there_are_all) return fail(no_more_queues(job_queues_max, "there are"));
  return {};
}

}  // namespace perdure::actors
