// SPDX-License-Identifier: Apache-2.0
// What opening a RocksDB store refuses, by name.
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <map>

#include "perdure/storage/raised.hpp"
#include "rocksdb_fixture.hpp"

namespace perdure::storage {
namespace {

using testing::HasSubstr;

const ObjectId alice{"counter", "alice"};

class RocksdbOpen : public RocksdbStoreTest {};

TEST_F(RocksdbOpen, refuses_a_second_process_and_names_the_first) {
  open();
  ASSERT_TRUE(commit(alice));
  const auto owner = std::to_string(::getpid());
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const auto second = open_rocksdb(options());
    const bool refused = !second && second.error().code == ErrorCode::conflict &&
                         second.error().detail.find(owner) != std::string::npos;
    ::_exit(refused ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  EXPECT_TRUE(commit(alice));
}

TEST_F(RocksdbOpen, refuses_a_second_store_in_the_same_process) {
  open();
  EXPECT_EQ(code_of(open_rocksdb(options())), ErrorCode::conflict);
  close();
  open();
}

TEST_F(RocksdbOpen, read_only_leaves_no_trace) {
  open();
  ASSERT_TRUE(commit(alice));
  const auto epoch = store().epoch();
  close();
  const auto log = read(files(".log").back());
  auto with = options();
  with.mode = OpenMode::read_only;
  open(with);
  EXPECT_EQ(store().epoch(), epoch);
  EXPECT_EQ(store().last_record(alice).value()->seq, 1u);
  EXPECT_EQ(store().health(), Health::read_only);
  EXPECT_FALSE(commit(alice));
  EXPECT_FALSE(store().trim(alice, 1, {}));
  close();
  EXPECT_EQ(read(files(".log").back()), log);
  open();
  EXPECT_EQ(store().epoch(), epoch + 1) << "only now";
}

TEST_F(RocksdbOpen, read_only_makes_no_store) {
  auto with = options();
  with.mode = OpenMode::read_only;
  EXPECT_FALSE(open_rocksdb(with));
  EXPECT_TRUE(std::filesystem::is_empty(path()));
}

TEST_F(RocksdbOpen, refuses_a_newer_format) {
  open();
  close();
  EXPECT_EQ(read(path() / "FORMAT"), "perdure store 4\n");
  write(path() / "FORMAT", "perdure store 5\n");
  EXPECT_EQ(code_of(open_rocksdb(options())), ErrorCode::newer_version);
  EXPECT_EQ(code_of(check_rocksdb(path(), {}, {})), ErrorCode::newer_version);
  write(path() / "FORMAT", "something else\n");
  EXPECT_EQ(code_of(open_rocksdb(options())), ErrorCode::corrupt);
}

TEST_F(RocksdbOpen, makes_an_older_format_its_own_so_that_older_programs_keep_off) {
  open();
  close();
  write(path() / "FORMAT", "perdure store 3\n");
  open();
  EXPECT_EQ(read(path() / "FORMAT"), "perdure store 4\n");
}

TEST_F(RocksdbOpen, tells_in_which_epoch_an_older_format_was_raised_last) {
  open();
  EXPECT_EQ(store().count(raised_count).value(), 0u) << "it was made in this format";
  close();
  write(path() / "FORMAT", "perdure store 3\n");
  open();
  const auto raised_in = store().epoch();
  EXPECT_EQ(store().count(raised_count).value(), raised_in);
  close();
  open();
  EXPECT_GT(store().epoch(), raised_in);
  EXPECT_EQ(store().count(raised_count).value(), raised_in);
  close();
  write(path() / "FORMAT", "perdure store 3\n");  // as an opening that is cut short leaves it
  open();
  EXPECT_EQ(store().count(raised_count).value(), store().epoch());
}

TEST_F(RocksdbOpen, tells_of_a_format_that_was_lost_as_of_an_older_one) {
  open();
  close();
  std::filesystem::remove(path() / "FORMAT");
  auto with = options();
  with.lost_commits = LostCommits::accept;
  open(with);
  EXPECT_EQ(read(path() / "FORMAT"), "perdure store 4\n");
  EXPECT_EQ(store().count(raised_count).value(), store().epoch());
}

TEST_F(RocksdbOpen, refuses_a_database_without_its_format) {
  open();
  close();
  std::filesystem::remove(path() / "FORMAT");
  EXPECT_EQ(code_of(open_rocksdb(options())), ErrorCode::corrupt);
}

TEST_F(RocksdbOpen, makes_a_directory_that_is_its_owners_alone) {
  auto with = options();
  with.directory /= "new";
  open(with);
  EXPECT_EQ(std::filesystem::status(with.directory).permissions(),
            std::filesystem::perms::owner_all);
  close();
}

TEST_F(RocksdbOpen, refuses_a_directory_that_cannot_be_made) {
  write(path() / "file", "");
  auto with = options();
  with.directory = path() / "file" / "below";
  EXPECT_EQ(code_of(open_rocksdb(with)), ErrorCode::unavailable);
}

class RocksdbLoss : public RocksdbStoreTest {
 protected:
  /// Ten acknowledged commits, then the log loses its last third, as after a lost sync.
  void lose_tail() {
    open();
    for (int i = 0; i < 10; ++i) ASSERT_TRUE(commit(alice));
    close();
    const auto logs = files(".log");
    ASSERT_FALSE(logs.empty());
    const auto size = std::filesystem::file_size(logs.back());
    std::filesystem::resize_file(logs.back(), size * 2 / 3);
  }
  RocksdbOptions accepting() {
    auto with = options();
    with.lost_commits = LostCommits::accept;
    return with;
  }
};

TEST_F(RocksdbLoss, is_refused_by_name) {
  lose_tail();
  const auto refused = open_rocksdb(options());
  ASSERT_EQ(code_of(refused), ErrorCode::corrupt);
  EXPECT_THAT(refused.error().detail, HasSubstr("commit 10 was acknowledged"));
  EXPECT_EQ(code_of(open_rocksdb(options())), ErrorCode::corrupt) << "and again";
}

TEST_F(RocksdbLoss, is_found_by_check) {
  lose_tail();
  const auto report = check_rocksdb(path(), {}, {}).value();
  EXPECT_THAT(report.findings, testing::Contains(HasSubstr("commit 10 was acknowledged")));
}

TEST_F(RocksdbLoss, can_be_accepted_once_and_for_all) {
  lose_tail();
  open(accepting());
  const auto seq = store().last_record(alice).value()->seq;
  EXPECT_LT(seq, 10u);
  EXPECT_GT(seq, 0u);
  EXPECT_TRUE(commit(alice));
  open();
  EXPECT_EQ(store().last_record(alice).value()->seq, seq + 1);
}

TEST_F(RocksdbLoss, once_accepted_gives_the_event_log_another_history) {
  open();
  const auto before = store().event_range().value().history;
  lose_tail();
  open(accepting());
  const auto after = store().event_range().value().history;
  EXPECT_NE(after, before) << "positions are given again, to other events";
  open(accepting());
  EXPECT_EQ(store().event_range().value().history, after) << "nothing was lost this time";
}

TEST_F(RocksdbLoss, once_accepted_is_forgotten_even_without_a_new_commit) {
  lose_tail();
  open(accepting());
  const auto seq = store().last_record(alice).value()->seq;
  open();
  EXPECT_EQ(store().last_record(alice).value()->seq, seq);
}

TEST_F(RocksdbLoss, of_the_whole_log_is_refused) {
  open();
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(commit(alice));
  close();
  for (const auto& log : files(".log")) std::filesystem::remove(log);
  EXPECT_EQ(code_of(open_rocksdb(options())), ErrorCode::corrupt);
}

TEST_F(RocksdbLoss, of_the_whole_database_is_refused) {
  open();
  ASSERT_TRUE(commit(alice));
  close();
  for (const auto& file : std::filesystem::directory_iterator(path())) {
    const auto name = file.path().filename();
    if (name != "FORMAT" && name != "ACKED") std::filesystem::remove(file.path());
  }
  EXPECT_FALSE(open_rocksdb(options()));
}

TEST_F(RocksdbLoss, of_the_acknowledged_number_is_refused) {
  open();
  ASSERT_TRUE(commit(alice));
  close();
  std::filesystem::remove(path() / "ACKED");
  const auto refused = open_rocksdb(options());
  ASSERT_EQ(code_of(refused), ErrorCode::corrupt);
  EXPECT_THAT(refused.error().detail, HasSubstr("ACKED"));
  open(accepting());
  EXPECT_EQ(store().last_record(alice).value()->seq, 1u);
}

TEST_F(RocksdbLoss, of_one_slot_of_the_acknowledged_number_is_survived) {
  open();
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(commit(alice));
  close();
  auto bytes = read(path() / "ACKED");
  bytes[4096 + 10] = static_cast<char>(bytes[4096 + 10] ^ 1);  // commit 3 stands in the second
  write(path() / "ACKED", bytes);
  open();
  EXPECT_EQ(store().last_record(alice).value()->seq, 3u);
}

TEST_F(RocksdbLoss, of_the_format_is_refused_until_it_is_accepted) {
  open();
  ASSERT_TRUE(commit(alice));
  close();
  for (const std::string lost : {"", "nonsense\n"}) {
    std::filesystem::remove(path() / "FORMAT");
    if (!lost.empty()) write(path() / "FORMAT", lost);
    const auto refused = open_rocksdb(options());
    ASSERT_EQ(code_of(refused), ErrorCode::corrupt);
    EXPECT_THAT(refused.error().detail, HasSubstr("--accept-lost-commits"));
    open(accepting());
    EXPECT_EQ(store().last_record(alice).value()->seq, 1u);
    close();
    EXPECT_EQ(read(path() / "FORMAT"), "perdure store 4\n");
  }
}

TEST_F(RocksdbLoss, of_the_current_manifests_name_is_refused_until_it_is_accepted) {
  open();
  ASSERT_TRUE(commit(alice));
  close();
  for (const std::string lost : {"", "MANIFEST-999999\n"}) {
    std::filesystem::remove(path() / "CURRENT");
    if (!lost.empty()) write(path() / "CURRENT", lost);
    const auto refused = open_rocksdb(options());
    ASSERT_EQ(code_of(refused), ErrorCode::corrupt);
    EXPECT_THAT(refused.error().detail, HasSubstr("CURRENT"));
    EXPECT_THAT(refused.error().detail, HasSubstr("--accept-lost-commits"));
    open(accepting());
    EXPECT_EQ(store().last_record(alice).value()->seq, 1u) << "and no empty store in its place";
    close();
  }
}

TEST_F(RocksdbLoss, of_the_manifest_is_refused_whatever_is_accepted) {
  open();
  ASSERT_TRUE(commit(alice));
  open();  // recovery writes the log's rows into files of sorted rows
  close();
  const auto rows = files(".sst");
  ASSERT_FALSE(rows.empty());
  for (const auto& file : std::filesystem::directory_iterator(path())) {
    if (file.path().filename().string().starts_with("MANIFEST")) {
      std::filesystem::remove(file.path());
    }
  }
  EXPECT_EQ(code_of(open_rocksdb(options())), ErrorCode::corrupt);
  EXPECT_EQ(code_of(open_rocksdb(accepting())), ErrorCode::corrupt);
  EXPECT_EQ(files(".sst"), rows) << "nothing was removed";
}

/// What is lost is told, and the rest shown, to who only looks.
class RocksdbLook : public RocksdbLoss {
 protected:
  void fill() {
    open();
    ASSERT_TRUE(commit(alice));
    open();  // recovery writes the log's rows into files of sorted rows
    ASSERT_TRUE(commit(alice));
    close();
  }
  void remove(std::string_view beginning) {
    for (const auto& file : std::filesystem::directory_iterator(path())) {
      if (file.path().filename().string().starts_with(beginning)) {
        std::filesystem::remove(file.path());
      }
    }
  }
  std::map<std::string, std::string> all_files() {
    std::map<std::string, std::string> found;
    for (const auto& file : std::filesystem::directory_iterator(path())) {
      found[file.path().filename()] = read(file.path());
    }
    return found;
  }
  void expect_seen(std::string_view finding) {
    const auto before = all_files();
    const auto report = check_rocksdb(path(), {}, {});
    ASSERT_EQ(code_of(report), std::nullopt) << to_string(report.error());
    EXPECT_THAT(report->findings, testing::Contains(HasSubstr(finding)));
    EXPECT_EQ(report->objects, 1u);
    EXPECT_EQ(report->records, 2u);
    std::string told;
    auto looking = options();
    looking.mode = OpenMode::read_only;
    looking.on_damage = [&](const Error& cause) { told += cause.detail + "\n"; };
    open(looking);
    EXPECT_THAT(told, HasSubstr(finding));
    EXPECT_EQ(store().last_record(alice).value()->seq, 2u);
    close();
    EXPECT_EQ(all_files(), before) << "looking changes nothing";
  }
};

TEST_F(RocksdbLook, goes_on_without_the_acknowledged_number) {
  fill();
  remove("ACKED");
  expect_seen("the file ACKED is lost");
}

TEST_F(RocksdbLook, finds_the_lost_acknowledged_number_after_a_refused_start) {
  fill();
  remove("ACKED");
  ASSERT_EQ(code_of(open_rocksdb(options())), ErrorCode::corrupt);
  expect_seen("no slot of the file ACKED tells a number");
}

TEST_F(RocksdbLook, goes_on_without_the_format) {
  fill();
  remove("FORMAT");
  expect_seen("the file FORMAT is lost");
}

TEST_F(RocksdbLook, goes_on_without_the_current_manifests_name) {
  fill();
  remove("CURRENT");
  expect_seen("the file CURRENT is lost");
}

TEST_F(RocksdbLook, goes_on_without_the_manifest) {
  fill();
  remove("MANIFEST");
  expect_seen("the file CURRENT names no manifest that is there");
}

TEST_F(RocksdbLook, goes_on_with_nothing_but_rows_and_logs) {
  fill();
  for (const auto* name : {"MANIFEST", "CURRENT", "FORMAT", "ACKED", "LOCK", "PLACE", "OPTIONS"}) {
    remove(name);
  }
  expect_seen("the file CURRENT is lost");
}

TEST_F(RocksdbLook, goes_on_with_nothing_but_a_log) {
  open();
  ASSERT_TRUE(commit(alice));
  ASSERT_TRUE(commit(alice));
  close();
  ASSERT_TRUE(files(".sst").empty());
  for (const auto* name : {"MANIFEST", "CURRENT"}) remove(name);
  expect_seen("the file CURRENT is lost");
}

TEST_F(RocksdbLook, at_nothing_makes_no_store) {
  std::filesystem::create_directory(path() / "empty");
  EXPECT_EQ(code_of(check_rocksdb(path() / "empty", {}, {})), ErrorCode::unavailable);
  EXPECT_TRUE(std::filesystem::is_empty(path() / "empty"));
}

TEST_F(RocksdbLook, finds_damage_in_either_slot_of_the_acknowledged_number) {
  fill();
  const auto sound = read(path() / "ACKED");
  for (const int slot : {0, 1}) {
    auto bytes = sound;
    const auto at = static_cast<std::size_t>(slot) * 4096 + 10;
    bytes[at] = static_cast<char>(bytes[at] ^ 1);
    write(path() / "ACKED", bytes);
    expect_seen(fmt::format("slot {} of the file ACKED is damaged", slot + 1));
  }
}

TEST_F(RocksdbLoss, a_child_killed_without_warning_loses_nothing) {
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    auto opened = open_rocksdb(options());
    if (!opened) ::_exit(1);
    for (Seq seq = 0; seq < 100; ++seq) {
      if (!commit_one(**opened, make_turn((*opened)->epoch(), alice, seq))) ::_exit(2);
    }
    ::kill(::getpid(), SIGKILL);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status));
  open();
  EXPECT_EQ(store().last_record(alice).value()->seq, 100u);
}

TEST_F(RocksdbLoss, buffered_commits_are_there_after_an_orderly_close) {
  auto with = options();
  with.durability = Durability::buffered;
  open(with);
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(commit(alice));
  EXPECT_EQ(store().stats().syncs, 0u);
  open();
  EXPECT_EQ(store().last_record(alice).value()->seq, 10u);
}

}  // namespace
}  // namespace perdure::storage
