// SPDX-License-Identifier: Apache-2.0
#include "perdure/base/object_id.hpp"

#include <gtest/gtest.h>

#include <unordered_set>

namespace perdure {
namespace {

std::string refused_field(const ObjectId& object) {
  const auto checked = validate(object);
  if (checked) return "none";
  EXPECT_EQ(checked.error().code, ErrorCode::invalid);
  return checked.error().fields.at(0).pointer;
}

TEST(ObjectId, takes_what_its_shape_says) {
  for (const auto& object : {ObjectId{"a", "x"}, ObjectId{"api_key2", "ü/ :%"},
                             ObjectId{std::string(64, 'k'), std::string(200, 'i')}}) {
    EXPECT_EQ(refused_field(object), "none") << to_string(object);
  }
}

TEST(ObjectId, refuses_kinds_of_another_shape) {
  for (const auto* kind : {"", "A", "1a", "_a", "a-b", "a:b", "a b", "ä"}) {
    EXPECT_EQ(refused_field({kind, "x"}), "kind") << kind;
  }
  EXPECT_EQ(refused_field({std::string(65, 'k'), "x"}), "kind");
  EXPECT_EQ(refused_field({std::string{"a\0b", 3}, "x"}), "kind");
}

TEST(ObjectId, refuses_ids_that_storage_or_logs_could_not_hold) {
  const std::string_view ids[] = {"", {"a\0b", 3}, "a\nb", "\x7f", "\xFF", "\xC0\x80"};
  for (const auto id : ids) EXPECT_EQ(refused_field({"a", std::string{id}}), "id") << id;
  EXPECT_EQ(refused_field({"a", std::string(201, 'i')}), "id");
}

TEST(ObjectId, hash_tells_kind_and_id_apart) {
  std::unordered_set<ObjectId> set{{"a", "b"}, {"b", "a"}, {"a", "a"}, {"a", "b"}};
  EXPECT_EQ(set.size(), 3U);
  EXPECT_NE(std::hash<ObjectId>{}({"a", "b"}), std::hash<ObjectId>{}({"b", "a"}));
}

}  // namespace
}  // namespace perdure
