// SPDX-License-Identifier: Apache-2.0
// The first call on the disk fails, then in a second run the second, and so on until a run needs
// no more calls. Each time everything succeeds or gives a named error, and afterwards everything
// that was acknowledged is there, and nothing that was refused.
#include <algorithm>
#include <cstdlib>
#include <random>

#include "prepared_store.hpp"
#include "rocksdb/open.hpp"
#include "rocksdb/store.hpp"
#include "unreliable_disk.hpp"

namespace perdure::storage {
namespace {

using Step = StoreLedger::Step;

/// What a run says that had no fault: its number of calls stands behind it.
constexpr std::string_view no_fault = "no fault in ";
/// Runs of each test, unless PERDURE_FAULT_STRIDE says at which distance calls are to fail.
constexpr std::uint64_t runs_wanted = 25;

bool names_the_disk(const Error& error) {
  return (error.code == ErrorCode::unavailable || error.code == ErrorCode::corrupt) &&
         !error.detail.empty();
}

/// What runs on the failing disk. Each returns what was wrong, or nothing.
using Scenario = std::string (*)(const RocksdbOptions&, UnreliableDisk&, StoreLedger&);

/// Opening (and so recovery), commits with pins and takes, trims, erasures, reads, closing.
std::string serve(const RocksdbOptions& options, UnreliableDisk& disk, StoreLedger& ledger) {
  auto opened = open_rocksdb_in(options, disk.env());
  if (!opened) {
    return names_the_disk(opened.error()) ? "" : "opening: " + to_string(opened.error());
  }
  for (int steps = 0; steps < 8; ++steps) {
    const auto step = ledger.step(**opened);
    if (step == Step::wrong || ledger.read_some(**opened) == Step::wrong) return ledger.story();
    if (step == Step::done) continue;
    if (ledger.commit_is_unknown() && (*opened)->health() == Health::writable) {
      return "the outcome of a commit is unknown, and writes go on";
    }
    break;
  }
  return {};
}

/// Flushes and compacts all tables, as the store's own tuning does it in the background.
std::string rewrite(const RocksdbOptions& options, UnreliableDisk& disk, StoreLedger& /*ledger*/) {
  const auto tuning = tune(options, disk.env());
  auto opened = Database::open(options.directory.string(), tuning, Database::Mode::read_write);
  if (!opened) {
    return names_the_disk(opened.error()) ? "" : "opening: " + to_string(opened.error());
  }
  for (const auto table : rows::all_tables) {
    const auto status =
        (*opened)->db().CompactRange({}, (*opened)->family(table), nullptr, nullptr);
    if (!status.ok() && status.ToString().empty()) return "an error without a name";
  }
  return {};
}

class EveryCall : public PreparedStore {
 protected:
  EveryCall() : PreparedStore(7) {}

  /// One run; what was wrong, `no_fault`, or nothing.
  std::string run(Scenario scenario, const DiskFaults& faults, std::uint64_t seed,
                  ChildNotes& notes) {
    UnreliableDisk disk{data_};
    disk.set_faults(faults);
    auto wrong = scenario(small(data_), disk, ledger_);
    const auto struck = disk.struck();
    const auto calls = disk.calls();
    notes.set(struck);
    if (!wrong.empty()) return struck + ": " + wrong;
    std::mt19937_64 random{seed};
    // The kernel may have dropped what it could not write; or still have it.
    if (seed % 2 == 0) disk.reboot(random);
    disk.set_faults({});
    auto opened = open_rocksdb_in(small(data_), disk.env());
    if (!opened) return struck + ": does not open again: " + to_string(opened.error());
    if (ledger_.settle(**opened) == Step::wrong) return struck + ": " + ledger_.story();
    return struck.empty() ? std::string{no_fault} + std::to_string(calls) : "";
  }

  /// A run that RocksDB ends by an assertion is a crash: the store must open, and be sound.
  std::string after_an_assertion() const {
    const auto end = in_child([&](ChildNotes&) -> std::string {
      auto opened = open_rocksdb(small(data_));
      if (!opened) return to_string(opened.error());
      opened->reset();
      const auto report = check_rocksdb(data_, {}, {});
      if (!report) return to_string(report.error());
      return report->findings.empty() ? "" : report->findings.front();
    });
    return end.exited ? end.said : "ended by an assertion again";
  }

  void fail_each(Scenario scenario, DiskFaults::Strike strike) {
    begin_again();
    const auto plain = in_child([&](ChildNotes& notes) { return run(scenario, {}, 1, notes); });
    ASSERT_TRUE(plain.exited && plain.said.starts_with(no_fault)) << plain.said;
    const auto calls = std::strtoull(plain.said.c_str() + no_fault.size(), nullptr, 10);
    const char* text = std::getenv("PERDURE_FAULT_STRIDE");
    const auto stride = text == nullptr ? std::max<std::uint64_t>(1, calls / runs_wanted)
                                        : std::strtoull(text, nullptr, 10);
    // A failure names the call.
    std::uint64_t call = 1;
    int runs = 0, assertions = 0;
    for (;; call += stride, ++runs) {
      ASSERT_LT(call, 100'000u) << "there is no end of calls";
      begin_again();
      const auto end = in_child([&](ChildNotes& notes) {
        return run(scenario, {.strike_at = call, .strike = strike}, call, notes);
      });
      if (!end.exited) {
        ++assertions;
        ASSERT_EQ(after_an_assertion(), "") << "call " << call << ", " << end.said;
        continue;
      }
      if (end.said.starts_with(no_fault)) break;
      ASSERT_EQ(end.said, "") << "call " << call;
    }
    std::printf("%llu calls, %d runs with a fault, %d ended by an assertion of RocksDB\n", calls,
                runs, assertions);
    EXPECT_GT(runs, 5);
  }
};

TEST_F(EveryCall, of_making_a_store_may_fail_once) {
  fail_each(serve, DiskFaults::Strike::fail_once);
}

TEST_F(EveryCall, of_serving_may_fail_once) {
  prepare();
  fail_each(serve, DiskFaults::Strike::fail_once);
}

TEST_F(EveryCall, of_serving_may_fail_with_all_that_follow) {
  prepare();
  fail_each(serve, DiskFaults::Strike::fail_on);
}

TEST_F(EveryCall, of_flushing_and_compacting_may_fail_once) {
  prepare();
  fail_each(rewrite, DiskFaults::Strike::fail_once);
}

}  // namespace
}  // namespace perdure::storage
