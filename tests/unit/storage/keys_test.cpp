// SPDX-License-Identifier: Apache-2.0
// The worked examples of docs/formats/keys.md, and the order of keys. A row on disk is for ever:
// when one of the literals here changes, the format's version must.
#include "keys.hpp"

#include <gmock/gmock.h>

#include "perdure/base/crypto.hpp"
#include "rows.hpp"

namespace perdure::storage {
namespace {

const ObjectId alice{"counter", "alice"};
const std::string prefix = keys::object_prefix(alice);
const std::string prefix_hex = "636f756e74657200616c69636500";
const Timestamp time = from_unix_ms(0x0123456789);

TEST(Keys, match_their_worked_examples) {
  EXPECT_EQ(to_hex(prefix), prefix_hex);
  EXPECT_EQ(to_hex(keys::at_seq(prefix, 2)), prefix_hex + "fffffffffffffffd");
  EXPECT_EQ(to_hex(keys::at_seq(keys::entry_prefix(prefix, "pages/1"), 2)),
            prefix_hex + "70616765732f3100" + "fffffffffffffffd");
  EXPECT_EQ(to_hex(keys::index_row(keys::index_prefix("counter", "by_value"), "\x2A", "alice")),
            "636f756e7465720062795f76616c756500"
            "2a"
            "616c696365"
            "0005");
  EXPECT_EQ(to_hex(keys::alarm(prefix, "wake")), prefix_hex + "77616b65");
  EXPECT_EQ(to_hex(keys::due(time, prefix, "wake")),
            "0000"
            "8000000123456789" +
                prefix_hex + "77616b65");
  EXPECT_EQ(to_hex(keys::at_position(258)),
            "0000"
            "0000000000000102");
  EXPECT_EQ(to_hex(keys::claim("once", "k1")),
            "6f6e636500"
            "6b31");
  EXPECT_EQ(to_hex(keys::pin(prefix, 2)), prefix_hex + "0000000000000002");
  EXPECT_EQ(to_hex(keys::floor(prefix)), "666c6f6f7200" + prefix_hex);
  EXPECT_EQ(to_hex(keys::count("n")), "636f756e74006e");
}

TEST(Keys, of_newer_seqs_sort_first) {
  for (const Seq seq : {Seq{1}, Seq{255}, Seq{256}, Seq{1} << 40}) {
    EXPECT_LT(keys::at_seq(prefix, seq + 1), keys::at_seq(prefix, seq));
    EXPECT_EQ(keys::seq_of(keys::at_seq(prefix, seq)), seq);
  }
}

TEST(Keys, of_objects_whose_names_begin_alike_do_not_mix) {
  const auto longer = keys::object_prefix({"counter", "alice2"});
  EXPECT_LT(keys::at_seq(prefix, 1), longer);
  EXPECT_LT(prefix_end(prefix), longer);
  EXPECT_FALSE(longer.starts_with(prefix));
}

TEST(Keys, of_times_before_1970_sort_before_later_ones) {
  const auto key = [](std::int64_t ms) { return keys::due(from_unix_ms(ms), prefix, "a"); };
  EXPECT_LT(key(-2), key(-1));
  EXPECT_LT(key(-1), key(0));
  EXPECT_LT(key(0), key(1));
  EXPECT_LT(key(1), keys::due_end(from_unix_ms(1)));
  EXPECT_GE(key(2), keys::due_end(from_unix_ms(1)));
}

TEST(Keys, are_read_back) {
  EXPECT_EQ(keys::parse_object(prefix), alice);
  const auto row =
      keys::parse_index(keys::index_row(keys::index_prefix("counter", "i"), "k\0k", "alice"));
  ASSERT_TRUE(row);
  EXPECT_EQ(row->id, "alice");
  const auto due = keys::parse_due(keys::due(time, prefix, "wake"));
  ASSERT_TRUE(due);
  EXPECT_EQ(due->object, alice);
  EXPECT_EQ(due->name, "wake");
  EXPECT_EQ(due->due, time);
  EXPECT_EQ(keys::parse_position(keys::at_position(7)), 7u);
}

TEST(Keys, that_are_cut_short_are_refused) {
  EXPECT_FALSE(keys::parse_object(prefix.substr(0, prefix.size() - 1)));
  EXPECT_FALSE(keys::parse_object(prefix + "x"));
  EXPECT_FALSE(keys::parse_index("counter"));
  EXPECT_FALSE(keys::parse_index(keys::index_prefix("counter", "i") + "k"));
  EXPECT_FALSE(keys::parse_due("123"));
  EXPECT_FALSE(keys::parse_position("123"));
  EXPECT_FALSE(keys::seq_of("12345678"));
}

TEST(Rows, match_their_worked_examples) {
  using rows::Table;
  const auto sealed = [](Table table, const std::string& key, const std::string& content) {
    return to_hex(rows::checksum(table, key, content)) + " " + to_hex(content);
  };
  EXPECT_EQ(sealed(Table::records, keys::at_seq(prefix, 2), "R"), "ddba5880 52");
  EXPECT_EQ(sealed(Table::entries, keys::at_seq(keys::entry_prefix(prefix, "pages/1"), 2),
                   rows::entry_content("hi")),
            "e4a263cb 016869");
  EXPECT_EQ(sealed(Table::entries, keys::at_seq(keys::entry_prefix(prefix, "pages/1"), 3),
                   rows::entry_content(std::nullopt)),
            "a4173521 00");
  EXPECT_EQ(sealed(Table::indexes,
                   keys::index_row(keys::index_prefix("counter", "by_value"), "\x2A", "alice"), ""),
            "2dace286 ");
  EXPECT_EQ(sealed(Table::alarms, keys::alarm(prefix, "wake"), rows::alarm_content(time, "b")),
            "f3b5d725 000000012345678962");
  EXPECT_EQ(sealed(Table::due, keys::due(time, prefix, "wake"), "b"), "ceec8eef 62");
  EXPECT_EQ(sealed(Table::events, keys::at_position(258), "E"), "3517eeb4 45");
  EXPECT_EQ(sealed(Table::claims, keys::claim("once", "k1"),
                   rows::claim_content({"once", "k1", "v", time})),
            "dd16a241 01000000012345678976");
  EXPECT_EQ(sealed(Table::pins, keys::pin(prefix, 2), "P"), "b365c50c 50");
  EXPECT_EQ(sealed(Table::meta, std::string{keys::commit}, rows::commit_content({3, 258, 5})),
            "bca15fd9 000000000000000300000000000001020000000000000005");
  EXPECT_EQ(sealed(Table::meta, std::string{keys::epoch}, rows::number_content(1)),
            "07d7c37c 0000000000000001");
  EXPECT_EQ(sealed(Table::meta, keys::floor(prefix), rows::number_content(2)),
            "d9bb6ffc 0000000000000002");
}

TEST(Rows, at_another_key_or_in_another_table_are_corrupt) {
  using rows::Table;
  const auto key = keys::at_seq(prefix, 2);
  const auto value = rows::checksum(Table::records, key, "content") + "content";
  EXPECT_EQ(rows::unseal(Table::records, key, value).value(), "content");
  const auto other = rows::unseal(Table::records, keys::at_seq(prefix, 3), value);
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code, ErrorCode::corrupt);
  EXPECT_THAT(other.error().detail, testing::HasSubstr("records"));
  EXPECT_FALSE(rows::unseal(Table::pins, key, value));
  for (std::size_t bit = 0; bit < value.size() * 8; ++bit) {
    auto damaged = value;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << bit % 8));
    EXPECT_FALSE(rows::unseal(Table::records, key, damaged)) << "bit " << bit;
  }
  EXPECT_FALSE(rows::unseal(Table::records, key, value.substr(0, 3)));
}

TEST(Rows, with_a_wrong_shape_are_refused) {
  EXPECT_FALSE(rows::is_tombstone(""));
  EXPECT_FALSE(rows::is_tombstone("\x02"));
  EXPECT_FALSE(rows::is_tombstone(std::string_view{"\0x", 2}));
  EXPECT_FALSE(rows::parse_claim(""));
  EXPECT_FALSE(rows::parse_claim("\x01short"));
  EXPECT_FALSE(rows::parse_claim("\x02"));
  EXPECT_FALSE(rows::parse_alarm("short"));
  EXPECT_FALSE(rows::parse_commit("short"));
  EXPECT_FALSE(rows::parse_number("123456789"));
}

}  // namespace
}  // namespace perdure::storage
