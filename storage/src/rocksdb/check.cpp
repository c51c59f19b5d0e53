// SPDX-License-Identifier: Apache-2.0
// Verifying and listing a store that is only looked at.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <unordered_map>
#include <utility>

#include "keys.hpp"
#include "rocksdb/salvage.hpp"

namespace perdure::storage {
namespace {

constexpr std::uint64_t rows_per_report = 1000;
/// Past this many findings the rest would not help anyone.
constexpr std::size_t findings_max = 1000;

/// One pass over every table. Rows that fail their checks become findings; the pass goes on.
class Checker {
 public:
  Checker(const Database& database, const RecordCheck& record_check, const CheckProgress& progress)
      : database_(database), record_check_(record_check), progress_(progress) {}

  CheckReport run(const AckedFile& acked, std::vector<std::string> findings) {
    report_.findings = std::move(findings);
    count_rows();
    const auto status = database_.db().VerifyChecksum();
    if (!status.ok()) find(fmt::format("a file fails its checks: {}", status.ToString()));
    check_records();
    check_entries();
    check_indexes();
    check_alarms();
    check_pins();
    check_claims();
    check_log(acked);
    if (progress_) progress_(1.0);
    return std::move(report_);
  }

 private:
  using Table = rows::Table;

  void find(std::string finding) {
    if (report_.findings.size() < findings_max) report_.findings.push_back(std::move(finding));
  }

  void count_rows() {
    for (const auto table : rows::all_tables) {
      std::uint64_t rows = 0;
      database_.db().GetIntProperty(database_.family(table),
                                    rocksdb::DB::Properties::kEstimateNumKeys, &rows);
      total_rows_ += rows;
    }
  }

  void step() {
    if (++seen_rows_ % rows_per_report != 0 || !progress_ || total_rows_ == 0) return;
    progress_(std::min(1.0, static_cast<double>(seen_rows_) / static_cast<double>(total_rows_)));
  }

  /// Calls `visit(key, content)` for each sound row of a table, which returns a finding or "".
  template <class Visit>
  void each(Table table, Direction direction, Visit visit) {
    Scan scan{database_, table, {}, {}};
    for (scan.start(direction); scan.valid(); scan.step(direction)) {
      step();
      const auto content = scan.content();
      auto finding = content ? visit(scan.key(), *content) : content.error().detail;
      if (!finding.empty()) find(std::move(finding));
    }
    if (auto status = scan.status(); !status) {
      // The rest of the table cannot be reached; the other tables can.
      if (table == Table::records) knows_all_records_ = false;
      find(fmt::format("the table {} breaks off: {}", rows::name(table), status.error().detail));
    }
  }

  std::string misshapen(Table table, std::string_view key) {
    return rows::misshapen(table, key).error.detail;
  }

  /// Backwards, since keys hold the inverted seq: so each object's records come in ascending order.
  void check_records() {
    each(Table::records, Direction::backward,
         [this](std::string_view key, std::string_view bytes) { return visit_record(key, bytes); });
  }

  std::string visit_record(std::string_view key, std::string_view bytes) {
    const auto seq = keys::seq_of(key);
    const auto prefix = key.substr(0, key.size() - keys::seq_bytes);
    const auto object = keys::parse_object(prefix);
    if (!seq || !object || *seq == 0) return misshapen(Table::records, key);
    std::string finding;
    if (prefix != prefix_) finding = begin_object(prefix);
    ++report_.records;
    // Above the floor seqs are dense; what stands below it is pinned, or waits for its trim.
    const Seq expected = std::max(floor_, last_seqs_[prefix_] + 1);
    if (*seq > expected) {
      finding =
          fmt::format("{} lacks its records {} to {}", to_string(*object), expected, *seq - 1);
    }
    if (previous_ && previous_->seq + 1 != *seq) previous_.reset();
    RecordRow row{*seq, std::string{bytes}};
    if (record_check_ && finding.empty()) finding = record_check_(*object, row, previous_);
    previous_ = std::move(row);
    last_seqs_[prefix_] = *seq;
    return finding;
  }

