// SPDX-License-Identifier: Apache-2.0
// Streams under faults, through kills, and on a real disk.
#include <gtest/gtest.h>

#include <filesystem>
#include <future>
#include <map>

#include "fixture.hpp"
#include "perdure/storage/rocksdb_store.hpp"
#include "perdure/testing/world.hpp"
#include "streams_fixture.hpp"
#include "victim.hpp"

namespace perdure {
namespace {

using perdure::testing::World;

/// A reader and a writer, one attempt after the other, on a machine on which things go wrong.
class Telling {
 public:
  explicit Telling(std::uint64_t seed) : world_(seed, {run_kind()}) {
    EXPECT_TRUE(world_.call("run/one", "start"));
  }
  ~Telling() { world_.end(); }

  void step(int number) {
    open();
    if (writer_) write(fmt::format("{}.", number));
    for (auto moves = chance().below(8); moves > 0; --moves) world_.step();
    if (reader_ && chance().one_in(3)) hear(reader_->read(1 + chance().below(20)));
    if (chance().one_in(60)) world_.hibernate_one();
    if (chance().one_in(90)) world_.fail_disk();
    if (chance().one_in(50) || world_.broken()) crash();
  }

  /// What readers hear is the writers' text, each token once, and nothing that was flushed is
  /// missing.
  void check() {
    crash();
    world_.settle();
    open_reader();
    ASSERT_TRUE(reader_);
    while (hear(reader_->read())) {
    }
    std::map<std::uint64_t, std::string> texts;
    std::uint64_t offset = 0;
    for (const auto& item : heard_) {
      ASSERT_EQ(item.offset, ++offset);
      if (item.type == StreamItem::Type::delta) texts[item.attempt] += item.text;
    }
    for (const auto& [attempt, text] : texts) {
      EXPECT_TRUE(said_[attempt].starts_with(text)) << attempt;
    }
    for (const auto& [attempt, size] : flushed_) EXPECT_GE(texts[attempt].size(), size) << attempt;
    EXPECT_GT(texts.size(), 2U) << "too little has happened";
    world_.check_invariants();
    reader_.reset();
  }

 private:
  perdure::testing::Chance& chance() { return world_.chance(); }

  void open() {
    if (!writer_ && world_.writable()) {
      writer_ = *world_.runtime().streams().write(one, "answer", {.number = ++attempt_});
    }
    if (!reader_) open_reader();
  }
  void open_reader() {
    const auto after = heard_.empty() ? StreamCursor{} : StreamCursor::after(heard_.back());
    auto opened = world_.runtime().streams().follow(one, "answer", after, {}, [] {});
    if (opened) reader_ = std::move(*opened);
  }
  void write(const std::string& token) {
    if (!writer_->append(token)) return writer_.reset();
    said_[attempt_] += token;
    if (!chance().one_in(4)) return;
    writer_->flush([this, at = attempt_, size = said_[attempt_].size()](Result<void> done) {
      if (done) flushed_[at] = std::max(flushed_[at], size);
    });
  }
  bool hear(const Result<std::vector<StreamItem>>& items) {
    if (!items || items->empty()) return false;
    heard_.insert(heard_.end(), items->begin(), items->end());
    return true;
  }
  void crash() {
    reader_.reset();
    writer_.reset();
    world_.crash();
  }

  World world_;
  std::vector<StreamItem> heard_;
  std::map<std::uint64_t, std::string> said_;  ///< by attempt
  std::map<std::uint64_t, std::size_t> flushed_;
  std::uint64_t attempt_ = 0;
  std::unique_ptr<StreamReader> reader_;
  std::unique_ptr<StreamWriter> writer_;
};

TEST(StreamsUnderFaults, are_heard_once_by_offset) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE(seed);
    Telling telling{seed};
    for (int step = 0; step < 400; ++step) telling.step(step);
    telling.check();
  }
}

// ----------------------------------------------------------------------------------- real disk

