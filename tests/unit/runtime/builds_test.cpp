// SPDX-License-Identifier: Apache-2.0
// Kinds that are not those of the opening before: what becomes of their rows.
#include <gtest/gtest.h>

#include "perdure/testing/world.hpp"

namespace perdure {
namespace {

using testing::World;

/// How a version of the kind differs from the first one.
struct Version {
  std::vector<std::string> indexes = {};
  std::vector<std::string> sorts = {};
  std::vector<std::string> filters = {};
  bool email_is_unique = false;
  std::uint32_t schema = 1;
  UpgradeStep step = {};
};

Kind person(const Version& version = {}) {
  auto made =
      kind<Json>("person")
          .command("set", [](Turn&, Json& self, const Json& next) { merge_patch(self, next); })
          .query("all", [](const Json& self) { return self; });
  for (const auto& field : version.indexes) {
    std::move(made).index({.name = field, .fields = {field}, .scope = IndexDefinition::Scope::all});
  }
  ListRules rules{.across = ListRules::Across::everybody};
  for (const auto& field : version.sorts) rules.sorts.push_back({.field = field});
  for (const auto& field : version.filters) {
    rules.filters.push_back({.name = field, .field = field});
  }
  std::move(made).lists(rules);
  if (version.email_is_unique) {
    std::move(made).unique({.space = "person.email", .field = "email"});
  }
  for (std::uint32_t from = 1; from < version.schema; ++from) {
    std::move(made).schema_version(version.schema).upgrade(from, version.step);
  }
  return made;
}

class Builds : public ::testing::Test {
 protected:
  void make(const std::string& id, const Json& state) {
    const auto reply = world_.call("person/" + id, "set", state);
    ASSERT_TRUE(reply) << to_string(reply.error());
  }
  void make_many(int count) {
    for (int i = 0; i < count; ++i) {
      make("p" + std::to_string(1'000 + i), {{"city", i % 2 == 0 ? "Oslo" : "Bern"}, {"n", i}});
    }
  }
  void open(const Version& version) { world_.restart({person(version)}); }
  void finish() {
    ASSERT_TRUE(world_.wait_until([&] { return world_.runtime().builds().empty(); }));
    world_.advance(std::chrono::seconds{1});  // what is left over goes
    world_.check_invariants();
  }
  Result<std::vector<std::string>> found(ListRequest request) {
    request.kind = "person";
    request.limit = 10'000;
    PERDURE_TRY(page, world_.runtime().list(request));
    std::vector<std::string> ids;
    for (const auto& item : page.items) ids.push_back(item.meta.object().id);
    return ids;
  }
  Result<std::vector<std::string>> in(const std::string& city) {
    return found({.index = "city", .equals = {city}});
  }
  /// `ben of anna`
  std::vector<std::string> duplicates() {
    std::vector<std::string> found;
    for (const auto& one : world_.runtime().duplicates(10).value()) {
      found.push_back(one.object.id + " of " + one.holder.id);
    }
    return found;
  }
  static std::vector<std::string> ids(std::initializer_list<std::string> ids) { return ids; }
  static ErrorCode code(const auto& result) {
    return result ? ErrorCode::internal : result.error().code;
  }

  World world_{1, {person()}};
};

TEST_F(Builds, a_list_by_a_new_index_refuses_until_it_is_built_and_then_has_everything) {
  make_many(200);
  open({.indexes = {"city"}});
  const auto early = in("Oslo");
  ASSERT_EQ(code(early), ErrorCode::index_building);
  EXPECT_TRUE(early.error().retry_after);
  EXPECT_EQ(found({}).value().size(), 200U) << "other lists go on";
  ASSERT_EQ(world_.runtime().builds().size(), 1U);
  EXPECT_EQ(world_.runtime().builds()[0].parts, ids({"index city"}));
  finish();
  EXPECT_EQ(in("Oslo").value().size(), 100U);
  EXPECT_EQ(in("Bern").value().size(), 100U);
}

TEST_F(Builds, a_list_by_an_index_that_did_not_change_goes_on_while_another_is_built) {
  make_many(3);
  open({.indexes = {"city"}});
  finish();
  open({.indexes = {"city", "n"}});
  EXPECT_EQ(in("Oslo").value().size(), 2U);
  EXPECT_EQ(code(found({.index = "n"})), ErrorCode::index_building);
  finish();
  EXPECT_EQ(found({.index = "n"}).value(), ids({"p1000", "p1001", "p1002"}));
}

TEST_F(Builds, a_turn_in_the_middle_of_a_build_leaves_the_rows_and_counts_of_its_state) {
  make_many(200);
  open({.indexes = {"city"}, .sorts = {"city"}, .filters = {"city"}});
  for (int slice = 0; slice < 4; ++slice) {  // counts, begins, has some built
    world_.housekeep();
    world_.settle();
  }
  ASSERT_FALSE(world_.runtime().builds().empty());
  for (const auto* id : {"p1000", "p1001", "p1198", "p1199"}) {
    world_.send({.target = {"person", id}, .name = "set", .payload = {{"city", "Rome"}}});
  }
  world_.settle();
  ASSERT_FALSE(world_.runtime().builds().empty()) << "or nothing was in the middle";
  world_.check_invariants();
  finish();
  EXPECT_EQ(in("Rome").value(), ids({"p1000", "p1001", "p1198", "p1199"}));
  const auto page = world_.runtime().list({.kind = "person",
                                           .sort = "city",
                                           .where = {{.name = "city", .values = {"Rome"}}},
                                           .whose = ListRequest::Whose::everybody,
                                           .count = true});
  ASSERT_TRUE(page) << to_string(page.error());
  EXPECT_EQ(page->total->count, 4U);
}

TEST_F(Builds, an_object_that_the_builder_and_a_turn_build_at_once_is_counted_once) {
  make_many(3);
  open({.sorts = {"city"}, .filters = {"city"}});
  world_.housekeep();
  world_.settle();
  world_.housekeep();  // the rows of all three are on their way
  const auto answer =
      world_.send({.target = {"person", "p1000"}, .name = "set", .payload = {{"city", "Rome"}}});
  world_.run_actors();  // and so is a turn that saw none
  world_.settle();
  ASSERT_TRUE(*answer && **answer);
  finish();
}

TEST_F(Builds, transactions_that_meet_a_build_leave_the_rows_and_counts_of_their_states) {
  make_many(4);
  open({.indexes = {"city"}, .sorts = {"city"}, .filters = {"city"}});
  world_.housekeep();
  world_.settle();
  world_.housekeep();  // the rows of all four are on their way
  const auto step = [](const std::string& id) {
    return TransactionStep{{"person", id}, "set", {{"city", "Rome"}}};
  };
  std::vector<Result<Reply>> replies;
  const auto note = [&](Result<Reply> reply) { replies.push_back(std::move(reply)); };
  std::optional<ErrorCode> listed;
  world_.runtime().transact({step("p1000"), step("p1001")}, {}, note);
  // As a batch: it finds its objects as it goes, and reads a list that needs the index.
  world_.runtime().transact_found(
      [&](Transaction& transaction) -> Result<Json> {
        listed = code(in("Rome"));
        for (const auto* id : {"p1002", "p1003", "new"}) {
          PERDURE_TRY_VOID(transaction.run(step(id)));
        }
        return Json();
      },
      {}, note);
  world_.run_actors();  // and so are the transactions, which saw none
  world_.settle();
  ASSERT_TRUE(world_.wait_until([&] { return replies.size() == 2; }));
  for (const auto& reply : replies) EXPECT_TRUE(reply) << to_string(reply.error());
  EXPECT_EQ(listed, ErrorCode::index_building);
  world_.check_invariants();
  finish();
  EXPECT_EQ(in("Rome").value(), ids({"new", "p1000", "p1001", "p1002", "p1003"}));
  EXPECT_EQ(in("Oslo").value(), ids({}));
  const auto page = world_.runtime().list({.kind = "person",
                                           .sort = "city",
                                           .where = {{.name = "city", .values = {"Rome"}}},
                                           .whose = ListRequest::Whose::everybody,
                                           .count = true});
  ASSERT_TRUE(page) << to_string(page.error());
  EXPECT_EQ(page->total->count, 5U);
}

TEST_F(Builds, an_upgrade_step_that_changes_an_indexed_value_leaves_the_right_rows) {
  open({.indexes = {"city"}});
  make("anna", {{"city", "Oslo"}});
  make("ben", {{"city", "Bern"}});
  open({.indexes = {"city"}, .schema = 2, .step = [](Json old) {
          if (old["city"] == "Oslo") old["city"] = "Christiania";
          return old;
        }});
  EXPECT_EQ(code(in("Oslo")), ErrorCode::index_building);
  finish();
  EXPECT_EQ(in("Oslo").value(), ids({}));
  EXPECT_EQ(in("Christiania").value(), ids({"anna"}));
  make("anna", {{"city", "Bern"}});
  EXPECT_EQ(in("Christiania").value(), ids({}));
  EXPECT_EQ(in("Bern").value(), ids({"anna", "ben"}));
  world_.check_invariants();
}

TEST_F(Builds, a_build_goes_on_after_a_crash_where_it_was) {
  make_many(600);
  open({.indexes = {"city"}, .sorts = {"n"}});
  const auto done = [&] {
    const auto builds = world_.runtime().builds();
    return builds.empty() ? 600 : builds[0].done;
  };
  while (done() < 300) {
    world_.housekeep();
    world_.settle();
  }
  ASSERT_LT(done(), 600U);
  world_.crash();
  world_.check_invariants();
  EXPECT_GE(done(), 200U);
  EXPECT_EQ(code(in("Oslo")), ErrorCode::index_building);
  finish();
  EXPECT_EQ(in("Oslo").value().size(), 300U);
}

TEST_F(Builds, other_declarations_in_the_middle_of_a_build_begin_another_one) {
  make_many(200);
  open({.indexes = {"city"}, .sorts = {"n"}});
  for (int slice = 0; slice < 4; ++slice) {
    world_.housekeep();
    world_.settle();
  }
  make("p1000", {{"city", "Rome"}});
  open({.indexes = {"n", "city"}, .schema = 2, .step = [](Json old) { return old; }});
  finish();
  EXPECT_EQ(in("Rome").value(), ids({"p1000"}));
  EXPECT_EQ(in("Oslo").value().size(), 99U);
  open({.indexes = {"city"}, .schema = 2, .step = [](Json old) { return old; }});
  EXPECT_EQ(in("Rome").value(), ids({"p1000"})) << "an index less is no build";
}

TEST_F(Builds, a_new_unique_field_is_claimed_by_the_first_and_the_others_are_named) {
  make("anna", {{"email", "a@x.org"}});
  make("ben", {{"email", "a@x.org"}});
  make("cleo", {{"email", "c@x.org"}});
  open({.email_is_unique = true});
  EXPECT_EQ(code(world_.runtime().holder("person.email", "c@x.org")), ErrorCode::index_building);
  finish();
  EXPECT_EQ(world_.runtime().holder("person.email", "a@x.org").value()->id, "anna");
  const auto duplicates = world_.runtime().duplicates(10).value();
  ASSERT_EQ(duplicates.size(), 1U);
  EXPECT_EQ(duplicates[0].object.id, "ben");
  EXPECT_EQ(duplicates[0].holder.id, "anna");
  EXPECT_EQ(duplicates[0].field, "email");
  EXPECT_EQ(duplicates[0].value, "a@x.org");
  EXPECT_EQ(code(world_.call("person/dora", "set", {{"email", "a@x.org"}})), ErrorCode::conflict);
  make("ben", {{"n", 1}});  // it keeps its value
  make("ben", {{"email", "b@x.org"}});
  EXPECT_TRUE(world_.runtime().duplicates(10).value().empty());
  EXPECT_EQ(world_.runtime().holder("person.email", "a@x.org").value()->id, "anna");
  world_.check_invariants();
}

TEST_F(Builds, a_name_stays_with_who_takes_it_while_a_duplicate_gives_it_up) {
  make("anna", {{"email", "a@x.org"}});
  make("ben", {{"email", "a@x.org"}});
  open({.email_is_unique = true});
  finish();
  make("anna", {{"email", "anna@x.org"}});  // nobody has claimed it now, but ben still has it
  const auto set = [&](const std::string& id, const std::string& email) {
    return world_.send({.target = {"person", id}, .name = "set", .payload = {{"email", email}}});
  };
  const auto taken = set("cleo", "a@x.org");
  const auto given_up = set("ben", "b@x.org");
  const auto again = set("ben", "ben@x.org");
  world_.run_actors();  // all of them are decided before the first is committed
  world_.settle();
  ASSERT_TRUE(*taken && **taken && *given_up && **given_up && *again && **again);
  const auto holder = [&](const std::string& email) {
    return world_.runtime().holder("person.email", email).value();
  };
  EXPECT_EQ(holder("a@x.org"), (ObjectId{"person", "cleo"}));
  EXPECT_EQ(holder("b@x.org"), std::nullopt) << "it was on its way when ben gave it up";
  EXPECT_EQ(holder("ben@x.org"), (ObjectId{"person", "ben"}));
  finish();
}

TEST_F(Builds, a_name_that_its_holder_gives_up_goes_to_the_next_who_has_it) {
  for (const auto* id : {"anna", "ben", "cleo", "dora"}) make(id, {{"email", "a@x.org"}});
  open({.email_is_unique = true});
  finish();
  const auto holder = [&] { return world_.runtime().holder("person.email", "a@x.org").value(); };
  EXPECT_EQ(holder(), (ObjectId{"person", "anna"}));
  EXPECT_EQ(duplicates(), ids({"ben of anna", "cleo of anna", "dora of anna"}));
  make("anna", {{"email", "anna@x.org"}});
  finish();
  EXPECT_EQ(holder(), (ObjectId{"person", "ben"}));
  EXPECT_EQ(duplicates(), ids({"cleo of ben", "dora of ben"}));
  ASSERT_TRUE(world_.call("person/ben", std::string{builtin::remove}));
  ASSERT_TRUE(world_.call("person/ben", std::string{builtin::purge}));
  finish();
  EXPECT_EQ(holder(), (ObjectId{"person", "cleo"}));
  EXPECT_EQ(duplicates(), ids({"dora of cleo"}));
  EXPECT_EQ(code(world_.call("person/eve", "set", {{"email", "a@x.org"}})), ErrorCode::conflict);
  make("cleo", {{"email", "cleo@x.org"}});
  make("eve", {{"email", "a@x.org"}});  // who is faster
  finish();
  EXPECT_EQ(duplicates(), ids({"dora of eve"}));
}

TEST_F(Builds, a_name_that_was_given_up_before_a_crash_goes_to_the_next_after_it) {
  make("anna", {{"email", "a@x.org"}});
  make("ben", {{"email", "a@x.org"}});
  open({.email_is_unique = true});
  finish();
  make("anna", {{"email", "anna@x.org"}});
  world_.crash();
  finish();
  EXPECT_EQ(world_.runtime().holder("person.email", "a@x.org").value(),
            (ObjectId{"person", "ben"}));
  EXPECT_EQ(duplicates(), ids({}));
}

TEST_F(Builds, who_gives_up_a_name_while_it_is_handed_to_it_does_not_keep_it) {
  for (const auto* id : {"anna", "ben", "cleo"}) make(id, {{"email", "a@x.org"}});
  open({.email_is_unique = true});
  finish();
  make("anna", {{"email", "anna@x.org"}});
  world_.housekeep();  // the claim is on its way to ben
  const auto given_up =
      world_.send({.target = {"person", "ben"}, .name = "set", .payload = {{"email", "b@x.org"}}});
  world_.run_actors();  // and so is a turn that does not know of it
  world_.settle();
  ASSERT_TRUE(*given_up && **given_up) << to_string((**given_up).error());
  finish();
  EXPECT_EQ(world_.runtime().holder("person.email", "a@x.org").value(),
            (ObjectId{"person", "cleo"}));
  EXPECT_EQ(duplicates(), ids({}));
}

TEST_F(Builds, a_name_stays_its_holders_while_claims_are_made_again) {
  open({.email_is_unique = true});
  make("anna", {{"email", "a@x.org"}});
  make("ben", {{"email", "b@x.org"}});
  open({.email_is_unique = true, .schema = 2, .step = [](Json old) {
          if (old["email"] == "b@x.org") old["email"] = "ben@x.org";
          return old;
        }});
  auto& runtime = world_.runtime();
  EXPECT_EQ(runtime.holder("person.email", "a@x.org").value()->id, "anna");
  const auto stolen =
      world_.send({.target = {"person", "eve"}, .name = "set", .payload = {{"email", "a@x.org"}}});
  const auto given_up =
      world_.send({.target = {"person", "cleo"}, .name = "set", .payload = {{"email", "b@x.org"}}});
  world_.settle();
  ASSERT_FALSE(runtime.builds().empty());
  ASSERT_TRUE(*stolen && *given_up);
  EXPECT_EQ(code(**stolen), ErrorCode::conflict);
  EXPECT_TRUE(**given_up) << "the step has changed who has it";
  finish();
  EXPECT_EQ(runtime.holder("person.email", "a@x.org").value()->id, "anna");
  EXPECT_EQ(runtime.holder("person.email", "b@x.org").value()->id, "cleo");
  EXPECT_EQ(runtime.holder("person.email", "ben@x.org").value()->id, "ben");
  EXPECT_TRUE(runtime.duplicates(10).value().empty());
}

TEST_F(Builds, what_goes_along_with_a_deletion_follows_once_its_rows_are_built) {
  const Kind teams = kind<Json>("team").command("set", [](Turn&, Json& self) { self["x"] = 1; });
  const auto members = [](bool go_along) -> Kind {
    auto made = kind<Json>("member").command(
        "set", [](Turn&, Json& self, const Json& next) { merge_patch(self, next); });
    if (go_along) {
      std::move(made).reference({.field = "team",
                                 .kind = "team",
                                 .when_deleted = ReferenceDefinition::WhenDeleted::goes_along});
    }
    return made;
  };
  World world{2, {teams, members(false)}};
  ASSERT_TRUE(world.call("team/red", "set"));
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(world.call("member/m" + std::to_string(i), "set", {{"team", "red"}}));
  }
  world.restart({teams, members(true)});
  const auto early = world.send({.target = {"team", "red"}, .name = std::string{builtin::remove}});
  world.settle();
  ASSERT_TRUE(*early && **early);
  EXPECT_EQ(world.runtime().list({.kind = "member"})->items.size(), 5U);
  ASSERT_FALSE(world.runtime().builds().empty());
  ASSERT_TRUE(world.wait_until([&] { return world.runtime().builds().empty(); }));
  world.advance(std::chrono::seconds{1});
  EXPECT_TRUE(world.runtime().list({.kind = "member"})->items.empty());
  world.check_invariants();
}

TEST_F(Builds, kinds_and_versions_that_the_code_does_not_know_are_named_and_left_alone) {
  make("anna", {{"city", "Oslo"}});
  open({.schema = 2, .step = [](Json old) { return old; }});
  make("ben", {{"city", "Bern"}});
  EXPECT_TRUE(world_.runtime().unknown_kinds().empty());
  open({});
  ASSERT_EQ(world_.runtime().unknown_kinds().size(), 1U);
  EXPECT_EQ(world_.runtime().unknown_kinds()[0].kind, "person");
  EXPECT_EQ(world_.runtime().unknown_kinds()[0].stored_version, 2U);
  EXPECT_EQ(world_.runtime().unknown_kinds()[0].known_version, 1U);
  EXPECT_EQ(code(world_.ask("person/ben", "all")), ErrorCode::newer_version);
  world_.restart({});
  ASSERT_EQ(world_.runtime().unknown_kinds().size(), 1U);
  EXPECT_EQ(world_.runtime().unknown_kinds()[0].known_version, 0U);
  open({.indexes = {"city"}, .schema = 2, .step = [](Json old) { return old; }});
  EXPECT_TRUE(world_.runtime().unknown_kinds().empty());
  finish();
  EXPECT_EQ(in("Bern").value(), ids({"ben"}));
}

}  // namespace
}  // namespace perdure
