// SPDX-License-Identifier: Apache-2.0
#include "revisions.hpp"

#include "list_query.hpp"
#include "perdure/actors/notebook.hpp"
#include "perdure/actors/resource.hpp"

namespace perdure::actors {

namespace {

std::string prefix_of(const Json& page) {
  return "revisions/" + page.at("id").get<std::string>() + '/';
}

/// A revision as PageRevision has it: a version, and what its own turn was.
Json revision_of(const Json& page) {
  const Json& inside = page.at(std::string{internal_member});
  return {{"page_id", page.at("id")},     {"seq", inside.at("seq")},
          {"title", page.at("title")},    {"content", page.at("content")},
          {"tags", page.at("tags")},      {"created_at", inside.at("at")},
          {"created_by", inside.at("by")}};
}

}  // namespace

void keep_revision(Turn& turn, const std::optional<Json>& before, Json& next) {
  const bool is_same = before && before->at("title") == next.at("title") &&
                       before->at("content") == next.at("content");
  if (is_same) return;
  std::uint64_t number = 0;
  if (before) {
    const auto& inside = before->at(std::string{internal_member});
    number = inside.at("revisions").get<std::uint64_t>() + 1;
    const auto prefix = prefix_of(*before);
    turn.entries().put_json(prefix + ordered_key(number), revision_of(*before));
    if (number > notebook::revisions_max) {
      turn.entries().erase(prefix + ordered_key(number - notebook::revisions_max));
    }
  }
  next[std::string{internal_member}] = {{"revisions", number},
                                        {"seq", turn.meta().seq + 1},
                                        {"at", format_rfc3339(turn.now())},
                                        {"by", actor_name(turn.principal())}};
}

Result<Json> list_revisions(const EntryReader& entries, const Json& page, const Json& payload) {
  const ListShape shape{.sorts = {"seq"}, .default_order = Order::descending, .others = {"id"}};
  PERDURE_TRY(query, read_list_query(payload, shape));
  return scan(entries,
              {.prefix = prefix_of(page),
               .order = query.order,
               .limit = query.limit,
               .cursor = query.cursor},
              [](const Entry& row) { return row.json(); });
}

NounLog revision_log() {
  return {.query = "list_revisions",
          .id = "seq",
          .topics = {"page.*", "notebook.*"},
          .prefix = prefix_of,
          .shown = [](const ObjectMeta&, const Json&, const Entry& row) { return row.json(); },
          .of_item = "page"};
}

void erase_revisions(Entries& entries, const Json& page) {
  const auto rows = entries.range(
      EntryRange::prefix(prefix_of(page), Order::ascending, notebook::revisions_max + 1));
  for (const Entry& row : rows) entries.erase(row.key);
}

}  // namespace perdure::actors
