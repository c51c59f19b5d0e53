// SPDX-License-Identifier: Apache-2.0
// One object as lines of JSON, and back: export, import, clone (docs/formats/journal.md).
#include <fmt/format.h>

#include <limits>

#include "core.hpp"
#include "history.hpp"
#include "perdure/base/utf8.hpp"

namespace perdure {

namespace {

constexpr std::string_view format_name = "perdure-object";
constexpr int format_version = 1;
constexpr std::size_t entries_per_read = 1'000;

using EntryVisitor = std::function<void(const Entry&)>;

Result<void> visit_entries(const storage::Store& store, const runtime::Record& record,
                           const EntryVisitor& visit) {
  const runtime::LayeredEntries entries{store,   record.meta.object(),         nullptr,
                                        nullptr, record.meta.origin->born_seq, record.meta.seq};
  EntryRange range{.limit = entries_per_read};
  try {
    for (;;) {
      const auto rows = entries.range(range);
      for (const auto& row : rows) visit(row);
      if (rows.size() < range.limit) return {};
      range.from = rows.back().key + '\x01';
    }
  } catch (const Failure& failure) {
    return fail(failure.error());
  }
}

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

struct ImportFile {
  Json header;
  Json entries = Json::array();
};

Result<ImportFile> read_import(std::string_view lines) {
  ImportFile file;
  std::size_t number = 0;
  for (std::size_t start = 0; start < lines.size();) {
    const auto end = std::min(lines.find('\n', start), lines.size());
    auto line = parse_stored_json(lines.substr(start, end - start));
    ++number;
    if (!line || !line->is_object()) {
      return fail(ErrorCode::malformed, fmt::format("line {} is no JSON object", number));
    }
    if (number == 1) {
      file.header = std::move(*line);
    } else if (line->contains("sha256")) {
      if ((*line)["sha256"] != to_hex(bytes_of(sha256(lines.substr(0, start)))) ||
          lines.find_first_not_of('\n', end) != std::string_view::npos) {
        return fail(ErrorCode::malformed, "the digest does not fit the lines before it");
      }
      return file;
    } else {
      PERDURE_TRY(key, read_text(*line, "key"));
      PERDURE_TRY(value, read_text(*line, "value"));
      file.entries.push_back({{"key", std::move(key)}, {"value", std::move(value)}});
    }
    start = end + 1;
  }
  return fail(ErrorCode::malformed, "the export is cut short: it does not end with its digest");
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

}  // namespace

Result<void> Runtime::export_object(const ObjectId& object, AsOf as_of,
                                    const LineSink& sink) const {
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
              {"owner", meta.origin->owner},
              {"created_at", format_rfc3339(meta.origin->created_at)},
              {"created_by", meta.origin->created_by},
              {"updated_at", format_rfc3339(meta.updated_at)},
              {"updated_by", meta.updated_by},
              {"state", std::move(state)}};
  std::string text;
  const auto write = [&](const Json& line) {
    const auto bytes = dump_json(line) + '\n';
    text += bytes;
    sink(bytes);
  };
  write(header);
  std::uint64_t count = 0;
  PERDURE_TRY_VOID(visit_entries(core_->store(), record, [&](const Entry& entry) {
    Json line;
    put_text(line, "key", entry.key);
    put_text(line, "value", entry.value);
    write(line);
    ++count;
  }));
  sink(dump_json({{"entries", count}, {"sha256", to_hex(bytes_of(sha256(text)))}}) + '\n');
  return {};
}

void Runtime::import_object(Call call, std::string_view lines, ReplyHandler done) {
  const auto prepare = [&]() -> Result<void> {
    PERDURE_TRY(file, read_import(lines));
    PERDURE_TRY_VOID(check_header(file.header));
    const auto* kind = find_kind(call.target.kind);
    if (kind == nullptr) return fail(ErrorCode::not_found, "there is no kind " + call.target.kind);
    const auto& header = file.header;
    const auto version = header.value("schema_version", Json{});
    if (!version.is_number_integer() || version < 1) {
      return fail(ErrorCode::malformed, "the header has no schema_version");
    }
    if (version > std::numeric_limits<std::uint32_t>::max()) {
      return fail(ErrorCode::newer_version, "no schema has such a version");
    }
    PERDURE_TRY(state, runtime::upgrade_root(*kind, header["state"], version.get<std::uint32_t>(),
                                             "the export"));
    auto owner = header.value("owner", Json{});
    make_import(call, std::move(state), std::move(file.entries));
    if (owner.is_string() && call.principal.role != Principal::Role::user) call.owner = owner;
    return {};
  };
  if (auto prepared = prepare(); !prepared) return done(fail(std::move(prepared).error()));
  this->call(std::move(call), std::move(done));
}

void Runtime::clone_object(const ObjectId& source, AsOf as_of, Call call, ReplyHandler done) {
  const auto prepare = [&]() -> Result<void> {
    PERDURE_TRY_VOID(validate(source));
    if (source.kind != call.target.kind) {
      return fail(ErrorCode::invalid, "a clone is of the same kind");
    }
    const auto* kind = find_kind(source.kind);
    if (kind == nullptr) return fail(ErrorCode::not_found, "there is no kind " + source.kind);
    PERDURE_TRY(record, runtime::record_as_of(core_->store(), source, as_of));
    if (!call.principal.reaches(record.meta.origin->owner)) {
      return fail(ErrorCode::not_found, "there is no " + to_string(source));
    }
    PERDURE_TRY(state, runtime::decode_root(*kind, record));
    Json entries = Json::array();
    PERDURE_TRY_VOID(visit_entries(core_->store(), record, [&](const Entry& entry) {
      entries.push_back({{"key", entry.key}, {"value", entry.value}});
    }));
    make_import(call, std::move(state), std::move(entries));
    call.owner = record.meta.origin->owner;
    return {};
  };
  if (auto prepared = prepare(); !prepared) return done(fail(std::move(prepared).error()));
  this->call(std::move(call), std::move(done));
}

}  // namespace perdure
