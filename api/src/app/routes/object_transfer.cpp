// SPDX-License-Identifier: Apache-2.0
// Objects as files, and copies of them: export, import, clone.
#include "app/checks.hpp"
#include "app/operating.hpp"
#include "app/piecewise_answer.hpp"
#include "app/routes/object_views.hpp"
#include "app/routes/tables.hpp"
#include "app/services.hpp"

namespace perdure::api {

namespace {

using http::Method;

constexpr const char* file_type = "application/x-ndjson";

/// The digest is that of the first line.
constexpr const char* file_example =
    R"({"created_at":"2026-01-31T12:00:00.000Z","created_by":"ada","format":"perdure-object",)"
    R"("id":"moved","kind":"counter","owner":"ada","schema_version":1,"seq":1,)"
    R"("state":{"value":3},"updated_at":"2026-01-31T12:00:00.000Z","updated_by":"ada",)"
    R"("version":1})"
    "\n"
    R"({"entries":0,"sha256":)"
    R"("08c1a360d8cfe1142d791974022d31dd7de77f88531b2376873acd0cf5829b22"})"
    "\n";

Result<AsOf> wanted_moment(const Context& context) {
  const auto* text = context.find_query("as_of");
  return text == nullptr ? Result<AsOf>{AsOf{}} : read_as_of(*text);
}

Result<PieceReader> open_export(Context& context, http::Headers& head) {
  const auto object = object_of(context);
  PERDURE_TRY(when, wanted_moment(context));
  PERDURE_TRY(file, context.services.runtime.begin_export(object, when));
  head.add("Content-Type", file_type);
  head.add("Cache-Control", "private, no-cache");
  head.add("Content-Disposition", "attachment; filename*=UTF-8''" + percent_encode(object.kind) +
                                      "-" + percent_encode(object.id) + ".ndjson");
  // Shared: a PieceReader can be copied.
  return [file = std::shared_ptr<ObjectExport>{std::move(file)}](
             std::string& out, std::size_t bytes) { return file->read(out, bytes); };
}

/// Reads what an object is made of, slice by slice, and then makes it.
class CopyTask final : public SlowTask {
 public:
  using Opener = Result<std::unique_ptr<ObjectCopy>> (*)(Context& context);

  CopyTask(ContextPtr context, Opener open) : context_(std::move(context)), open_(open) {}

  Step step(const Slice& slice) override {
    auto more = read(slice);
    if (more && *more == More::yes) return Step::again;
    auto call = more ? copy_->take() : Result<Call>{fail(std::move(more).error())};
    copy_.reset();
    if (!call) {
      answer(*context_, std::move(call).error());
    } else {
      context_->services.runtime.call(std::move(*call), view_answerer(context_));
    }
    return Step::done;
  }

 private:
  Result<More> read(const Slice& slice) {
    if (!copy_) {
      PERDURE_TRY(copy, open_(*context_));
      copy_ = std::move(copy);
    }
    constexpr std::size_t bytes_at_once = 64u << 10;
    for (;;) {
      PERDURE_TRY(more, copy_->read(bytes_at_once));
      PERDURE_TRY_VOID(hold_more(*context_, copy_->bytes() - held_));
      held_ = copy_->bytes();
      if (more == More::no || slice.over()) return more;
    }
  }

