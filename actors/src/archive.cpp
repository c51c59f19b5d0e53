// SPDX-License-Identifier: Apache-2.0
#include "perdure/actors/archive.hpp"

#include "perdure/actors/jobs.hpp"
#include "perdure/actors/resource.hpp"
#include "perdure/base/crypto.hpp"

namespace perdure::actors {

namespace {

constexpr std::size_t page_size = 500;
constexpr std::size_t rows_at_once = 1'000;

/// The output of a job may be an earlier archive: each would hold all those before it.
bool is_archive_itself(const ObjectId& object, const Entry& row) {
  return object.kind == job_kind_name && row.key.starts_with(job_output_prefix);
}

}  // namespace

Result<void> visit_owned(const Runtime& runtime, const std::string& owner,
                         const std::function<Result<void>(const ObjectView&)>& visit) {
  for (const auto& kind : runtime.kinds()) {
    ListRequest request{.kind = kind.name(),
                        .index = "$owner",
                        .owner = owner,
                        .limit = page_size,
                        .lives = ListRequest::Lives::all};
    do {
      PERDURE_TRY(page, runtime.list(request));
      if (!page.unreadable.empty()) return fail(page.unreadable.front().error);
      for (const auto& view : page.items) PERDURE_TRY_VOID(visit(view));
      request.cursor = std::move(page.next_cursor);
    } while (!request.cursor.empty());
  }
  return {};
}

Result<std::string> archived_object(const Runtime& runtime, const ObjectView& view,
                                    std::size_t bytes_max) {
  const auto& object = view.meta.object();
  std::string text = R"({"kind":)" + dump_json(object.kind);
  text += R"(,"resource":)" + dump_json(resource_body(view));
  text += R"(,"entries":[)";
  if (view.meta.exists()) {
    EntryRange range{.limit = rows_at_once};
    for (bool first = true;;) {
      PERDURE_TRY(rows, runtime.entries(object, range));
      for (const auto& row : rows) {
        if (is_archive_itself(object, row)) continue;
        auto value = parse_stored_json(row.value);
        text += first ? "" : ",";
        first = false;
        text += dump_json({{"key", row.key},
                           {"value", value ? std::move(*value) : Json(to_base64url(row.value))}});
      }
      if (text.size() > bytes_max) {
        return fail(ErrorCode::too_large,
                    "the archive is larger than " + std::to_string(bytes_max >> 20) + " MiB");
      }
      if (rows.size() < range.limit) break;
      range.from = rows.back().key + '\x01';
    }
  }
  text += "]}";
  return text;
}

Json archive_header(const ObjectView& user, Timestamp now) {
  return {{"format", "perdure-user-archive"},
          {"version", 1},
          {"exported_at", format_rfc3339(now)},
          {"user", resource_body(user)}};
}

}  // namespace perdure::actors
