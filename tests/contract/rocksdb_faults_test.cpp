// SPDX-License-Identifier: Apache-2.0
// Failing disks and damaged files under a RocksDB store.
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>

#include "perdure/base/thread_sanitizer.hpp"
#include "rocksdb/open.hpp"
#include "rocksdb_fixture.hpp"
#include "unreliable_disk.hpp"

namespace perdure::storage {
namespace {

using testing::Each;
using testing::HasSubstr;
using testing::IsEmpty;

const ObjectId alice{"counter", "alice"};

class RocksdbFailure : public RocksdbStoreTest {
 protected:
  ~RocksdbFailure() override { close(); }  // before its disk goes

  void open_faulty() {
    close();
    auto with = options();
    with.on_write_failure = [this](const Error&) { ++failures_; };
    auto opened = open_rocksdb_in(with, disk_.env());
    ASSERT_EQ(code_of(opened), std::nullopt);
    set_store(std::move(*opened));
  }
  void expect_writes_to_stop(Health after) {
    const std::vector<Unit> units{make_unit(make_turn(store().epoch(), alice, 1)),
                                  make_unit(make_turn(store().epoch(), alice, 2))};
    EXPECT_THAT(codes_of(store().commit(units, default_now)), Each(ErrorCode::outcome_unknown));
    disk_.set_faults({});
    EXPECT_EQ(code_of(commit(alice)), ErrorCode::outcome_unknown) << "the disk recovered";
    EXPECT_EQ(store().health(), after);
    EXPECT_EQ(store().last_record(alice).value()->seq, 1u) << "reads go on";
    EXPECT_EQ(code_of(store().trim(alice, 1, {})), ErrorCode::unavailable);
    EXPECT_EQ(failures_, 1);
  }

