// SPDX-License-Identifier: Apache-2.0
#include "stream_codec.hpp"

#include <fmt/format.h>

#include "index_keys.hpp"
#include "perdure/base/codec.hpp"

namespace perdure::runtime {

namespace {

constexpr char row_format = 1;
constexpr unsigned type_bits = 2;
constexpr std::size_t offset_bytes = 8;
/// Rows that a stream has open at most, and the closed one before them.
constexpr std::size_t tail_rows_max = items_per_row_max / items_per_open_row_max + 2;
/// How often a reader looks again because rows were joined beneath it.
constexpr int looks_max = 16;

Unexpected corrupt(const ObjectId& object) {
  return fail(ErrorCode::corrupt, "a row of a stream of " + to_string(object) + " is misshapen");
}

struct ParsedEnd {
  StreamEnd how;
  Timestamp at;
  std::string_view note;
};

std::optional<ParsedEnd> parse_end(std::string_view bytes) {
  Reader in{bytes};
  const auto how = in.varint();
  const auto at = in.be64();
  if (in.failed() || how > static_cast<std::uint64_t>(StreamEnd::cut)) return {};
  return ParsedEnd{static_cast<StreamEnd>(how), from_unix_ms(static_cast<std::int64_t>(at)),
                   in.rest()};
}

std::optional<StreamRow> parse_row(std::string_view key, std::string_view value,
                                   std::size_t prefix_bytes) {
  if (key.size() < prefix_bytes + offset_bytes + 2 || value.size() < 2) return {};
  StreamRow row{};
  row.name = key.substr(prefix_bytes, key.size() - prefix_bytes - offset_bytes - 1);
  Reader place{key.substr(key.size() - offset_bytes)};
  row.first = place.be64();
  if (value[0] != row_format) return {};
  row.is_closed = value[1] != 0;
  Reader in{value.substr(2)};
  row.attempt = in.varint();
  row.mark = in.be32();
  row.before = in.varint();
  if (in.failed()) return {};
  row.items = in.rest();
  row.size = value.size();
  return row;
}

/// Shows the items of a row. Errors: corrupt.
template <class F>
bool each_item(const StreamRow& row, F&& show) {
  Reader in{row.items};
  auto offset = row.first;
  while (!in.done()) {
    const auto head = in.varint();
    const auto type = head & ((1U << type_bits) - 1);
    const auto bytes = in.raw(head >> type_bits);
    if (in.failed() || type > static_cast<std::uint64_t>(StreamItem::Type::ended)) return false;
    if (!show(offset++, static_cast<StreamItem::Type>(type), bytes)) return false;
  }
  return true;
}

/// The row that an offset stands in; empty: there is none.
Result<std::string> key_of_row(const storage::StoreReader& store, const ObjectId& object,
                               std::string_view name, std::uint64_t offset) {
  std::string found;
  PERDURE_TRY_VOID(
      walk_stream(store, object,
                  {.from = stream_prefix(object, name),
                   .until = stream_key(object, name, offset + 1),
                   .direction = storage::Direction::backward},
                  [&](std::string_view key, const StreamRow&) -> Result<storage::Walk> {
                    found = key;
                    return storage::Walk::end;
                  }));
  return found;
}

}  // namespace

std::string encode_row(const RowContent& row) {
  std::string out;
  out.reserve(row.items.size() + 24);
  out += row_format;
  out += row.form == RowForm::closed ? '\1' : '\0';
  put_varint(out, row.attempt);
  put_be32(out, row.mark);
  put_varint(out, row.before);
  out += row.items;
  return out;
}

void put_item(std::string& items, StreamItem::Type type, std::string_view text) {
  put_varint(items, std::uint64_t{text.size()} << type_bits | static_cast<std::uint64_t>(type));
  items += text;
}

std::string encode_end(StreamEnd how, Timestamp at, std::string_view note) {
  std::string out;
  put_varint(out, static_cast<std::uint64_t>(how));
  put_be64(out, static_cast<std::uint64_t>(to_unix_ms(at)));
  out += note;
  return out;
}

Result<void> walk_stream(const storage::StoreReader& store, const ObjectId& object,
                         const storage::KeyRange& range, const StreamRowReader& read) {
  const auto prefix_bytes = stream_prefix(object).size();
  Result<void> outcome;
  auto all = range;
  all.limit = storage::no_bound;
  PERDURE_TRY_VOID(
      store.walk_index(object.kind, index_names::stream, all, {},
                       [&](std::string_view key, std::string_view id, std::string_view value) {
                         if (id != object.id) return storage::Walk::go_on;
                         const auto row = parse_row(key, value, prefix_bytes);
                         if (!row) {
                           outcome = corrupt(object);
                           return storage::Walk::end;
                         }
                         auto next = read(key, *row);
                         if (next) return *next;
                         outcome = fail(std::move(next).error());
                         return storage::Walk::end;
                       }));
  return outcome;
}

Result<void> read_items(const StreamRow& row, std::vector<StreamItem>& items) {
  const bool is_sound =
      each_item(row, [&](std::uint64_t offset, StreamItem::Type type, std::string_view bytes) {
        StreamItem item{.offset = offset, .attempt = row.attempt, .mark = row.mark, .type = type};
        if (type == StreamItem::Type::ended) {
          const auto end = parse_end(bytes);
          if (!end) return false;
          item.end = end->how;
          bytes = end->note;
        }
        item.text = bytes;
        items.push_back(std::move(item));
        return true;
      });
  if (!is_sound) return fail(ErrorCode::corrupt, "a row of a stream holds no items");
  return {};
}

namespace {

/// What the last item of a row leaves a stream as.
struct RowEnd {
  std::size_t items = 0;
  std::optional<ParsedEnd> end = {};
};

Result<RowEnd> end_of(const StreamRow& row) {
  RowEnd last;
  const bool is_sound =
      each_item(row, [&](std::uint64_t, StreamItem::Type type, std::string_view bytes) {
        ++last.items;
        last.end.reset();
        if (type == StreamItem::Type::ended) last.end = parse_end(bytes);
        return type != StreamItem::Type::ended || last.end;
      });
  if (!is_sound) return fail(ErrorCode::corrupt, "a row of a stream holds no items");
  return last;
}

StreamTail::Status status_of(const std::optional<ParsedEnd>& end) {
  if (!end) return StreamTail::Status::open;
  switch (end->how) {
    case StreamEnd::done: return StreamTail::Status::done;
    case StreamEnd::failed: return StreamTail::Status::failed;
    case StreamEnd::cut: break;
  }
  return StreamTail::Status::cut;
}

}  // namespace

Result<std::optional<Timestamp>> ended_in(const StreamRow& row) {
  PERDURE_TRY(last, end_of(row));
  if (!last.end || last.end->how == StreamEnd::cut) return std::optional<Timestamp>{};
  return std::optional{last.end->at};
}

Result<StreamTail> load_tail(const storage::StoreReader& store, const ObjectId& object,
                             std::string_view name) {
  StreamTail tail;
  std::vector<OpenRow> open;  // newest first
  const auto prefix = stream_prefix(object, name);
  PERDURE_TRY_VOID(
      walk_stream(store, object,
                  {.from = prefix,
                   .until = storage::prefix_end(prefix),
                   .direction = storage::Direction::backward},
                  [&](std::string_view, const StreamRow& row) -> Result<storage::Walk> {
                    if (tail.status == StreamTail::Status::none) {
                      PERDURE_TRY(last, end_of(row));
                      tail.status = status_of(last.end);
                      tail.attempt = row.attempt;
                      tail.mark = row.mark;
                      tail.next = row.first + last.items;
                      tail.closed_bytes = row.before + (row.is_closed ? row.size : 0);
                      if (tail.is_over()) tail.ended_at = last.end->at;
                    }
                    if (row.is_closed) return storage::Walk::end;
                    if (open.size() >= tail_rows_max) return corrupt(object);
                    PERDURE_TRY(last, end_of(row));
                    open.push_back({.first = row.first,
                                    .items = last.items,
                                    .bytes = std::string{row.items},
                                    .is_stored = true});
                    return storage::Walk::go_on;
                  }));
  tail.open.assign(std::make_move_iterator(open.rbegin()), std::make_move_iterator(open.rend()));
  return tail;
}

Result<std::vector<std::string>> stream_names(const storage::StoreReader& store,
                                              const ObjectId& object) {
  std::vector<std::string> names;
  const auto whole = stream_prefix(object);
  auto from = whole;
  for (;;) {
    std::string name;
    PERDURE_TRY_VOID(
        walk_stream(store, object, {.from = from, .until = storage::prefix_end(whole)},
                    [&](std::string_view, const StreamRow& row) -> Result<storage::Walk> {
                      name = row.name;
                      return storage::Walk::end;
                    }));
    if (name.empty()) return names;
    from = storage::prefix_end(stream_prefix(object, name));
    names.push_back(std::move(name));
  }
}

namespace {

/// One look; none: rows were joined between its two steps.
Result<std::optional<std::vector<StreamItem>>> look_after(const storage::StoreReader& store,
                                                          const ObjectId& object,
                                                          std::string_view name,
                                                          std::uint64_t offset,
                                                          std::size_t items_max) {
  std::vector<StreamItem> items;
  PERDURE_TRY(from, key_of_row(store, object, name, offset + 1));
  if (from.empty()) {
    // Nothing is there, or the row that begins with the first item is a moment away.
    if (offset == 0) return std::optional{std::move(items)};
    from = stream_prefix(object, name);
  }
  std::size_t bytes = 0;
  bool is_whole = true;
  auto walked = walk_stream(
      store, object, {.from = from, .until = storage::prefix_end(stream_prefix(object, name))},
      [&](std::string_view, const StreamRow& row) -> Result<storage::Walk> {
        std::vector<StreamItem> found;
        PERDURE_TRY_VOID(read_items(row, found));
        for (auto& item : found) {
          if (item.offset <= offset) continue;
          const auto wanted = items.empty() ? offset + 1 : items.back().offset + 1;
          if (item.offset != wanted) {
            is_whole = false;
            return storage::Walk::end;
          }
          bytes += item.text.size();
          items.push_back(std::move(item));
          if (items.size() >= items_max || bytes >= limits::stream_read_bytes_max) {
            return storage::Walk::end;
          }
        }
        return storage::Walk::go_on;
      });
  PERDURE_TRY_VOID(std::move(walked));
  if (!is_whole && items.empty()) return std::optional<std::vector<StreamItem>>{};
  return std::optional{std::move(items)};
}

}  // namespace

Result<std::vector<StreamItem>> items_after(const storage::StoreReader& store,
                                            const ObjectId& object, std::string_view name,
                                            std::uint64_t offset, std::size_t items_max) {
  for (int look = 0; look < looks_max; ++look) {
    PERDURE_TRY(items, look_after(store, object, name, offset, items_max));
    if (items) return std::move(*items);
  }
  return fail(ErrorCode::unavailable, "rows of stream " + std::string{name} + " of " +
                                          to_string(object) + " do not follow each other");
}

}  // namespace perdure::runtime
