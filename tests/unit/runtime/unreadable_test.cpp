// SPDX-License-Identifier: Apache-2.0
// States that the kind's code of today cannot read.
#include <gtest/gtest.h>

#include "perdure/testing/world.hpp"

namespace perdure {
namespace {

using testing::World;

struct Earlier {
  std::string title;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Earlier, title)

struct Present {
  std::string title;
  std::string city;  // without a default
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Present, title, city)

Kind earlier() {
  return kind<Earlier>("note")
      .command("name", [](Turn&, Earlier& self, const std::string& name) { self.title = name; })
      .index({.name = "title", .fields = {"title"}});
}

Kind present() {
  return kind<Present>("note")
      .command("name", [](Turn&, Present& self, const std::string& name) { self.title = name; })
      .query("city", [](const Present& self) { return self.city; })
      .index({.name = "title", .fields = {"title"}});
}

Kind stepped() {
  return kind<Present>("note")
      .schema_version(3)
      .upgrade(1, [](Json old) { return old; })
      .upgrade(2,
               [](Json old) {
                 old.at("city") = "City of " + old.at("city").get<std::string>();
                 return old;
               })
      .query("city", [](const Present& self) { return self.city; })
      .index({.name = "title", .fields = {"title"}});
}

class Unreadable : public ::testing::Test {
 protected:
  Unreadable() {
    EXPECT_TRUE(world_.call("note/a", "name", "first"));
    EXPECT_TRUE(world_.call("note/b", "name", "second"));
  }
  void open(Kind kind) {
    world_.restart({std::move(kind)});
    EXPECT_TRUE(world_.wait_until([&] { return world_.runtime().builds().empty(); }));
  }
  Error error(const Result<Reply>& reply) {
    EXPECT_FALSE(reply);
    return reply ? Error{.code = ErrorCode::internal} : reply.error();
  }
  std::vector<std::string> unreadable(const ListRequest& request) {
    std::vector<std::string> ids;
    const auto page = world_.runtime().list(request).value();
    for (const auto& one : page.unreadable) {
      EXPECT_EQ(one.error.code, ErrorCode::unreadable_state);
      ids.push_back(one.object.id);
    }
    return ids;
  }

  World world_{1, {earlier()}};
};

TEST_F(Unreadable, a_state_that_lacks_a_member_says_which_and_of_which_version_it_is) {
  open(present());
  const auto refused = error(world_.ask("note/a", "city"));
  EXPECT_EQ(refused.code, ErrorCode::unreadable_state);
  for (const auto* word : {"note:a", "schema version 1", "kind note", "city"}) {
    EXPECT_NE(refused.detail.find(word), std::string::npos) << word << ": " << refused.detail;
  }
  EXPECT_EQ(error(world_.call("note/a", "name", "x")).code, ErrorCode::unreadable_state);
}

TEST_F(Unreadable, an_upgrade_step_that_throws_is_named) {
  open(stepped());
  const auto refused = error(world_.ask("note/a", "city"));
  EXPECT_EQ(refused.code, ErrorCode::unreadable_state);
  EXPECT_NE(refused.detail.find("the step from version 2 to 3"), std::string::npos)
      << refused.detail;
}

TEST_F(Unreadable, a_replaced_state_can_be_read) {
  open(present());
  const auto replaced =
      world_.call("note/a", std::string{builtin::replace}, {{"title", "new"}, {"city", "Oslo"}});
  ASSERT_TRUE(replaced) << to_string(replaced.error());
  EXPECT_EQ(world_.ask("note/a", "city")->value, "Oslo");
  EXPECT_EQ(unreadable({.kind = "note"}), std::vector<std::string>{"b"});
  world_.check_invariants();
  world_.crash();
  EXPECT_EQ(world_.ask("note/a", "city")->value, "Oslo");
}

TEST_F(Unreadable, a_patch_is_of_what_is_stored_and_goes_through_the_steps) {
  open(stepped());
  EXPECT_EQ(error(world_.call("note/a", std::string{builtin::patch}, {{"title", "x"}})).code,
            ErrorCode::invalid);
  const auto patched = world_.call("note/a", std::string{builtin::patch}, {{"city", "Oslo"}});
  ASSERT_TRUE(patched) << to_string(patched.error());
  EXPECT_EQ(world_.ask("note/a", "city")->value, "City of Oslo");
  EXPECT_EQ(world_.state("note/a").value()["title"], "first");
  world_.check_invariants();
}

TEST_F(Unreadable, lists_name_it_and_exports_have_what_is_stored) {
  open(present());
  EXPECT_EQ(unreadable({.kind = "note"}), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(unreadable({.kind = "note", .index = "title", .equals = {"second"}}),
            std::vector<std::string>{"b"});
  std::string lines;
  ASSERT_TRUE(world_.runtime().export_object({"note", "a"}, {},
                                             [&](std::string_view part) { lines += part; }));
  EXPECT_NE(lines.find(R"("state":{"title":"first"})"), std::string::npos) << lines;
}

TEST_F(Unreadable, it_is_deleted_and_purged_without_being_read) {
  open(present());
  ASSERT_TRUE(world_.call("note/a", std::string{builtin::remove}));
  EXPECT_EQ(unreadable({.kind = "note"}), std::vector<std::string>{"b"});
  EXPECT_EQ(error(world_.call("note/a", std::string{builtin::undelete})).code,
            ErrorCode::unreadable_state);
  world_.check_invariants();
  ASSERT_TRUE(world_.call("note/a", std::string{builtin::purge}));
  world_.check_invariants();
  open(earlier());
  EXPECT_EQ(world_.state("note/b").value()["title"], "second");
}

}  // namespace
}  // namespace perdure
