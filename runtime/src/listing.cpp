// SPDX-License-Identifier: Apache-2.0
// Lists of objects: range scans of an index, then one read for each object found.
#include <fmt/format.h>

#include "history.hpp"
#include "index_keys.hpp"
#include "perdure/base/codec.hpp"
#include "perdure/base/crypto.hpp"

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

Result<Scan> plan(const KindDefinition& kind, const ListRequest& request) {
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
  if (request.index == index_names::by_owner) {
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

/// Whom a list looks at, and where.
struct Catalogue {
  const storage::Store& store;
  const Directory& directory;
  const KindDefinition& kind;
  const ListRequest& request;
};

// Whether the object (still) is of the list: it may have been deleted, purged or brought back since
// its row was read. Without a turn so far it is of none.
bool belongs(const ObjectMeta& meta, bool purged, const ListRequest& request) {
  if (meta.seq == 0 || purged) return false;
  const bool wants_deleted = request.lives == ListRequest::Lives::deleted;
  return request.lives == ListRequest::Lives::all || meta.deleted_at.has_value() == wants_deleted;
}

// Adds the object to the page if it belongs to the list. Whoever is active and quiet has in memory
// what the store has.
Result<void> add_object(ListPage& page, const Catalogue& in, const ObjectId& object) {
  if (const auto version = in.directory.peek(object, in.store.epoch())) {
    if (!belongs(version->meta, version->purged(), in.request)) return {};
    page.items.push_back({version->meta, in.kind.state.encode(version->state.get())});
    return {};
  }
  PERDURE_TRY(row, in.store.last_record(object));
  if (!row) return {};
  PERDURE_TRY(record, decode_record(object, *row));
  if (!belongs(record.meta, record.root.empty(), in.request)) return {};
  PERDURE_TRY(view, view_record(in.kind, record));
  page.items.push_back(std::move(view));
  return {};
}

// Damage stops at the object that it is in: a list says which one, and goes on.
Result<void> add(ListPage& page, const Catalogue& in, const std::string& id) {
  const ObjectId object{in.kind.name, id};
  auto added = add_object(page, in, object);
  if (added) return {};
  const auto code = added.error().code;
  if (code != ErrorCode::corrupt && code != ErrorCode::newer_version) return added;
  page.unreadable.push_back({object, std::move(added).error()});
  return {};
}

// Active objects are few and in memory: the directory is the index.
Result<ListPage> list_active(const Catalogue& in, const std::string& after) {
  ListPage page;
  const auto limit = in.request.limit;
  const auto ids = in.directory.active_ids(in.kind.name, after, limit + 1);
  for (std::size_t i = 0; i < ids.size() && i < limit; ++i) {
    PERDURE_TRY_VOID(add(page, in, ids[i]));
  }
  if (ids.size() > limit) page.next_cursor = encode_cursor(in.request, {"", ids[limit - 1]});
  return page;
}

}  // namespace

Result<ListPage> list_objects(const storage::Store& store, const Directory& directory,
                              const KindDefinition& kind, const ListRequest& request) {
  if (request.limit == 0) return bad("limit", "a page has at least one item");
  PERDURE_TRY(scan, plan(kind, request));
  PERDURE_TRY(after, decode_cursor(request));
  const Catalogue in{store, directory, kind, request};
  if (request.activity == Activity::active) {
    if (request.index != index_names::by_id) return bad("activity", "only lists by id have it");
    return list_active(in, after ? after->id : std::string{});
  }
  // One more than asked for tells whether there is a next page.
  scan.range.limit = request.limit + 1;
  ListPage page;
  for (;;) {
    PERDURE_TRY(rows, store.index(kind.name, scan.index, scan.range, after));
    const bool more = rows.size() > request.limit;
    if (more) rows.pop_back();
    for (std::size_t i = 0; i < rows.size(); ++i) {
      if (request.activity && directory.active({kind.name, rows[i].id})) continue;
      PERDURE_TRY_VOID(add(page, in, rows[i].id));
      const auto taken = page.items.size() + page.unreadable.size();
      if (taken == request.limit && (more || i + 1 < rows.size())) {
        page.next_cursor = encode_cursor(request, rows[i]);
        return page;
      }
    }
    if (!more) return page;
    after = rows.back();
  }
}

}  // namespace perdure::runtime