  std::string begin_object(std::string_view prefix) {
    ++report_.objects;
    prefix_.assign(prefix);
    previous_.reset();
    floor_ = 1;
    const auto content = database_.get(Table::meta, keys::floor(prefix));
    if (!content) return content.error().detail;
    if (!*content) return {};
    const auto number = rows::parse_number(**content);
    if (!number) return misshapen(Table::meta, keys::floor(prefix));
    floor_ = *number;
    return {};
  }

  [[nodiscard]] Seq last_seq(std::string_view prefix) const {
    const auto found = last_seqs_.find(std::string{prefix});
    return found == last_seqs_.end() ? 0 : found->second;
  }

  void check_entries() {
    each(Table::entries, Direction::forward,
         [&](std::string_view key, std::string_view content) -> std::string {
           const auto seq = keys::seq_of(key);
           const auto prefix = key.substr(0, keys::prefix_size(key));
           const auto object = keys::parse_object(prefix);
           const bool ends = key.size() > prefix.size() + keys::seq_bytes + 1 &&
                             key[key.size() - keys::seq_bytes - 1] == '\0';
           if (!seq || !object || !ends || !rows::is_tombstone(content)) {
             return misshapen(Table::entries, key);
           }
           ++report_.entries;
           if (*seq >= 1 && (*seq <= last_seq(prefix) || !knows_all_records_)) return {};
           return fmt::format("an entry of {} names record {}, the last one is {}",
                              to_string(*object), *seq, last_seq(prefix));
         });
  }

  void check_indexes() {
    each(Table::indexes, Direction::forward,
         [&](std::string_view key, std::string_view /*content*/) -> std::string {
           const auto row = keys::parse_index(key);
           if (!row) return misshapen(Table::indexes, key);
           const ObjectId object{std::string{key.substr(0, key.find('\0'))}, row->id};
           if (object.kind.starts_with('$')) return {};  // what the runtime notes for itself
           if (last_seq(keys::object_prefix(object)) > 0 || !knows_all_records_) return {};
           return fmt::format("an index row names {}, which has no record", to_string(object));
         });
  }

  /// The two tables of alarms say the same.
  void check_alarms() {
    each(Table::alarms, Direction::forward,
         [&](std::string_view key, std::string_view content) -> std::string {
           const auto name = keys::parse_alarm(key);
           const auto alarm = rows::parse_alarm(content);
           if (!name || !alarm) return misshapen(Table::alarms, key);
           const auto due_key =
               keys::due(alarm->due, keys::object_prefix(name->object), name->name);
           const auto due = database_.get(Table::due, due_key);
           if (!due) return due.error().detail;
           if (*due && **due == alarm->body) return {};
           return fmt::format("the alarm {} of {} would never fire", name->name,
                              to_string(name->object));
         });
    each(Table::due, Direction::forward,
         [&](std::string_view key, std::string_view) -> std::string {
           const auto due = keys::parse_due(key);
           if (!due) return misshapen(Table::due, key);
           const auto content = database_.get(
               Table::alarms, keys::alarm(keys::object_prefix(due->object), due->name));
           if (!content) return content.error().detail;
           const auto alarm = *content ? rows::parse_alarm(**content) : std::nullopt;
           if (alarm && alarm->due == due->due) return {};
           return fmt::format("the alarm {} of {} would fire though it was moved or removed",
                              due->name, to_string(due->object));
         });
  }

  void check_pins() {
    each(Table::pins, Direction::forward,
         [&](std::string_view key, std::string_view) -> std::string {
           const auto prefix = key.substr(0, keys::prefix_size(key));
           const auto object = keys::parse_object(prefix);
           if (!object || key.size() != prefix.size() + keys::seq_bytes) {
             return misshapen(Table::pins, key);
           }
           const Seq seq = ~keys::seq_of(key).value_or(0);
           const auto record = database_.get(Table::records, keys::at_seq(prefix, seq));
           if (!record) return record.error().detail;
           if (*record) return {};
           return fmt::format("{} lacks its pinned record {}", to_string(*object), seq);
         });
  }

