// SPDX-License-Identifier: Apache-2.0
// What a write does to the rows of a stream, and how a row is written.
#include "stream_rows.hpp"

#include <fmt/format.h>

#include "index_keys.hpp"
#include "perdure/base/codec.hpp"
#include "perdure/base/crypto.hpp"
#include "stream_codec.hpp"

namespace perdure::runtime {

namespace {

Unexpected refuse(std::string_view name, std::string detail) {
  Error error{.code = ErrorCode::conflict, .detail = detail};
  error.fields.push_back({"/attempt", std::string{name}, std::move(detail)});
  return fail(std::move(error));
}

StreamTail::Status status_after(StreamEnd end) {
  switch (end) {
    case StreamEnd::done: return StreamTail::Status::done;
    case StreamEnd::failed: return StreamTail::Status::failed;
    case StreamEnd::cut: break;
  }
  return StreamTail::Status::cut;
}

/// Writes one change.
class StreamPen {
 public:
  StreamPen(const ObjectId& object, StreamTail tail, const StreamChange& change,
            const StreamMoment& moment)
      : prefix_(stream_prefix(object, change.name)),
        change_(change),
        moment_(moment),
        step_{.tail = std::move(tail)} {}

  Result<StreamStep> write() {
    PERDURE_TRY_VOID(begin());
    for (const auto& delta : change_.deltas) add(StreamItem::Type::delta, delta);
    if (change_.end) end(*change_.end);
    put_open_rows();
    if (step_.tail.bytes() > limits::stream_bytes_max) {
      return fail(ErrorCode::too_large, fmt::format("a stream has at most {} bytes with its rows",
                                                    limits::stream_bytes_max));
    }
    return std::move(step_);
  }

 private:
  Result<void> begin() {
    auto& tail = step_.tail;
    if (tail.is_over()) {
      return refuse("stream_ended", fmt::format("stream {} has ended", change_.name));
    }
    const bool is_open = tail.status == StreamTail::Status::open;
    if (change_.begins) {
      if (change_.attempt <= tail.attempt) return stale();
      return begin(change_.attempt);
    }
    if (change_.attempt == 0) return is_open ? Result<void>{} : begin(tail.attempt + 1);
    if (change_.attempt != tail.attempt) return stale();
    if (is_open) return {};
    return refuse("stream_ended",
                  fmt::format("attempt {} at stream {} has ended", change_.attempt, change_.name));
  }
  Unexpected stale() const {
    return refuse("stale_attempt",
                  fmt::format("attempt {} at stream {} is not the newest, which is {}",
                              change_.attempt, change_.name, step_.tail.attempt));
  }
  Result<void> begin(std::uint64_t attempt) {
    close();
    step_.tail.status = StreamTail::Status::open;
    step_.tail.attempt = attempt;
    step_.tail.mark = moment_.mark;
    add(StreamItem::Type::began, {});
    return {};
  }

  void end(StreamEnd how) {
    auto& tail = step_.tail;
    add(StreamItem::Type::ended, encode_end(how, moment_.now, change_.note));
    step_.items.back().text = change_.note;
    step_.items.back().end = how;
    tail.status = status_after(how);
    close();
    if (!tail.is_over()) return;
    tail.ended_at = moment_.now;
    step_.rows.push_back(ended_row(storage::IndexChange::Op::put, change_.name, *tail.ended_at));
  }

  void add(StreamItem::Type type, const std::string& text) {
    auto& tail = step_.tail;
    if (tail.open.empty() || tail.open.back().items >= items_per_open_row_max) {
      tail.open.push_back({.first = tail.next});
    }
    auto& row = tail.open.back();
    put_item(row.bytes, type, text);
    ++row.items;
    row.has_grown = true;
    step_.items.push_back({.offset = tail.next++,
                           .attempt = tail.attempt,
                           .mark = tail.mark,
                           .type = type,
                           .text = text});
    std::size_t items = 0;
    std::size_t bytes = 0;
    for (const auto& open : tail.open) {
      items += open.items;
      bytes += open.bytes.size();
    }
    if (items >= items_per_row_max || bytes >= row_bytes_max) close();
  }

  /// Makes one row of those that are open.
  void close() {
    auto& tail = step_.tail;
    if (tail.open.empty()) return;
    OpenRow whole{.first = tail.open.front().first};
    for (std::size_t i = 0; i < tail.open.size(); ++i) {
      auto& row = tail.open[i];
      whole.bytes += row.bytes;
      if (i > 0 && row.is_stored) {
        step_.rows.push_back({.op = storage::IndexChange::Op::erase,
                              .index = std::string{index_names::stream},
                              .key = key(row.first)});
      }
    }
    tail.open.clear();
    put(whole, RowForm::closed);
  }

  void put_open_rows() {
    for (auto& row : step_.tail.open) {
      if (!row.has_grown) continue;
      put(row, RowForm::open);
      row.is_stored = true;
      row.has_grown = false;
    }
  }

  void put(const OpenRow& row, RowForm form) {
    auto& tail = step_.tail;
    auto value = encode_row({.attempt = tail.attempt,
                             .mark = tail.mark,
                             .form = form,
                             .before = tail.closed_bytes,
                             .items = row.bytes});
    if (form == RowForm::closed) tail.closed_bytes += value.size();
    step_.rows.push_back({.op = storage::IndexChange::Op::put,
                          .index = std::string{index_names::stream},
                          .key = key(row.first),
                          .value = std::move(value)});
  }

  std::string key(std::uint64_t first) const {
    auto key = prefix_;
    put_be64(key, first);
    return key;
  }

  const std::string prefix_;
  const StreamChange& change_;
  const StreamMoment& moment_;
  StreamStep step_;
};

}  // namespace

std::uint64_t StreamTail::bytes() const {
  auto bytes = closed_bytes;
  for (const auto& row : open) bytes += row.bytes.size();
  return bytes;
}

Result<StreamStep> write_stream(const ObjectId& object, StreamTail tail, const StreamChange& change,
                                const StreamMoment& moment) {
  return StreamPen{object, std::move(tail), change, moment}.write();
}

Result<void> check_stream_name(std::string_view name) {
  if (!name.empty() && name.size() <= limits::stream_name_bytes_max &&
      name.find('\0') == std::string_view::npos) {
    return {};
  }
  Error error{.code = ErrorCode::invalid,
              .detail = fmt::format("the name of a stream is 1 to {} bytes without NUL",
                                    limits::stream_name_bytes_max)};
  error.fields.push_back({"/stream", "stream_name", error.detail});
  return fail(std::move(error));
}

// Ids may be long, and rows hold theirs at the end: in front a digest keeps those of an object
// together. Who reads looks at the id.
std::string stream_prefix(const ObjectId& object) {
  constexpr std::size_t digest_bytes = 8;
  const auto digest = sha256(object.id);
  return std::string{bytes_of(digest).substr(0, digest_bytes)};
}

std::string stream_prefix(const ObjectId& object, std::string_view name) {
  auto key = stream_prefix(object);
  key += name;
  key += '\0';
  return key;
}

std::string stream_key(const ObjectId& object, std::string_view name, std::uint64_t first) {
  auto key = stream_prefix(object, name);
  put_be64(key, first);
  return key;
}

storage::IndexChange ended_row(storage::IndexChange::Op op, std::string_view name, Timestamp at) {
  auto key = time_key(at);
  key += name;
  key += '\0';
  return {.op = op,
          .index = std::string{index_names::stream_ended},
          .key = std::move(key),
          .value = std::string{op == storage::IndexChange::Op::put ? name : std::string_view{}}};
}

}  // namespace perdure::runtime
