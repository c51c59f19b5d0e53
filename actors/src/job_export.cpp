// SPDX-License-Identifier: Apache-2.0
#include "job_export.hpp"

#include "perdure/actors/archive.hpp"
#include "perdure/runtime/access.hpp"
#include "perdure/schemas/pointer.hpp"

namespace perdure::actors {

namespace {

/// Of one object's line, held at once.
constexpr std::size_t piece_bytes = 64u << 10;

std::vector<FieldError> check(const Json& payload) {
  if (!payload.is_object()) return {{"", "type", "must be an object"}};
  std::vector<FieldError> wrong;
  for (const auto& [name, value] : payload.items()) {
    if (name != "kind" && name != "id") {
      wrong.push_back({pointer_to(name), "unknown_member", "is not known"});
    } else if (!value.is_string()) {
      wrong.push_back({pointer_to(name), "type", "must be a string"});
    }
  }
  if (!wrong.empty() || payload.empty()) return wrong;
  for (const char* name : {"kind", "id"}) {
    if (!payload.contains(name)) {
      wrong.push_back({pointer_to(name), "required", "is required beside the other"});
    }
  }
  if (!wrong.empty()) return wrong;
  const auto valid = validate({payload["kind"], payload["id"]});
  if (!valid) {
    for (const auto& field : valid.error().fields) {
      wrong.push_back({pointer_to(field.pointer), field.code, field.message});
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

Result<void> write(JobContext& job, Sum& sum, std::string_view text) {
  if (job.cancelled()) return fail(stopped());
  sum.bytes += text.size();
  return job.write(text);
}

Result<void> write_object(JobContext& job, Sum& sum, ObjectView view) {
  ArchivedObject object{job.runtime(), std::move(view)};
  for (auto more = More::yes; more == More::yes;) {
    std::string piece;
    PERDURE_TRY(left, object.read(piece, piece_bytes));
    if (left == More::no) piece += '\n';
    PERDURE_TRY_VOID(write(job, sum, piece));
    more = left;
  }
  return {};
}

std::string resource_of(const KindResource& find, std::string_view kind) {
  return find ? find(kind) : "durable-objects";
}

bool may_read(const JobContext& job, const KindResource& find, std::string_view kind) {
  return scope_allows(job.principal().scopes, resource_of(find, kind), ScopeAccess::read);
}

Unexpected lacks_scope(const KindResource& find, std::string_view kind) {
  return fail(ErrorCode::forbidden, "the key that made the job did not have the scope " +
                                        resource_of(find, kind) + ":read");
}

Result<Sum> export_one(JobContext& job, const KindResource& find, const ObjectId& object) {
  auto& runtime = job.runtime();
  const auto* kind = runtime.find_kind(object.kind);
  const auto view = runtime.inspect(object);
  if (kind == nullptr || !view) return fail(refusal({}, object));
  const auto of = possession_of(view->meta, kind->reach);
  const auto action = kind->reach == Reach::system ? Action::operate : Action::read;
  if (!permits(job.principal(), of, Action::read).allowed()) return fail(refusal({}, object));
  if (const auto verdict = permits(job.principal(), of, action); !verdict.allowed()) {
    return fail(refusal(verdict, object));
  }
  if (!may_read(job, find, object.kind)) return lacks_scope(find, object.kind);
  Sum sum{.objects = 1};
  PERDURE_TRY(file, runtime.begin_export(object));
  for (auto more = More::yes; more == More::yes;) {
    std::string lines;
    PERDURE_TRY(left, file->read(lines, piece_bytes));
    PERDURE_TRY_VOID(write(job, sum, lines));
    more = left;
  }
  return sum;
}

Result<Sum> export_owned(JobContext& job, const KindResource& find) {
  auto& runtime = job.runtime();
  const auto& owner = job.principal().user_id;
  const KindFilter filter = [&](std::string_view kind) { return may_read(job, find, kind); };
  PERDURE_TRY(left_out, kind_left_out(runtime, owner, filter));
  if (!left_out.empty()) return lacks_scope(find, left_out);
  PERDURE_TRY(user, runtime.inspect({"user", owner}));
  Sum sum;
  PERDURE_TRY_VOID(write(job, sum, dump_json(archive_header(user, job.now())) + '\n'));
  OwnedObjects objects{runtime, owner, filter};
  for (;;) {
    PERDURE_TRY(view, objects.next());
    if (!view) return sum;
    if (view->meta.object().kind == "user") continue;
    PERDURE_TRY_VOID(write_object(job, sum, std::move(*view)));
    job.progress(static_cast<double>(++sum.objects), {}, "objects");
  }
}

Result<Json> run(JobContext& job, const KindResource& find) {
  const auto& payload = job.payload();
  PERDURE_TRY(sum, payload.empty() ? export_owned(job, find)
                                   : export_one(job, find, {payload.at("kind"), payload.at("id")}));
  return Json{{"objects", sum.objects}, {"bytes", sum.bytes}};
}

}  // namespace

JobType export_job_type(KindResource resource_of) {
  return {.run = [find = std::move(resource_of)](JobContext& job) { return run(job, find); },
          .concurrency = 2,
          .check_payload = check};
}

}  // namespace perdure::actors
