// SPDX-License-Identifier: Apache-2.0
#include "record.hpp"

#include <gtest/gtest.h>

#include "perdure/runtime/journal_check.hpp"

namespace perdure::runtime {
namespace {

const ObjectId object{"note", "n"};

Record sample() {
  auto origin = std::make_shared<Origin>();
  origin->object = object;
  origin->born_seq = 3;
  origin->owner = Owner::user("ann");
  origin->created_at = from_unix_ms(1'000);
  origin->created_by = "bob";
  Record record;
  record.previous_hash[0] = 7;
  record.meta = {.origin = origin,
                 .seq = 9,
                 .schema_version = 4,
                 .updated_at = from_unix_ms(2'000),
                 .updated_by = "cat",
                 .deleted_at = from_unix_ms(3'000)};
  record.command = "write";
  record.request_id = "r-1";
  record.traceparent = "00-x";
  record.entries = {{"k", digest_value("v")}, {"gone", {}}};
  record.topics = {"note.written"};
  record.root = R"({"title":"t"})";
  return record;
}

TEST(Record, reads_back_as_it_was_written) {
  const auto record = sample();
  const auto back = decode_record(object, {.seq = 9, .record = encode_record(record)});
  ASSERT_TRUE(back) << to_string(back.error());
  EXPECT_EQ(back->previous_hash, record.previous_hash);
  EXPECT_EQ(back->meta.seq, 9U);
  EXPECT_EQ(back->meta.schema_version, 4U);
  EXPECT_EQ(back->meta.updated_at, record.meta.updated_at);
  EXPECT_EQ(back->meta.updated_by, "cat");
  EXPECT_EQ(back->meta.deleted_at, record.meta.deleted_at);
  EXPECT_EQ(back->meta.origin->born_seq, 3U);
  EXPECT_EQ(back->meta.origin->owner.text(), "ann");
  EXPECT_EQ(back->command, "write");
  EXPECT_EQ(back->entries.at(0).digest, digest_value("v"));
  EXPECT_FALSE(back->entries.at(1).digest);
  EXPECT_EQ(back->topics, record.topics);
  EXPECT_EQ(back->root, record.root);
}

Record shared_sample() {
  auto record = sample();
  record.meta.deleted_with = "note:parent";
  record.meta.grants = std::make_shared<const std::vector<ObjectGrant>>(
      std::vector<ObjectGrant>{{Owner::user("bob"), ObjectGrant::Role::editor},
                               {Owner::organization("acme"), ObjectGrant::Role::viewer}});
  return record;
}

TEST(Record, keeps_grants_and_what_it_was_deleted_with) {
  const auto record = shared_sample();
  const auto bytes = encode_record(record);
  EXPECT_EQ(bytes[0], 2);
  const auto back = decode_record(object, {.seq = 9, .record = bytes});
  ASSERT_TRUE(back) << to_string(back.error());
  EXPECT_EQ(back->meta.deleted_with, "note:parent");
  ASSERT_TRUE(back->meta.grants);
  EXPECT_EQ(*back->meta.grants, *record.meta.grants);
  EXPECT_EQ(encode_record(*back), bytes);
}

TEST(Record, without_grants_is_of_the_format_that_has_none) {
  const auto bytes = encode_record(sample());
  EXPECT_EQ(bytes[0], 1);
  const auto back = decode_record(object, {.seq = 9, .record = bytes});
  ASSERT_TRUE(back);
  EXPECT_FALSE(back->meta.grants);
  EXPECT_TRUE(back->meta.deleted_with.empty());
}

TEST(Record, with_grants_in_another_form_is_corrupt) {
  const auto wrong = [](std::vector<ObjectGrant> grants, std::string deleted_with = "note:p") {
    auto record = shared_sample();
    record.meta.grants = std::make_shared<const std::vector<ObjectGrant>>(std::move(grants));
    record.meta.deleted_with = std::move(deleted_with);
    return !decode_record(object, {.seq = 9, .record = encode_record(record)});
  };
  const ObjectGrant bob{Owner::user("bob"), ObjectGrant::Role::editor};
  EXPECT_FALSE(wrong({bob}));
  EXPECT_TRUE(wrong({bob, bob}));
  EXPECT_TRUE(wrong({bob, {Owner::user("ann"), ObjectGrant::Role::viewer}}));
  EXPECT_TRUE(wrong({{Owner::host(), ObjectGrant::Role::viewer}}));
  EXPECT_TRUE(wrong({{Owner::user("bob"), static_cast<ObjectGrant::Role>(2)}}));
  EXPECT_TRUE(wrong({}, "")) << "format 2 with nothing of it";
}

TEST(Record, cut_short_anywhere_is_corrupt) {
  const auto bytes = encode_record(shared_sample());
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    const auto back = decode_record(object, {.seq = 9, .record = bytes.substr(0, length)});
    ASSERT_FALSE(back) << length;
    EXPECT_EQ(back.error().code, ErrorCode::corrupt);
  }
}

TEST(Record, with_a_schema_version_that_no_schema_has_is_corrupt) {
  const auto record = sample();
  auto bytes = encode_record(record);
  const auto place = 1 + record.previous_hash.size();  // behind the format and the hash
  ASSERT_EQ(bytes[place], 4);
  bytes.replace(place, 1, "\x84\x80\x80\x80\x10");  // 4 more than 2^32
  const auto back = decode_record(object, {.seq = 9, .record = bytes});
  ASSERT_FALSE(back);
  EXPECT_EQ(back.error().code, ErrorCode::corrupt);
}

TEST(Record, of_a_newer_format_is_refused_by_name) {
  auto bytes = encode_record(sample());
  bytes[0] = 3;
  EXPECT_EQ(decode_record(object, {.seq = 9, .record = bytes}).error().code,
            ErrorCode::newer_version);
}

TEST(Record, the_chain_breaks_where_a_record_was_changed) {
  auto first = sample();
  const storage::RecordRow row{.seq = 9, .record = encode_record(first)};
  auto second = sample();
  second.previous_hash = hash_record(object, 9, row.record);
  const storage::RecordRow next{.seq = 10, .record = encode_record(second)};
  const auto check = journal_check();
  EXPECT_EQ(check(object, next, row), "");
  first.root = R"({"title":"x"})";
  const storage::RecordRow changed{.seq = 9, .record = encode_record(first)};
  EXPECT_NE(check(object, next, changed), "");
}

}  // namespace
}  // namespace perdure::runtime
