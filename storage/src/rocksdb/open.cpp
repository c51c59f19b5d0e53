// SPDX-License-Identifier: Apache-2.0
// Opening, in this order: the lock, the format, RocksDB's own recovery, what the log gave back
// against what was acknowledged, and the new epoch.
#include "rocksdb/open.hpp"

#include <fmt/format.h>
#include <rocksdb/listener.h>

#include <atomic>
#include <system_error>

#include "keys.hpp"
#include "perdure/base/random.hpp"
#include "perdure/storage/raised.hpp"
#include "rocksdb/place.hpp"
#include "rocksdb/salvage.hpp"
#include "rocksdb/store.hpp"

namespace perdure::storage {
namespace {

/// Tells the gate of failed flushes and compactions before a commit runs into them, and of every
/// failed sync, whatever its cause. Damage that a compaction meets is as old as its file, and no
/// reason to take no more writes: RocksDB keeps the files as they are, and tries again.
class Failures final : public rocksdb::EventListener {
 public:
  Failures(std::shared_ptr<WriteGate> gate, std::function<void(const Error&)> on_damage)
      : gate_(std::move(gate)), on_damage_(std::move(on_damage)) {}
  void OnBackgroundError(rocksdb::BackgroundErrorReason reason, rocksdb::Status* status) override {
    if (reason == rocksdb::BackgroundErrorReason::kCompaction && status->IsCorruption()) {
      if (!damaged_.exchange(true) && on_damage_) {
        on_damage_(fail_status("a file is damaged", *status).error);
      }
      *status = rocksdb::Status::OK();
      return;
    }
    gate_->close(*status, fail_status("writes have stopped", *status).error);
  }
  bool ShouldBeNotifiedOnFileIO() override { return true; }
  void OnIOError(const rocksdb::IOErrorInfo& info) override {
    using Operation = rocksdb::FileOperationType;
    if (info.operation == Operation::kSync || info.operation == Operation::kFsync ||
        info.operation == Operation::kRangeSync) {
      gate_->note_failed_sync();
    }
  }

