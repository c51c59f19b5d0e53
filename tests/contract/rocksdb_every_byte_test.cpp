// SPDX-License-Identifier: Apache-2.0
// Flipped bytes, cut-off ends and lost files, in every kind of file of a store: it is refused by
// name, or each read gives what was written or a named error.
#include <cstdlib>
#include <fstream>
#include <map>
#include <random>

#include "prepared_store.hpp"

namespace perdure::storage {
namespace {

using Step = StoreLedger::Step;
using std::filesystem::path;

/// What files are there for: `sst`, `log`, or the name without its number.
std::string kind_of(const path& file) {
  const auto extension = file.extension().string();
  if (extension == ".sst" || extension == ".log") return extension.substr(1);
  const auto name = file.filename().string();
  return name.substr(0, name.find('-'));
}

class EveryByte : public PreparedStore {
 protected:
  EveryByte() : PreparedStore(11) {
    const char* text = std::getenv("PERDURE_SEED");
    seed_ = text == nullptr ? 1 : std::strtoull(text, nullptr, 10);
    random_.seed(seed_);
  }
  void SetUp() override {
    prepare();
    for (const auto& file : std::filesystem::directory_iterator(sound_)) {
      files_[kind_of(file.path())].push_back(file.path().filename());
    }
  }

  /// Opens a copy in which `damage` changed one file.
  void judge(const path& file, const std::string& how,
             const std::function<void(const path&)>& damage) {
    begin_again();
    damage(data_ / file);
    const auto end = in_child([&](ChildNotes&) -> std::string {
      auto opened = open_rocksdb(small(data_));
      if (!opened) {
        const auto code = opened.error().code;
        const bool is_named = code == ErrorCode::corrupt || code == ErrorCode::unavailable ||
                              code == ErrorCode::newer_version;
        return is_named && !opened.error().detail.empty() ? "refused" : "refused without a name";
      }
      if (ledger_.settle(**opened, StoreLedger::Damage::reported) == Step::wrong) {
        return "served something wrong: " + ledger_.story();
      }
      return ledger_.errors() > 0 ? "reported" : "unharmed";
    });
    const auto said = end.exited ? end.said : "ended by an assertion of RocksDB";
    ++outcomes_[said];
    ++cases_;
    const bool is_well =
        said == "refused" || said == "reported" || said == "unharmed" || said.starts_with("ended");
    ASSERT_TRUE(is_well) << file << " " << how << ": " << said << "; PERDURE_SEED=" << seed_;
  }

  void flip(const path& file, std::uint64_t at, int bit) {
    judge(file, "bit " + std::to_string(bit) + " of byte " + std::to_string(at),
          [=](const path& damaged) {
            std::fstream stream{damaged, std::ios::in | std::ios::out | std::ios::binary};
            stream.seekg(static_cast<std::streamoff>(at));
            const char byte = static_cast<char>(stream.get() ^ (1 << bit));
            stream.seekp(static_cast<std::streamoff>(at));
            stream.put(byte);
          });
  }
  void cut(const path& file, std::uint64_t size) {
    judge(file, "cut to " + std::to_string(size) + " bytes",
          [=](const path& damaged) { std::filesystem::resize_file(damaged, size); });
  }
  void remove(const path& file) {
    judge(file, "lost", [](const path& damaged) { std::filesystem::remove(damaged); });
  }

  [[nodiscard]] std::uint64_t size_of(const path& file) const {
    return std::filesystem::file_size(sound_ / file);
  }
  const path& any_of(const std::string& kind) {
    const auto& files = files_.at(kind);
    return files[random_() % files.size()];
  }
  void report() {
    std::printf("%d cases:", cases_);
    for (const auto& [outcome, count] : outcomes_) std::printf(" %s %d;", outcome.c_str(), count);
    std::printf("\n");
  }

  std::uint64_t seed_ = 0;
  std::mt19937_64 random_;
  std::map<std::string, std::vector<path>> files_;
  std::map<std::string, int> outcomes_;
  int cases_ = 0;
};

TEST_F(EveryByte, of_each_kind_of_file_may_flip_and_nothing_wrong_is_served) {
  for (const std::string kind : {"sst", "log", "MANIFEST", "CURRENT", "IDENTITY", "OPTIONS",
                                 "FORMAT", "ACKED", "LOCK.perdure"}) {
    ASSERT_TRUE(files_.contains(kind)) << kind;
    const int count = kind == "sst" || kind == "log" || kind == "MANIFEST" ? 40 : 8;
    for (int i = 0; i < count && !HasFatalFailure(); ++i) {
      const auto& file = any_of(kind);
      const auto size = size_of(file);
      if (size > 0) flip(file, random_() % size, static_cast<int>(random_() % 8));
    }
  }
  report();
  EXPECT_GT(outcomes_["refused"], 0);
  EXPECT_GT(outcomes_["reported"], 0);
}

TEST_F(EveryByte, from_a_place_on_may_be_cut_off_and_nothing_wrong_is_served) {
  for (const auto& [kind, files] : files_) {
    for (const auto& file : files) {
      const auto size = size_of(file);
      if (size == 0) continue;
      for (const auto left : {std::uint64_t{0}, size - 1, random_() % size, random_() % size}) {
        cut(file, left);
        if (HasFatalFailure()) return report();
      }
    }
  }
  report();
}

TEST_F(EveryByte, of_a_file_may_be_lost_and_nothing_wrong_is_served) {
  for (const auto& [kind, files] : files_) {
    for (const auto& file : files) {
      remove(file);
      if (HasFatalFailure()) return report();
    }
  }
  report();
}

}  // namespace
}  // namespace perdure::storage
