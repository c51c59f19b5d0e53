// SPDX-License-Identifier: Apache-2.0
// Power cuts under a RocksDB store, at random calls: what was acknowledged is there afterwards.
#include <algorithm>
#include <cstdlib>

#include "rocksdb/open.hpp"
#include "rocksdb_fixture.hpp"
#include "store_ledger.hpp"
#include "unreliable_disk.hpp"

namespace perdure::storage {
namespace {

using Step = StoreLedger::Step;

/// What a life of the store with a power cut at its end looks like.
struct Lives {
  int count = 0;
  DiskFaults faults = {};
  Durability durability = Durability::sync;
};

int cuts_wanted() {
  const char* text = std::getenv("PERDURE_POWER_CUTS");
  return text == nullptr ? 150 : std::max(1, std::atoi(text));
}

std::uint64_t seed_wanted() {
  const char* text = std::getenv("PERDURE_SEED");
  return text == nullptr ? 1 : std::strtoull(text, nullptr, 10);
}

class PowerCut : public testing::Test {
 protected:
  /// Lives one after the other on one directory; returns what was wrong, or nothing.
  std::string run(const Lives& lives, std::uint64_t seed) {
    TemporaryDirectory place{TemporaryDirectory::Place::memory};
    const auto directory = place.path() / "data";
    std::filesystem::create_directories(directory);
    UnreliableDisk disk{directory};
    std::mt19937_64 random{seed};
    StoreLedger ledger{seed};
    const auto open = [&] {
      return open_rocksdb_in({.directory = directory,
                              .durability = lives.durability,
                              .block_cache_bytes = 1u << 20,
                              .write_buffer_bytes = 1u << 20},
                             disk.env());
    };
    const auto cut_within = [&](std::uint64_t calls) {
      auto faults = lives.faults;
      faults.strike = DiskFaults::Strike::cut_power;
      faults.count_reads = false;
      faults.strike_at = 1 + random() % calls;
      disk.set_faults(faults);
    };
    for (int life = 0; life <= lives.count; ++life) {
      // An opening changes something about 120 times, a commit two or three times.
      if (random() % 3 == 0 && life < lives.count) cut_within(120);
      auto opened = open();
      if (!opened) return "after a power cut it does not open: " + to_string(opened.error());
      if (!disk.power_is_off()) {
        disk.set_faults(lives.faults);
        if (ledger.settle(**opened) == Step::wrong) return ledger.story();
        if (life == lives.count) break;
        cut_within(150);
        for (int steps = 0; steps < 200 && !disk.power_is_off(); ++steps) {
          const auto step = ledger.step(**opened, [&] { return !disk.power_is_off(); });
          if (step == Step::wrong) return ledger.story();
        }
      }
      struck_[disk.struck().substr(0, disk.struck().find(' '))] += 1;
      opened->reset();
      disk.reboot(random);
      ++cuts_;
    }
    acknowledged_ += ledger.acknowledged();
    return {};
  }

  int cuts_ = 0;
  std::uint64_t acknowledged_ = 0;
  std::map<std::string, int> struck_;
};

TEST_F(PowerCut, takes_nothing_that_was_acknowledged_and_adds_nothing) {
  const auto first_seed = seed_wanted();
  constexpr int lives_per_directory = 25;
  for (int done = 0; done < cuts_wanted(); done += lives_per_directory) {
    const auto seed = first_seed + static_cast<std::uint64_t>(done);
    const auto wrong = run({.count = lives_per_directory}, seed);
    ASSERT_EQ(wrong, "") << "PERDURE_SEED=" << seed << " repeats its choices";
  }
  std::printf("%d power cuts, %llu acknowledged units; cut at", cuts_,
              static_cast<unsigned long long>(acknowledged_));
  for (const auto& [call, count] : struck_) std::printf(" %s: %d", call.c_str(), count);
  std::printf("\n");
  EXPECT_GT(acknowledged_, 0u);
}

/// How many of ten histories end in a loss that is noticed.
class PowerCutIsNoticed : public PowerCut {
 protected:
  int losses(const Lives& lives) {
    int found = 0;
    for (std::uint64_t seed = 1; seed <= 10; ++seed) {
      if (!run(lives, seed).empty()) ++found;
    }
    return found;
  }
};

TEST_F(PowerCutIsNoticed, when_commits_are_not_synced) {
  EXPECT_GE(losses({.count = 10, .durability = Durability::buffered}), 9);
}

TEST_F(PowerCutIsNoticed, when_the_disk_syncs_no_files) {
  EXPECT_GE(losses({.count = 10, .faults = {.ignores_file_syncs = true}}), 9);
}

TEST_F(PowerCutIsNoticed, when_the_disk_syncs_no_directories) {
  EXPECT_GE(losses({.count = 10, .faults = {.ignores_directory_syncs = true}}), 9);
}

}  // namespace
}  // namespace perdure::storage