  UnreliableDisk disk_{path()};
  std::atomic<int> failures_{0};
};

TEST_F(RocksdbFailure, a_failed_sync_stops_writes_for_good) {
  open_faulty();
  ASSERT_TRUE(commit(alice));
  disk_.set_faults({.syncs_fail = true});
  expect_writes_to_stop(Health::read_only);
}

TEST_F(RocksdbFailure, a_full_disk_stops_writes_for_good) {
  open_faulty();
  ASSERT_TRUE(commit(alice));
  disk_.set_faults({.disk_is_full = true});
  expect_writes_to_stop(Health::no_space);
}

TEST_F(RocksdbFailure, a_sync_that_fails_for_want_of_space_is_a_failed_sync) {
  open_faulty();
  ASSERT_TRUE(commit(alice));
  disk_.set_faults({.syncs_fail_for_space = true});
  EXPECT_EQ(code_of(commit(alice)), ErrorCode::outcome_unknown);
  EXPECT_EQ(store().health(), Health::read_only)
      << "what was not synced may read back as if it was";
}

TEST_F(RocksdbFailure, closing_and_opening_recovers) {
  open_faulty();
  ASSERT_TRUE(commit(alice));
  disk_.set_faults({.syncs_fail = true});
  EXPECT_FALSE(commit(alice));
  disk_.set_faults({});
  open_faulty();
  const auto seq = store().last_record(alice).value()->seq;
  EXPECT_THAT(seq, testing::AnyOf(1u, 2u)) << "the outcome was unknown";
  EXPECT_TRUE(commit(alice));
}

TEST_F(RocksdbFailure, a_failed_trim_stops_writes) {
  open_faulty();
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(commit(alice));
  disk_.set_faults({.syncs_fail = true});
  EXPECT_EQ(code_of(store().trim(alice, 2, {})), ErrorCode::unavailable);
  EXPECT_EQ(store().health(), Health::read_only);
  EXPECT_EQ(failures_, 1);
}

/// In a child with a mount namespace of its own. Exit codes: 0 well, 77 not permitted here.
int fill_small_disk(const RocksdbOptions& options) {
  if (::unshare(CLONE_NEWNS) != 0) return 77;
  if (::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return 77;
  const auto target = options.directory.string();
  if (::mount("tmpfs", target.c_str(), "tmpfs", 0, "size=4m") != 0) return 77;
  auto opened = open_rocksdb(options);
  if (!opened) return 1;
  auto& store = **opened;
  Seq acknowledged = 0;
  for (;;) {
    auto write_set = make_turn(store.epoch(), alice, acknowledged);
    write_set.record = std::string(100'000, 'x');
    const auto outcome = commit_one(store, write_set);
    if (!outcome) {
      if (outcome.error().code != ErrorCode::outcome_unknown) return 2;
      break;
    }
    if (++acknowledged > 1'000) return 3;  // the disk never filled up
  }
  if (store.health() != Health::no_space) return 4;
  const auto last = store.last_record(alice);
  return last && *last && (*last)->seq == acknowledged ? 0 : 5;
}

TEST_F(RocksdbFailure, a_really_full_disk_stops_writes_and_reads_go_on) {
#ifdef PERDURE_THREAD_SANITIZER
  GTEST_SKIP() << "it does not bear threads that begin in the child of a process with threads";
#endif
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) ::_exit(fill_small_disk(options()));
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  if (WEXITSTATUS(status) == 77) GTEST_SKIP() << "a mount namespace is not permitted here";
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

class RocksdbDamage : public RocksdbStoreTest {};

TEST_F(RocksdbDamage, a_flipped_bit_is_corrupt_and_never_a_wrong_value) {
  const ObjectId bob{"other", "bob"};
  open();
  auto write_set = make_turn(store().epoch(), alice, 0);
  write_set.entries.push_back({"page", "the text of a page, stored once"});
  ASSERT_TRUE(commit_one(store(), write_set));
  open();  // recovery writes the log's rows into files of sorted rows
  close();
  ASSERT_EQ(damage(".sst", record_text(alice, 1)), 1);
  ASSERT_EQ(damage(".sst", "the text of a page, stored once"), 1);
  open();
  EXPECT_EQ(code_of(store().last_record(alice)), ErrorCode::corrupt);
  EXPECT_EQ(code_of(store().record(alice, 1)), ErrorCode::corrupt);
  EXPECT_EQ(code_of(store().journal(alice, 1, 1, Direction::forward, 1)), ErrorCode::corrupt);
  EXPECT_EQ(code_of(store().entry(alice, "page")), ErrorCode::corrupt);
  EXPECT_EQ(code_of(store().entries(alice, {})), ErrorCode::corrupt);
  EXPECT_TRUE(commit(bob)) << "the damage stops at its object";
}

TEST_F(RocksdbDamage, that_a_compaction_meets_is_told_and_stops_no_writes) {
  // Of files whose keys lie around the damaged one, or it would be moved without a look.
  const ObjectId first{"a", "a"};
  const ObjectId last{"z", "z"};
  open();
  ASSERT_TRUE(commit(alice));
  open();  // recovery writes the log's rows into files of sorted rows
  close();
  ASSERT_EQ(damage(".sst", record_text(alice, 1)), 1);
  std::atomic<int> told{0};
  auto with = options();
  with.on_damage = [&](const Error& error) {
    EXPECT_EQ(error.code, ErrorCode::corrupt);
    ++told;
  };
  with.on_write_failure = [](const Error& error) { ADD_FAILURE() << to_string(error); };
  for (int i = 0; i < 20 && told == 0; ++i) {
    open(with);
    ASSERT_TRUE(commit(first));
    ASSERT_TRUE(commit(last));
    std::this_thread::sleep_for(std::chrono::milliseconds{50});
  }
  EXPECT_EQ(told, 1);
  EXPECT_EQ(store().health(), Health::writable);
  EXPECT_TRUE(commit(first));
  EXPECT_EQ(code_of(store().last_record(alice)), ErrorCode::corrupt);
}

class RocksdbCheck : public RocksdbStoreTest {
 protected:
  /// Two objects with everything that a turn can write.
  void fill() {
    open();
    for (const std::string id : {"a", "b"}) {
      const ObjectId object{"thing", id};
      for (Seq seq = 0; seq < 4; ++seq) {
        auto write_set = make_turn(store().epoch(), object, seq);
        write_set.entries.push_back({"page", std::to_string(seq)});
        write_set.events.push_back("event");
        if (seq == 0) {
          write_set.indexes.push_back({IndexChange::Op::put, "by_name", id});
          write_set.alarms.push_back(
              {.name = "wake", .previous_due = {}, .due = at_ms(5), .body = "b"});
          write_set.claims.push_back({.space = "name", .key = id, .value = ""});
          write_set.pins.push_back({1, "first"});
        }
        ASSERT_TRUE(commit_one(store(), write_set));
      }
    }
    ASSERT_TRUE(store().trim({"thing", "a"}, 3, {}));
  }
};

TEST_F(RocksdbCheck, finds_nothing_in_a_sound_store_and_writes_nothing) {
  fill();
  close();
  const auto log_before = files(".log");
  std::vector<std::string> seen;
  const auto report =
      check_rocksdb(path(),
                    [&](const ObjectId& object, const RecordRow& row, const auto& previous) {
                      seen.push_back(object.id + std::to_string(row.seq) +
                                     (previous ? "<" + std::to_string(previous->seq) : ""));
                      return std::string{};
                    },
                    {});
  ASSERT_EQ(code_of(report), std::nullopt);
  EXPECT_THAT(report->findings, IsEmpty());
  EXPECT_EQ(report->objects, 2u);
  EXPECT_EQ(report->records, 3u + 4u);
  EXPECT_EQ(report->entries, 3u + 4u);
  EXPECT_THAT(seen,
              testing::UnorderedElementsAre("a1", "a3", "a4<3", "b1", "b2<1", "b3<2", "b4<3"));
  EXPECT_EQ(files(".log"), log_before);
}

TEST_F(RocksdbCheck, refuses_a_store_in_use) {
  fill();
  EXPECT_EQ(code_of(check_rocksdb(path(), {}, {})), ErrorCode::conflict);
}

TEST_F(RocksdbCheck, passes_on_what_the_record_check_finds) {
  fill();
  close();
  const auto report =
      check_rocksdb(path(),
                    [](const ObjectId&, const RecordRow& row, const auto&) {
                      return row.seq == 4 ? std::string{"a bad record"} : std::string{};
                    },
                    {});
  EXPECT_THAT(report.value().findings, testing::ElementsAre("a bad record", "a bad record"));
}

TEST_F(RocksdbCheck, finds_a_flipped_bit) {
  fill();
  open();
  close();
  ASSERT_EQ(damage(".sst", record_text({"thing", "b"}, 2)), 1);
  const auto report = check_rocksdb(path(), {}, {}).value();
  EXPECT_THAT(report.findings, testing::Contains(HasSubstr("a file fails its checks")));
}

TEST_F(RocksdbCheck, lists_objects_in_key_order_beside_the_owner) {
  fill();
  const std::vector<ObjectId> expected{{"thing", "a"}, {"thing", "b"}};
  EXPECT_EQ(list_objects_rocksdb(path()).value(), expected);
  close();
  EXPECT_EQ(list_objects_rocksdb(path()).value(), expected);
}

}  // namespace
}  // namespace perdure::storage
