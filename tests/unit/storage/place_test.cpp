// SPDX-License-Identifier: Apache-2.0
#include "rocksdb/place.hpp"

#include <gtest/gtest.h>

#include "../../contract/temporary_directory.hpp"

namespace perdure::storage {
namespace {

using State = PlaceFile::State;

PlaceFile place(std::string id, State state = State::settled) {
  return {.id = std::move(id), .state = state, .is_itself = true};
}
PlaceFile copy_of(PlaceFile file) {
  file.is_itself = false;
  return file;
}

TEST(Place, is_the_one_whose_file_is_itself) {
  EXPECT_FALSE(is_copied({place("a")}, "a"));
  EXPECT_TRUE(is_copied({copy_of(place("a"))}, "a"));
  EXPECT_TRUE(is_copied({}, "a"));
}

TEST(Place, is_told_by_the_database) {
  EXPECT_TRUE(is_copied({place("b")}, "a"));
  EXPECT_TRUE(is_copied({place("a"), place("b")}, "a")) << "the files of b were laid over";
}

TEST(Place, of_a_store_that_knew_none_is_no_copy) {
  EXPECT_FALSE(is_copied({}, ""));
  EXPECT_FALSE(is_copied({place("b", State::draft)}, ""));
  EXPECT_TRUE(is_copied({place("b")}, "")) << "an older program's files were laid over";
}

TEST(Place, is_kept_through_an_opening_that_is_cut_short) {
  EXPECT_FALSE(is_copied({place("a"), place("b", State::draft)}, "a")) << "before the commit";
  EXPECT_FALSE(is_copied({place("a"), place("b", State::draft)}, "b")) << "after it";
  EXPECT_FALSE(is_copied({place("b", State::draft)}, "b")) << "before it is final";
  EXPECT_TRUE(is_copied({copy_of(place("b", State::draft))}, "b"));
}

TEST(Place, has_a_file_that_knows_itself_when_it_is_moved_and_not_when_it_is_copied) {
  TemporaryDirectory directory;
  ASSERT_TRUE(draft_place(directory.path(), "a"));
  ASSERT_TRUE(draft_place(directory.path(), "b"));
  ASSERT_TRUE(settle_place(directory.path(), "b"));
  const auto only = read_places(directory.path()).value();
  ASSERT_EQ(only.size(), 1u);
  EXPECT_EQ(only[0].id, "b");
  EXPECT_EQ(only[0].state, State::settled);
  EXPECT_TRUE(only[0].is_itself);

  const auto elsewhere = directory.path() / "elsewhere";
  std::filesystem::create_directory(elsewhere);
  std::filesystem::copy(directory.path() / "PLACE.b", elsewhere / "PLACE.b");
  EXPECT_FALSE(read_places(elsewhere).value().at(0).is_itself);
  std::filesystem::rename(directory.path() / "PLACE.b", elsewhere / "PLACE.b");
  EXPECT_TRUE(read_places(elsewhere).value().at(0).is_itself);
}

}  // namespace
}  // namespace perdure::storage