  void check_claims() {
    each(Table::claims, Direction::forward,
         [&](std::string_view key, std::string_view content) -> std::string {
           const auto nul = key.find('\0');
           const bool sound =
               nul != std::string_view::npos && nul > 0 && rows::parse_claim(content);
           return sound ? std::string{} : misshapen(Table::claims, key);
         });
  }

  /// Event positions are dense from the first that is kept to the last commit's; outbox items are
  /// not above it; and the last commit is not below the acknowledged one.
  void check_log(const AckedFile& acked) {
    rows::CommitContent commit;
    const auto content = database_.get(Table::meta, keys::commit);
    if (!content) {
      find(content.error().detail);
    } else if (*content) {
      const auto parsed = rows::parse_commit(**content);
      if (!parsed) find(misshapen(Table::meta, keys::commit));
      commit = parsed.value_or(commit);
    }
    std::uint64_t last = 0;  // below it are events that were let go, and may still be in files
    if (const auto first = database_.get(Table::meta, keys::first_event); !first) {
      find(first.error().detail);
    } else if (*first) {
      last = rows::parse_number(**first).value_or(1) - 1;
    }
    each(Table::events, Direction::forward,
         [&, let_go = last](std::string_view key, std::string_view body) -> std::string {
           const auto position = keys::parse_position(key);
           const auto row = position ? rows::parse_event(*position, body) : std::nullopt;
           if (!row) return misshapen(Table::events, key);
           if (*position <= let_go) return {};
           const auto expected = std::exchange(last, *position) + 1;
           if (*position == expected || (row->gap_first > 0 && row->gap_first <= expected)) {
             return {};
           }
           return fmt::format("the event log lacks positions {} to {}", expected, *position - 1);
         });
    if (last != commit.last_event) {
      find(fmt::format("the event log ends at {}, not {}", last, commit.last_event));
    }
    each(Table::outbox, Direction::forward,
         [&](std::string_view key, std::string_view) -> std::string {
           const auto position = keys::parse_position(key);
           if (!position) return misshapen(Table::outbox, key);
           if (*position <= commit.last_send) return {};
           return fmt::format("the outbox holds item {}, the last one sent is {}", *position,
                              commit.last_send);
         });
    const auto number = acked.read();
    if (!number) {
      find(number.error().detail);
    } else if (number->value_or(0) > commit.number) {
      find(fmt::format("commit {} was acknowledged, but the write-ahead log gives back only {}",
                       number->value_or(0), commit.number));
    }
  }

  const Database& database_;
  const RecordCheck& record_check_;
  const CheckProgress& progress_;
  CheckReport report_;
  std::uint64_t total_rows_ = 0;
  std::uint64_t seen_rows_ = 0;
  std::unordered_map<std::string, Seq> last_seqs_;  ///< by object prefix
  bool knows_all_records_ = true;                   ///< all of the table could be read

  // Of the object whose records are being visited.
  std::string prefix_;
  Seq floor_ = 1;
  std::optional<RecordRow> previous_;
};

}  // namespace

Result<CheckReport> check_rocksdb(const std::filesystem::path& directory,
                                  const RecordCheck& record_check, const CheckProgress& progress) {
  const auto lock = DirectoryLock::take(directory, Access::observe);
  if (!lock) return fail(lock.error());
  const auto tuning = tune_read_only();
  PERDURE_TRY(looked, look_at(directory, tuning));
  return Checker{*looked.database, record_check, progress}.run(looked.acked,
                                                               std::move(looked.findings));
}

Result<std::vector<ObjectId>> list_objects_rocksdb(const std::filesystem::path& directory) {
  const auto tuning = tune_read_only();
  PERDURE_TRY(looked, look_at(directory, tuning));
  std::vector<ObjectId> objects;
  Scan scan{*looked.database, rows::Table::records, {}, {}};
  scan.to_first();
  while (scan.valid()) {
    const auto prefix = std::string{scan.key().substr(0, keys::prefix_size(scan.key()))};
    auto object = keys::parse_object(prefix);
    if (!object) return rows::misshapen(rows::Table::records, scan.key());
    objects.push_back(std::move(*object));
    scan.seek(prefix_end(prefix));
  }
  PERDURE_TRY_VOID(scan.status());
  return objects;
}

}  // namespace perdure::storage
