// SPDX-License-Identifier: Apache-2.0
// life_area: listed by position.
#include "../fixture.hpp"

namespace perdure::actors {
namespace {

class LifeAreas : public KindsTest {};

TEST_F(LifeAreas, are_listed_by_position_and_those_without_one_are_last) {
  const auto make = [&](const char* name, Json position) {
    value(send({"life_area", name}, "create", {{"name", name}, {"position", std::move(position)}},
               member("ann")));
  };
  make("none", nullptr);
  make("second", 2);
  make("first", -1.5);
  const auto names = [&](Order order) {
    auto found = Json::array();
    const auto page =
        runtime_->list({.kind = "life_area", .owner = "ann", .order = order, .sort = "position"});
    for (const auto& item : page.value().items) found.push_back(item.state.at("name"));
    return found;
  };
  EXPECT_EQ(names(Order::ascending), Json({"first", "second", "none"}));
  EXPECT_EQ(names(Order::descending), Json({"second", "first", "none"}));
}

TEST_F(LifeAreas, have_colours_in_hexadecimal) {
  const ObjectId area{"life_area", "a"};
  command(area, "create", {{"name", "a"}});
  EXPECT_EQ(refusal(send(area, "update", {{"color", "green"}})), "invalid /color");
  EXPECT_EQ(command(area, "update", {{"color", "#2e7d32"}}).at("color"), "#2e7d32");
}

}  // namespace
}  // namespace perdure::actors
