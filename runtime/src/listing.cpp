// SPDX-License-Identifier: Apache-2.0
// Lists of objects: the rows of the kind's ListRules, or range scans of an index; then one read for
// each object found.
#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <map>
#include <set>

#include "grants.hpp"
#include "history.hpp"
#include "index_keys.hpp"
#include "live_references.hpp"
#include "perdure/base/check.hpp"
#include "perdure/base/codec.hpp"
#include "perdure/base/crypto.hpp"
#include "perdure/runtime/page.hpp"
#include "perdure/runtime/unreadable.hpp"

namespace perdure::runtime {

namespace {

Unexpected bad(std::string field, std::string message) {
  Error error{.code = ErrorCode::invalid, .detail = message};
  error.fields.push_back({std::move(field), "invalid", std::move(message)});
  return fail(std::move(error));
}

struct Scan {
  std::string index;
  storage::KeyRange range;
};

std::string key_with(std::string prefix, const Json& value) {
  put_index_value(prefix, value);
  return prefix;
}

Result<Scan> plan(const KindDefinition& kind, const KindRows& rows, const ListRequest& request) {
  Scan scan;
  scan.range.direction = request.order == Order::ascending ? storage::Direction::forward
                                                           : storage::Direction::backward;
  if (request.lives == ListRequest::Lives::deleted) {
    const bool all = request.index == index_names::by_id;
    scan.index = all ? index_names::deleted_by_id : index_names::deleted;
    if (!all) scan.range.from = index_prefix({.name = "", .fields = {}}, request.owner);
    scan.range.until = storage::prefix_end(scan.range.from);
    return scan;
  }
  scan.index = request.index;
  if (request.index == index_names::by_reader && request.lives != ListRequest::Lives::live) {
    return bad("lives", "only live objects are shared");
  }
  if (request.index == index_names::by_owner || request.index == index_names::by_reader) {
    scan.range.from = owner_key(request.owner);
    scan.range.until = storage::prefix_end(scan.range.from);
    return scan;
  }
  if (request.lives == ListRequest::Lives::all) {
    return bad("lives", "only the index $owner has live and deleted objects");
  }
  if (request.index == index_names::by_id) return scan;
  for (const auto& index : kind.indexes) {
    if (index.name != request.index) continue;
    if (request.equals.size() > index.fields.size()) {
      return bad("equals", "the index has fewer fields");
    }
    auto prefix = index_prefix(index, request.owner);
    for (const auto& value : request.equals) put_index_value(prefix, value);
    scan.range.from = request.from ? key_with(prefix, *request.from) : prefix;
    const auto& part = *rows.find_index(index.name);
    if (rows.is_being_built(part)) return still_building(kind.name);
    scan.index = part.stored;
    scan.range.until =
        request.until ? key_with(prefix, *request.until) : storage::prefix_end(prefix);
    return scan;
  }
  return bad("index", "kind " + kind.name + " has no index " + request.index);
}

/// What a cursor belongs to: a place of one list means nothing in another.
std::uint32_t fingerprint(const ListRequest& request) {
  std::string text;
  for (const auto* part : {&request.kind, &request.index, &request.owner}) put_bytes(text, *part);
  const Json bounds{request.equals, request.from.value_or(nullptr),
                    request.until.value_or(nullptr)};
  put_bytes(text, dump_json(bounds));
  put_varint(text, static_cast<std::uint64_t>(request.order));
  put_varint(text, static_cast<std::uint64_t>(request.lives));
  return crc32c(text);
}

std::string encode_cursor(const ListRequest& request, const storage::IndexRow& row) {
  std::string bytes;
  put_be32(bytes, fingerprint(request));
  put_bytes(bytes, row.key);
  put_bytes(bytes, row.id);
  return to_base64url(bytes);
}

Result<std::optional<storage::IndexRow>> decode_cursor(const ListRequest& request) {
  if (request.cursor.empty()) return std::optional<storage::IndexRow>{};
  const auto bytes = from_base64url(request.cursor);
  Reader in{bytes ? std::string_view{*bytes} : std::string_view{}};
  const auto list = in.be32();
  storage::IndexRow row;
  row.key = in.bytes();
  row.id = in.bytes();
  if (!bytes || !in.done() || list != fingerprint(request)) {
    return bad("cursor", "a cursor is the next_cursor of the page before");
  }
  return std::optional{std::move(row)};
}

class ReadAhead;

/// Whom a list looks at, and where.
struct Catalogue {
  const storage::Store& store;
  const Directory& directory;
  const KindDefinition& kind;
  const KindRows& rows;
  const ListRequest& request;
  LiveReferences& references;
  ReadAhead& ahead;
};

// Whether the object (still) is of the list: it may have been deleted, purged or brought back since
// its row was read. Without a turn so far it is of none.
bool belongs(const ObjectMeta& meta, bool purged, const ListRequest& request) {
  if (meta.seq == 0 || purged) return false;
  if (request.index == index_names::by_reader && !is_granted(meta, request.owner)) return false;
  const bool wants_deleted = request.lives == ListRequest::Lives::deleted;
  return request.lives == ListRequest::Lives::all || meta.deleted_at.has_value() == wants_deleted;
}

/// An object that belongs to the list, or none.
using Found = Result<std::optional<ObjectView>>;

Found view_of(const Catalogue& in, const ObjectId& object,
              const Result<std::optional<storage::RecordRow>>& row) {
  if (!row) return fail(row.error());
  if (!*row) return std::optional<ObjectView>{};
  PERDURE_TRY(record, decode_record(object, **row));
  if (!belongs(record.meta, record.root.empty(), in.request)) return std::optional<ObjectView>{};
  PERDURE_TRY(state, decode_state(in.kind, record));
  return std::optional{ObjectView{record.meta, in.kind.state.encode(state.get())}};
}

/// Reads the objects of rows many at a time, and looks at once for what they refer to, where a read
/// is a round trip: so a page takes one for its rows, one for its objects and one for the others.
/// Elsewhere objects are read one by one, and few of them are in memory.
class ReadAhead {
 public:
  /// At most so many objects are read at once.
  static constexpr std::size_t objects_max = 128;

