// SPDX-License-Identifier: Apache-2.0
#include "row_check.hpp"

#include <fmt/format.h>

#include <set>
#include <tuple>

#include "going_along.hpp"
#include "index_keys.hpp"
#include "perdure/runtime/unreadable.hpp"
#include "quorums.hpp"
#include "turn_context.hpp"
#include "unique_keys.hpp"

namespace perdure::runtime {

namespace {

constexpr std::size_t rows_at_once = 1'000;

/// Rows of one index, in whatever order they came. Two are equal if their rows are, but for chance.
struct Sum {
  std::uint64_t rows = 0;
  std::uint64_t mixed = 0;

  void add(std::string_view key, std::string_view id, std::string_view value) {
    std::uint64_t hash = 0;
    for (const auto part : {key, id, value}) {
      hash = hash * 0x9E3779B97F4A7C15U + std::hash<std::string_view>{}(part);
    }
    mixed += hash;
    ++rows;
  }
  bool operator==(const Sum&) const = default;
};

/// (key, id, value)
using Rows = std::set<std::tuple<std::string, std::string, std::string>>;

/// Compares the rows of one kind.
class KindCheck {
 public:
  KindCheck(const storage::Store& store, const KindDefinition& kind, const KindRows& rows,
            const ListLayout* layout, Timestamp now, RowReport& report)
      : store_(store), kind_(kind), rows_(rows), layout_(layout), now_(now), report_(report) {}

  Result<void> run(const EachObject& each_object) {
    PERDURE_TRY_VOID(read_duplicates());
    PERDURE_TRY_VOID(each_object(kind_.name, [&](const ObjectId& object) {
      return visit(object, [&](const storage::WriteSet& made, const ObjectForm& form, Built built) {
        add(made, object.id);
        check_entries(form);
        return check_claims(form, built);
      });
    }));
    std::set<std::string> wrong;
    for (const auto& index : indexes()) {
      PERDURE_TRY(sum, stored_sum(index));
      report_.rows += sum.rows;
      if (sum != sums_[index]) wrong.insert(index);
    }
    PERDURE_TRY_VOID(check_counts());
    if (wrong.empty()) return {};
    return explain(wrong, each_object);
  }

 private:
  void find(std::string finding) {
    if (report_.findings.size() < findings_max) {
      report_.findings.push_back(std::move(finding));
    } else {
      ++report_.left_out;
    }
  }

  void note(std::string note) {
    if (report_.notes.size() < findings_max) report_.notes.push_back(std::move(note));
  }

  std::set<std::string> indexes() const {
    std::set<std::string> names;
    for (const auto own : {index_names::by_id, index_names::deleted, index_names::deleted_by_id,
                           index_names::deleted_at, index_names::by_owner, index_names::by_reader,
                           index_names::went_along}) {
      names.emplace(own);
    }
    for (const auto* parts : {&rows_.indexes, &rows_.purges, &rows_.references}) {
      for (const auto& part : *parts) names.insert(part.stored);
    }
    if (layout_ != nullptr) {
      for (const auto& index : layout_->indexes()) names.insert(index + rows_.lists.stored);
    }
    return names;
  }

  /// What the store should have of an object.
  storage::WriteSet rows_of(const ObjectForm& form, Built built) const {
    storage::WriteSet made;
    const auto which = built == Built::yes ? Which::all : Which::built;
    made.indexes = index_difference({}, index_keys(kind_, rows_, form, which));
    if (layout_ != nullptr && rows_.is_of(rows_.lists, which)) {
      change_lists(kind_, *layout_, rows_.lists.stored, nullptr, &form, made);
    }
    count_in_quorums(kind_, rows_, form, which, made);
    return made;
  }

  template <class Use>
  Result<void> visit(const ObjectId& object, const Use& use) {
    const auto last = store_.last_record(object);
    if (!last) return leave(object, last.error());
    if (!*last) return {};
    const auto record = decode_record(object, **last);
    if (!record) return leave(object, record.error());
    if (record->root.empty()) return {};
    const auto root = root_of(kind_, *record);
    if (!root) return leave(object, root.error());
    auto built = Built::yes;
    if (rows_.building.load()) {
      PERDURE_TRY(mark, store_.claim({rows_.marks, object.id}, now_));
      if (!mark) built = Built::no;
    }
    const ObjectForm form{record->meta, *root};
    return use(rows_of(form, built), form, built);
  }

  Result<void> leave(const ObjectId& object, const Error& error) {
    if (!is_of_one_object(error)) return fail(error);
    if (damaged_.insert(object.id).second) {
      note(fmt::format("{} cannot be read, so its rows are not compared: {}", to_string(object),
                       error.detail));
    }
    return {};
  }

  void add(const storage::WriteSet& made, const std::string& id) {
    ++report_.objects;
    for (const auto& row : made.indexes) {
      sums_[row.index].add(row.key, id, row.value);
    }
    for (const auto& count : made.counts) counts_[count.name] += count.by;
  }

  Result<void> read_duplicates() {
    std::optional<storage::IndexRow> after;
    for (;;) {
      PERDURE_TRY(rows,
                  store_.index(kind_.name, index_names::duplicate, {.limit = rows_at_once}, after));
      for (const auto& row : rows) {
        duplicates_.emplace(row.key, row.id);
        if (const auto duplicate = read_duplicate(store_, kind_, row)) {
          note(fmt::format("{} has the {} of {}{}", to_string(duplicate->object), duplicate->field,
                           to_string(duplicate->holder),
                           duplicate->value ? ": " + *duplicate->value : std::string{}));
        }
      }
      if (rows.size() < rows_at_once) return {};
      after = std::move(rows.back());
    }
  }

