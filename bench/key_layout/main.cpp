// SPDX-License-Identifier: Apache-2.0
// Which layout of an object's records costs least: figures for docs/adr/0002-key-layout.md.
//
//   A  one row a turn, seq inverted: the newest record is one forward Seek
//   B  the record row, and a head row that holds a copy of it: one Get
//   H  the record row, and a head row that holds only its seq: two Gets
//   C  one row a turn, seq ascending: the newest record is one SeekForPrev
//
// Usage: key_layout [directory] [objects] [runs]
#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/slice_transform.h>
#include <rocksdb/table.h>
#include <rocksdb/write_batch.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "perdure/base/codec.hpp"

namespace {

using perdure::put_be64;
using SteadyClock = std::chrono::steady_clock;

constexpr std::size_t batch_turns = 64;
constexpr std::size_t record_bytes = 300;
constexpr std::size_t activations = 200'000;

enum class Layout : char { inverted = 'A', head_copy = 'B', head_seq = 'H', ascending = 'C' };
constexpr Layout layouts[] = {Layout::inverted, Layout::head_copy, Layout::head_seq,
                              Layout::ascending};

void require(const rocksdb::Status& status) {
  if (status.ok()) return;
  std::fprintf(stderr, "%s\n", status.ToString().c_str());
  std::exit(1);
}

double seconds_since(SteadyClock::time_point start) {
  return std::chrono::duration<double>(SteadyClock::now() - start).count();
}

class DropSeq final : public rocksdb::SliceTransform {
 public:
  const char* Name() const override { return "bench.drop_seq"; }
  rocksdb::Slice Transform(const rocksdb::Slice& key) const override {
    return {key.data(), key.size() - 8};
  }
  bool InDomain(const rocksdb::Slice& key) const override { return key.size() > 8; }
};

std::string object_prefix(std::size_t object) {
  char text[64];
  const int length = std::snprintf(text, sizeof text, "counter%cobject-%08zu%c", 0, object, 0);
  return {text, static_cast<std::size_t>(length)};
}

struct Figures {
  double turns_per_s;
  double activation_us;
  double megabytes;
};

class Trial {
 public:
  Trial(Layout layout, const std::filesystem::path& directory, std::size_t objects)
      : layout_(layout), directory_(directory), seqs_(objects, 0), payload_(1 << 20, '\0') {
    std::mt19937_64 random{7};  // half of each byte is fixed: records compress about as JSON does
    for (auto& c : payload_) c = static_cast<char>('a' + random() % 16);
    open();
  }
  ~Trial() {
    for (auto* family : families_) require(db_->DestroyColumnFamilyHandle(family));
    db_.reset();
    std::filesystem::remove_all(directory_);
  }
  Trial(const Trial&) = delete;
  Trial& operator=(const Trial&) = delete;

  Figures run() {
    const auto start = SteadyClock::now();
    const std::size_t objects = seqs_.size();
    for (std::size_t i = 0; i < objects; i += batch_turns) commit(i, Order::sequential);
    for (std::size_t i = 0; i < objects; i += batch_turns) commit(i, Order::random);
    const double turns_per_s = 2.0 * static_cast<double>(objects) / seconds_since(start);
    settle();
    activate();  // warms the page cache and the block cache
    const auto reading = SteadyClock::now();
    activate();
    const double activation_us = seconds_since(reading) * 1e6 / activations;
    return {turns_per_s, activation_us, size_on_disk() / 1e6};
  }

 private:
  enum class Order { sequential, random };

  void open() {
    rocksdb::BlockBasedTableOptions table;
    table.format_version = 5;
    table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
    table.block_cache = rocksdb::NewLRUCache(256u << 20);
    rocksdb::Options options;
    options.create_if_missing = true;
    options.create_missing_column_families = true;
    options.write_buffer_size = 64u << 20;
    options.compression = rocksdb::kLZ4Compression;
    options.memtable_prefix_bloom_size_ratio = 0.02;
    table.whole_key_filtering = has_head();
    options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
    rocksdb::ColumnFamilyOptions records{options};
    if (!has_head()) records.prefix_extractor = std::make_shared<DropSeq>();
    rocksdb::ColumnFamilyOptions heads{options};
    heads.memtable_whole_key_filtering = true;
    rocksdb::DB* db = nullptr;
    std::filesystem::remove_all(directory_);
    require(rocksdb::DB::Open(options, directory_.string(),
                              {{rocksdb::kDefaultColumnFamilyName, records}, {"heads", heads}},
                              &families_, &db));
    db_.reset(db);
  }

  [[nodiscard]] bool has_head() const {
    return layout_ == Layout::head_copy || layout_ == Layout::head_seq;
  }