  explicit ReadAhead(const storage::Store& store)
      : is_on_(store.read_cost() == storage::ReadCost::slow) {}

  /// Objects that will be asked for, in this order.
  void expect(const std::string& id) {
    if (is_on_) expected_.push_back(id);
  }

  Found find(const Catalogue& in, const ObjectId& object) {
    if (!is_on_) return view_of(in, object, in.store.last_record(object));
    if (!found_.contains(object.id)) load(in, object.id);
    return std::move(found_.extract(object.id).mapped());
  }

 private:
  void load(const Catalogue& in, const std::string& first) {
    std::vector<storage::Read> reads;
    std::set<std::string> ids;
    const auto add = [&](const std::string& id) {
      ObjectId object{in.kind.name, id};
      const bool is_there = found_.contains(id) || in.directory.peek(object, in.store.epoch());
      if (is_there || !ids.insert(id).second) return;
      reads.emplace_back(storage::LastRecordRead{std::move(object)});
    };
    reads.emplace_back(storage::LastRecordRead{{in.kind.name, first}});
    ids.insert(first);
    for (; !expected_.empty() && reads.size() < objects_max; expected_.pop_front()) {
      add(expected_.front());
    }
    const auto answers = in.store.read(reads);
    std::vector<const Json*> states;
    for (std::size_t i = 0; i < reads.size(); ++i) {
      const auto& object = std::get<storage::LastRecordRead>(reads[i]).object;
      const auto& row = std::get<Result<std::optional<storage::RecordRow>>>(answers[i]);
      auto& found = found_.insert_or_assign(object.id, view_of(in, object, row)).first->second;
      if (found && *found) states.push_back(&(*found)->state);
    }
    const bool looks_at_references =
        in.request.references == ListRequest::References::dead_as_null || !in.request.where.empty();
    if (looks_at_references) in.references.expect(states);
  }

  const bool is_on_;
  std::deque<std::string> expected_;
  std::map<std::string, Found> found_;
};

// Whoever is active and quiet has in memory what the store has.
Found find_object(const Catalogue& in, const ObjectId& object) {
  if (const auto version = in.directory.peek(object, in.store.epoch())) {
    if (!belongs(version->meta, version->purged(), in.request)) return std::optional<ObjectView>{};
    if (version->unreadable) return fail(version->unreadable->error);
    return std::optional{ObjectView{version->meta, in.kind.state.encode(version->state.get())}};
  }
  return in.ahead.find(in, object);
}

/// Shows an object as the request wants it.
Shown show_object(const Catalogue& in, const ObjectId& object, ObjectView view,
                  const ListReader& read) {
  if (in.request.references == ListRequest::References::dead_as_null) {
    view.state = in.references.without_dead(std::move(view.state));
  }
  return read(object, std::move(view));
}

/// One page on its way to its reader.
class Page {
 public:
  Page(const Catalogue& in, const ListReader& read)
      : in_(in), read_(read), budget_({.items_max = in.request.limit}) {
    end_.next_cursor = in.request.cursor;
  }

  enum class Next { go_on, ended };