RuntimeOptions options_for(const std::filesystem::path& directory) {
  RuntimeOptions options;
  options.data_dir = directory;
  options.store = storage::rocksdb_factory({.directory = options.data_dir,
                                            .block_cache_bytes = 8u << 20,
                                            .write_buffer_bytes = 8u << 20});
  return options;
}

// Tells how many tokens of its attempt are durable.
TEST(StreamsVictim, DISABLED_writes_until_it_is_killed) {
  auto runtime = std::move(*Runtime::open(options_for(Victim::directory()), {run_kind()}));
  static_cast<void>(runtime->object("run", "one").call("start").get());
  auto writer = *runtime->streams().write(one, "answer", {.number = Victim::number()});
  for (std::uint64_t token = 1;;) {
    if (!writer->append(fmt::format("{}.", token))) continue;  // it is ahead of the disk
    writer->flush([token](const Result<void>& done) {
      if (done) Victim::tell(token);
    });
    ++token;
  }
}

TEST(StreamsThroughKills, hold_what_was_flushed_once_and_the_next_attempt_goes_on) {
  const VictimDirectory directory{"perdure-kills"};
  std::map<std::uint64_t, std::uint64_t> told;  // by attempt
  for (std::uint64_t attempt = 1; attempt <= 4; ++attempt) {
    Victim victim{"StreamsVictim.DISABLED_writes_until_it_is_killed", directory.path(), attempt};
    std::uint64_t token = 0;
    while (told[attempt] < 200 * attempt && victim.hear(token)) told[attempt] = token;
    victim.kill();
    while (victim.hear(token)) told[attempt] = token;
    ASSERT_GE(told[attempt], 200 * attempt);
  }
  auto runtime = std::move(*Runtime::open(options_for(directory.path()), {run_kind()}));
  auto reader = *runtime->streams().follow(one, "answer", {}, {}, [] {});
  std::map<std::uint64_t, std::uint64_t> heard;
  std::uint64_t offset = 0;
  for (;;) {
    const auto items = reader->read();
    ASSERT_TRUE(items);
    if (items->empty()) break;
    for (const auto& item : *items) {
      ASSERT_EQ(item.offset, ++offset);
      if (item.type != StreamItem::Type::delta) continue;
      ASSERT_EQ(item.text, fmt::format("{}.", ++heard[item.attempt]));
    }
  }
  for (const auto& [attempt, tokens] : told) EXPECT_GE(heard[attempt], tokens) << attempt;
}

class StreamsOnDisk : public RuntimeTest {
 protected:
  StreamsOnDisk() : RuntimeTest{{run_kind()}} {}
};

TEST_F(StreamsOnDisk, go_on_after_a_restart_by_offset_with_another_attempt) {
  ASSERT_TRUE(call("run", "one", "start"));
  StreamCursor cursor;
  {
    auto writer = *runtime_->streams().write(one, "answer", {.number = 1});
    std::promise<Result<void>> flushed;
    for (int i = 0; i < 1'000; ++i) ASSERT_TRUE(writer->append("t"));
    writer->flush([&](Result<void> done) { flushed.set_value(std::move(done)); });
    ASSERT_TRUE(flushed.get_future().get());
    auto reader = *runtime_->streams().follow(one, "answer", {}, {}, [] {});
    EXPECT_EQ(reader->read(500)->size(), 500U);
    cursor = reader->cursor();
  }
  restart();
  auto writer = *runtime_->streams().write(one, "answer", {.number = 2});
  ASSERT_TRUE(writer->append("u"));
  ASSERT_TRUE(writer->end(StreamEnd::done));
  auto reader = *runtime_->streams().follow(one, "answer", cursor, {}, [] {});
  std::string text;
  ASSERT_TRUE(eventually([&] {
    text += text_of(*reader->read());
    return text.ends_with("<done>");
  }));
  EXPECT_EQ(text, std::string(501, 't') + "<cut>[2]u<done>");
  EXPECT_LT(runtime_->streams().list(one, {})->at(0).bytes, 4'000U);
}

}  // namespace
}  // namespace perdure
