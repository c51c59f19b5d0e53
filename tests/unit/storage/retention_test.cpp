// SPDX-License-Identifier: Apache-2.0
#include "retention.hpp"

#include <gmock/gmock.h>

namespace perdure::storage {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(Retention, keeps_the_newest_version_at_the_floor_and_all_above_it) {
  const EntryVersion versions[] = {{9, false}, {6, false}, {4, false}, {2, false}};
  EXPECT_THAT(unseen_versions(versions, 5, {}), ElementsAre(2));
  EXPECT_THAT(unseen_versions(versions, 6, {}), ElementsAre(4, 2));
}

TEST(Retention, keeps_what_a_pin_below_the_floor_sees) {
  const EntryVersion versions[] = {{9, false}, {6, false}, {4, false}, {2, false}};
  const Seq pins[] = {3, 5};
  EXPECT_THAT(unseen_versions(versions, 9, pins), ElementsAre(6));
}

TEST(Retention, drops_a_tombstone_that_hides_nothing) {
  const EntryVersion versions[] = {{6, true}, {4, false}};
  EXPECT_THAT(unseen_versions(versions, 7, {}), ElementsAre(4, 6));
}

TEST(Retention, keeps_a_tombstone_that_hides_a_pinned_version) {
  const EntryVersion versions[] = {{6, true}, {4, false}};
  const Seq pins[] = {5};
  EXPECT_THAT(unseen_versions(versions, 7, pins), IsEmpty());
}

TEST(Retention, keeps_a_tombstone_above_the_floor) {
  const EntryVersion over_a_value[] = {{6, true}, {4, false}};
  EXPECT_THAT(unseen_versions(over_a_value, 5, {}), IsEmpty());
  const EntryVersion alone[] = {{6, true}};
  EXPECT_THAT(unseen_versions(alone, 5, {}), IsEmpty());
}

}  // namespace
}  // namespace perdure::storage
