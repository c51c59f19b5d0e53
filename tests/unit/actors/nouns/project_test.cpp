// SPDX-License-Identifier: Apache-2.0
// project: listed by status and name.
#include "../fixture.hpp"

namespace perdure::actors {
namespace {

class Projects : public KindsTest {};

TEST_F(Projects, are_listed_by_their_status_in_the_order_of_their_names) {
  for (const char* name : {"b", "c", "a"}) {
    value(send({"project", name}, "create", {{"name", name}}, member("ann")));
  }
  command({"project", "c"}, "update", {{"status", "archived"}});
  const auto names = [&](const char* status) {
    auto found = Json::array();
    const auto page = runtime_->list(
        {.kind = "project", .owner = "ann", .sort = "name", .where = {{"status", {status}}}});
    for (const auto& item : page.value().items) found.push_back(item.state.at("name"));
    return found;
  };
  EXPECT_EQ(names("active"), Json({"a", "b"}));
  EXPECT_EQ(names("archived"), Json({"c"}));
}

}  // namespace
}  // namespace perdure::actors
