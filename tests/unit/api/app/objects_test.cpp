// SPDX-License-Identifier: Apache-2.0
#include "fixture.hpp"
#include "perdure/storage/rocksdb_store.hpp"

namespace perdure::api {
namespace {

using http::Method;
using DurableObjects = ApplicationTest;

TEST_F(DurableObjects, are_created_called_and_read) {
  const auto made = post("/durable-objects", {{"kind", "counter"}, {"id", "alice"}});
  ASSERT_EQ(made.status, 201) << made.text;
  EXPECT_EQ(made.field("Location"), "/api/v1/durable-objects/counter/alice");
  EXPECT_EQ(made.field("ETag"), "\"1\"");
  EXPECT_EQ(made.json()["object_id"], "counter:alice");

  const auto added = post("/api/v1/durable-objects/counter/alice/request",
                          {{"command", "add"}, {"payload", {{"by", 2}}}});
  ASSERT_EQ(added.status, 200) << added.text;
  EXPECT_EQ(added.text, "2");
  EXPECT_EQ(added.field("ETag"), "\"2\"");

  const auto asked = post("/api/durable-objects/counter:alice/request", {{"query", "value"}});
  EXPECT_EQ(asked.text, "2");
  const auto escaped = get("/durable-objects/counter%3Aalice");
  EXPECT_EQ(escaped.json()["state"]["value"], 2) << escaped.text;
  EXPECT_EQ(get("/durable-objects/counter/alice?as_of=1").json()["state"]["value"], 0);
}

TEST_F(DurableObjects, are_listed_over_all_kinds_page_by_page) {
  for (const char* id : {"a", "b", "c"}) {
    post("/durable-objects", {{"kind", "counter"}, {"id", id}});
    post("/durable-objects", {{"kind", "document"}, {"id", id}});
  }
  EXPECT_EQ(get("/durable-objects?kind=counter").json()["items"].size(), 3U);
  std::vector<std::string> seen;
  std::string target = "/durable-objects?limit=2";
  while (!target.empty()) {
    const auto page = get(target);
    ASSERT_EQ(page.status, 200) << page.text;
    const auto body = page.json();
    for (const auto& item : body["items"]) seen.push_back(item["object_id"]);
    const auto link = page.field("Link");
    target = link.empty() ? "" : link.substr(1, link.find('>') - 1);
  }
  // The administrator and its key are objects, too.
  EXPECT_EQ(seen.size(), 8U);
  EXPECT_EQ(get("/durable-objects?kind=nothing").status, 422);
  EXPECT_EQ(get("/durable-objects?cursor=nothing").status, 422);
  EXPECT_EQ(get("/durable-objects/kinds").json()["items"].size(), runtime->kinds().size());
}

TEST_F(DurableObjects, change_by_put_patch_and_delete) {
  const std::string path = "/durable-objects/document/d";
  post("/durable-objects", {{"kind", "document"}, {"id", "d"}, {"state", {{"a", 1}}}});
  EXPECT_EQ(ask(Method::patch, path, R"({"b":2})").json()["state"], (Json{{"a", 1}, {"b", 2}}));
  EXPECT_EQ(ask(Method::put, path, R"({"c":3})").json()["state"], (Json{{"c", 3}}));
  EXPECT_EQ(ask(Method::put, path, "3").status, 422);
  EXPECT_EQ(ask(Method::del, path).status, 204);
  EXPECT_EQ(get(path).status, 404);
  EXPECT_EQ(ask(Method::post, path + "/restore").json()["seq"], 5);
  EXPECT_EQ(ask(Method::put, "/durable-objects/document/none", "{}").status, 404);
}

TEST_F(DurableObjects, refuse_what_they_are_not_asked_properly) {
  post("/durable-objects", {{"kind", "counter"}, {"id", "a"}});
  const std::string path = "/durable-objects/counter/a/request";
  EXPECT_EQ(post(path, Json::object()).status, 422);
  EXPECT_EQ(post(path, {{"command", "add"}, {"query", "value"}}).status, 422);
  EXPECT_EQ(post(path, {{"command", "nothing"}}).status, 404);
  const auto refused = post(path, {{"command", "add"}, {"payload", {{"by", "x"}}}});
  EXPECT_EQ(refused.status, 422);
  EXPECT_EQ(refused.json()["errors"][0]["pointer"], "/payload/by") << refused.text;
  EXPECT_EQ(refused.json()["detail"].get<std::string>().find("/payload/by "), 0U) << refused.text;
  const Json bad_step{
      {"kind", "counter"}, {"id", "a"}, {"command", "add"}, {"payload", {{"by", "x"}}}};
  const auto steps = post("/durable-objects/transact", {{"steps", Json::array({bad_step})}});
  EXPECT_EQ(steps.json()["errors"][0]["pointer"], "/steps/0/payload/by") << steps.text;
  EXPECT_EQ(steps.json()["detail"].get<std::string>().find("/steps/0/payload/by "), 0U);
  EXPECT_EQ(post("/durable-objects", {{"kind", "nothing"}}).status, 422);
  EXPECT_EQ(post("/durable-objects", {{"kind", "counter"}, {"id", "a"}}).status, 409);
  EXPECT_EQ(get("/durable-objects/nothing/a").status, 404);
}

TEST_F(DurableObjects, have_a_journal_and_snapshots_to_go_back_to) {
  const std::string path = "/durable-objects/counter/a";
  post("/durable-objects", {{"kind", "counter"}, {"id", "a"}});
  const auto add = [&] { post(path + "/request", {{"command", "add"}}); };
  add();
  const auto pinned = post(path + "/snapshots", {{"name", "one"}});
  ASSERT_EQ(pinned.status, 201) << pinned.text;
  EXPECT_EQ(pinned.field("Location"), "/api/v1" + path + "/snapshots/2");
  EXPECT_EQ(get(pinned.field("Location")).json()["name"], "one");
  add();
  EXPECT_EQ(get(path + "/snapshots").json()["items"][0]["name"], "one");
  EXPECT_EQ(ask(Method::post, path + "/snapshots/2/restore").json()["state"]["value"], 1);
  EXPECT_EQ(ask(Method::post, path + "/snapshots/99/restore").status, 404);
  EXPECT_EQ(ask(Method::post, path + "/snapshots/x/restore").status, 404);
  const auto journal = get(path + "/journal?sort=-seq&limit=3");
  ASSERT_EQ(journal.json()["items"].size(), 3U) << journal.text;
  EXPECT_EQ(journal.json()["items"][0]["command"], "$restore");
  EXPECT_EQ(journal.json()["next_cursor"], "1");
  EXPECT_EQ(ask(Method::del, path + "/snapshots/2").status, 204);
  EXPECT_TRUE(get(path + "/snapshots").json()["items"].empty());
}

TEST_F(DurableObjects, sleep_and_wake_without_losing_anything) {
  const std::string path = "/durable-objects/counter/a";
  post("/durable-objects", {{"kind", "counter"}, {"id", "a"}});
  post(path + "/request", {{"command", "add"}, {"payload", {{"by", 5}}}});
  const auto asleep = ask(Method::post, path + "/hibernate");
  EXPECT_EQ(asleep.json()["status"], "hibernated") << asleep.text;
  EXPECT_EQ(get(path).json()["status"], "hibernated");
  const auto awake = ask(Method::post, path + "/activate");
  EXPECT_EQ(awake.json()["status"], "active") << awake.text;
  EXPECT_EQ(awake.json()["state"]["value"], 5);
  EXPECT_EQ(ask(Method::post, "/durable-objects/counter/none/hibernate").status, 404);
}

TEST_F(DurableObjects, begin_with_an_alarm_when_their_kind_has_them_begin_by_name) {
  const std::string alarm = R"({"name":"tick","command":"add","after_ms":1})";
  const auto set = ask(Method::post, "/durable-objects/counter/fresh/alarms", alarm);
  ASSERT_EQ(set.status, 201) << set.text;
  const auto first = get("/durable-objects/counter/fresh/journal").json()["items"][0];
  EXPECT_EQ(first["command"], "$set_alarm");
  EXPECT_EQ(get(set.field("Location")).json()["payload"], Json::object());
  const auto other = R"({"name":"tick","command":"update","after_ms":1})";
  EXPECT_EQ(ask(Method::post, "/durable-objects/notebook/fresh/alarms", other).status, 404);
  EXPECT_EQ(ask(Method::del, "/durable-objects/counter/fresh").status, 204);
  EXPECT_EQ(ask(Method::post, "/durable-objects/counter/fresh/alarms", alarm).status, 404);
}

TEST_F(DurableObjects, say_that_their_alarms_cannot_be_read) {
  const std::string path = "/durable-objects/counter/damaged";
  ASSERT_EQ(ask(Method::post, path + "/request", R"({"command":"add"})").status, 200);
  EXPECT_EQ(get(path).json()["alarms"], Json::array());
  application.reset();
  runtime.reset();
  {
    auto store = storage::open_rocksdb({.directory = directory}).value();
    storage::Unit unit;
    unit.write_sets.push_back(
        {.object = {"counter", "damaged"}, .epoch = store->epoch(), .expected_seq = 1});
    for (const auto* name : {"bad", "worse"}) {
      unit.write_sets[0].alarms.push_back(
          {.name = name, .previous_due = {}, .due = from_unix_ms(1LL << 42), .body = "no JSON"});
    }
    ASSERT_TRUE(store->commit({&unit, 1}, clock.now()).at(0));
  }
  start({});
  EXPECT_EQ(get(path).json()["alarms"], nullptr);
  for (const auto* name : {"a", "c", "x"}) {
    const Json alarm{{"name", name}, {"command", "add"}, {"after_ms", 3'600'000}};
    EXPECT_EQ(post(path + "/alarms", alarm).status, 201);
  }
  const auto list = get(path + "/alarms");
  ASSERT_EQ(list.status, 200) << list.text;
  EXPECT_EQ(list.json()["items"].size(), 3U) << list.text;
  EXPECT_EQ(list.json()["items"][2]["name"], "x");
  EXPECT_EQ(list.json()["unreadable"], Json({"bad", "worse"}));
  EXPECT_EQ(get(path + "/alarms/bad").status, 500);
}

TEST_F(DurableObjects, travel_as_files_and_are_cloned) {
  const auto book = post("/notebooks", {{"title", "book"}}).json()["id"].get<std::string>();
  post("/notebooks/" + book + "/pages", {{"title", "page"}});
  const std::string path = "/durable-objects/notebook/" + book;
  const auto entries = get(path + "/entries?limit=1");
  ASSERT_EQ(entries.json()["items"].size(), 1U) << entries.text;

  const auto file = get(path + "/export");
  ASSERT_EQ(file.status, 200) << file.text;
  EXPECT_EQ(file.field("Content-Type"), "application/x-ndjson");
  const Fields type{{"Content-Type", "application/x-ndjson"}};
  EXPECT_EQ(ask(Method::post, "/durable-objects/import", file.text, type).status, 409);
  const auto copy = ask(Method::post, "/durable-objects/import?id=copy", file.text, type);
  EXPECT_EQ(copy.status, 201) << copy.text;
  EXPECT_EQ(copy.field("Location"), "/api/v1/durable-objects/notebook/copy");
  EXPECT_EQ(get("/notebooks/copy/pages").json()["items"].size(), 1U);

  const Fields import_once{type[0], {"Idempotency-Key", "import-1"}};
  const std::string twice = "/durable-objects/import?id=twice";
  EXPECT_EQ(ask(Method::post, twice, file.text, import_once).status, 201);
  const auto replayed = ask(Method::post, twice, file.text, import_once);
  EXPECT_EQ(replayed.status, 201) << replayed.text;
  EXPECT_EQ(replayed.field("Idempotent-Replayed"), "true");
  EXPECT_EQ(ask(Method::post, "/durable-objects/import?id=other", file.text, import_once).status,
            422)
      << "the key was used for another import";

  const Fields once{{"Idempotency-Key", "clone-1"}};
  const auto clone = post(path + "/clone", {{"as_of", 1}}, once);
  ASSERT_EQ(clone.status, 201) << clone.text;
  EXPECT_EQ(post(path + "/clone", {{"as_of", 1}}, once).json()["id"], clone.json()["id"]);
  const auto id = clone.json()["id"].get<std::string>();
  EXPECT_TRUE(get("/notebooks/" + id + "/pages").json()["items"].empty());
}

}  // namespace
}  // namespace perdure::api
