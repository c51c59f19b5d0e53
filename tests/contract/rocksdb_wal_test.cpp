// SPDX-License-Identifier: Apache-2.0
// The write-ahead log is written over zeros, and ends for its reader where they begin.
#include "rocksdb/prepared_wal.hpp"
#include "rocksdb_fixture.hpp"

namespace perdure::storage {
namespace {

constexpr std::size_t block_bytes = 32u << 10;
constexpr std::size_t header_bytes = 7;
const ObjectId alice{"counter", "alice"};

std::string physical_record(std::size_t length, char type = 1) {
  return std::string(4, 'c') + static_cast<char>(length & 0xFF) + static_cast<char>(length >> 8) +
         type + std::string(length, 'x');
}

/// How much of it a reader gets that reads so many bytes at a time.
std::size_t taken_of(const std::string& wal, std::size_t at_a_time) {
  WalEnd end;
  std::size_t taken = 0;
  for (std::size_t at = 0; at < wal.size(); at += at_a_time) {
    taken += end.take(std::string_view{wal}.substr(at, at_a_time));
  }
  return taken;
}

TEST(WalEnd, is_where_a_header_has_neither_length_nor_type) {
  const auto records = physical_record(10) + physical_record(0) + physical_record(3'000);
  const auto behind = physical_record(20);
  for (const std::size_t at_a_time : {block_bytes, records.size() + 7, records.size(), 100ul}) {
    EXPECT_EQ(taken_of(records, at_a_time), records.size());
    EXPECT_EQ(taken_of(records + std::string(100'000, '\0'), at_a_time), records.size());
    EXPECT_EQ(taken_of(records + std::string(500, '\0') + behind, at_a_time), records.size());
    // The checksum got to the disk, the rest did not.
    EXPECT_EQ(taken_of(records + "crc!" + std::string(3, '\0') + behind, at_a_time),
              records.size());
  }
  EXPECT_EQ(taken_of(std::string(block_bytes, '\0'), 5), 5u) << "a header cut in two";
}

TEST(WalEnd, is_not_the_unused_rest_of_a_block) {
  for (std::size_t rest = 0; rest < header_bytes; ++rest) {
    const auto first = physical_record(block_bytes - header_bytes - rest);
    const auto wal = first + std::string(rest, '\0') + physical_record(5);
    EXPECT_EQ(taken_of(wal, block_bytes), wal.size()) << rest;
    EXPECT_EQ(taken_of(wal + std::string(64, '\0'), block_bytes), wal.size()) << rest;
  }
}

TEST(WalEnd, leaves_what_rocksdb_cannot_have_written_to_rocksdb) {
  const std::string zeros(100, '\0');
  const auto unknown_type = physical_record(5, 9) + zeros;
  EXPECT_EQ(taken_of(unknown_type, 20), unknown_type.size());
  const auto too_long = physical_record(block_bytes, 1) + zeros;
  EXPECT_EQ(taken_of(too_long, block_bytes), too_long.size());
}

class RocksdbWal : public RocksdbStoreTest {
 protected:
  void commit_record(std::size_t length) {
    const auto last = store().last_record(alice).value();
    auto turn = make_turn(store().epoch(), alice, last ? last->seq : 0);
    turn.record = std::string(length, 'r');
    ASSERT_TRUE(commit_one(store(), turn));
  }
  [[nodiscard]] std::string wal() const { return read(files(".log").back()); }
  [[nodiscard]] std::size_t wal_end() const { return WalEnd{}.take(wal()); }
};

TEST_F(RocksdbWal, grows_in_steps_ahead_of_its_records_and_is_cut_when_it_is_closed) {
  open();
  commit_record(100);
  const auto prepared = wal().size();
  EXPECT_GE(prepared, 64u << 10);
  EXPECT_LT(wal_end(), 2'000u);
  commit_record(1'000);
  EXPECT_EQ(wal().size(), prepared) << "a commit changes no size";
  commit_record(prepared);
  EXPECT_GT(wal().size(), prepared);
  const auto end = wal_end();
  close();
  EXPECT_EQ(wal().size(), end);
}

// A record that is lost whole, at the end of a block: the block behind it begins with a whole one.
TEST_F(RocksdbWal, what_was_written_behind_a_hole_is_not_recovered) {
  open();
  commit_record(1'000);
  const auto before = wal_end();
  commit_record(1'000);
  const auto overhead = wal_end() - before - 1'000;
  while (block_bytes - wal_end() > 8'000) commit_record(4'000);
  const auto hole = wal_end();
  commit_record(block_bytes - hole - overhead);
  ASSERT_EQ(wal_end(), block_bytes);
  const auto seq_in_hole = store().last_record(alice).value()->seq;
  commit_record(1'000);

  const auto file = files(".log").back();
  auto bytes = wal();
  close();
  std::fill_n(bytes.begin() + static_cast<std::ptrdiff_t>(hole), block_bytes - hole, '\0');
  write(file, bytes);
  EXPECT_EQ(code_of(open_rocksdb(options())), ErrorCode::corrupt) << "two acknowledged commits";
  auto accepting = options();
  accepting.lost_commits = LostCommits::accept;
  open(accepting);
  EXPECT_EQ(store().last_record(alice).value()->seq, seq_in_hole - 1);
}

}  // namespace
}  // namespace perdure::storage
