// SPDX-License-Identifier: Apache-2.0
#include "fixture.hpp"

namespace perdure::api {
namespace {

using http::Method;
using Resources = ApplicationTest;

TEST_F(Resources, notebooks_hold_sections_and_pages) {
  const auto book = post("/notebooks", {{"title", "book"}}).field("Location");
  const auto section = post(book + "/sections", {{"title", "s"}});
  ASSERT_EQ(section.status, 201) << section.text;
  const auto section_id = section.json()["id"].get<std::string>();
  EXPECT_EQ(section.field("Location"), book + "/sections/" + section_id);

  const auto made = post(book + "/pages", {{"title", "p"}, {"tags", {"x"}}});
  ASSERT_EQ(made.status, 201) << made.text;
  const auto page = made.field("Location");
  EXPECT_EQ(get(page).json()["title"], "p");
  EXPECT_EQ(ask(Method::patch, page, R"({"content":"new"})").json()["content"], "new");
  EXPECT_EQ(post(page + "/move", {{"section_id", section_id}}).json()["section_id"], section_id);
  EXPECT_EQ(get(book + "/pages?tag=x&section_id=" + section_id).json()["items"].size(), 1U);
  EXPECT_EQ(get(book + "/pages?colour=red").status, 422);
  const auto revisions = get(page + "/revisions");
  EXPECT_EQ(revisions.json()["items"].size(), 1U) << revisions.text;
  EXPECT_EQ(ask(Method::patch, page, R"({"section_id":"nowhere"})").status, 422);

  EXPECT_EQ(ask(Method::del, page).status, 204);
  EXPECT_EQ(get(page).status, 404);
  EXPECT_EQ(get(book + "/pages?deleted=true").json()["items"].size(), 1U);
  EXPECT_EQ(ask(Method::post, page + "/restore").status, 200);
  EXPECT_EQ(get(page).status, 200);
}

TEST_F(Resources, conversations_hold_messages_in_order) {
  const auto talk = post("/conversations", {{"title", "talk"}}).field("Location");
  for (int i = 1; i <= 3; ++i) {
    const auto sent = post(talk + "/messages", {{"content", "m" + std::to_string(i)}});
    ASSERT_EQ(sent.status, 201) << sent.text;
    EXPECT_EQ(sent.json()["seq"], i);
  }
  const auto page = get(talk + "/messages?limit=2");
  ASSERT_EQ(page.json()["items"].size(), 2U) << page.text;
  EXPECT_EQ(page.json()["items"][0]["content"], "m1");
  EXPECT_NE(page.field("Link"), "");
  EXPECT_EQ(get(talk + "/messages?sort=-seq&limit=1").json()["items"][0]["seq"], 3);
  EXPECT_EQ(get(talk + "/messages?after=2").json()["items"].size(), 1U);
  EXPECT_EQ(post(talk + "/messages", {{"content", 5}}).status, 422);
}

}  // namespace
}  // namespace perdure::api
