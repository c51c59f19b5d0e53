// SPDX-License-Identifier: Apache-2.0
// What was deleted can be brought back for its time, and then nothing of it is left.
#include <gtest/gtest.h>

#include "perdure/testing/world.hpp"

namespace perdure::sim {
namespace {

using perdure::testing::World;

constexpr auto day = std::chrono::hours{24};

struct Diary {
  std::string title;
  Json oldest_torn = nullptr;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Diary, title, oldest_torn)

// Pages that are torn out can be put back until they are burned.
Kind diary_kind() {
  return kind<Diary>("diary")
      .command("name",
               [](Turn& turn, Diary& self, const std::string& title) {
                 if (!self.title.empty()) turn.release("diary.title", self.title);
                 turn.claim("diary.title", title);
                 self.title = title;
               })
      .command("write", [](Turn& turn, Diary&,
                           const std::string& text) { turn.entries().put("page", text); })
      .command("tear",
               [](Turn& turn, Diary& self) {
                 turn.entries().put("torn", turn.entries().get("page")->value);
                 turn.entries().erase("page");
                 self.oldest_torn = format_rfc3339(turn.now());
               })
      .command("burn",
               [](Turn& turn, Diary& self, const Json& payload) {
                 EXPECT_LT(self.oldest_torn, payload.at("before"));
                 turn.entries().erase("torn");
                 self.oldest_torn = nullptr;
               })
      .query("pages",
             [](const View& view, const Diary&) {
               Json pages = Json::object();
               for (const auto& entry : view.entries().range({})) pages[entry.key] = entry.value;
               return pages;
             })
      .index({.name = "title", .fields = {"title"}})
      .purge({.command = "burn", .oldest = "oldest_torn"})
      .on_purge([](Turn& turn, const Diary& self) { turn.release("diary.title", self.title); });
}

class Purge : public ::testing::Test {
 protected:
  Result<Reply> call(std::string_view name, const Json& payload = nullptr,
                     const std::string& id = "d", CallType type = CallType::command) {
    return world_.call(
        {.target = {"diary", id}, .type = type, .name = std::string{name}, .payload = payload});
  }
  static ErrorCode code(const Result<Reply>& reply) {
    EXPECT_FALSE(reply);
    return reply ? ErrorCode::internal : reply.error().code;
  }
  Json pages() { return call("pages", nullptr, "d", CallType::query).value().value; }
  void pass(Milliseconds time) {
    world_.clock().advance(time);
    for (int round = 0; round < 3; ++round) {
      world_.housekeep();
      world_.settle();
    }
  }
  std::vector<JournalRecord> journal(const std::string& id = "d") {
    return world_.runtime().journal({"diary", id}, 1, 1'000, Order::ascending, 1'000).value();
  }
  void make_and_delete() {
    EXPECT_TRUE(call("name", "Mine"));                        // 1
    EXPECT_TRUE(call("write", "secret"));                     // 2
    EXPECT_TRUE(call(builtin::pin, Json{{"name", "kept"}}));  // of 2
    EXPECT_TRUE(call(builtin::remove));                       // 3
  }
  void expect_purged(Seq seq) {
    const auto left = journal();
    ASSERT_EQ(left.size(), 1U);
    EXPECT_EQ(left[0].seq, seq);
    EXPECT_EQ(left[0].command, "$purge");
    EXPECT_EQ(left[0].state, nullptr);
    auto& runtime = world_.runtime();
    for (Seq past = 1; past <= seq; ++past) {
      EXPECT_FALSE(runtime.inspect(diary_, past));
      EXPECT_FALSE(runtime.entries(diary_, {}, past));
    }
    EXPECT_FALSE(runtime.snapshots(diary_));
    EXPECT_TRUE(
        runtime.list({.kind = "diary", .lives = ListRequest::Lives::deleted})->items.empty());
    EXPECT_TRUE(
        runtime.list({.kind = "diary", .index = "$owner", .lives = ListRequest::Lives::all})
            ->items.empty());
    EXPECT_EQ(code(call(builtin::undelete)), ErrorCode::not_found);
    EXPECT_EQ(code(call(builtin::purge)), ErrorCode::not_found);
  }

  const ObjectId diary_{"diary", "d"};
  World world_{1, {diary_kind()}};
};

TEST_F(Purge, comes_after_its_time_and_leaves_a_tombstone_only) {
  make_and_delete();
  pass(29 * day);
  EXPECT_EQ(journal().size(), 3U) << "it can still be brought back";
  pass(2 * day);
  expect_purged(4);
  world_.crash();
  expect_purged(4);
}

TEST_F(Purge, spares_what_was_brought_back) {
  make_and_delete();
  pass(29 * day);
  EXPECT_TRUE(call(builtin::undelete));
  pass(30 * day);
  EXPECT_EQ(pages(), (Json{{"page", "secret"}}));
  EXPECT_EQ(code(call(builtin::purge)), ErrorCode::conflict) << "it is not deleted";
  EXPECT_TRUE(call(builtin::remove));
  pass(29 * day);
  EXPECT_EQ(code(call(builtin::purge,
                      Json{{"deleted_before", format_rfc3339(world_.clock().now() - 30 * day)}})),
            ErrorCode::conflict)
      << "the time counts from the last deletion";
}

TEST_F(Purge, goes_on_counting_in_a_later_life) {
  make_and_delete();
  pass(31 * day);
  const auto born = call("write", "new");
  ASSERT_TRUE(born) << to_string(born.error());
  EXPECT_EQ(born->meta.seq, 5U);
  EXPECT_EQ(pages(), (Json{{"page", "new"}}));
  EXPECT_EQ(world_.runtime().list({.kind = "diary", .index = "$owner"})->items.size(), 1U);
  EXPECT_EQ(journal().size(), 2U);
}

TEST_F(Purge, releases_claims) {
  make_and_delete();
  EXPECT_EQ(code(call("name", "Mine", "other")), ErrorCode::conflict) << "it may come back";
  pass(31 * day);
  EXPECT_TRUE(call("name", "Mine", "other"));
}

TEST_F(Purge, of_many_takes_several_rounds_and_reaches_all) {
  constexpr int many = 100;
  for (int i = 0; i < many; ++i) {
    const auto id = std::to_string(i);
    EXPECT_TRUE(call("write", "x", id));
    EXPECT_TRUE(call(builtin::remove, nullptr, id));
  }
  pass(31 * day);
  pass(std::chrono::seconds{1});
  for (int i = 0; i < many; ++i) EXPECT_EQ(journal(std::to_string(i)).size(), 1U);
}

TEST_F(Purge, of_what_was_deleted_within_an_object_is_called_for_in_time) {
  EXPECT_TRUE(call("write", "secret"));
  EXPECT_TRUE(call("tear"));
  pass(29 * day);
  EXPECT_EQ(pages(), (Json{{"torn", "secret"}}));
  pass(2 * day);
  EXPECT_EQ(pages(), Json::object());
  const auto seq = world_.runtime().inspect(diary_)->meta.seq;
  pass(31 * day);
  EXPECT_EQ(world_.runtime().inspect(diary_)->meta.seq, seq) << "there is nothing more to burn";
}

}  // namespace
}  // namespace perdure::sim