  [[nodiscard]] std::string record_key(std::size_t object, std::uint64_t seq) const {
    auto key = object_prefix(object);
    put_be64(key, layout_ == Layout::ascending ? seq : ~seq);
    return key;
  }

  void commit(std::size_t first, Order order) {
    rocksdb::WriteBatch batch;
    for (std::size_t i = first; i < std::min(first + batch_turns, seqs_.size()); ++i) {
      const auto object = order == Order::sequential ? i : random_() % seqs_.size();
      const auto seq = ++seqs_[object];
      const rocksdb::Slice record{payload_.data() + random_() % (payload_.size() - record_bytes),
                                  record_bytes};
      require(batch.Put(families_[0], record_key(object, seq), record));
      if (layout_ == Layout::head_copy) {
        require(batch.Put(families_[1], object_prefix(object), record));
      } else if (layout_ == Layout::head_seq) {
        std::string head;
        put_be64(head, seq);
        require(batch.Put(families_[1], object_prefix(object), head));
      }
    }
    rocksdb::WriteOptions write;
    write.sync = true;
    require(db_->Write(write, &batch));
  }

  void settle() {
    require(db_->Flush({}, families_));
    for (auto* family : families_) {
      while (property(family, "rocksdb.num-running-compactions") +
                 property(family, "rocksdb.compaction-pending") >
             0) {
        std::this_thread::sleep_for(std::chrono::milliseconds{20});
      }
    }
  }

  [[nodiscard]] std::uint64_t property(rocksdb::ColumnFamilyHandle* family,
                                       const char* name) const {
    std::uint64_t value = 0;
    db_->GetIntProperty(family, name, &value);
    return value;
  }

  void activate() {
    std::mt19937_64 random{11};
    for (std::size_t i = 0; i < activations; ++i) read(random() % seqs_.size());
  }

  void read(std::size_t object) {
    if (has_head()) {
      require(db_->Get({}, families_[1], object_prefix(object), &value_));
      if (layout_ == Layout::head_seq) {
        const auto seq = perdure::Reader{value_}.be64();
        require(db_->Get({}, families_[0], record_key(object, seq), &value_));
      }
      return;
    }
    rocksdb::ReadOptions options;
    options.prefix_same_as_start = true;
    const std::unique_ptr<rocksdb::Iterator> row{db_->NewIterator(options, families_[0])};
    if (layout_ == Layout::inverted) {
      row->Seek(record_key(object, ~0ULL));
    } else {
      row->SeekForPrev(record_key(object, ~0ULL));
    }
    if (!row->Valid()) require(rocksdb::Status::NotFound("a record is missing"));
    value_.assign(row->value().data(), row->value().size());
  }

  [[nodiscard]] double size_on_disk() const {
    double bytes = 0;
    for (const auto& file : std::filesystem::directory_iterator(directory_)) {
      if (file.path().extension() == ".sst") bytes += static_cast<double>(file.file_size());
    }
    return bytes;
  }

  const Layout layout_;
  const std::filesystem::path directory_;
  std::vector<std::uint64_t> seqs_;
  std::string payload_;
  std::string value_;
  std::mt19937_64 random_{3};
  std::unique_ptr<rocksdb::DB> db_;
  std::vector<rocksdb::ColumnFamilyHandle*> families_;
};

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

std::string spread(const std::vector<double>& values) {
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  char text[96];
  std::snprintf(text, sizeof text, "%.1f (%.1f to %.1f)", median(values), *low, *high);
  return text;
}

}  // namespace

int main(int argc, char** argv) {
  const std::filesystem::path directory = argc > 1 ? argv[1] : "key_layout.data";
  const std::size_t objects = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 1'000'000;
  const int runs = argc > 3 ? std::atoi(argv[3]) : 5;
  std::map<char, std::vector<double>> rates, costs, sizes;
  for (int run = 0; run < runs; ++run) {
    for (const auto layout : layouts) {
      const auto figures = Trial{layout, directory, objects}.run();
      const char name = static_cast<char>(layout);
      rates[name].push_back(figures.turns_per_s);
      costs[name].push_back(figures.activation_us);
      sizes[name].push_back(figures.megabytes);
      std::fprintf(stderr, "run %d %c: %.0f turns/s, %.2f us, %.0f MB\n", run, name,
                   figures.turns_per_s, figures.activation_us, figures.megabytes);
    }
  }
  std::printf("layout  turns/s  activation us  MB on disk   median (lowest to highest)\n");
  for (const auto& [name, values] : rates) {
    std::printf("%c  %s  %s  %s\n", name, spread(values).c_str(), spread(costs[name]).c_str(),
                spread(sizes[name]).c_str());
  }
  return 0;
}
