// SPDX-License-Identifier: Apache-2.0
#include "perdure/actors/conversation.hpp"

#include "fixture.hpp"

namespace perdure::actors {
namespace {

const ObjectId talk{"conversation", "c"};

class Conversation : public KindsTest {
 protected:
  void SetUp() override {
    KindsTest::SetUp();
    value(send(talk, "create", Json::object(), member("ann")));
  }
  Json say(const std::string& content) { return command(talk, "append", {{"content", content}}); }
  Json seqs(Json payload = nullptr) {
    return pluck(query(talk, "list_messages", std::move(payload)), "seq");
  }
};

TEST_F(Conversation, numbers_messages_densely_over_a_restart) {
  EXPECT_EQ(say("one")["seq"], 1);
  EXPECT_EQ(refusal(send(talk, "append", {{"content", 5}})), "invalid /content");
  restart();
  EXPECT_EQ(say("two")["seq"], 2);
  EXPECT_EQ(query(talk, "last_seq"), 2);
  EXPECT_EQ(pluck(query(talk, "list_messages"), "content"), Json({"one", "two"}));
}

TEST_F(Conversation, gives_messages_whole) {
  const Json made =
      value(send(talk, "append", {{"content", "hi"}, {"role", "assistant"}, {"agent_id", "x"}},
                 member("ann")));
  const Json expected{{"id", made.at("id")},
                      {"conversation_id", "c"},
                      {"seq", 1},
                      {"role", "assistant"},
                      {"content", "hi"},
                      {"agent_id", "x"},
                      {"client_id", nullptr},
                      {"metadata", Json::object()},
                      {"user_id", "ann"},
                      {"organization_id", nullptr},
                      {"created_at", made.at("created_at")},
                      {"updated_at", made.at("created_at")},
                      {"created_by", "ann"},
                      {"updated_by", "ann"}};
  EXPECT_EQ(alone(made), expected);
  EXPECT_EQ(query(talk, "list_messages")["items"], Json::array({expected}));
  EXPECT_EQ(alone(query(talk, "get_message", {{"id", made.at("id")}})), expected);
  for (const char* id : {"", "nobody", "01a1fd36-21f3-7a42-8cca-ae769717c2d2"}) {
    EXPECT_EQ(refusal(ask(talk, "get_message", {{"id", id}})), "not_found");
  }
}

TEST_F(Conversation, takes_a_client_id_once_from_each_sender) {
  const Json message{{"content", "hi"}, {"client_id", "my / 1"}};
  const Json first = value(send(talk, "append", message, member("ann")));
  restart();
  const auto seq = runtime_->inspect(talk)->meta.seq;
  EXPECT_EQ(value(send(talk, "append", message, member("ann"))), first);
  EXPECT_EQ(runtime_->inspect(talk)->meta.seq, seq) << "what is repeated makes no record";
  EXPECT_EQ(value(send(talk, "append", message))["seq"], 2);
  EXPECT_EQ(seqs(), Json({1, 2}));
}

TEST_F(Conversation, refuses_another_message_under_a_used_client_id) {
  const Json message{{"content", "hi"}, {"client_id", "1"}, {"metadata", {{"a", 1}}}};
  const Json first = command(talk, "append", message);
  const auto with = [&](const char* name, Json value) {
    Json other = message;
    other[name] = std::move(value);
    return other;
  };
  for (const auto& [name, value] : std::initializer_list<std::pair<const char*, Json>>{
           {"content", "ho"}, {"role", "system"}, {"agent_id", "x"}, {"metadata", {{"a", 2}}}}) {
    EXPECT_EQ(refusal(send(talk, "append", with(name, value))), "client_id_reused /client_id");
  }
  EXPECT_EQ(command(talk, "append", with("role", "user")), first) << "as by default";
  EXPECT_EQ(command(talk, "append", with("device_id", "phone"))["seq"], 2);
  EXPECT_EQ(command(talk, "append", with("device_id", "phone"))["seq"], 2);
  EXPECT_EQ(command(talk, "append", with("device_id", "tablet"))["seq"], 3);
  EXPECT_FALSE(query(talk, "list_messages")["items"][1].contains("device_id"));
}

TEST_F(Conversation, pages_through_messages_both_ways_and_after_a_seq) {
  for (int i = 0; i < 5; ++i) say("x");
  EXPECT_EQ(seqs({{"sort", "-seq"}, {"limit", 2}}), Json({5, 4}));
  EXPECT_EQ(seqs({{"after", 3}}), Json({4, 5}));
  EXPECT_EQ(seqs({{"after", 3}, {"sort", "-seq"}}), Json({5, 4}));
  EXPECT_EQ(seqs({{"after", 9}}), Json::array());
  const Json page = query(talk, "list_messages", {{"after", 1}, {"limit", 2}});
  EXPECT_EQ(pluck(page, "seq"), Json({2, 3}));
  const Json rest =
      query(talk, "list_messages", {{"after", 1}, {"limit", 2}, {"cursor", page["next_cursor"]}});
  EXPECT_EQ(pluck(rest, "seq"), Json({4, 5}));
  EXPECT_EQ(rest["next_cursor"], nullptr);
}

TEST_F(Conversation, refuses_what_is_no_message_or_list) {
  EXPECT_EQ(refusal(send(talk, "append", Json::object())), "invalid /content");
  EXPECT_EQ(refusal(send(talk, "append", {{"content", "x"}, {"role", "king"}})), "invalid /role");
  EXPECT_EQ(refusal(send(talk, "append", {{"content", "x"}, {"loud", true}})), "invalid /loud");
  EXPECT_EQ(refusal(ask(talk, "list_messages", {{"after", -1}})), "invalid /after");
  EXPECT_EQ(refusal(ask(talk, "list_messages", {{"after", "1"}})), "invalid /after");
  EXPECT_EQ(refusal(ask(talk, "list_messages", {{"sort", "content"}})), "invalid /sort");
  EXPECT_EQ(query(talk, "last_seq"), 0);
}

TEST_F(Conversation, publishes_one_event_for_each_new_message) {
  const Json message{{"content", "hi"}, {"client_id", "1"}};
  command(talk, "append", message);
  command(talk, "append", message);
  const auto records = runtime_->journal(talk, 1, 100, Order::ascending, 100);
  ASSERT_TRUE(records.has_value()) << to_string(records.error());
  std::size_t events = 0;
  for (const auto& record : *records) {
    for (const auto& event : record.events) {
      if (event.topic == conversation::message_topic) ++events;
    }
  }
  EXPECT_EQ(events, 1u);
}

TEST_F(Conversation, has_a_root_of_one_number_however_many_messages_there_are) {
  for (int i = 0; i < 200; ++i) say("a message of some length");
  const auto view = runtime_->inspect(talk);
  ASSERT_TRUE(view.has_value());
  EXPECT_EQ(
      view->state,
      Json({{"title", nullptr}, {"metadata", Json::object()}, {"internal", {{"last_seq", 200}}}}));
}

}  // namespace
}  // namespace perdure::actors
