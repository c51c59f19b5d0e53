// SPDX-License-Identifier: Apache-2.0
// What opening a RocksDB store refuses, by name.
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>

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
  EXPECT_EQ(read(path() / "FORMAT"), "perdure store 3\n");
  write(path() / "FORMAT", "perdure store 4\n");
  EXPECT_EQ(code_of(open_rocksdb(options())), ErrorCode::newer_version);
  EXPECT_EQ(code_of(check_rocksdb(path(), {}, {})), ErrorCode::newer_version);
  write(path() / "FORMAT", "something else\n");
  EXPECT_EQ(code_of(open_rocksdb(options())), ErrorCode::corrupt);
}

TEST_F(RocksdbOpen, makes_an_older_format_its_own_so_that_older_programs_keep_off) {
  open();
  close();
  write(path() / "FORMAT", "perdure store 2\n");
  open();
  EXPECT_EQ(read(path() / "FORMAT"), "perdure store 3\n");
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
