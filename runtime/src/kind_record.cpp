// SPDX-License-Identifier: Apache-2.0
#include "kind_record.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "going_along.hpp"
#include "index_keys.hpp"
#include "perdure/base/crypto.hpp"
#include "quorums.hpp"

namespace perdure::runtime {

namespace {

using storage::RowGroup;

constexpr std::string_view record_kind = "$runtime";
constexpr std::string_view record_index = "kinds";
/// The form in which this version writes rows: another one makes all of them again.
constexpr int row_form = 1;
/// Indexes that kinds had in versions up to 0.1.0, which noted nothing of them.
constexpr std::array earlier_indexes{"title",      "tag_title", "tag_updated_at", "updated_at",
                                     "created_at", "status",    "type",           "queue",
                                     "all_status", "all_type",  "all_queue",      "all_created_at"};

// ---------------------------------------------------------------------------- declarations

/// What stands before the name of a part, by its sort.
constexpr std::string_view index_sort = "index ";
constexpr std::string_view purge_sort = "purge ";
constexpr std::string_view along_sort = "reference ";
constexpr std::string_view unique_sort = "unique ";
constexpr std::string_view quorum_sort = "quorum ";
constexpr std::string_view derived_sort = "entries ";
constexpr std::string_view lists_name = "lists";

Json rules_text(const ListRules& rules) {
  Json filters = Json::array();
  for (const auto& filter : rules.filters) {
    filters.push_back({filter.name, filter.field, static_cast<int>(filter.compare)});
  }
  Json sorts = Json::array();
  for (const auto& sort : rules.sorts) sorts.push_back({sort.field, sort.name, sort.order});
  return {std::move(filters), std::move(sorts), static_cast<int>(rules.across)};
}

/// The parts of a kind as this code declares them, as a new store has them.
std::map<std::string, KindRecord::Part> declared_parts(const KindDefinition& kind) {
  std::map<std::string, KindRecord::Part> parts;
  const auto add = [&](std::string_view sort, std::string_view name, Json declaration) {
    KindRecord::Part part;
    part.declared = dump_json({row_form, kind.schema_version, std::move(declaration)});
    auto key = std::string{sort};
    return &(parts[key += name] = std::move(part));
  };
  for (const auto& index : kind.indexes) {
    add(index_sort, index.name, {index.fields, static_cast<int>(index.scope)});
  }
  for (const auto& purge : kind.purges) add(purge_sort, purge_index(purge), purge.oldest);
  for (const auto& reference : kind.references) {
    if (reference.when_deleted != ReferenceDefinition::WhenDeleted::goes_along) continue;
    add(along_sort, along_index(reference.field), reference.kind);
  }
  for (const auto& unique : kind.uniques) {
    add(unique_sort, unique.space, {unique.field, static_cast<int>(unique.compare)});
  }
  for (const auto& quorum : kind.quorums) {
    Json where = Json::array();
    for (const auto& [field, value] : quorum.where) where.push_back({field, value});
    add(quorum_sort, quorum.name, std::move(where));
  }
  for (const auto& derived : kind.derived) add(derived_sort, derived.name, derived.declared);
  if (!kind.lists.sorts.empty()) {
    add(lists_name, "", rules_text(kind.lists))->indexes = ListLayout{kind.lists}.indexes();
  }
  return parts;
}

std::string marks_space(const std::string& kind, std::uint64_t build) {
  return "$built." + stored_name(kind, build);
}

/// The rows of a part that one build has made.
void leave(std::vector<RowGroup>& left, const std::string& kind, const std::string& part,
           const std::vector<std::string>& list_indexes, std::uint64_t build) {
  using Sort = RowGroup::Sort;
  if (part == lists_name) {
    for (const auto& index : list_indexes) {
      left.push_back({Sort::index, kind, stored_name(index, build)});
    }
    left.push_back({Sort::counts, {}, list_count(kind, stored_name("", build), "")});
    return;
  }
  if (part.starts_with(derived_sort)) return;  // each object's own turns erase them
  const auto name = part.substr(part.find(' ') + 1);
  if (part.starts_with(quorum_sort)) {
    left.push_back({Sort::counts, {}, quorum_count(kind, stored_name(name, build))});
    return;
  }
  const bool is_claims = part.starts_with(unique_sort);
  left.push_back({is_claims ? Sort::claims : Sort::index, is_claims ? std::string{} : kind,
                  stored_name(name, build)});
}

// ------------------------------------------------------------------------------------- text

Json text_of(const std::vector<RowGroup>& groups) {
  Json text = Json::array();
  for (const auto& group : groups) {
    text.push_back({static_cast<int>(group.sort), group.kind, to_base64url(group.name)});
  }
  return text;
}

std::vector<RowGroup> groups_of(const Json& text) {
  std::vector<RowGroup> groups;
  for (const auto& group : text) {
    groups.push_back({.sort = static_cast<RowGroup::Sort>(group.at(0).get<int>()),
                      .kind = group.at(1),
                      .name = from_base64url(group.at(2).get<std::string>()).value()});
  }
  return groups;
}

Json text_of(const KindRecord& record) {
  Json parts = Json::object();
  for (const auto& [name, part] : record.parts) {
    parts[name] = {part.declared, part.build, part.is_built, part.earlier, part.indexes};
  }
  Json at = nullptr;
  if (record.at) at = {to_base64url(record.at->key), record.at->id};
  return {{"schema_version", record.schema_version},
          {"newest_version", record.newest_version},
          {"build", record.build},
          {"is_building", record.is_building},
          {"parts", std::move(parts)},
          {"at", std::move(at)},
          {"done", record.done},
          {"unreadable", record.unreadable},
          {"left", text_of(record.left)},
          {"left_at_opening", text_of(record.left_at_opening)}};
}

KindRecord record_of(const Json& text) {
  KindRecord record{.schema_version = text.at("schema_version"),
                    .newest_version = text.at("newest_version"),
                    .build = text.at("build"),
                    .is_building = text.at("is_building"),
                    .done = text.at("done"),
                    .unreadable = text.at("unreadable"),
                    .left = groups_of(text.at("left")),
                    .left_at_opening = groups_of(text.at("left_at_opening"))};
  for (const auto& [name, part] : text.at("parts").items()) {
    record.parts[name] = {.declared = part.at(0),
                          .build = part.at(1),
                          .is_built = part.at(2),
                          .earlier = part.at(3).get<std::vector<std::uint64_t>>(),
                          .indexes = part.at(4).get<std::vector<std::string>>()};
  }
  if (const auto& at = text.at("at"); !at.is_null()) {
    record.at = storage::IndexRow{.key = from_base64url(at.at(0).get<std::string>()).value(),
                                  .id = at.at(1)};
  }
  return record;
}

std::string record_key(const std::string& kind) { return kind + '\0'; }

// ---------------------------------------------------------------------------------- openings

/// What a store that was written before there were records is taken for: nothing of it is known.
KindRecord unknown_record(const KindDefinition& kind) {
  KindRecord record{.schema_version = kind.schema_version, .newest_version = kind.schema_version};
  record.parts = declared_parts(kind);
  for (auto& [name, part] : record.parts) part.declared.clear();
  for (const auto* index : earlier_indexes) {
    if (record.parts.contains(std::string{index_sort} + index)) continue;
    record.left.push_back({RowGroup::Sort::index, kind.name, index});
  }
  return record;
}

/// Takes a part over from the record before, or has it built.
class Opening {
 public:
  Opening(const std::string& kind, KindRecord& record) : kind_(kind), record_(record) {}

