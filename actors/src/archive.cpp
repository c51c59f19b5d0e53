// SPDX-License-Identifier: Apache-2.0
#include "perdure/actors/archive.hpp"

#include <utility>

#include "perdure/actors/jobs.hpp"
#include "perdure/actors/resource.hpp"
#include "perdure/base/crypto.hpp"

namespace perdure::actors {

namespace {

constexpr std::size_t page_size = 100;
constexpr std::size_t rows_at_once = 1'000;

/// The output of a job may be an earlier archive: each would hold all those before it.
bool is_archive_itself(const ObjectId& object, const Entry& row) {
  return object.kind == job_kind_name && row.key.starts_with(job_output_prefix);
}

}  // namespace

OwnedObjects::OwnedObjects(const Runtime& runtime, std::string owner, KindFilter filter)
    : runtime_(runtime), owner_(std::move(owner)), filter_(std::move(filter)) {}

Result<std::optional<ObjectView>> OwnedObjects::next() {
  const auto& kinds = runtime_.kinds();
  while (page_.empty() && kind_ < kinds.size()) {
    if (filter_ && !filter_(kinds[kind_].name())) {
      ++kind_;
      continue;
    }
    PERDURE_TRY(page, runtime_.list({.kind = kinds[kind_].name(),
                                     .index = "$owner",
                                     .owner = owner_,
                                     .limit = page_size,
                                     .cursor = cursor_,
                                     .lives = ListRequest::Lives::all}));
    if (!page.unreadable.empty()) return fail(page.unreadable.front().error);
    page_.assign(std::make_move_iterator(page.items.begin()),
                 std::make_move_iterator(page.items.end()));
    cursor_ = std::move(page.next_cursor);
    if (cursor_.empty()) ++kind_;
  }
  if (page_.empty()) return std::optional<ObjectView>{};
  std::optional<ObjectView> found{std::move(page_.front())};
  page_.pop_front();
  return found;
}

Result<std::string> kind_left_out(const Runtime& runtime, const std::string& owner,
                                  const KindFilter& filter) {
  for (const auto& kind : runtime.kinds()) {
    if (filter(kind.name())) continue;
    PERDURE_TRY(page, runtime.list({.kind = kind.name(),
                                    .index = "$owner",
                                    .owner = owner,
                                    .limit = 1,
                                    .lives = ListRequest::Lives::all}));
    if (!page.items.empty() || !page.unreadable.empty()) return kind.name();
  }
  return std::string{};
}

ArchivedObject::ArchivedObject(const Runtime& runtime, ObjectView view)
    : runtime_(runtime), view_(std::move(view)), range_{.limit = rows_at_once} {}

Result<More> ArchivedObject::read(std::string& out, std::size_t bytes) {
  const auto begin = out.size();
  const auto& object = view_.meta.object();
  if (next_ == Next::head) {
    out += R"({"kind":)" + dump_json(object.kind);
    out += R"(,"resource":)" + dump_json(resource_body(view_));
    out += R"(,"entries":[)";
    next_ = Next::first_entry;
  }
  for (bool more = view_.meta.exists(); more;) {
    if (out.size() - begin >= bytes) return More::yes;
    range_.bytes_max = bytes;
    auto rows = runtime_.entries(object, range_);
    if (!rows && rows.error().code == ErrorCode::not_found) break;
    if (!rows) return fail(std::move(rows).error());
    for (const auto& row : *rows) {
      if (is_archive_itself(object, row)) continue;
      if (std::exchange(next_, Next::entry) == Next::entry) out += ',';
      auto value = parse_stored_json(row.value);
      out += dump_json(
          {{"key", row.key}, {"value", value ? std::move(*value) : Json(to_base64url(row.value))}});
    }
    more = range_.may_go_on(*rows);
    if (more) range_ = range_.after(*rows);
  }
  out += "]}";
  return More::no;
}

Json archive_header(const ObjectView& user, Timestamp now) {
  return {{"format", "perdure-user-archive"},
          {"version", 1},
          {"exported_at", format_rfc3339(now)},
          {"user", resource_body(user)}};
}

Result<std::unique_ptr<UserArchive>> UserArchive::open(const Runtime& runtime, std::string user_id,
                                                       Timestamp now, KindFilter filter) {
  PERDURE_TRY(user, runtime.inspect({"user", user_id}));
  auto head = dump_json(archive_header(user, now));
  head.back() = ',';  // the objects go on with the header's members
  head += R"("objects":[)";
  return std::make_unique<UserArchive>(runtime, std::move(user_id), std::move(head),
                                       std::move(filter));
}

Result<More> UserArchive::read(std::string& out, std::size_t bytes) {
  const auto begin = out.size();
  out += std::exchange(head_, {});
  while (out.size() - begin < bytes) {
    if (!object_) {
      PERDURE_TRY(view, objects_.next());
      if (!view) {
        out += "]}";
        return More::no;
      }
      if (view->meta.object().kind == "user") continue;
      if (!std::exchange(is_first_, false)) out += ',';
      object_.emplace(runtime_, std::move(*view));
    }
    PERDURE_TRY(more, object_->read(out, bytes));
    if (more == More::no) object_.reset();
  }
  return More::yes;
}

}  // namespace perdure::actors