  /// Shows the object of a row, if it is of the list. Damage stops at the object that it is in: its
  /// reader hears of it, and the list goes on.
  Result<Next> show(const storage::IndexRow& row) {
    if (!budget_.look()) return end_here();
    const ObjectId object{in_.kind.name, row.id};
    if (is_left_out(object)) {
      pass(row);
      return Next::go_on;
    }
    auto found = find_object(in_, object);
    auto shown = Shown::passed_over;
    if (!found) {
      if (!is_of_one_object(found.error())) return fail(std::move(found).error());
      shown = read_(object, fail(std::move(found).error()));
    } else if (*found) {
      shown = show_object(in_, object, std::move(**found), read_);
    }
    if (shown == Shown::refused) return end_here();
    if (shown == Shown::taken) PERDURE_CHECK(budget_.take(0), "a page has more than was asked for");
    pass(row);
    return Next::go_on;
  }

  /// As many as were asked for, or as many rows looked at as may be.
  [[nodiscard]] bool full() const { return budget_.full(); }
  /// The page ends before what was not passed yet.
  Next end_here() {
    end_.at_end = false;
    if (last_) end_.next_cursor = encode_cursor(in_.request, *last_);
    return Next::ended;
  }
  void end_of_list() { end_ = {}; }
  [[nodiscard]] ListEnd end() && { return std::move(end_); }

 private:
  [[nodiscard]] bool is_left_out(const ObjectId& object) const {
    return in_.request.activity == Activity::hibernated && in_.directory.active(object);
  }
  void pass(const storage::IndexRow& row) { last_ = row; }

