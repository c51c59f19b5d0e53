// SPDX-License-Identifier: Apache-2.0
// How far the rows are that are made again: in /health, and what there is to count.
#include <gtest/gtest.h>

#include <future>

#include "exchange.hpp"
#include "perdure/api/app/application.hpp"
#include "perdure/base/random.hpp"
#include "perdure/testing/world.hpp"

namespace perdure::api {
namespace {

constexpr int objects = 200;

Kind person(bool is_changed) {
  auto made = kind<Json>("person").command(
      "set", [](Turn&, Json& self, const Json& next) { merge_patch(self, next); });
  if (!is_changed) return made;
  return std::move(made)
      .index({.name = "city", .fields = {"city"}, .scope = IndexDefinition::Scope::all})
      .unique({.space = "person.email", .field = "email"});
}

Json indexes_in_health(testing::World& world) {
  SeededRandom random{1};
  Application application{world.runtime(), world.clock(), random, {}};
  http::Request request;
  request.target = "/health";
  auto exchange = std::make_shared<Waiting>();
  auto answered = exchange->future();
  application.handle(std::move(request), http::Responder{exchange});
  return answered.get().json()["checks"]["indexes"];
}

TEST(BuildHealth, tells_how_far_rows_are_and_then_which_fields_have_duplicates) {
  testing::World world{1, {person(false)}};
  for (int i = 0; i < objects; ++i) {
    const auto email = std::to_string(i / 2) + "@x.org";
    ASSERT_TRUE(world.call("person/" + std::to_string(1'000 + i), "set",
                           {{"city", "Oslo"}, {"email", email}}));
  }
  EXPECT_EQ(indexes_in_health(world)["status"], "ok");
  world.restart({person(true)});
  std::uint64_t told = 0;
  std::size_t steps = 0;
  for (; !world.runtime().builds().empty(); ++steps) {
    const auto shown = indexes_in_health(world);
    EXPECT_EQ(shown["status"], "degraded");
    const auto& build = shown["builds"][0];
    EXPECT_EQ(build["kind"], "person");
    EXPECT_EQ(build["parts"], Json({"index city", "unique person.email"}));
    EXPECT_GE(build["done"].get<std::uint64_t>(), told);
    told = build["done"].get<std::uint64_t>();
    const auto stats = world.runtime().stats();
    EXPECT_EQ(stats.builds, 1U);
    EXPECT_EQ(stats.build_done, told);
    EXPECT_EQ(stats.build_objects, build["objects"].get<std::uint64_t>());
    world.housekeep();
    world.settle();
  }
  EXPECT_GT(steps, 4U) << "or nothing was seen in the middle";
  EXPECT_GT(told, 0U);
  EXPECT_EQ(world.runtime().stats().builds, 0U);
  EXPECT_EQ(world.runtime().stats().build_duplicates, objects / 2);
  const auto after = indexes_in_health(world);
  EXPECT_FALSE(after.contains("builds"));
  EXPECT_EQ(after["duplicates"], Json::array({{{"kind", "person"}, {"field", "email"}}}));
}

}  // namespace
}  // namespace perdure::api
