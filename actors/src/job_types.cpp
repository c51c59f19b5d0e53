// SPDX-License-Identifier: Apache-2.0
#include "perdure/actors/job_types.hpp"

#include <algorithm>

#include "job_export.hpp"
#include "perdure/base/check.hpp"
#include "perdure/schemas/pointer.hpp"

namespace perdure::actors {

namespace {

constexpr std::size_t concurrency_max = 1'000;
constexpr std::size_t name_bytes_max = 64;
constexpr std::int64_t sleep_ms_max = std::int64_t{30} * 24 * 3600 * 1000;

bool is_name(std::string_view name) {
  return !name.empty() && name.size() <= name_bytes_max && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  });
}

std::vector<FieldError> check_sleep(const Json& payload) {
  if (!payload.is_object()) return {{"", "type", "must be an object"}};
  std::vector<FieldError> wrong;
  for (const auto& [name, value] : payload.items()) {
    if (name != "ms") wrong.push_back({pointer_to(name), "unknown_member", "is not known"});
  }
  if (!payload.contains("ms")) {
    wrong.push_back({"/ms", "required", "is required"});
    return wrong;
  }
  const auto ms = whole_number(payload["ms"]);
  if (!ms || *ms < 0 || *ms > sleep_ms_max) {
    wrong.push_back({"/ms", "range", "must be a whole number from 0 to 2592000000"});
  }
  return wrong;
}

/// In a hundred steps at most, so that the progress is seen to move.
Result<Json> sleep(JobContext& job) {
  const auto total = job.payload().at("ms").get<std::int64_t>();
  const auto step = std::max<std::int64_t>(total / 100, 50);
  for (std::int64_t slept = 0; slept < total;) {
    const auto now = std::min(step, total - slept);
    if (!job.wait(Milliseconds{now})) {
      return fail(ErrorCode::unavailable,
                  "woken after " + std::to_string(slept) + " of " + std::to_string(total) + " ms");
    }
    slept += now;
    job.progress(static_cast<double>(slept), static_cast<double>(total), "asleep");
  }
  return Json{{"slept_ms", total}};
}

}  // namespace

JobTypes& JobTypes::add(std::string name, JobType type) {
  PERDURE_CHECK(is_name(name), name);
  PERDURE_CHECK((type.run != nullptr) != (type.perform != nullptr), name);
  PERDURE_CHECK(type.concurrency >= 1 && type.concurrency <= concurrency_max, name);
  types_.insert_or_assign(std::move(name), std::move(type));
  return *this;
}

Result<void> JobTypes::limit(std::string_view name, std::size_t concurrency) {
  const auto found = types_.find(name);
  if (found == types_.end()) {
    return fail(ErrorCode::not_found, "there is no type " + std::string{name} + " of jobs");
  }
  if (concurrency < 1 || concurrency > concurrency_max) {
    return fail(ErrorCode::invalid, "a type runs 1 to 1000 jobs at the same time");
  }
  found->second.concurrency = concurrency;
  return {};
}

const JobType* JobTypes::find(std::string_view name) const {
  const auto found = types_.find(name);
  return found == types_.end() ? nullptr : &found->second;
}

std::vector<std::string> JobTypes::names() const {
  std::vector<std::string> names;
  for (const auto& [name, type] : types_) names.push_back(name);
  return names;
}

JobTypes built_in_job_types(KindResource resource_of) {
  JobTypes types;
  types.add("echo", {.run = [](JobContext& job) -> Result<Json> { return job.payload(); }});
  // Sleeping costs a thread and nothing else.
  types.add("sleep", {.run = sleep, .concurrency = 64, .check_payload = check_sleep});
  types.add("export", export_job_type(std::move(resource_of)));
  return types;
}

}  // namespace perdure::actors