  /// Leaves the rows of a part that is declared no more.
  void leave_part(const std::string& name, const KindRecord::Part& part) {
    leave(record_.left, kind_, name, part.indexes, part.build);
    for (const auto build : part.earlier) leave(record_.left, kind_, name, part.indexes, build);
  }

  void build_part(const std::string& name, const KindRecord::Part* before, KindRecord::Part& part) {
    part.build = record_.build;
    part.is_built = false;
    if (before == nullptr) return;
    if (!name.starts_with(unique_sort)) return leave_part(name, *before);
    part.earlier = before->earlier;
    part.earlier.push_back(before->build);
  }

 private:
  const std::string& kind_;
  KindRecord& record_;
};

}  // namespace

Result<std::optional<KindRecord>> read_kind_record(const storage::Store& store,
                                                   const std::string& kind) {
  const auto key = record_key(kind);
  PERDURE_TRY(rows, store.index(record_kind, record_index,
                                {.from = key, .until = storage::prefix_end(key)}));
  if (rows.empty()) return std::optional<KindRecord>{};
  try {
    return std::optional{record_of(Json::parse(rows.front().value))};
  } catch (const std::exception& thrown) {
    return fail(ErrorCode::corrupt,
                "the record of kind " + kind + " cannot be read: " + thrown.what());
  }
}

storage::WriteSet write_kind_record(const storage::Store& store, const std::string& kind,
                                    const KindRecord& record) {
  storage::WriteSet written{.object = {std::string{record_kind}, "kinds"}, .epoch = store.epoch()};
  written.indexes.push_back({storage::IndexChange::Op::put, std::string{record_index},
                             record_key(kind), dump_json(text_of(record))});
  return written;
}

KindRecord opened_record(const KindDefinition& kind, std::optional<KindRecord> before,
                         HasObjects objects, std::uint64_t epoch) {
  KindRecord record;
  if (before) {
    record = *before;
  } else if (objects == HasObjects::yes) {
    record = unknown_record(kind);
    before = record;
  } else {
    record.parts = declared_parts(kind);
  }
  record.schema_version = kind.schema_version;
  record.newest_version = std::max(record.newest_version, kind.schema_version);
  std::ranges::move(std::exchange(record.left_at_opening, {}), std::back_inserter(record.left));
  if (!before) return record;

  record.parts = declared_parts(kind);
  bool is_same = true;
  for (const auto& [name, part] : record.parts) {
    const auto found = before->parts.find(name);
    is_same &= found != before->parts.end() && found->second.declared == part.declared;
  }
  if (is_same && before->parts.size() == record.parts.size()) {
    record.parts = before->parts;  // a build goes on where it was
    return record;
  }
  // The marks of a build that is given up say nothing of the next one.
  if (record.is_building) {
    record.left.push_back({RowGroup::Sort::claims, {}, marks_space(kind.name, record.build)});
  }
  record.is_building = false;
  record.at.reset();
  record.done = record.unreadable = 0;
  record.build = epoch;
  Opening opening{kind.name, record};
  for (auto& [name, part] : record.parts) {
    const auto found = before->parts.find(name);
    const auto* old = found == before->parts.end() ? nullptr : &found->second;
    const bool is_taken_over = old != nullptr && old->is_built && old->declared == part.declared;
    if (is_taken_over) {
      part = *old;
      continue;
    }
    opening.build_part(name, old, part);
    record.is_building = true;
  }
  for (const auto& [name, part] : before->parts) {
    if (!record.parts.contains(name)) opening.leave_part(name, part);
  }
  if (objects == HasObjects::no && record.is_building) record = built_record(kind.name, record);
  return record;
}

KindRecord built_record(const std::string& kind, KindRecord record) {
  for (auto& [name, part] : record.parts) {
    part.is_built = true;
    for (const auto build : std::exchange(part.earlier, {})) {
      leave(record.left, kind, name, part.indexes, build);
    }
  }
  record.is_building = false;
  record.at.reset();
  record.left_at_opening.push_back({RowGroup::Sort::claims, {}, marks_space(kind, record.build)});
  return record;
}

void apply(const KindRecord& record, const KindDefinition& kind, KindRows& rows) {
  const auto take = [&](std::string_view sort, PartRows& part) {
    const auto found = record.parts.find(std::string{sort} + part.name);
    if (found == record.parts.end()) return;  // a reference along which nothing goes
    part.stored = stored_name(part.name, found->second.build);
    part.is_built = found->second.is_built;
    for (const auto build : found->second.earlier) {
      part.earlier.push_back(stored_name(part.name, build));
    }
  };
  for (auto& part : rows.indexes) take(index_sort, part);
  for (auto& part : rows.purges) take(purge_sort, part);
  for (auto& part : rows.references) take(along_sort, part);
  for (auto& part : rows.uniques) take(unique_sort, part);
  for (auto& part : rows.quorums) take(quorum_sort, part);
  for (auto& part : rows.derived) take(derived_sort, part);
  take(lists_name, rows.lists);
  rows.build = record.build;
  rows.marks = marks_space(kind.name, record.build);
  rows.building.store(record.is_building, std::memory_order_release);
}

std::vector<std::string> parts_to_build(const KindRecord& record) {
  std::vector<std::string> parts;
  for (const auto& [name, part] : record.parts) {
    if (!part.is_built) parts.push_back(name);
  }
  return parts;
}

}  // namespace perdure::runtime