  Result<void> check_claims(const ObjectForm& form, Built built) {
    const auto& object = form.meta.object();
    for (std::size_t place = 0; place < kind_.uniques.size(); ++place) {
      const auto& unique = kind_.uniques[place];
      const auto& part = rows_.uniques[place];
      if (built == Built::no && rows_.is_being_built(part)) continue;
      const auto key = unique_key(unique, form);
      if (!key || duplicates_.contains({owner_key(unique.space), object.id})) continue;
      PERDURE_TRY(holder, store_.claim({part.stored, *key}, now_));
      if (holder == to_string(object)) continue;
      find(fmt::format("the {} of {} is not claimed by it, but by {}", unique.field,
                       to_string(object), holder.value_or("nobody")));
    }
    return {};
  }

  /// Those of what is deleted are made when it comes back.
  void check_entries(const ObjectForm& form) {
    if (!form.meta.exists()) return;
    const ViewContext view{Principal{}, form.meta, now_, store_, nullptr};
    for (const auto& derived : kind_.derived) {
      if (!derived.check) continue;
      try {
        for (auto& finding : derived.check(view)) {
          find(to_string(form.meta.object()) + ": " + finding);
        }
      } catch (const Failure& failure) {
        find(to_string(form.meta.object()) + ": " + failure.error().detail);
      }
    }
  }

  template <class Visit>
  Result<void> each_row(const std::string& index, const Visit& visit) const {
    std::optional<storage::IndexRow> after;
    for (;;) {
      PERDURE_TRY(rows, store_.index(kind_.name, index, {.limit = rows_at_once}, after));
      for (const auto& row : rows) {
        if (!damaged_.contains(row.id)) visit(row);
      }
      if (rows.size() < rows_at_once) return {};
      after = std::move(rows.back());
    }
  }

  Result<Sum> stored_sum(const std::string& index) const {
    Sum sum;
    PERDURE_TRY_VOID(each_row(
        index, [&](const storage::IndexRow& row) { sum.add(row.key, row.id, row.value); }));
    return sum;
  }

  Result<void> check_counts() {
    for (const auto& [name, wanted] : counts_) {
      PERDURE_TRY(count, store_.count(name));
      if (count == static_cast<std::uint64_t>(wanted)) continue;
      find(fmt::format("a count of {} is {} instead of {}", kind_.name, count, wanted));
    }
    return {};
  }

  /// Says which rows are wrong in these indexes.
  Result<void> explain(const std::set<std::string>& wrong, const EachObject& each_object) {
    std::map<std::string, Rows> wanted;
    PERDURE_TRY_VOID(each_object(kind_.name, [&](const ObjectId& object) {
      return visit(object, [&](const storage::WriteSet& made, const ObjectForm&, Built) {
        for (const auto& row : made.indexes) {
          if (wrong.contains(row.index)) wanted[row.index].emplace(row.key, object.id, row.value);
        }
        return Result<void>{};
      });
    }));
    for (const auto& index : wrong) {
      auto& missing = wanted[index];
      PERDURE_TRY_VOID(each_row(index, [&](const storage::IndexRow& row) {
        if (missing.erase({row.key, row.id, row.value}) > 0) return;
        find(fmt::format("the index {} of {} has a row of {} too many", declared_name(index),
                         kind_.name, row.id));
      }));
      for (const auto& [key, id, value] : missing) {
        find(fmt::format("the index {} of {} misses a row of {}", declared_name(index), kind_.name,
                         id));
      }
    }
    return {};
  }

  const storage::Store& store_;
  const KindDefinition& kind_;
  const KindRows& rows_;
  const ListLayout* layout_;
  const Timestamp now_;
  RowReport& report_;
  std::map<std::string, Sum> sums_;
  std::map<std::string, std::int64_t> counts_;
  std::set<std::pair<std::string, std::string>> duplicates_;  ///< (key of the space, id)
  std::set<std::string> damaged_;
};

}  // namespace

Result<RowReport> check_rows(const storage::Store& store, const std::vector<Kind>& kinds,
                             const ListLayouts& lists, const RowNames& rows, Timestamp now,
                             const EachObject& each_object) {
  RowReport report;
  for (const auto& kind : kinds) {
    const auto& definition = kind.definition();
    const auto& names = rows.of(kind.name());
    if (names.building.load()) {
      report.notes.push_back("rows of kind " + kind.name() + " are still to be made");
    }
    KindCheck check{store, definition, names, lists.find(definition), now, report};
    PERDURE_TRY_VOID(check.run(each_object));
  }
  return report;
}

Result<RowReport> check_rows(const storage::Store& store, const std::vector<Kind>& kinds,
                             const ListLayouts& lists, const RowNames& rows, Timestamp now) {
  return check_rows(store, kinds, lists, rows, now,
                    [&](const std::string& kind, const VisitObject& visit) -> Result<void> {
                      std::optional<storage::IndexRow> after;
                      for (;;) {
                        PERDURE_TRY(found, store.index(kind, index_names::by_owner,
                                                       {.limit = rows_at_once}, after));
                        for (const auto& row : found) PERDURE_TRY_VOID(visit({kind, row.id}));
                        if (found.size() < rows_at_once) return {};
                        after = std::move(found.back());
                      }
                    });
}

}  // namespace perdure::runtime
