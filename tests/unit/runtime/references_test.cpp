// SPDX-License-Identifier: Apache-2.0
// References under concurrency: what a turn saw of other objects still holds when it commits, and
// families are deleted and brought back whole.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "perdure/testing/world.hpp"

namespace perdure {
namespace {

using testing::World;
using WhenDeleted = ReferenceDefinition::WhenDeleted;

/// A folder is in a folder, with which it goes along, and may have a label, which goes alone.
std::vector<Kind> folder_kinds() {
  return {
      kind<Json>("label").command("set", [](Turn&, Json&) {}),
      kind<Json>("folder")
          .command("put", [](Turn&, Json& self, const Json& change) { merge_patch(self, change); })
          .reference({.field = "in", .kind = "folder", .when_deleted = WhenDeleted::goes_along})
          .reference({.field = "label", .kind = "label"})};
}

class References : public ::testing::Test {
 protected:
  void make(const std::string& id, Json state = Json::object()) {
    done(world_.call("folder/" + id, std::string{builtin::create}, {{"state", std::move(state)}}));
  }
  testing::Answer begin(const std::string& id, std::string_view command, Json payload = nullptr) {
    return world_.send(
        {.target = {"folder", id}, .name = std::string{command}, .payload = std::move(payload)});
  }
  testing::Answer move(const std::string& id, const Json& into) {
    return begin(id, "put", {{"in", into}});
  }
  Result<Reply> call(const std::string& id, std::string_view command, Json payload = nullptr) {
    return world_.call("folder/" + id, std::string{command}, std::move(payload));
  }
  void restart_after(const std::function<void()>& what) {
    what();
    world_.crash(storage::TailAfterCrash::kept);
    world_.settle();
  }
  static void done(const Result<Reply>& reply) {
    EXPECT_TRUE(reply) << (reply ? "" : to_string(reply.error()));
  }
  /// The code of the field that was refused; or of the error; `done` if nothing was.
  static std::string outcome(const Result<Reply>& reply) {
    if (reply) return "done";
    const auto& error = reply.error();
    return error.fields.empty() ? std::string{describe(error.code).name} : error.fields[0].code;
  }
  static std::string outcome(const testing::Answer& answer) {
    return answer->has_value() ? outcome(**answer) : "nothing yet";
  }
  bool is_there(const std::string& id) { return world_.runtime().exists({"folder", id}); }
  std::string gone_with(const std::string& id) {
    const auto gone = world_.runtime().list(
        {.kind = "folder", .limit = 1'000, .lives = ListRequest::Lives::deleted});
    const auto found = std::ranges::find(
        gone->items, id, [](const ObjectView& view) { return view.meta.object().id; });
    return found == gone->items.end() ? "nothing that is known" : found->meta.deleted_with;
  }
  std::size_t count_there(const std::vector<std::string>& ids) {
    return static_cast<std::size_t>(
        std::ranges::count_if(ids, [&](const std::string& id) { return is_there(id); }));
  }
  std::vector<std::string> make_many(const std::string& in, int count) {
    std::vector<std::string> ids;
    for (int i = 0; i < count; ++i) {
      ids.push_back("n" + std::to_string(i));
      make(ids.back(), {{"in", in}});
    }
    return ids;
  }

  World world_{1, folder_kinds()};
};

TEST_F(References, of_two_moves_at_once_that_would_form_a_cycle_one_is_refused) {
  make("a");
  make("b");
  const auto first = move("a", "b");
  const auto second = move("b", "a");
  world_.run_actors();  // both turns have run, and neither is durable
  world_.settle();
  EXPECT_EQ((std::set{outcome(first), outcome(second)}),
            (std::set<std::string>{"done", "reference_cycle"}));
}

TEST_F(References, of_moves_at_once_around_a_long_ring_the_last_is_refused) {
  constexpr int length = 12;
  const auto name = [](int i) { return "r" + std::to_string(i % length); };
  for (int i = 0; i < length; ++i) make(name(i));
  std::vector<testing::Answer> moves;
  for (int i = 0; i < length; ++i) moves.push_back(move(name(i), name(i + 1)));
  world_.run_actors();
  world_.settle();
  const auto refused = std::ranges::count_if(
      moves, [](const auto& answer) { return outcome(answer) == "reference_cycle"; });
  EXPECT_EQ(refused, 1);
}

TEST_F(References, never_lead_in_a_circle_when_what_was_deleted_is_back) {
  make("b");
  make("a", {{"in", "b"}});
  make("c", {{"in", "a"}});
  done(call("a", builtin::remove));
  world_.settle();
  done(call("c", builtin::undelete));
  EXPECT_EQ(outcome(call("b", "put", {{"in", "c"}})), "reference_cycle");
}

TEST_F(References, never_lead_in_a_circle_when_a_past_state_is_restored) {
  make("b");
  make("a", {{"in", "b"}});
  done(call("a", "put", {{"in", nullptr}}));
  done(call("b", "put", {{"in", "a"}}));
  EXPECT_EQ(outcome(call("a", builtin::restore, {{"seq", 1}})), "reference_cycle");
  done(call("b", "put", {{"in", nullptr}}));
  EXPECT_EQ(outcome(call("a", builtin::restore, {{"seq", 1}})), "done");
}

TEST_F(References, to_what_is_gone_keep_nobody_from_coming_back) {
  done(world_.call("label/l", "set"));
  make("whole");
  make("part", {{"in", "whole"}, {"label", "l"}});
  done(world_.call("label/l", std::string{builtin::remove}));
  done(call("whole", builtin::remove));
  world_.settle();
  EXPECT_FALSE(is_there("part"));
  done(call("whole", builtin::undelete));
  world_.settle();
  EXPECT_TRUE(is_there("part"));
  done(call("part", builtin::remove));
  EXPECT_EQ(outcome(call("part", builtin::undelete)), "done");
}

TEST_F(References, of_one_who_comes_while_the_whole_is_deleted_take_it_along_or_are_refused) {
  make("whole");
  const auto comes = begin("comes", builtin::create, {{"state", {{"in", "whole"}}}});
  const auto goes = begin("whole", builtin::remove);
  const auto late = begin("late", builtin::create, {{"state", {{"in", "whole"}}}});
  world_.run_actors();
  world_.settle();
  EXPECT_EQ(outcome(goes), "done");
  for (const auto& [id, answer] : {std::pair{"comes", comes}, std::pair{"late", late}}) {
    if (outcome(answer) == "done") {
      EXPECT_FALSE(is_there(id));
      EXPECT_EQ(gone_with(id), "folder:whole");
    } else {
      EXPECT_EQ(outcome(answer), "unknown_reference") << id;
    }
  }
}

TEST_F(References, of_one_who_moves_away_meanwhile_leave_it_there) {
  make("whole");
  make("part", {{"in", "whole"}});
  const auto goes = begin("whole", builtin::remove);
  const auto moves = move("part", nullptr);
  world_.run_actors();
  world_.settle();
  EXPECT_EQ(outcome(goes), "done");
  EXPECT_EQ(outcome(moves), "done");
  EXPECT_TRUE(is_there("part"));
}

TEST_F(References, bring_all_back_whenever_the_whole_comes_back_while_they_go) {
  make("whole");
  const auto parts = make_many("whole", 30);
  make("deep", {{"in", parts[29]}});
  for (const std::size_t gone : {0U, 1U, 7U, 15U, 29U, 30U}) {
    done(call("whole", builtin::remove));
    ASSERT_TRUE(world_.wait_until([&] { return count_there(parts) <= parts.size() - gone; }));
    done(call("whole", builtin::undelete));
    world_.settle();
    EXPECT_EQ(count_there(parts), parts.size()) << "it was back when " << gone << " were gone";
    EXPECT_TRUE(is_there("deep"));
  }
}

TEST_F(References, take_all_along_whenever_the_whole_goes_while_they_come_back) {
  make("whole");
  const auto parts = make_many("whole", 30);
  for (const std::size_t back : {0U, 1U, 7U, 15U, 29U, 30U}) {
    done(call("whole", builtin::remove));
    world_.settle();
    ASSERT_EQ(count_there(parts), 0U);
    done(call("whole", builtin::undelete));
    ASSERT_TRUE(world_.wait_until([&] { return count_there(parts) >= back; }));
    done(call("whole", builtin::remove));
    world_.settle();
    EXPECT_EQ(count_there(parts), 0U) << "it went again when " << back << " were back";
    done(call("whole", builtin::undelete));
    world_.settle();
    EXPECT_EQ(count_there(parts), parts.size());
  }
}

TEST_F(References, take_along_also_those_of_a_whole_that_was_purged_at_once) {
  make("whole");
  const auto parts = make_many("whole", 250);
  done(call("whole", builtin::remove));
  done(call("whole", builtin::purge));
  world_.settle();
  EXPECT_EQ(count_there(parts), 0U);
}

TEST_F(References, take_all_along_after_a_crash_at_any_step) {
  make("whole");
  const auto parts = make_many("whole", 12);
  done(call(parts[3], builtin::remove));
  for (const int steps : {0, 1, 2, 5, 10, 20, 40, 80}) {
    restart_after([&] {
      begin("whole", builtin::remove);
      for (int i = 0; i < steps; ++i) world_.step();
    });
    const bool there = is_there("whole");
    EXPECT_EQ(count_there(parts), there ? parts.size() - 1 : 0U) << steps << " steps";
    if (there) done(call("whole", builtin::remove));
    restart_after([&] {
      begin("whole", builtin::undelete);
      for (int i = 0; i < steps; ++i) world_.step();
    });
    if (!is_there("whole")) done(call("whole", builtin::undelete));
    world_.settle();
    EXPECT_EQ(count_there(parts), parts.size() - 1) << steps << " steps";
  }
}

TEST_F(References, are_taken_along_by_nobody_but_the_object_itself) {
  make("whole");
  const auto reply = call("whole", "$take_along", {{"command", "$remove"}});
  EXPECT_EQ(outcome(reply), "not_found");
}

class ReferencesInTransactions : public References {
 protected:
  Result<Reply> transact(std::vector<ObjectId> objects, TransactionHandler handler) {
    std::optional<Result<Reply>> reply;
    world_.runtime().transact(std::move(objects), std::move(handler), {},
                              [&](Result<Reply> result) { reply = std::move(result); });
    world_.wait_until([&] { return reply.has_value(); });
    return *reply;
  }
};

TEST_F(ReferencesInTransactions, name_what_an_earlier_step_has_made) {
  const auto reply =
      transact({{"folder", "new"}, {"folder", "part"}}, [](Transaction& unit) -> Result<Json> {
        PERDURE_TRY_VOID(unit.call({"folder", "new"}, "put", {{"name", "x"}}));
        return unit.call({"folder", "part"}, "put", {{"in", "new"}});
      });
  EXPECT_EQ(outcome(reply), "done");
  EXPECT_EQ(outcome(transact({{"folder", "new"}, {"folder", "part"}},
                             [](Transaction& unit) -> Result<Json> {
                               return unit.call({"folder", "new"}, "put", {{"in", "part"}});
                             })),
            "reference_cycle");
}

TEST_F(ReferencesInTransactions, run_the_transaction_again_when_what_it_relied_on_moved_on) {
  make("a");
  make("b");
  int runs = 0;
  const auto reply = transact({{"folder", "a"}}, [&](Transaction& unit) -> Result<Json> {
    if (++runs == 1) begin("b", "put", {{"in", "a"}});
    auto moved = unit.call({"folder", "a"}, "put", {{"in", "b"}});
    if (runs == 1) world_.run_actors();  // b's turn runs, and commits first
    return moved;
  });
  EXPECT_EQ(outcome(reply), "reference_cycle");
  EXPECT_EQ(runs, 2);
}

}  // namespace
}  // namespace perdure
