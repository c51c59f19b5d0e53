// SPDX-License-Identifier: Apache-2.0
#include "job_export.hpp"

#include "perdure/actors/archive.hpp"

namespace perdure::actors {

namespace {

/// Of one object's line.
constexpr std::size_t object_bytes_max = 64u << 20;

std::vector<FieldError> check(const Json& payload) {
  if (!payload.is_object()) return {{"", "type", "must be an object"}};
  std::vector<FieldError> wrong;
  for (const auto& [name, value] : payload.items()) {
    if (name != "kind" && name != "id") {
      wrong.push_back({"/" + name, "unknown_member", "is not known"});
    } else if (!value.is_string()) {
      wrong.push_back({"/" + name, "type", "must be a string"});
    }
  }
  if (!wrong.empty() || payload.empty()) return wrong;
  for (const char* name : {"kind", "id"}) {
    if (!payload.contains(name)) {
      wrong.push_back({std::string{"/"} + name, "required", "is required beside the other"});
    }
  }
  if (!wrong.empty()) return wrong;
  const auto valid = validate({payload["kind"], payload["id"]});
  if (!valid) {
    for (const auto& field : valid.error().fields) {
      wrong.push_back({"/" + field.pointer, field.code, field.message});
    }
  }
  return wrong;
}

/// What has been written so far.
struct Sum {
  std::int64_t objects = 0;
  std::size_t bytes = 0;
};

Error stopped() { return {.code = ErrorCode::unavailable, .detail = "stopped"}; }

Result<void> write_line(JobContext& job, Sum& sum, std::string line) {
  if (job.cancelled()) return fail(stopped());
  line += '\n';
  sum.bytes += line.size();
  return job.write(line);
}

Result<Sum> export_one(JobContext& job, const ObjectId& object) {
  auto& runtime = job.runtime();
  const auto* kind = runtime.find_kind(object.kind);
  const auto view = runtime.inspect(object);
  if (kind == nullptr || !view || !job.principal().reaches(view->meta.origin->owner)) {
    return fail(ErrorCode::not_found, "there is no " + to_string(object));
  }
  if (!kind->secrets.empty() && job.principal().role == Principal::Role::user) {
    return fail(ErrorCode::forbidden, "only an administrator may export what holds secrets");
  }
  Sum sum{.objects = 1};
  Result<void> written;
  PERDURE_TRY_VOID(runtime.export_object(object, {}, [&](std::string_view line) {
    if (!written) return;
    sum.bytes += line.size();
    written = job.write(line);
  }));
  PERDURE_TRY_VOID(written);
  return sum;
}

Result<Sum> export_owned(JobContext& job) {
  auto& runtime = job.runtime();
  const auto& owner = job.principal().user_id;
  PERDURE_TRY(user, runtime.inspect({"user", owner}));
  Sum sum;
  PERDURE_TRY_VOID(write_line(job, sum, dump_json(archive_header(user, job.now()))));
  const auto write_object = [&](const ObjectView& view) -> Result<void> {
    if (view.meta.object().kind == "user") return {};
    PERDURE_TRY(line, archived_object(runtime, view, object_bytes_max));
    PERDURE_TRY_VOID(write_line(job, sum, std::move(line)));
    job.progress(static_cast<double>(++sum.objects), {}, "objects");
    return {};
  };
  PERDURE_TRY_VOID(visit_owned(runtime, owner, write_object));
  return sum;
}

Result<Json> run(JobContext& job) {
  const auto& payload = job.payload();
  PERDURE_TRY(sum, payload.empty() ? export_owned(job)
                                   : export_one(job, {payload.at("kind"), payload.at("id")}));
  return Json{{"objects", sum.objects}, {"bytes", sum.bytes}};
}

}  // namespace

JobType export_job_type() { return {.run = run, .concurrency = 2, .check_payload = check}; }

}  // namespace perdure::actors
