// SPDX-License-Identifier: Apache-2.0
// Batches of reads: one answer for each, that of the method which it stands for.
#include "store_fixture.hpp"

namespace perdure::storage {
namespace {

using testing::ElementsAre;

const ObjectId alice{"task", "alice"};
const ObjectId bob{"task", "bob"};
const ObjectId nobody{"task", "nobody"};

class StoreBatch : public StoreContract {
 protected:
  StoreBatch() {
    auto first = turn(alice, 0);
    first.entries = {{"a", "1"}, {"b", "2"}};
    first.indexes = {{IndexChange::Op::put, "by_date", "d1"}};
    first.claims = {{"name", "alice", "task/alice"},
                    {"name", "gone", "task/alice", default_now + Milliseconds{10}}};
    first.counts = {{"tasks", 2}, {"more", 3}};
    first.alarms = {{"ring", {}, default_now, "body"}, {"bell", {}, default_now, "other"}};
    EXPECT_EQ(code_of(commit(first)), std::nullopt);
    advance_to(alice, 3);
    advance_to(bob, 2);
    auto pinned = housekeeping(alice, 3);
    pinned.pins = {{2, "pin"}};
    EXPECT_EQ(code_of(commit(pinned)), std::nullopt);
  }

  /// The answer to one of several reads, taken apart.
  template <class R>
  static const typename R::Answer& value(const std::vector<ReadAnswer>& answers,
                                         std::size_t place) {
    return std::get<Result<typename R::Answer>>(answers.at(place)).value();
  }
};
PERDURE_ON_EACH_STORE(StoreBatch);

TEST_P(StoreBatch, answers_newest_records_of_several_objects_in_their_order) {
  const std::vector<Read> reads{LastRecordRead{bob}, LastRecordRead{nobody}, LastRecordRead{alice}};
  const auto answers = store().read(reads);
  ASSERT_EQ(answers.size(), 3u);
  EXPECT_EQ(value<LastRecordRead>(answers, 0)->seq, 2u);
  EXPECT_FALSE(value<LastRecordRead>(answers, 1));
  EXPECT_EQ(value<LastRecordRead>(answers, 2)->seq, 3u);
}

TEST_P(StoreBatch, answers_records_by_seq_and_says_why_others_are_not_there) {
  const std::vector<Read> reads{RecordRead{alice, 1}, RecordRead{alice, 9}, RecordRead{bob, 2},
                                RecordRead{nobody, 1}};
  const auto answers = store().read(reads);
  EXPECT_EQ(value<RecordRead>(answers, 0).record, store().record(alice, 1)->record);
  EXPECT_EQ(code_of(std::get<Result<RecordRow>>(answers[1])), ErrorCode::not_found);
  EXPECT_EQ(value<RecordRead>(answers, 2).seq, 2u);
  EXPECT_EQ(code_of(std::get<Result<RecordRow>>(answers[3])), ErrorCode::not_found);
}

TEST_P(StoreBatch, answers_claims_counts_and_alarms_as_single_reads_do) {
  const std::vector<Read> reads{ClaimRead{{"name", "alice"}, default_now},
                                CountRead{"tasks"},
                                AlarmRead{alice, "ring"},
                                ClaimRead{{"name", "gone"}, default_now + Milliseconds{10}},
                                CountRead{"nothing"},
                                AlarmRead{alice, "none"},
                                ClaimRead{{"name", "nobody"}, default_now},
                                CountRead{"more"},
                                AlarmRead{alice, "bell"}};
  const auto answers = store().read(reads);
  EXPECT_EQ(value<ClaimRead>(answers, 0), "task/alice");
  EXPECT_EQ(value<CountRead>(answers, 1), 2u);
  EXPECT_EQ(value<AlarmRead>(answers, 2)->body, "body");
  EXPECT_FALSE(value<ClaimRead>(answers, 3)) << "it has expired";
  EXPECT_EQ(value<CountRead>(answers, 4), 0u);
  EXPECT_FALSE(value<AlarmRead>(answers, 5));
  EXPECT_FALSE(value<ClaimRead>(answers, 6));
  EXPECT_EQ(value<CountRead>(answers, 7), 3u);
  EXPECT_EQ(value<AlarmRead>(answers, 8)->body, "other");
}

TEST_P(StoreBatch, mixes_reads_of_all_sorts) {
  const std::vector<Read> reads{EntryRead{alice, "b"},
                                EntriesRead{alice, {.limit = 1}},
                                IndexRead{"task", "by_date", {}},
                                JournalRead{alice, 1, newest, Direction::backward, 2},
                                FloorRead{alice},
                                AlarmsRead{alice},
                                PinsRead{alice}};
  const auto answers = store().read(reads);
  EXPECT_EQ(value<EntryRead>(answers, 0)->value, "2");
  ASSERT_EQ(value<EntriesRead>(answers, 1).size(), 1u);
  EXPECT_EQ(value<EntriesRead>(answers, 1).front().key, "a");
  ASSERT_EQ(value<IndexRead>(answers, 2).size(), 1u);
  EXPECT_EQ(value<IndexRead>(answers, 2).front().id, "alice");
  EXPECT_THAT(seqs_of(value<JournalRead>(answers, 3)), ElementsAre(3, 2));
  EXPECT_EQ(value<FloorRead>(answers, 4), 1u);
  EXPECT_EQ(value<AlarmsRead>(answers, 5).size(), 2u);
  ASSERT_EQ(value<PinsRead>(answers, 6).size(), 1u);
  EXPECT_EQ(value<PinsRead>(answers, 6).front().seq, 2u);
}

TEST_P(StoreBatch, of_nothing_has_no_answers) { EXPECT_TRUE(store().read({}).empty()); }

}  // namespace
}  // namespace perdure::storage