  const ContextPtr context_;
  const Opener open_;
  std::unique_ptr<ObjectCopy> copy_;
  std::size_t held_ = 0;
};

Sliced copying(CopyTask::Opener open) {
  return {
      [open](ContextPtr context) { return std::make_shared<CopyTask>(std::move(context), open); }};
}

// Where the object goes: where the query says, else where the file's first line says.
Result<ObjectId> import_target(const Context& context) {
  ObjectId target;
  const auto* kind = context.find_query("kind");
  const auto* id = context.find_query("id");
  if (kind != nullptr) target.kind = *kind;
  if (id != nullptr) target.id = *id;
  if (kind == nullptr || id == nullptr) {
    const std::string_view body = context.request.body;
    PERDURE_TRY(header, parse_stored_json(body.substr(0, body.find('\n'))));
    const auto read = [&](const char* member, std::string& into) {
      if (into.empty() && header.is_object() && header.contains(member) &&
          header[member].is_string()) {
        into = header[member].get<std::string>();
      }
    };
    read("kind", target.kind);
    read("id", target.id);
  }
  PERDURE_TRY_VOID(validate(target));
  if (context.services.runtime.find_kind(target.kind) == nullptr) {
    return fail(invalid_parameter("kind", "unknown", "is no kind of this server"));
  }
  return target;
}

Result<std::unique_ptr<ObjectCopy>> open_import(Context& context) {
  if (context.request.body.empty()) {
    return fail(ErrorCode::malformed, "this request needs a body: an exported object");
  }
  PERDURE_TRY(target, import_target(context));
  PERDURE_TRY_VOID(check_operates(context, target));
  return context.services.runtime.begin_import(
      make_call(context, std::move(target), CallType::command, std::string{builtin::import}),
      context.request.body);
}

Result<std::unique_ptr<ObjectCopy>> open_clone(Context& context) {
  const auto& body = context.body;
  AsOf when;
  if (const auto given = body.find("as_of"); given != body.end()) {
    PERDURE_TRY(read, read_as_of(given->is_string() ? given->get<std::string>() : given->dump()));
    when = read;
  }
  const auto source = object_of(context);
  auto& services = context.services;
  ObjectId target{.kind = source.kind,
                  .id = body.contains("id") ? body["id"].get<std::string>() : fresh_id(context)};
  return services.runtime.begin_clone(
      source, when,
      make_call(context, std::move(target), CallType::command, std::string{builtin::import}));
}

/// A precondition is about the source, and is looked at before anything is read.
void begin_clone(const ContextPtr& context) {
  if (!check_precondition(*context, object_of(*context))) return;
  run_slow(context, WorkClass::transfer, std::make_shared<CopyTask>(context, open_clone));
}

}  // namespace

void add_object_transfer_routes(std::vector<Route>& routes) {
  const Permission read{"durable-objects", Access::read, Audience::admin};
  const Permission write{"durable-objects", Access::write, Audience::admin};
  const std::string item = "/durable-objects/{kind}/{id}";
  routes.push_back({.path = item + "/export",
                    .operation = "exportObject",
                    .tag = "Durable objects",
                    .summary = "One object as a file: lines of JSON, the last one a digest",
                    .permission = read,
                    .target = piecewise(open_export),
                    .query = {{.name = "as_of",
                               .type = ParameterType::as_of,
                               .description = "A seq, or a time."}},
                    .produces = file_type,
                    .description = "Secrets are in it as `sealed`: only the data directory that it "
                                   "comes from can import them again."});
  routes.push_back(
      {.method = Method::post,
       .path = "/durable-objects/import",
       .operation = "importObject",
       .tag = "Durable objects",
       .summary = "Make an object from an exported file",
       .permission = write,
       .target = copying(open_import),
       .response_schema = "ObjectView",
       .status = 201,
       .body = BodyUse::raw,
       .query = {{.name = "kind", .description = "Of the new object; else as in the file."},
                 {.name = "id", .description = "Of the new object; else as in the file."}},
       .consumes = file_type,
       .description = "Import into an id that exists is a 409.",
       .example = file_example});
  routes.push_back({.method = Method::post,
                    .path = item + "/clone",
                    .operation = "cloneObject",
                    .tag = "Durable objects",
                    .summary = "Make another object from this one, as it is or as it was",
                    .permission = write,
                    .target = Slow{begin_clone},
                    .request_schema = "ObjectClone",
                    .response_schema = "ObjectView",
                    .status = 201,
                    .body = BodyUse::optional,
                    .example = R"({"id":"alice-copy","as_of":3})"});
}

}  // namespace perdure::api
