// SPDX-License-Identifier: Apache-2.0
// Commits, trims, erasures and reads of the same objects at once.
#include <atomic>
#include <thread>

#include "rocksdb_fixture.hpp"

namespace perdure::storage {
namespace {

constexpr int objects = 3;
constexpr Seq turns_each = 1'500;
constexpr Seq history_kept = 20;
constexpr Seq erased_every = 400;

ObjectId object_at(int number) { return {"thing", std::to_string(number)}; }

/// Each turn writes `last`, and one of seven others.
std::vector<std::string> keys_of(Seq seq) { return {"last", "k" + std::to_string(seq % 7)}; }

class RocksdbThreads : public RocksdbStoreTest {
 protected:
  void commit_all() {
    for (Seq seq = 1; seq <= turns_each; ++seq) {
      std::vector<Unit> units;
      for (int number = 0; number < objects; ++number) {
        auto write_set = make_turn(store().epoch(), object_at(number), seq - 1);
        for (auto& key : keys_of(seq)) {
          write_set.entries.push_back({std::move(key), std::to_string(seq)});
        }
        if (seq % erased_every == 0) {
          write_set.past = Past::erased;
        } else if (seq % 50 == 0) {
          write_set.pins.push_back({seq, "pin"});
        }
        units.push_back(make_unit(std::move(write_set)));
      }
      for (const auto& outcome : store().commit(units, default_now)) {
        ASSERT_EQ(code_of(outcome), std::nullopt);
      }
    }
    done_ = true;
  }

  void trim_until_done() {
    const auto changed = [](const ObjectId&, const RecordRow& row) {
      return Result<std::vector<std::string>>{keys_of(row.seq)};
    };
    while (!done_) {
      for (int number = 0; number < objects; ++number) {
        const auto last = store().last_record(object_at(number)).value();
        if (!last || last->seq <= history_kept) continue;
        ASSERT_EQ(code_of(store().trim(object_at(number), last->seq - history_kept, changed)),
                  std::nullopt);
        ++trims_;
      }
    }
  }

  /// What one seq shows belongs together, whatever happens meanwhile.
  void read_until_done() {
    while (!done_) {
      for (int number = 0; number < objects; ++number) {
        const auto object = object_at(number);
        const auto last = store().last_record(object).value();
        if (!last) continue;
        const auto seen = store().entry(object, "last", last->seq).value();
        const auto rows = store().entries(object, {}, last->seq).value();
        const auto journal =
            store().journal(object, last->seq, newest, Direction::forward, 5).value();
        if (store().floor(object).value() > last->seq) continue;  // trimmed or erased meanwhile
        ASSERT_TRUE(seen);
        EXPECT_EQ(seen->value, std::to_string(last->seq));
        ASSERT_FALSE(rows.empty());
        EXPECT_EQ(rows.back().key + rows.back().value, "last" + seen->value);
        ASSERT_FALSE(journal.empty());
        EXPECT_EQ(journal.front().record, record_text(object, last->seq));
        ++reads_;
      }
    }
  }

  std::atomic<bool> done_{false};
  std::atomic<int> trims_{0};
  std::atomic<int> reads_{0};
};

TEST_F(RocksdbThreads, see_whole_turns_while_others_commit_trim_and_erase) {
  auto with = options();
  with.durability = Durability::buffered;
  open(std::move(with));
  std::vector<std::thread> threads;
  threads.emplace_back([this] { trim_until_done(); });
  threads.emplace_back([this] { read_until_done(); });
  threads.emplace_back([this] { read_until_done(); });
  commit_all();
  done_ = true;
  for (auto& thread : threads) thread.join();
  EXPECT_GT(trims_, 0);
  EXPECT_GT(reads_, 0);
  for (int number = 0; number < objects; ++number) {
    const auto last = store().last_record(object_at(number)).value();
    EXPECT_EQ(last->seq, turns_each);
    EXPECT_EQ(store().entries(object_at(number), {}).value().size(), 8u);
  }
  close();
  EXPECT_THAT(check_rocksdb(path(), {}, {}).value().findings, testing::IsEmpty());
}

}  // namespace
}  // namespace perdure::storage