  const Catalogue& in_;
  const ListReader& read_;
  PageBudget budget_;
  std::optional<storage::IndexRow> last_;
  ListEnd end_;
};

// Active objects are few and in memory: the directory is the index.
Result<void> list_active(const Catalogue& in, const std::string& after, Page& page) {
  const auto ids = in.directory.active_ids(in.kind.name, after, in.request.limit + 1);
  for (const auto& id : ids) {
    if (page.full()) {
      page.end_here();
      return {};
    }
    PERDURE_TRY(next, page.show({"", id}));
    if (next == Page::Next::ended) return {};
  }
  if (ids.size() > in.request.limit) {
    page.end_here();
  } else {
    page.end_of_list();
  }
  return {};
}

Result<void> list_index(const Catalogue& in, Scan scan, std::optional<storage::IndexRow> after,
                        Page& page) {
  // One more than asked for tells whether there is a next page.
  scan.range.limit = in.request.limit + 1;
  for (;;) {
    PERDURE_TRY(rows, in.store.index(in.kind.name, scan.index, scan.range, after));
    for (const auto& row : rows) in.ahead.expect(row.id);
    for (const auto& row : rows) {
      if (page.full()) {
        page.end_here();
        return {};
      }
      PERDURE_TRY(next, page.show(row));
      if (next == Page::Next::ended) return {};
    }
    if (rows.size() < scan.range.limit) break;
    after = rows.back();
  }
  page.end_of_list();
  return {};
}

bool is_of_rules(const ListRequest& request) {
  if (!request.sort.empty() || !request.where.empty()) return true;
  // Deleted ones come by the time of their deletion, unless another order is asked for.
  return request.lives != ListRequest::Lives::deleted &&
         (request.count || request.whose != ListRequest::Whose::owner);
}

Result<ListQuery> query_of(const KindDefinition& kind, const ListLayout& layout,
                           const ListRequest& request) {
  using Whose = ListRequest::Whose;
  if (request.lives == ListRequest::Lives::all || request.activity) {
    return bad("lives", "a sorted list has live or deleted objects, active or not");
  }
  if (request.whose == Whose::everybody && layout.rules().across != ListRules::Across::everybody) {
    return bad("whose", "kind " + kind.name + " has no lists over all owners");
  }
  const bool has_shared = request.whose == Whose::shared || request.whose == Whose::readable;
  if (has_shared && request.lives == ListRequest::Lives::deleted) {
    return bad("lives", "what is deleted is shared with nobody");
  }
  ListQuery query{.name = kind.name,
                  .groups = list_groups(request),
                  .sort = request.sort,
                  .order = request.order,
                  .where = request.where,
                  .limit = request.limit,
                  .cursor = request.cursor};
  if (request.sort.empty()) {
    const bool is_down = layout.rules().default_sort.starts_with('-');
    query.order = is_down ? Order::descending : Order::ascending;
  }
  return query;
}

// Its row says that an object is of the list. It may have changed since, so it is asked again.
bool is_listed(const ListPlan& plan, const ObjectMeta& meta, const ListFields& fields) {
  return is_in_groups(plan.layout().rules(), meta, plan.query().groups) && plan.holds(fields);
}

bool is_listed(const Catalogue& in, const ListPlan& plan, const ObjectView& view) {
  return is_listed(plan, view.meta,
                   [&](const std::string& field) { return in.references.value(field, view); });
}

Result<Shown> show_listed(const Catalogue& in, const ListPlan& plan, const ObjectId& object,
                          const ListReader& read) {
  auto found = find_object(in, object);
  if (!found && !is_of_one_object(found.error())) return fail(std::move(found).error());
  if (!found) return read(object, fail(std::move(found).error()));
  if (!*found || !is_listed(in, plan, **found)) return Shown::passed_over;
  return show_object(in, object, std::move(**found), read);
}

/// The kind's rows, whose objects are then expected.
StoredListRows rows_of(const Catalogue& in) {
  return StoredListRows{in.store, in.kind.name, in.rows.lists.stored,
                        [&ahead = in.ahead](const std::vector<ListRow>& rows) {
                          for (const auto& row : rows) ahead.expect(row.id);
                        }};
}

Result<void> count_listed(const Catalogue& in, const ListPlan& plan, ListEnd& end) {
  if (in.rows.is_being_built(in.rows.lists)) return still_building(in.kind.name);
  PERDURE_TRY(total, plan.count(rows_of(in), [&](const ListRow& row) -> Result<bool> {
    auto found = find_object(in, {in.kind.name, row.id});
    if (!found && !is_of_one_object(found.error())) {
      return fail(std::move(found).error());
    }
    return found && *found && is_listed(in, plan, **found);
  }));
  end.total = total;
  return {};
}

Result<ListEnd> list_by_rules(const Catalogue& in, const ListLayouts& lists,
                              const ListReader& read) {
  const auto* layout = lists.find(in.kind);
  if (layout == nullptr) return bad("sort", "kind " + in.kind.name + " has no sorted lists");
  PERDURE_TRY(query, query_of(in.kind, *layout, in.request));
  if (in.rows.is_being_built(in.rows.lists)) return still_building(in.kind.name);
  const auto rows = rows_of(in);
  PERDURE_TRY_VOID(in.references.resolve(*layout, rows, query));
  PERDURE_TRY(plan, ListPlan::make(*layout, std::move(query)));
  PERDURE_TRY(end, plan.page(rows, [&](const ListRow& row) {
    return show_listed(in, plan, {in.kind.name, row.id}, read);
  }));
  if (in.request.count) PERDURE_TRY_VOID(count_listed(in, plan, end));
  return std::move(end);
}

/// Of a list in another order than those of the rules.
Result<void> count_by_rules(const Catalogue& in, const ListLayouts& lists, ListEnd& end) {
  const auto* layout = lists.find(in.kind);
  if (layout == nullptr) return bad("count", "kind " + in.kind.name + " has no lists to count");
  PERDURE_TRY(query, query_of(in.kind, *layout, in.request));
  query.cursor.clear();
  PERDURE_TRY(plan, ListPlan::make(*layout, std::move(query)));
  return count_listed(in, plan, end);
}

}  // namespace

Result<ListEnd> list_objects(const storage::Store& store, const Directory& directory,
                             const KindDefinition& kind, const ListLayouts& lists,
                             const KindRows& rows, const ListRequest& request,
                             const ListReader& read) {
  if (request.limit == 0) return bad("limit", "a page has at least one item");
  LiveReferences references{store, directory, kind};
  ReadAhead ahead{store};
  const Catalogue in{store, directory, kind, rows, request, references, ahead};
  if (is_of_rules(request)) return list_by_rules(in, lists, read);
  PERDURE_TRY(scan, plan(kind, rows, request));
  PERDURE_TRY(after, decode_cursor(request));
  Page page{in, read};
  if (request.activity == Activity::active) {
    if (request.index != index_names::by_id) return bad("activity", "only lists by id have it");
    PERDURE_TRY_VOID(list_active(in, after ? after->id : std::string{}, page));
  } else {
    PERDURE_TRY_VOID(list_index(in, std::move(scan), std::move(after), page));
  }
  auto end = std::move(page).end();
  if (request.count) PERDURE_TRY_VOID(count_by_rules(in, lists, end));
  return end;
}

Result<ListMembership> membership(const KindDefinition& kind, const ListLayouts& lists,
                                  const ListRequest& request) {
  const auto* layout = lists.find(kind);
  if (layout == nullptr) return bad("sort", "kind " + kind.name + " has no sorted lists");
  // The plan borrows the layout, and outlives the runtime's.
  const auto own_layout = std::make_shared<const ListLayout>(layout->rules());
  PERDURE_TRY(query, query_of(kind, *own_layout, request));
  query.cursor.clear();
  PERDURE_TRY(plan, ListPlan::make(*own_layout, std::move(query)));
  return ListMembership{[own_layout, plan = std::move(plan)](const ObjectView& view) {
    return view.meta.seq > 0 && !view.state.is_null() &&
           is_listed(plan, view.meta, [&](const std::string& field) {
             return field_value(field, view.meta, view.state);
           });
  }};
}

}  // namespace perdure::runtime
