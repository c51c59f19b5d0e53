// SPDX-License-Identifier: Apache-2.0
// One object as lines of JSON, and back: export, import, clone (docs/formats/journal.md).
#include <fmt/format.h>

#include <limits>
#include <utility>

#include "core.hpp"
#include "history.hpp"
#include "perdure/base/utf8.hpp"
#include "perdure/runtime/access.hpp"

namespace perdure {

namespace {

constexpr std::string_view format_name = "perdure-object";
constexpr int format_version = 1;
constexpr std::size_t entries_per_read = 1'000;
/// What is read of the store at once, beside one entry that may be larger.
constexpr std::size_t bytes_per_read = 256u << 10;

/// The entries of one object as of a seq, some at a time.
class EntriesAsOf {
 public:
  EntriesAsOf(const storage::Store& store, const ObjectMeta& meta)
      : store_(store), object_(meta.object()), born_(meta.origin->born_seq), seq_(meta.seq) {}

  /// Calls `visit` with the next ones, about `bytes` of them.
  template <class Visit>
  Result<More> read(std::size_t bytes, const Visit& visit) {
    range_.bytes_max = std::min(bytes, bytes_per_read);
    try {
      const auto rows =
          runtime::LayeredEntries{store_, object_, nullptr, nullptr, born_, seq_}.range(range_);
      PERDURE_TRY_VOID(check_kept());
      for (const auto& row : rows) visit(row);
      if (!range_.may_go_on(rows)) return More::no;
      range_ = range_.after(rows);
      return More::yes;
    } catch (const Failure& failure) {
      return fail(failure.error());
    }
  }

 private:
  // The floor rises before anything below it goes. So what was read before this look was complete.
  Result<void> check_kept() const {
    PERDURE_TRY(floor, store_.floor(object_));
    if (floor <= seq_) return {};
    auto pinned = store_.record(object_, seq_);
    if (!pinned) return fail(std::move(pinned).error());
    return {};
  }

  const storage::Store& store_;
  const ObjectId object_;
  const Seq born_;
  const Seq seq_;
  EntryRange range_{.limit = entries_per_read};
};

// Bytes that are no UTF-8 cannot stand in JSON, so they are written as base64url.
void put_text(Json& line, const std::string& name, const std::string& bytes) {
  if (is_valid_utf8(bytes)) {
    line[name] = bytes;
  } else {
    line[name + "_base64url"] = to_base64url(bytes);
  }
}

Result<std::string> read_text(const Json& line, const std::string& name) {
  if (line.contains(name) && line[name].is_string()) return line[name].get<std::string>();
  const auto encoded = line.find(name + "_base64url");
  if (encoded != line.end() && encoded->is_string()) {
    if (auto bytes = from_base64url(encoded->get_ref<const std::string&>())) {
      return std::move(*bytes);
    }
  }
  return fail(ErrorCode::malformed, "an entry has a key and a value");
}

Result<void> check_header(const Json& header) {
  if (header.value("format", Json{}) != format_name || !header.contains("state")) {
    return fail(ErrorCode::malformed, "the first line is no header of an exported object");
  }
  if (header.value("version", Json{}) != format_version) {
    return fail(ErrorCode::newer_version, "the export has another format version");
  }
  return {};
}

void make_import(Call& call, Json state, Json entries) {
  call.type = CallType::command;
  call.name = builtin::import;
  call.payload = {{"state", std::move(state)}, {"entries", std::move(entries)}};
}

/// The new object is that owner's, if the caller may create it for him; else it is the caller's.
void give_to(Call& call, const Owner& owner) {
  if (permits(call.principal, {.owner = owner}, Action::create).allowed()) {
    call.owner = owner.text();
  }
}

/// Header, entries, digest.
class Export final : public ObjectExport {
 public:
  Export(const storage::Store& store, Json header, const ObjectMeta& meta)
      : header_(std::move(header)), entries_(store, meta) {}

  Result<More> read(std::string& out, std::size_t bytes) override {
    const auto begin = out.size();
    const auto write = [&](const Json& line) {
      const auto start = out.size();
      out += dump_json(line);
      out += '\n';
      digest_.add(std::string_view{out}.substr(start));
    };
    if (!header_.is_null()) write(std::exchange(header_, nullptr));
    while (out.size() - begin < bytes) {
      PERDURE_TRY(more, entries_.read(bytes - (out.size() - begin), [&](const Entry& entry) {
        Json line;
        put_text(line, "key", entry.key);
        put_text(line, "value", entry.value);
        write(line);
        ++count_;
      }));
      if (more == More::yes) continue;
      out += dump_json({{"entries", count_}, {"sha256", to_hex(bytes_of(digest_.finish()))}});
      out += '\n';
      return More::no;
    }
    return More::yes;
  }

