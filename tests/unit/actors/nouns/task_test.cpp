// SPDX-License-Identifier: Apache-2.0
// task: completion, references, change events, and subtasks that go along.
#include <chrono>
#include <thread>

#include "../fixture.hpp"
#include "perdure/base/crypto.hpp"

namespace perdure::actors {
namespace {

class Tasks : public KindsTest {
 protected:
  /// Has the object made under an id, with the name that every noun asks for.
  ObjectId make(const std::string& kind, const std::string& id, Json fields = Json::object()) {
    fields["title"] = id;
    const ObjectId object{kind, uuid(id)};
    value(send(object, "create", std::move(fields), member("ann")));
    return object;
  }
  /// A UUID that a short name stands for.
  static std::string uuid(const std::string& name) {
    const auto digest = to_hex(bytes_of(sha256(name)));
    return "00000000-0000-7000-8000-" + digest.substr(0, 12);
  }
  std::string refused(const ObjectId& object, Json changes) {
    return refusal(send(object, "update", std::move(changes), member("ann")));
  }
  bool is_there(const ObjectId& object) { return runtime_->exists(object); }
  template <class Condition>
  static bool eventually(Condition condition) {
    using Clock = std::chrono::steady_clock;
    for (const auto until = Clock::now() + std::chrono::seconds{20}; Clock::now() < until;) {
      if (condition()) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds{2});
    }
    return false;
  }
  std::vector<Json> events(const std::string& pattern) {
    const auto page = runtime_->read_events({.after = "0", .topics = {pattern}});
    std::vector<Json> found;
    for (const auto& event : page.value().events) {
      const auto body = Json::parse(event->body);
      found.push_back(
          {{"topic", event->topic}, {"subject", body.at("subject")}, {"data", body.at("data")}});
    }
    return found;
  }
};

TEST_F(Tasks, know_when_they_were_completed_while_they_are) {
  const auto task = make("task", "a");
  EXPECT_EQ(query(task, "get").at("completed_at"), nullptr);
  const auto done = value(send(task, "update", {{"status", "completed"}}));
  ASSERT_TRUE(done.at("completed_at").is_string());
  const auto renamed = value(send(task, "update", {{"title", "b"}}));
  EXPECT_EQ(renamed.at("completed_at"), done.at("completed_at"));
  EXPECT_EQ(value(send(task, "update", {{"status", "pending"}})).at("completed_at"), nullptr);
}

TEST_F(Tasks, refer_only_to_what_exists_and_what_their_owner_may_read) {
  const auto task = make("task", "a");
  EXPECT_EQ(refused(task, {{"goal_id", uuid("none")}}), "invalid /goal_id");
  const auto goal = make("goal", "g");
  value(send(task, "update", {{"goal_id", goal.id}}, member("ann")));
  const ObjectId of_bob{"goal", uuid("bobs")};
  value(send(of_bob, "create", {{"title", "x"}}, member("bob")));
  EXPECT_EQ(refused(task, {{"goal_id", of_bob.id}}), "invalid /goal_id");
  EXPECT_EQ(query(task, "get").at("goal_id"), goal.id) << "what was refused changes nothing";
  value(send(goal, "$remove"));
  EXPECT_EQ(refused(make("task", "b"), {{"goal_id", goal.id}}), "invalid /goal_id");
}

TEST_F(Tasks, are_in_no_cycle) {
  const auto a = make("task", "a");
  const auto b = make("task", "b", {{"parent_id", a.id}});
  const auto c = make("task", "c", {{"parent_id", b.id}});
  const auto refused_by = [&](const ObjectId& task, const ObjectId& parent) {
    const auto reply = send(task, "update", {{"parent_id", parent.id}});
    return reply ? "nothing" : reply.error().fields.at(0).code;
  };
  EXPECT_EQ(refused_by(a, a), "reference_cycle");
  EXPECT_EQ(refused_by(a, c), "reference_cycle");
  EXPECT_EQ(refused_by(c, a), "nothing");
}

TEST_F(Tasks, read_null_for_a_goal_that_is_deleted_and_have_it_again_when_it_is_back) {
  const auto goal = make("goal", "g");
  const auto task = make("task", "a", {{"goal_id", goal.id}});
  const auto& kind = *runtime_->find_kind("task");
  const auto read = [&] {
    return runtime_->without_dead_references(kind, query(task, "get")).at("goal_id");
  };
  EXPECT_EQ(read(), goal.id);
  value(send(goal, "$remove"));
  EXPECT_EQ(read(), nullptr);
  value(send(goal, "$undelete"));
  EXPECT_EQ(read(), goal.id);
}

TEST_F(Tasks, take_their_subtasks_along_and_bring_them_back_but_not_those_deleted_before) {
  const auto whole = make("task", "a");
  std::vector<ObjectId> parts;
  for (int i = 0; i < 250; ++i) {
    parts.push_back(make("task", "p" + std::to_string(i), {{"parent_id", whole.id}}));
  }
  const auto grandchild = make("task", "z", {{"parent_id", parts[249].id}});
  value(send(parts[0], "$remove"));
  value(send(whole, "$remove"));
  ASSERT_TRUE(eventually([&] {
    return !is_there(grandchild) &&
           std::ranges::none_of(parts, [&](auto& p) { return is_there(p); });
  }));
  EXPECT_TRUE(runtime_->list({.kind = "dead_letter"})->items.empty());
  restart();
  value(send(whole, "$undelete"));
  ASSERT_TRUE(eventually([&] {
    return is_there(grandchild) &&
           std::all_of(parts.begin() + 1, parts.end(), [&](auto& p) { return is_there(p); });
  }));
  EXPECT_FALSE(is_there(parts[0]));
}

TEST_F(Tasks, tell_of_every_change_and_never_what_it_says) {
  const auto task = make("task", "a");
  value(send(task, "update", {{"title", "secret"}, {"priority", "high"}}));
  value(send(task, "update", {{"title", "secret"}}));
  value(send(task, "$patch", {{"status", "cancelled"}}));
  value(send(task, "$remove"));
  value(send(task, "$undelete"));
  value(send(task, "$remove"));
  value(send(task, "$purge"));
  const auto told = events("task.*");
  std::vector<std::string> topics;
  for (const auto& event : told) {
    topics.push_back(event.at("topic"));
    EXPECT_EQ(event.at("subject"), task.id);
    EXPECT_EQ(event.at("data").at("id"), task.id);
    EXPECT_EQ(event.dump().find("secret"), std::string::npos);
  }
  EXPECT_EQ(topics, (std::vector<std::string>{"task.created", "task.updated", "task.updated",
                                              "task.deleted", "task.restored", "task.deleted",
                                              "task.purged"}));
  EXPECT_EQ(told[1].at("data").at("changed"), Json::array({"priority", "title"}));
  EXPECT_EQ(told[1].at("data").at("seq"), 2);
  EXPECT_EQ(told[2].at("data").at("changed"), Json::array({"status"}));
}

}  // namespace
}  // namespace perdure::actors