 private:
  const std::shared_ptr<WriteGate> gate_;
  const std::function<void(const Error&)> on_damage_;
  std::atomic<bool> damaged_{false};
};

/// A new one is its owner's alone: hashes of passwords and keys are in it.
Result<void> make_directory(const std::filesystem::path& directory) {
  std::error_code error;
  const bool is_new = std::filesystem::create_directories(directory, error);
  if (!error && is_new) {
    std::filesystem::permissions(directory, std::filesystem::perms::owner_all, error);
  }
  if (!error) return {};
  return fail(ErrorCode::unavailable,
              fmt::format("cannot make {}: {}", directory.string(), error.message()));
}

/// What a directory is before it is opened.
enum class Found { nothing, older, present };

constexpr std::string_view instead =
    "restore a backup; perdure check and perdure dump show what can still be read";
constexpr std::string_view or_accept = "or accept it with --accept-lost-commits";

/// The version in FORMAT, with `accept` none for a file that names none.
Result<std::optional<std::uint64_t>> known_format(const std::filesystem::path& directory,
                                                  LostCommits lost) {
  auto version = read_format(directory);
  if (version || version.error().code != ErrorCode::corrupt) return version;
  if (lost == LostCommits::accept) return std::optional<std::uint64_t>{};
  return fail(ErrorCode::corrupt,
              fmt::format("{}; restore it, {}", version.error().detail, or_accept));
}

/// Errors: corrupt, newer_version.
Result<Found> check_format(const std::filesystem::path& directory, const DatabaseFiles& files,
                           LostCommits lost) {
  PERDURE_TRY(version, known_format(directory, lost));
  if (!version && files.any() && lost == LostCommits::refuse) {
    return fail(ErrorCode::corrupt,
                fmt::format("{} holds a database but no FORMAT file: it is not a store, or the "
                            "file was lost; restore it, {}",
                            directory.string(), or_accept));
  }
  if (version && *version > format_version) {
    return fail(ErrorCode::newer_version,
                fmt::format("{} has format {}, this program knows formats up to {}",
                            directory.string(), *version, format_version));
  }
  if (!version) return files.any() ? Found::older : Found::nothing;
  return *version < format_version ? Found::older : Found::present;
}

/// Refuses a directory with rows but without the files that say which count. RocksDB would put an
/// empty database in its place and remove the rows. Without rows (and nothing acknowledged) the
/// making of a new store was cut short.
Result<void> check_current(const std::filesystem::path& root, const DatabaseFiles& files,
                           std::uint64_t acked, LostCommits lost) {
  if (files.current_is_sound) return {};
  if (!files.any()) {
    if (acked == 0 || lost == LostCommits::accept) return {};
    return fail(ErrorCode::corrupt,
                fmt::format("{} commits were acknowledged, but no database is there; restore a "
                            "backup, {}",
                            acked, or_accept));
  }
  if (!files.has_tables && !files.has_current && acked == 0) return {};
  const auto* what = files.has_current ? "the file CURRENT names no manifest that is there"
                                       : "the file CURRENT is lost";
  // Of several manifests the right one may be any.
  if (files.manifests.size() != 1) {
    return fail(ErrorCode::corrupt, fmt::format("{}; {}", what, instead));
  }
  if (lost == LostCommits::accept) return write_current(root, files.manifests.front());
  return fail(ErrorCode::corrupt,
              fmt::format("{}, one manifest is there; {}, {}", what, instead, or_accept));
}

Result<std::uint64_t> read_number(const Database& database, std::string_view key) {
  PERDURE_TRY(content, database.get(rows::Table::meta, key));
  if (!content) return std::uint64_t{0};
  const auto number = rows::parse_number(*content);
  if (!number) return rows::misshapen(rows::Table::meta, key);
  return *number;
}

Result<rows::CommitContent> read_last_commit(const Database& database) {
  PERDURE_TRY(content, database.get(rows::Table::meta, keys::commit));
  if (!content) return rows::CommitContent{};
  const auto commit = rows::parse_commit(*content);
  if (!commit) return rows::misshapen(rows::Table::meta, keys::commit);
  return *commit;
}

/// The acknowledged commit number, with `accept` for a file that tells nothing.
Result<std::uint64_t> acknowledged(const AckedFile& acked, LostCommits lost) {
  PERDURE_TRY(number, acked.read());
  if (number) return *number;
  if (lost == LostCommits::accept) return std::uint64_t{0};
  return fail(ErrorCode::corrupt,
              fmt::format("the file ACKED is lost or damaged, so nobody can tell whether all "
                          "acknowledged commits came back; restore it, {}",
                          or_accept));
}

Result<void> check_nothing_lost(std::uint64_t acked, std::uint64_t recovered, LostCommits lost) {
  if (recovered >= acked || lost == LostCommits::accept) return {};
  return fail(ErrorCode::corrupt,
              fmt::format("commit {} was acknowledged, but the write-ahead log gives back only "
                          "{}: {} are lost; restore a backup, {}",
                          acked, recovered, acked - recovered, or_accept));
}

/// Why what follows is another line of history than the one that cursors and entity tags name.
enum class Break { none, lost, copied };

std::string random_id(Random& random) { return fmt::format("{:016x}", random.next()); }

/// Reads the event log's history id and the line, or makes others: where the store may have lost
/// its end, or is a copy, the positions and seqs that were given out are given to others again.
Result<void> continue_history(OpenedStore& opened, rocksdb::WriteBatch& batch, Break broken,
                              Random& random) {
  auto& database = *opened.database;
  PERDURE_TRY(history, database.get(rows::Table::meta, keys::history));
  PERDURE_TRY(line, read_number(database, keys::line));
  opened.line = static_cast<std::uint32_t>(line);
  if (!history || broken != Break::none) {
    history = random_id(random);
    database.put(batch, rows::Table::meta, keys::history, *history);
  }
  opened.history = std::move(*history);
  if (broken == Break::none) return {};
  const auto before = opened.line;
  while (opened.line == before || opened.line == 0) {
    opened.line = static_cast<std::uint32_t>(random.next());
  }
  database.put(batch, rows::Table::meta, keys::line, rows::number_content(opened.line));
  return {};
}

/// Raises the epoch, in a place of its own.
Result<void> begin_epoch(OpenedStore& opened, Break broken, Found found) {
  const auto& root = opened.lock.root();
  PERDURE_TRY(before, read_number(*opened.database, keys::epoch));
  opened.epoch = before + 1;
  SecureRandom random;
  rocksdb::WriteBatch batch;
  PERDURE_TRY_VOID(continue_history(opened, batch, broken, random));
  const auto place = random_id(random);
  PERDURE_TRY_VOID(draft_place(root, place));
  opened.database->put(batch, rows::Table::meta, keys::place, place);
  if (before == 0) opened.database->begin_erasing_by_row(batch);
  if (found == Found::older) {
    opened.database->put(batch, rows::Table::meta, keys::count(raised_count),
                         rows::number_content(opened.epoch));
  }
  opened.database->put(batch, rows::Table::meta, keys::epoch, rows::number_content(opened.epoch));
  rocksdb::WriteOptions write;
  write.sync = true;
  const auto status = opened.database->write(write, batch);
  if (!status.ok()) return fail_status("cannot raise the epoch", status);
  return settle_place(root, place);
}

Result<bool> was_copied(const std::filesystem::path& root, const Database& database) {
  PERDURE_TRY(known, database.get(rows::Table::meta, keys::place));
  PERDURE_TRY(places, read_places(root));
  return is_copied(places, known.value_or(""));
}

void tell_of_break(const RocksdbOptions& options, Break broken) {
  if (broken == Break::none || !options.on_new_line) return;
  options.on_new_line(Error{
      .code = ErrorCode::corrupt,
      .detail = broken == Break::lost
                    ? "commits were lost, and their loss was accepted"
                    : "the data directory is a copy, or an older copy was put back in its place"});
}

/// ACKED and FORMAT come before the database, so that a crash in between leaves a directory that
/// opens as an empty store and never a database that nothing vouches for.
Result<AckedFile> prepare(const std::filesystem::path& root, Found found) {
  PERDURE_TRY(acked, AckedFile::open(root, Access::own));
  if (found == Found::nothing) {
    PERDURE_TRY_VOID(acked.write(0));
    PERDURE_TRY_VOID(acked.sync());
  }
  if (found == Found::nothing) PERDURE_TRY_VOID(write_format(root));
  return std::move(acked);
}

Result<std::unique_ptr<Store>> open_read_only(const RocksdbOptions& options) {
  auto tuning = tune_read_only();
  PERDURE_TRY(lock, DirectoryLock::take(options.directory, Access::observe));
  PERDURE_TRY(looked, look_at(options.directory, tuning));
  PERDURE_TRY(last_commit, read_last_commit(*looked.database));
  const auto number = looked.acked.read();
  if (const auto complete = check_nothing_lost(number ? number->value_or(0) : 0, last_commit.number,
                                               LostCommits::refuse);
      !complete) {
    looked.findings.push_back(complete.error().detail);
  }
  if (options.on_damage) {
    for (const auto& finding : looked.findings) {
      options.on_damage(Error{.code = ErrorCode::corrupt, .detail = finding});
    }
  }
  PERDURE_TRY(epoch, read_number(*looked.database, keys::epoch));
  auto gate = std::make_shared<WriteGate>(nullptr);
  gate->close(Error{.code = ErrorCode::unavailable, .detail = "the store was opened read-only"});
  return std::make_unique<RocksdbStore>(OpenedStore{.lock = std::move(lock),
                                                    .acked = std::move(looked.acked),
                                                    .tuning = std::move(tuning),
                                                    .links = std::move(looked.links),
                                                    .database = std::move(looked.database),
                                                    .last_commit = last_commit,
                                                    .epoch = epoch},
                                        options.durability, std::move(gate));
}

Result<std::unique_ptr<Database>> open_database(const std::filesystem::path& root,
                                                const Tuning& tuning) {
  auto opened = Database::open(root.string(), tuning, Database::Mode::read_write);
  if (opened || opened.error().code != ErrorCode::corrupt) return opened;
  return fail(ErrorCode::corrupt, fmt::format("{}; {}", opened.error().detail, instead));
}

/// What the last opening left, and whether it is what this one finds.
Result<Break> find_break(const OpenedStore& opened) {
  PERDURE_TRY(known, opened.acked.read());
  if (!known || *known > opened.last_commit.number) return Break::lost;
  PERDURE_TRY(copied, was_copied(opened.lock.root(), *opened.database));
  return copied ? Break::copied : Break::none;
}

}  // namespace

Result<std::unique_ptr<Store>> open_rocksdb_in(RocksdbOptions options, rocksdb::Env* env) {
  if (options.mode == OpenMode::read_only) return open_read_only(options);
  const auto& directory = options.directory;
  PERDURE_TRY_VOID(make_directory(directory));
  PERDURE_TRY(lock, DirectoryLock::take(directory, Access::own));
  const auto root = lock.root();
  PERDURE_TRY(files, find_database_files(root));
  PERDURE_TRY(found, check_format(directory, files, options.lost_commits));
  PERDURE_TRY(acked, prepare(root, found));
  PERDURE_TRY(acked_number, acknowledged(acked, options.lost_commits));
  PERDURE_TRY_VOID(check_current(root, files, acked_number, options.lost_commits));

  auto gate = std::make_shared<WriteGate>(options.on_write_failure);
  auto tuning = tune(options, env);
  tuning.database.listeners.push_back(std::make_shared<Failures>(gate, options.on_damage));
  // An empty database in the place of a lost one would be the worst of all losses.
  tuning.database.create_if_missing =
      acked_number == 0 || options.lost_commits == LostCommits::accept;
  PERDURE_TRY(database, open_database(root, tuning));
  PERDURE_TRY(last_commit, read_last_commit(*database));
  PERDURE_TRY_VOID(check_nothing_lost(acked_number, last_commit.number, options.lost_commits));
  OpenedStore opened{.lock = std::move(lock),
                     .acked = std::move(acked),
                     .tuning = std::move(tuning),
                     .links = {},
                     .database = std::move(database),
                     .last_commit = last_commit,
                     .scrub_bytes_max = options.scrub_bytes_max};
  PERDURE_TRY(broken, find_break(opened));
  PERDURE_TRY_VOID(begin_epoch(opened, broken, found));
  // An older program would leave rows of this format as they are, and wrong: it is kept off before
  // the first of them is written, and after the database knows that there were none.
  if (found == Found::older) PERDURE_TRY_VOID(write_format(opened.lock.root()));
  if (options.lost_commits == LostCommits::accept) {
    // The number goes back, or the next start would refuse again.
    PERDURE_TRY_VOID(opened.acked.reset(last_commit.number));
  }
  tell_of_break(options, broken);
  return std::make_unique<RocksdbStore>(std::move(opened), options.durability, std::move(gate));
}

bool has_room_rocksdb(const std::filesystem::path& directory) {
  constexpr std::uintmax_t to_spare_bytes = 16u << 20;
  std::error_code error;
  const auto space = std::filesystem::space(directory, error);
  if (error) return false;
  std::uintmax_t log_bytes = 0;
  for (std::filesystem::directory_iterator file{directory, error}, end; !error && file != end;
       file.increment(error)) {
    std::error_code ignored;  // a file that goes meanwhile needs no room
    if (file->path().extension() != ".log") continue;
    if (const auto bytes = file->file_size(ignored); !ignored) log_bytes += bytes;
  }
  return !error && space.available >= log_bytes + to_spare_bytes;
}

Result<std::unique_ptr<Store>> open_rocksdb(RocksdbOptions options) {
  return open_rocksdb_in(std::move(options), rocksdb::Env::Default());
}

}  // namespace perdure::storage