 private:
  Json header_;
  EntriesAsOf entries_;
  Sha256Writer digest_;
  std::uint64_t count_ = 0;
};

/// Reads the lines of a file.
class Import final : public ObjectCopy {
 public:
  using FindKind = std::function<const KindDefinition*(std::string_view)>;

  Import(Call call, std::string_view lines, FindKind find_kind, runtime::ExportSeal& seal)
      : call_(std::move(call)), lines_(lines), find_kind_(std::move(find_kind)), seal_(seal) {}

  Result<More> read(std::size_t bytes) override {
    for (const auto begin = at_; at_ < lines_.size();) {
      PERDURE_TRY(more, read_line());
      if (more == More::no) return More::no;
      if (at_ - begin >= bytes) return More::yes;
    }
    return fail(ErrorCode::malformed, "the export is cut short: it does not end with its digest");
  }

  [[nodiscard]] std::size_t bytes() const override { return bytes_; }

  Result<Call> take() override {
    PERDURE_TRY_VOID(check_header(header_));
    const auto* kind = find_kind_(call_.target.kind);
    if (kind == nullptr) return fail(ErrorCode::not_found, "there is no kind " + call_.target.kind);
    const auto version = header_.value("schema_version", Json{});
    if (!version.is_number_integer() || version < 1) {
      return fail(ErrorCode::malformed, "the header has no schema_version");
    }
    if (version > std::numeric_limits<std::uint32_t>::max()) {
      return fail(ErrorCode::newer_version, "no schema has such a version");
    }
    PERDURE_TRY_VOID(seal_.open(header_));
    PERDURE_TRY(state, runtime::upgrade_root(*kind, header_["state"], version.get<std::uint32_t>(),
                                             "the export"));
    const auto owner = header_.value("owner", Json{});
    make_import(call_, std::move(state), std::move(entries_));
    if (owner.is_string()) give_to(call_, Owner::from_text(owner));
    return std::move(call_);
  }

 private:
  Result<More> read_line() {
    const auto end = std::min(lines_.find('\n', at_), lines_.size());
    auto line = parse_stored_json(lines_.substr(at_, end - at_));
    ++number_;
    if (!line || !line->is_object()) {
      return fail(ErrorCode::malformed, fmt::format("line {} is no JSON object", number_));
    }
    if (number_ > 1 && line->contains("sha256")) {
      if ((*line)["sha256"] != to_hex(bytes_of(digest_.finish())) ||
          lines_.find_first_not_of('\n', end) != std::string_view::npos) {
        return fail(ErrorCode::malformed, "the digest does not fit the lines before it");
      }
      return More::no;
    }
    if (number_ == 1) {
      header_ = std::move(*line);
    } else {
      PERDURE_TRY(key, read_text(*line, "key"));
      PERDURE_TRY(value, read_text(*line, "value"));
      bytes_ += key.size() + value.size();
      entries_.push_back({{"key", std::move(key)}, {"value", std::move(value)}});
    }
    const auto next = std::min(end + 1, lines_.size());
    digest_.add(lines_.substr(at_, next - at_));
    at_ = next;
    return More::yes;
  }

  Call call_;
  const std::string_view lines_;
  const FindKind find_kind_;
  runtime::ExportSeal& seal_;
  std::size_t at_ = 0;
  std::size_t number_ = 0;
  std::size_t bytes_ = 0;
  Sha256Writer digest_;
  Json header_ = nullptr;
  Json entries_ = Json::array();
};

/// Reads another object.
class Clone final : public ObjectCopy {
 public:
  Clone(const storage::Store& store, const ObjectMeta& meta, Json state, Call call)
      : call_(std::move(call)), state_(std::move(state)), source_(store, meta) {
    give_to(call_, meta.origin->owner);
  }

  Result<More> read(std::size_t bytes) override {
    PERDURE_TRY(more, source_.read(bytes, [&](const Entry& entry) {
      bytes_ += entry.key.size() + entry.value.size();
      entries_.push_back({{"key", entry.key}, {"value", entry.value}});
    }));
    if (bytes_ > limits::clone_bytes_max) {
      return fail(ErrorCode::too_large,
                  fmt::format("an object of more than {} MiB cannot be cloned",
                              limits::clone_bytes_max >> 20));
    }
    return more;
  }
  [[nodiscard]] std::size_t bytes() const override { return bytes_; }

