// SPDX-License-Identifier: Apache-2.0
// What a commit costs: turns a second and the time of one commit call, by the number of turns that
// one call carries, with sync and without. One thread, as the committer has.
//
// Usage: store_commit [directory] [seconds a run] [runs]
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <string>
#include <vector>

#include "perdure/storage/rocksdb_store.hpp"

namespace {

using namespace perdure;
using namespace perdure::storage;
using SteadyClock = std::chrono::steady_clock;

constexpr std::size_t objects = 10'000;
constexpr std::size_t record_bytes = 300;
constexpr std::size_t in_flight[] = {1, 8, 64, 512, 4096};
constexpr Durability durabilities[] = {Durability::sync, Durability::buffered};

struct Figures {
  double turns_per_s;
  double p50_us;
  double p99_us;
  double max_us;
};

class Load {
 public:
  explicit Load(Store& store) : store_(store), seqs_(objects, 0) {
    for (auto& c : payload_) c = static_cast<char>('a' + random_() % 16);
  }

  Figures run(std::size_t turns, double seconds) {
    std::vector<double> micros;
    const auto start = SteadyClock::now();
    double elapsed = 0;
    while (elapsed < seconds) {
      const auto units = draw(turns);
      const auto begin = SteadyClock::now();
      for (const auto& outcome : store_.commit(units, Timestamp{})) require(outcome);
      const auto end = SteadyClock::now();
      micros.push_back(std::chrono::duration<double, std::micro>(end - begin).count());
      elapsed = std::chrono::duration<double>(end - start).count();
    }
    std::sort(micros.begin(), micros.end());
    const auto at = [&](double share) {
      return micros[static_cast<std::size_t>(share * static_cast<double>(micros.size() - 1))];
    };
    return {static_cast<double>(turns * micros.size()) / elapsed, at(0.5), at(0.99), at(1.0)};
  }

 private:
  static void require(const Outcome& outcome) {
    if (outcome) return;
    std::fprintf(stderr, "%s\n", to_string(outcome.error()).c_str());
    std::exit(1);
  }

  std::vector<Unit> draw(std::size_t turns) {
    std::vector<Unit> units(turns);
    for (auto& unit : units) {
      const auto object = random_() % objects;
      const auto from = random_() % (payload_.size() - record_bytes);
      unit.write_sets.push_back({.object = {"counter", "object-" + std::to_string(object)},
                                 .epoch = store_.epoch(),
                                 .expected_seq = seqs_[object]++,
                                 .record = payload_.substr(from, record_bytes)});
    }
    return units;
  }

  Store& store_;
  std::mt19937_64 random_{5};
  std::vector<Seq> seqs_;
  std::string payload_ = std::string(1 << 20, '\0');
};

Figures measure(const std::filesystem::path& directory, std::size_t turns, Durability durability,
                double seconds) {
  std::filesystem::remove_all(directory);
  Figures figures{};
  {
    auto store = open_rocksdb({.directory = directory, .durability = durability});
    if (!store) {
      std::fprintf(stderr, "%s\n", to_string(store.error()).c_str());
      std::exit(1);
    }
    figures = Load{**store}.run(turns, seconds);
  }
  std::filesystem::remove_all(directory);
  return figures;
}

double median(const std::vector<Figures>& all, double Figures::*member) {
  std::vector<double> values;
  for (const auto& figures : all) values.push_back(figures.*member);
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

void report(std::size_t turns, const char* mode, const std::vector<Figures>& all) {
  const auto [low, high] = std::minmax_element(
      all.begin(), all.end(),
      [](const Figures& a, const Figures& b) { return a.turns_per_s < b.turns_per_s; });
  std::printf("%5zu %-8s %9.0f (%.0f to %.0f)  %8.0f %8.0f %8.0f\n", turns, mode,
              median(all, &Figures::turns_per_s), low->turns_per_s, high->turns_per_s,
              median(all, &Figures::p50_us), median(all, &Figures::p99_us),
              median(all, &Figures::max_us));
}

}  // namespace

int main(int argc, char** argv) {
  const std::filesystem::path directory = argc > 1 ? argv[1] : "store_commit.data";
  const double seconds = argc > 2 ? std::atof(argv[2]) : 3;
  const int runs = argc > 3 ? std::atoi(argv[3]) : 5;
  std::vector<std::vector<Figures>> all(std::size(in_flight) * std::size(durabilities));
  for (int run = 0; run < runs; ++run) {
    std::size_t cell = 0;
    for (const auto durability : durabilities) {
      for (const auto turns : in_flight) {
        all[cell++].push_back(measure(directory, turns, durability, seconds));
      }
    }
  }
  std::printf("turns mode       turns/s (lowest to highest)   call: p50 us   p99 us   max us\n");
  std::size_t cell = 0;
  for (const auto durability : durabilities) {
    for (const auto turns : in_flight) {
      report(turns, durability == Durability::sync ? "sync" : "buffered", all[cell++]);
    }
  }
  return 0;
}
