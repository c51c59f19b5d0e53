// SPDX-License-Identifier: Apache-2.0
#include "index_keys.hpp"

#include <gtest/gtest.h>

#include "perdure/base/utf8.hpp"
#include "perdure/runtime/kind.hpp"

namespace perdure::runtime {
namespace {

std::string key(const Json& value) {
  std::string bytes;
  put_index_value(bytes, value);
  return bytes;
}

TEST(IndexKeys, sort_as_their_values_do) {
  const std::vector<Json> ordered{nullptr,
                                  false,
                                  true,
                                  -1e300,
                                  -5,
                                  -0.5,
                                  0,
                                  0.25,
                                  1,
                                  2,
                                  1e10,
                                  "",
                                  "a",
                                  std::string("a\0", 2),
                                  std::string("a\0b", 3),
                                  "a\x01",
                                  "ab",
                                  "b"};
  for (std::size_t i = 1; i < ordered.size(); ++i) {
    EXPECT_LT(key(ordered[i - 1]), key(ordered[i])) << ordered[i - 1] << " and " << ordered[i];
  }
  EXPECT_EQ(key(0.0), key(-0.0));
}

TEST(IndexKeys, no_key_is_a_prefix_of_another) {
  const std::vector<Json> values{nullptr, 1, "", "a", "ab", std::string("a\0", 2)};
  for (const auto& a : values) {
    for (const auto& b : values) {
      if (a != b) {
        EXPECT_FALSE(key(b).starts_with(key(a))) << a << " and " << b;
      }
    }
  }
}

TEST(IndexKeys, of_times_before_1970_sort_before_all_others) {
  const auto before = time_key(from_unix_ms(0) - std::chrono::years{30});
  EXPECT_LE(before, time_key(from_unix_ms(0)));
  EXPECT_LT(before, time_key(from_unix_ms(1)));
}

TEST(IndexKeys, of_a_shared_object_have_a_row_for_each_grantee_while_it_lives) {
  const Kind plain = kind<Json>("plain");
  auto origin = std::make_shared<Origin>();
  origin->object = {"plain", "p"};
  origin->owner = Owner::user("ann");
  ObjectMeta meta{.origin = origin, .seq = 1};
  meta.grants = std::make_shared<const std::vector<ObjectGrant>>(
      std::vector<ObjectGrant>{{Owner::user("bob"), ObjectGrant::Role::viewer},
                               {Owner::organization("acme"), ObjectGrant::Role::editor}});
  const auto root = Json::object();
  const auto readers = [&] {
    std::vector<std::string> keys;
    for (const auto& row :
         index_keys(plain.definition(), KindRows{plain.definition()}, {meta, root}, Which::all)) {
      if (row.index == index_names::by_reader) keys.push_back(row.key);
    }
    return keys;
  };
  EXPECT_EQ(readers(), (std::vector{owner_key("bob"), owner_key("organization:acme")}));
  meta.deleted_at = from_unix_ms(1);
  EXPECT_TRUE(readers().empty());
}

TEST(IndexKeys, the_difference_turns_one_set_of_rows_into_the_other) {
  using Op = storage::IndexChange::Op;
  const auto changes = index_difference({{"i", "a"}, {"i", "b"}}, {{"i", "b"}, {"j", "a"}});
  ASSERT_EQ(changes.size(), 2U);
  EXPECT_EQ(changes[0].op, Op::erase);
  EXPECT_EQ(changes[0].key, "a");
  EXPECT_EQ(changes[1].op, Op::put);
  EXPECT_EQ(changes[1].index, "j");
}

TEST(IndexKeys, hold_text_whole_in_one_form) {
  const std::string begin(1'900, 'x');
  EXPECT_LT(key(begin + "a"), key(begin + "b"));
  EXPECT_EQ(key("e\xCC\x81"), key("\xC3\xA9"));
  EXPECT_LT(key("ez"), key("e\xCC\x81"));
  const std::string longest(index_string_bytes_max - 1, 'x');
  EXPECT_EQ(key(longest + "\xC3\xA9"), key(longest + "\xC3\xBC")) << "equal within the bound";
  EXPECT_TRUE(is_valid_utf8(std::string_view{key(longest + "\xC3\xA9")}.substr(1, 2'047)));
}

}  // namespace
}  // namespace perdure::runtime