  Result<Call> take() override {
    make_import(call_, std::move(state_), std::move(entries_));
    return std::move(call_);
  }

 private:
  Call call_;
  Json state_;
  EntriesAsOf source_;
  std::size_t bytes_ = 0;
  Json entries_ = Json::array();
};

constexpr std::size_t piece_bytes = 64u << 10;

/// The grants of now decide about the past, too.
Result<void> check_readable(const storage::Store& store, const KindDefinition& kind,
                            const ObjectId& object, const Principal& principal) {
  PERDURE_TRY(row, store.last_record(object));
  if (!row) return fail(refusal({}, object));
  PERDURE_TRY(record, runtime::decode_record(object, *row));
  const auto verdict = permits(principal, possession_of(record.meta, kind.reach), Action::read);
  if (!verdict.allowed()) return fail(refusal(verdict, object));
  return {};
}

Result<Call> read_whole(ObjectCopy& copy) {
  for (;;) {
    PERDURE_TRY(more, copy.read(piece_bytes));
    if (more == More::no) return copy.take();
  }
}

}  // namespace

Result<std::unique_ptr<ObjectExport>> Runtime::begin_export(const ObjectId& object,
                                                            AsOf as_of) const {
  PERDURE_TRY_VOID(validate(object));
  PERDURE_TRY(record, runtime::record_as_of(core_->store(), object, as_of));
  const auto& meta = record.meta;
  PERDURE_TRY(state, parse_stored_json(record.root));
  Json header{{"format", format_name},
              {"version", format_version},
              {"kind", object.kind},
              {"id", object.id},
              {"seq", meta.seq},
              {"schema_version", meta.schema_version},
              {"owner", meta.origin->owner.text()},
              {"created_at", format_rfc3339(meta.origin->created_at)},
              {"created_by", meta.origin->created_by},
              {"updated_at", format_rfc3339(meta.updated_at)},
              {"updated_by", meta.updated_by},
              {"state", std::move(state)}};
  if (const auto* kind = find_kind(object.kind); kind != nullptr) {
    PERDURE_TRY_VOID(core_->export_seal().close(*kind, header));
  }
  return std::unique_ptr<ObjectExport>{
      std::make_unique<Export>(core_->store(), std::move(header), meta)};
}

Result<void> Runtime::export_object(const ObjectId& object, AsOf as_of,
                                    const LineSink& sink) const {
  PERDURE_TRY(file, begin_export(object, as_of));
  for (auto more = More::yes; more == More::yes;) {
    std::string lines;
    PERDURE_TRY(left, file->read(lines, piece_bytes));
    sink(lines);
    more = left;
  }
  return {};
}

std::unique_ptr<ObjectCopy> Runtime::begin_import(Call call, std::string_view lines) const {
  return std::make_unique<Import>(
      std::move(call), lines, [this](std::string_view name) { return find_kind(name); },
      core_->export_seal());
}

void Runtime::import_object(Call call, std::string_view lines, ReplyHandler done) {
  auto prepared = read_whole(*begin_import(std::move(call), lines));
  if (!prepared) return done(fail(std::move(prepared).error()));
  this->call(std::move(*prepared), std::move(done));
}

Result<std::unique_ptr<ObjectCopy>> Runtime::begin_clone(const ObjectId& source, AsOf as_of,
                                                         Call call) const {
  PERDURE_TRY_VOID(validate(source));
  if (source.kind != call.target.kind) {
    return fail(ErrorCode::invalid, "a clone is of the same kind");
  }
  const auto* kind = find_kind(source.kind);
  if (kind == nullptr) return fail(ErrorCode::not_found, "there is no kind " + source.kind);
  PERDURE_TRY(record, runtime::record_as_of(core_->store(), source, as_of));
  PERDURE_TRY_VOID(check_readable(core_->store(), *kind, source, call.principal));
  PERDURE_TRY(state, runtime::decode_root(*kind, record));
  return std::unique_ptr<ObjectCopy>{
      std::make_unique<Clone>(core_->store(), record.meta, std::move(state), std::move(call))};
}

void Runtime::clone_object(const ObjectId& source, AsOf as_of, Call call, ReplyHandler done) {
  auto copy = begin_clone(source, std::move(as_of), std::move(call));
  auto prepared = copy ? read_whole(**copy) : Result<Call>{fail(std::move(copy).error())};
  if (!prepared) return done(fail(std::move(prepared).error()));
  this->call(std::move(*prepared), std::move(done));
}

}  // namespace perdure
