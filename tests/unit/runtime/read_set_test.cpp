// SPDX-License-Identifier: Apache-2.0
#include "read_set.hpp"

#include <gtest/gtest.h>

namespace perdure::runtime {
namespace {

using namespace storage;

const ObjectId alice{"counter", "alice"};

ReadAnswer number(const Result<std::uint64_t>& value) { return value; }

TEST(ReadSets, lack_what_they_were_not_given_and_say_so_once) {
  ReadSet set;
  EXPECT_EQ(set.last_record(alice).error().code, ErrorCode::unavailable);
  EXPECT_FALSE(set.last_record(alice));
  EXPECT_FALSE(set.count("some"));
  ASSERT_TRUE(set.lacks());
  const std::vector<Read> lacking{LastRecordRead{alice}, CountRead{"some"}};
  EXPECT_EQ(set.take_lacking(), lacking);
  EXPECT_FALSE(set.lacks());
}

TEST(ReadSets, answer_what_they_were_given_and_nothing_else) {
  ReadSet set;
  std::vector<ReadAnswer> answers;
  answers.emplace_back(Result<std::optional<EntryRow>>{EntryRow{"key", 3, "value"}});
  answers.emplace_back(Result<std::vector<IndexRow>>{std::vector<IndexRow>{{"k", "id", "v"}}});
  answers.push_back(number(fail(ErrorCode::corrupt, "damaged")));
  set.put({EntryRead{alice, "key"}, IndexRead{"counter", "all", {.limit = 1}}, CountRead{"some"}},
          std::move(answers));
  EXPECT_EQ(set.entry(alice, "key", newest).value()->value, "value");
  EXPECT_EQ(set.index("counter", "all", {.limit = 1}).value().size(), 1u);
  EXPECT_EQ(set.count("some").error().code, ErrorCode::corrupt) << "an error is an answer";
  EXPECT_FALSE(set.lacks());
  EXPECT_FALSE(set.entry(alice, "key", 2)) << "another version";
  EXPECT_FALSE(set.index("counter", "all", {.limit = 2}));
  EXPECT_EQ(set.take_lacking().size(), 2u);
}

TEST(ReadSets, are_bounded) {
  ReadSet set;
  std::vector<Read> reads;
  std::vector<ReadAnswer> answers;
  for (std::size_t i = 0; i < turn_reads_max; ++i) {
    reads.emplace_back(CountRead{std::to_string(i)});
    answers.push_back(number(i));
  }
  set.put(std::move(reads), std::move(answers));
  EXPECT_EQ(set.count("17").value(), 17u);
  EXPECT_EQ(set.count("another").error().code, ErrorCode::too_large);
  EXPECT_FALSE(set.lacks()) << "the turn ends with the error";

  ReadSet large;
  answers.clear();
  answers.emplace_back(
      Result<std::optional<RecordRow>>{RecordRow{1, std::string(turn_read_bytes_max, 'x')}});
  large.put({LastRecordRead{alice}}, std::move(answers));
  EXPECT_EQ(large.count("another").error().code, ErrorCode::too_large);
}

}  // namespace
}  // namespace perdure::runtime
