// SPDX-License-Identifier: Apache-2.0
#include "rocksdb/salvage.hpp"

#include <fmt/format.h>
#include <rocksdb/db.h>
#include <unistd.h>

#include <cstdlib>

#include "keys.hpp"

namespace perdure::storage {
namespace {

/// What RocksDB reads but never changes once it is complete.
bool is_of_database(std::string_view name) {
  return name.ends_with(".sst") || name.ends_with(".log") || name.starts_with("MANIFEST-");
}

/// A tuning by which a database in a directory of links is made, or written to.
Tuning writing(const Tuning& tuning) {
  auto writing = tuning;
  writing.database.create_if_missing = true;
  writing.database.create_missing_column_families = true;
  for (auto& family : writing.families) family.options.disable_auto_compactions = true;
  return writing;
}

/// A manifest that is made anew has the tables of which there are files; what logs have of others
/// would be lost. So each table gets a file, in which a key that nobody has is deleted.
Result<void> add_a_file_to_each_table(const LinkedDirectory& links, const Tuning& tuning) {
  constexpr std::uint64_t first_number = 1'000'000'000;  // above those of a store's own files
  const auto seed = links.path() / "seed";
  {
    PERDURE_TRY(database,
                Database::open(seed.string(), writing(tuning), Database::Mode::read_write));
    rocksdb::WriteBatch batch;
    std::vector<rocksdb::ColumnFamilyHandle*> families;
    const auto key = keys::at_seq(keys::object_prefix({"~", "~"}), newest);
    for (const auto table : rows::all_tables) {
      database->erase(batch, table, key);
      families.push_back(database->family(table));
    }
    auto status = database->write({}, batch);
    if (status.ok()) status = database->db().Flush({}, families);
    if (!status.ok()) return fail_status("cannot write for a while", status);
  }
  std::error_code error;
  auto number = first_number;
  for (std::filesystem::directory_iterator file{seed, error}, end; !error && file != end;
       file.increment(error)) {
    if (file->path().extension() != ".sst") continue;
    std::filesystem::rename(file->path(), links.path() / fmt::format("{}.sst", number++), error);
  }
  std::filesystem::remove_all(seed, error);
  if (!error) return {};
  return fail(ErrorCode::unavailable, "cannot write for a while: " + error.message());
}

/// The database by the links, with each manifest that is there, and at last with one that is made
/// anew from what stands in the files of rows and the logs.
Result<std::unique_ptr<Database>> open_links(const LinkedDirectory& links,
                                             const std::vector<std::string>& manifests,
                                             const Tuning& tuning) {
  for (const auto& manifest : manifests) {
    PERDURE_TRY_VOID(write_current(links.path(), manifest));
    auto opened = Database::open(links.path().string(), tuning, Database::Mode::read_only);
    if (opened) return opened;
  }
  PERDURE_TRY_VOID(add_a_file_to_each_table(links, tuning));
  const auto status = rocksdb::RepairDB(links.path().string(), tuning.database, tuning.families);
  if (!status.ok()) return fail_status("nothing can be read", status);
  return Database::open(links.path().string(), tuning, Database::Mode::read_only);
}

/// What of the files that are read before the database is lost. Errors: newer_version, unavailable.
Result<std::vector<std::string>> look_at_format(const std::filesystem::path& directory,
                                                const DatabaseFiles& files) {
  std::vector<std::string> findings;
  const auto version = read_format(directory);
  if (!version) {
    if (version.error().code != ErrorCode::corrupt) return fail(version.error());
    findings.push_back(version.error().detail);
  } else if (!*version) {
    if (!files.any()) {
      return fail(ErrorCode::unavailable, fmt::format("{} holds no store", directory.string()));
    }
    findings.emplace_back("the file FORMAT is lost");
  } else if (**version > format_version) {
    return fail(ErrorCode::newer_version,
                fmt::format("{} has format {}, this program knows formats up to {}",
                            directory.string(), **version, format_version));
  }
  return findings;
}

void look_at_acked(const std::filesystem::path& directory, LookedAt& looked) {
  auto acked = AckedFile::open(directory, Access::observe);
  if (!acked) {
    looked.findings.emplace_back("the file ACKED is lost or cannot be read");
    return;
  }
  looked.acked = std::move(*acked);
  for (auto& finding : looked.acked.findings()) looked.findings.push_back(std::move(finding));
}

}  // namespace

Result<std::unique_ptr<LinkedDirectory>> LinkedDirectory::make(
    const std::filesystem::path& original) {
  std::error_code error;
  auto place = (std::filesystem::temp_directory_path(error) / "perdure-look-XXXXXX").string();
  if (error || ::mkdtemp(place.data()) == nullptr) {
    return fail(ErrorCode::unavailable, "cannot make a directory for temporary files");
  }
  std::unique_ptr<LinkedDirectory> links{new LinkedDirectory{place}};
  const auto target = std::filesystem::absolute(original, error);
  for (std::filesystem::directory_iterator file{target, error}, end; !error && file != end;
       file.increment(error)) {
    const auto name = file->path().filename().string();
    if (!is_of_database(name)) continue;
    std::filesystem::create_symlink(file->path(), links->path_ / name, error);
    if (error) break;
  }
  if (!error) return links;
  return fail(ErrorCode::unavailable,
              fmt::format("cannot link {}: {}", original.string(), error.message()));
}

LinkedDirectory::~LinkedDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);  // links are removed, not followed
}

Result<LookedAt> look_at(const std::filesystem::path& directory, const Tuning& tuning) {
  LookedAt looked;
  PERDURE_TRY(files, find_database_files(directory));
  PERDURE_TRY(findings, look_at_format(directory, files));
  looked.findings = std::move(findings);
  look_at_acked(directory, looked);
  if (!files.has_current) looked.findings.emplace_back("the file CURRENT is lost");
  if (files.has_current && !files.current_is_sound) {
    looked.findings.emplace_back("the file CURRENT names no manifest that is there");
  }
  if (files.current_is_sound) {
    auto opened = Database::open(directory.string(), tuning, Database::Mode::read_only);
    if (opened) {
      looked.database = std::move(*opened);
      return looked;
    }
    looked.findings.push_back(opened.error().detail);
  }
  PERDURE_TRY(links, LinkedDirectory::make(directory));
  looked.links = std::move(links);
  auto opened = open_links(*looked.links, files.manifests, tuning);
  if (!opened) {
    std::string all;
    for (const auto& finding : looked.findings) all += finding + "; ";
    return fail(ErrorCode::corrupt, all + opened.error().detail);
  }
  looked.database = std::move(*opened);
  return looked;
}

}  // namespace perdure::storage
