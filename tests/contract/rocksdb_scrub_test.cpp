// SPDX-License-Identifier: Apache-2.0
// What is left in files of pasts that were erased: nothing, once the store was closed.
#include <random>

#include "rocksdb_fixture.hpp"

namespace perdure::storage {
namespace {

const ObjectId bob{"user", "bob"};
const ObjectId note{"note", "n"};
const ObjectId other{"note", "other"};

class RocksdbScrub : public RocksdbStoreTest {
 protected:
  /// Each sort of row says the word.
  WriteSet written(const ObjectId& object) {
    auto turn = make_turn(store().epoch(), object, 0);
    turn.record = "a word of " + object.id;
    turn.entries.push_back({"entry-word-" + object.id, "an entry-word-" + object.id});
    turn.indexes.push_back({IndexChange::Op::put, "title", "title-word-" + object.id, "word"});
    turn.alarms.push_back({"alarm", {}, at_ms(2'000'000), "alarm-word-" + object.id});
    turn.claims.push_back({"email", "claim-word-" + object.id, to_string(object), {}});
    turn.counts.push_back({"tag-word-" + object.id, 1, {}});
    return turn;
  }
  WriteSet erased(const ObjectId& object, Seq last) {
    auto turn = make_turn(store().epoch(), object, last);
    turn.record = "end";
    turn.past = Past::erased;
    turn.indexes.push_back({IndexChange::Op::erase, "title", "title-word-" + object.id});
    turn.releases.push_back({"email", "claim-word-" + object.id});
    turn.counts.push_back({"tag-word-" + object.id, -1, {}});
    return turn;
  }
  /// The files in which a text stands.
  std::vector<std::string> files_with(const std::string& text,
                                      const std::filesystem::path& directory) {
    std::vector<std::string> found;
    for (const auto& file : std::filesystem::directory_iterator(directory)) {
      if (read(file.path()).find(text) != std::string::npos)
        found.push_back(file.path().filename());
    }
    return found;
  }
  void write_all() {
    for (const auto& object : {bob, note, other}) ASSERT_TRUE(commit_one(store(), written(object)));
  }
};

TEST_F(RocksdbScrub, leaves_no_byte_of_an_erased_past_when_the_store_is_closed) {
  open();
  write_all();
  close();
  open();  // what was in the log is in files of rows now
  ASSERT_TRUE(commit_one(store(), erased(note, 1)));
  ASSERT_TRUE(commit_one(store(), erased(bob, 1)));
  close();
  EXPECT_THAT(files_with("word-bob", path()), testing::IsEmpty());
  EXPECT_THAT(files_with("word of bob", path()), testing::IsEmpty());
  EXPECT_THAT(files_with("word-n", path()), testing::IsEmpty());
  EXPECT_THAT(files_with("word-other", path()), testing::Not(testing::IsEmpty()));
  open();
  EXPECT_EQ(store().last_record(other).value()->record, "a word of other");
  EXPECT_EQ(store().last_record(bob).value()->record, "end");
  EXPECT_EQ(store().count("tag-word-other").value(), 1u);
}

TEST_F(RocksdbScrub, is_left_to_a_later_closing_when_there_is_too_much) {
  auto with = options();
  with.scrub_bytes_max = 64U << 10;
  const auto much = [&](Seq last) {
    auto turn = make_turn(store().epoch(), other, last);
    // No two blocks alike, so that they are not packed to nothing.
    std::mt19937_64 random{last + 1};
    std::string value;
    while (value.size() < 256U << 10) value += static_cast<char>(random());
    turn.entries.push_back({"much", std::move(value)});
    return turn;
  };
  open(with);
  write_all();
  ASSERT_TRUE(commit_one(store(), much(1)));
  ASSERT_TRUE(commit_one(store(), erased(bob, 1)));
  close();  // of users there is little: all is in files of rows now
  EXPECT_THAT(files_with("word of bob", path()), testing::IsEmpty());
  open(with);
  ASSERT_TRUE(commit_one(store(), erased(note, 1)));
  close();
  EXPECT_THAT(files_with("word of n", path()), testing::Not(testing::IsEmpty()));
  open();  // what was left is not forgotten
  EXPECT_EQ(store().last_record(note).value()->record, "end");
  close();
  EXPECT_THAT(files_with("word of n", path()), testing::IsEmpty());
}

TEST_F(RocksdbScrub, is_made_up_for_after_a_crash) {
  open();
  write_all();
  ASSERT_TRUE(commit_one(store(), erased(bob, 1)));
  const auto copy = path() / "copy";
  std::filesystem::create_directory(copy);
  for (const auto& file : std::filesystem::directory_iterator(path())) {
    if (file.is_regular_file()) std::filesystem::copy(file.path(), copy / file.path().filename());
  }
  EXPECT_THAT(files_with("word-bob", copy), testing::Not(testing::IsEmpty()));
  auto with = options();
  with.directory = copy;
  open(with);
  close();
  EXPECT_THAT(files_with("word-bob", copy), testing::IsEmpty());
}

}  // namespace
}  // namespace perdure::storage
