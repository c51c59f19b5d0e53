// SPDX-License-Identifier: Apache-2.0
#include "perdure/actors/notebook.hpp"

#include <algorithm>
#include <future>

#include "fixture.hpp"
#include "perdure/actors/item_lists.hpp"
#include "perdure/actors/resource.hpp"

namespace perdure::actors {
namespace {

const ObjectId notebook_id{"notebook", "n"};

class Notebook : public KindsTest {
 protected:
  void SetUp() override {
    KindsTest::SetUp();
    value(send(notebook_id, "create", {{"title", "Travel"}}, member("ann")));
  }
  std::string add_section(const std::string& title) {
    return command(notebook_id, "create_section", {{"title", title}}).at("id");
  }
  std::string add_page(Json fields) {
    return command(notebook_id, "create_page", std::move(fields)).at("id");
  }
  /// [topic, id, changed] of the events of items, sorted.
  Json told_since(const std::string& cursor) {
    std::vector<Json> told;
    const auto page =
        runtime_->read_events({.after = cursor, .topics = {"page.*", "section.*"}, .limit = 1'000});
    for (const auto& event : page->events) {
      const auto data = parse_stored_json(event->body)->at("data");
      told.push_back({event->topic, data.value("id", ""), data.value("changed", Json())});
    }
    std::ranges::sort(told);
    return told;
  }
  Json titles(Json payload = nullptr) {
    return pluck(query(notebook_id, "list_pages", std::move(payload)), "title");
  }
};

TEST_F(Notebook, begins_with_defaults_and_hides_what_is_internal) {
  EXPECT_EQ(query(notebook_id, "get"), Json({{"title", "Travel"},
                                             {"description", nullptr},
                                             {"tags", Json::array()},
                                             {"metadata", Json::object()}}));
  const auto view = runtime_->inspect(notebook_id);
  ASSERT_TRUE(view.has_value());
  const Json body = resource_body(*view);
  for (const auto name : common_members) EXPECT_TRUE(body.contains(name)) << name;
  EXPECT_EQ(body["user_id"], "ann");
  EXPECT_FALSE(body.contains("internal"));
}

TEST_F(Notebook, refuses_what_is_sent_back_and_differs) {
  const auto meta = runtime_->inspect(notebook_id)->meta;
  const Json same{{"id", "n"},
                  {"user_id", "ann"},
                  {"organization_id", nullptr},
                  {"created_at", format_rfc3339(meta.origin->created_at)},
                  {"created_by", "ann"}};
  command(notebook_id, "update", {{"title", "Tours"}, {"sent_back", same}});
  EXPECT_EQ(query(notebook_id, "get")["title"], "Tours");
  const auto page = add_page({{"title", "one"}, {"sent_back", {{"notebook_id", "n"}}}});
  for (const auto& [name, value] : same.items()) {
    const Json sent{{name, value.is_null() ? Json("o") : Json(nullptr)}};
    EXPECT_EQ(refusal(send(notebook_id, "update", {{"sent_back", sent}})), "invalid /" + name);
    EXPECT_EQ(refusal(send(notebook_id, "update_page",
                           {{"id", page}, {"changes", {{"sent_back", sent}}}})),
              "invalid /" + name);
  }
  const Json elsewhere{{"title", "two"}, {"sent_back", {{"notebook_id", "other"}}}};
  EXPECT_EQ(refusal(send(notebook_id, "create_page", elsewhere)), "invalid /notebook_id");
}

TEST_F(Notebook, takes_ids_that_clients_choose_once) {
  const std::string id = "0190a000-0000-7000-8000-000000000000";
  const Json payload{{"title", "one"}, {"sent_back", {{"id", id}}}};
  EXPECT_EQ(command(notebook_id, "create_page", payload)["id"], id);
  EXPECT_EQ(refusal(send(notebook_id, "create_page", payload)), "conflict");
  command(notebook_id, "remove_page", {{"id", id}});
  EXPECT_EQ(refusal(send(notebook_id, "create_page", payload)), "conflict");
  for (const Json& wrong : {Json("mine"), Json(7), Json("0190a000-0000-4000-8000-000000000000")}) {
    EXPECT_EQ(refusal(send(notebook_id, "create_page",
                           {{"title", "one"}, {"sent_back", {{"id", wrong}}}})),
              "invalid /id");
  }
  const ObjectId other{"notebook", id};
  const Json book{{"title", "one"}, {"sent_back", {{"id", id}}}};
  command(other, "create", book);
  command(other, "$remove");
  EXPECT_EQ(refusal(send(other, "create", book)), "conflict");
}

TEST_F(Notebook, update_merges_clears_with_null_and_checks_the_whole) {
  command(notebook_id, "update",
          {{"description", "d"}, {"metadata", {{"a", 1}}}, {"id", notebook_id.id}});
  const Json changed =
      command(notebook_id, "update", {{"description", nullptr}, {"metadata", {{"b", 2}}}});
  EXPECT_EQ(changed["description"], nullptr);
  EXPECT_EQ(changed["metadata"], Json({{"a", 1}, {"b", 2}}));
  EXPECT_EQ(refusal(send(notebook_id, "update", {{"title", nullptr}})), "invalid /title");
  EXPECT_EQ(refusal(send(notebook_id, "update", {{"internal", Json::object()}})),
            "invalid /internal");
  EXPECT_EQ(refusal(send(notebook_id, "update", {{"colour", "red"}})), "invalid /colour");
  EXPECT_EQ(refusal(send(notebook_id, "update", {{"tags", "x"}})), "invalid /tags");
  EXPECT_EQ(refusal(send(notebook_id, "update", {{"id", "other"}})), "invalid /id");
  EXPECT_EQ(refusal(send(notebook_id, "update", 5)), "invalid ");
  EXPECT_EQ(
      refusal(send(notebook_id, "update", {{"metadata", {{"big", std::string(17'000, 'x')}}}})),
      "invalid /metadata");
  EXPECT_EQ(query(notebook_id, "get")["title"], "Travel");
}

TEST_F(Notebook, needs_a_title_and_is_made_once) {
  EXPECT_EQ(refusal(send({"notebook", "other"}, "create", Json::object())), "invalid /title");
  EXPECT_EQ(refusal(send(notebook_id, "create", {{"title", "again"}})), "conflict");
  EXPECT_EQ(refusal(send({"notebook", "other"}, "create_page", {{"title", "p"}})), "not_found");
}

TEST_F(Notebook, gives_pages_whole_and_keeps_them_over_a_restart) {
  const std::string section = add_section("Rome");
  const Json made =
      value(send(notebook_id, "create_page",
                 {{"title", "Day 1"}, {"content", "c"}, {"section_id", section}}, member("ann")));
  const std::string now = made.at("created_at");
  const Json expected{{"id", made.at("id")},   {"notebook_id", "n"},
                      {"user_id", "ann"},      {"organization_id", nullptr},
                      {"created_at", now},     {"updated_at", now},
                      {"created_by", "ann"},   {"updated_by", "ann"},
                      {"title", "Day 1"},      {"content", "c"},
                      {"section_id", section}, {"position", 1},
                      {"tags", Json::array()}, {"metadata", Json::object()}};
  EXPECT_EQ(alone(made), expected);
  restart();
  EXPECT_EQ(alone(query(notebook_id, "get_page", {{"id", made["id"]}})), expected);
  EXPECT_EQ(query(notebook_id, "list_pages")["items"], Json::array({expected}));
}

TEST_F(Notebook, refuses_pages_that_break_a_rule) {
  const auto refused = [&](Json page) {
    return refusal(send(notebook_id, "create_page", std::move(page)));
  };
  EXPECT_EQ(refused({{"title", "p"}, {"section_id", "0190a000-0000-7000-8000-000000000000"}}),
            "invalid /section_id");
  EXPECT_EQ(refused({{"title", "p"}, {"section_id", "no uuid"}}), "invalid /section_id");
  EXPECT_EQ(refused({{"title", ""}}), "invalid /title");
  EXPECT_EQ(refused({{"title", "p"}, {"tags", {"a", "a"}}}), "invalid /tags");
  EXPECT_EQ(refused({{"title", "p"}, {"position", "first"}}), "invalid /position");
  EXPECT_EQ(refused({{"title", "p"}, {"rank", 1}}), "invalid /rank");
  EXPECT_EQ(refused(nullptr), "invalid ");
  EXPECT_EQ(titles(), Json::array());
}

TEST_F(Notebook, knows_only_pages_that_are_there) {
  for (const char* id : {"0190a000-0000-7000-8000-000000000000", "", "x", "../n"}) {
    EXPECT_EQ(refusal(ask(notebook_id, "get_page", {{"id", id}})), "not_found");
    EXPECT_EQ(refusal(send(notebook_id, "update_page", {{"id", id}})), "not_found");
  }
  EXPECT_EQ(refusal(ask(notebook_id, "get_page")), "invalid ");
  EXPECT_EQ(refusal(ask(notebook_id, "get_page", {{"id", 3}})), "invalid /id");
}

TEST_F(Notebook, lists_pages_by_position_with_the_last_moved_first_among_equals) {
  add_page({{"title", "a"}});
  const std::string b = add_page({{"title", "b"}});
  const std::string c = add_page({{"title", "c"}});
  add_page({{"title", "d"}, {"position", -2.5}});
  EXPECT_EQ(titles(), Json({"d", "a", "b", "c"}));
  EXPECT_EQ(titles({{"sort", "-position"}}), Json({"c", "b", "a", "d"}));

  const auto move = [&](const std::string& id, Json position) {
    return command(notebook_id, "move_page", {{"id", id}, {"position", std::move(position)}});
  };
  EXPECT_EQ(move(c, 1)["position"], 1);
  EXPECT_EQ(titles(), Json({"d", "c", "a", "b"}));
  move(b, 1);
  EXPECT_EQ(titles(), Json({"d", "b", "c", "a"}));
  command(notebook_id, "move_page", {{"id", b}});
  EXPECT_EQ(titles(), Json({"d", "c", "a", "b"}));
  EXPECT_EQ(refusal(send(notebook_id, "move_page", {{"id", b}, {"title", "x"}})), "invalid /title");
}

TEST_F(Notebook, lists_pages_by_time_of_change) {
  const std::string a = add_page({{"title", "a"}});
  const std::string b = add_page({{"title", "b"}});
  const auto last = query(notebook_id, "get_page", {{"id", b}})["updated_at"];
  while (format_rfc3339(SystemClock{}.now()) == last) {
  }
  command(notebook_id, "update_page", {{"id", a}, {"changes", {{"content", "new"}}}});
  EXPECT_EQ(titles({{"sort", "-updated_at"}}), Json({"a", "b"}));
  EXPECT_EQ(titles({{"sort", "updated_at"}}), Json({"b", "a"}));
}

TEST_F(Notebook, filters_pages_by_section_and_tag_and_both) {
  const std::string rome = add_section("Rome");
  add_page({{"title", "a"}, {"section_id", rome}, {"tags", {"food", "sunny day / ☀"}}});
  const std::string b = add_page({{"title", "b"}, {"section_id", rome}});
  add_page({{"title", "c"}, {"tags", {"food"}}});
  EXPECT_EQ(titles({{"section_id", rome}}), Json({"a", "b"}));
  EXPECT_EQ(titles({{"tag", "food"}, {"sort", "-position"}}), Json({"c", "a"}));
  EXPECT_EQ(titles({{"tag", "sunny day / ☀"}}), Json({"a"}));
  EXPECT_EQ(titles({{"tag", "food"}, {"section_id", rome}}), Json({"a"}));
  EXPECT_EQ(titles({{"tag", "foo"}}), Json::array());

  command(notebook_id, "update_page",
          {{"id", b}, {"changes", {{"section_id", nullptr}, {"tags", {"food"}}}}});
  EXPECT_EQ(titles({{"section_id", rome}}), Json({"a"}));
  EXPECT_EQ(titles({{"tag", "food"}}), Json({"a", "b", "c"}));
  command(notebook_id, "move_page", {{"id", b}, {"section_id", rome}, {"position", 0}});
  EXPECT_EQ(titles({{"tag", "food"}, {"section_id", rome}}), Json({"b", "a"}));
}

TEST_F(Notebook, pages_through_a_list_without_gap_or_repeat) {
  for (int i = 0; i < 7; ++i) add_page({{"title", std::to_string(i)}});
  for (const char* sort : {"position", "-position", "updated_at", "-updated_at"}) {
    Json seen = Json::array();
    Json cursor = nullptr;
    do {
      const Json page =
          query(notebook_id, "list_pages", {{"limit", 2}, {"cursor", cursor}, {"sort", sort}});
      for (const Json& title : pluck(page, "title")) seen.push_back(title);
      cursor = page["next_cursor"];
    } while (!cursor.is_null() && seen.size() < 20);
    EXPECT_EQ(seen, titles({{"sort", sort}})) << sort;
    EXPECT_EQ(seen.size(), 7u);
  }
}

TEST_F(Notebook, refuses_lists_that_it_does_not_have) {
  add_page({{"title", "a"}});
  add_page({{"title", "b"}});
  const auto refused = [&](Json payload) {
    return refusal(ask(notebook_id, "list_pages", std::move(payload)));
  };
  EXPECT_EQ(refused({{"sort", "title"}}), "invalid /sort");
  EXPECT_EQ(refused({{"limit", 0}}), "invalid /limit");
  EXPECT_EQ(refused({{"limit", 501}}), "invalid /limit");
  EXPECT_EQ(refused({{"limit", "2"}}), "invalid /limit");
  EXPECT_EQ(refused({{"author", "x"}}), "invalid /author");
  EXPECT_EQ(refused({{"cursor", "!!"}}), "invalid /cursor");
  const Json cursor = query(notebook_id, "list_pages", {{"limit", 1}})["next_cursor"];
  EXPECT_EQ(refused({{"cursor", cursor}, {"sort", "updated_at"}}), "invalid /cursor");
}

TEST_F(Notebook, forgets_a_deleted_section_in_its_pages_and_knows_it_again_when_restored) {
  const std::string rome = add_section("Rome");
  const std::string page = add_page({{"title", "a"}, {"section_id", rome}});
  command(notebook_id, "remove_section", {{"id", rome}});
  EXPECT_EQ(query(notebook_id, "get_page", {{"id", page}})["section_id"], nullptr);
  EXPECT_EQ(pluck(query(notebook_id, "list_pages"), "section_id"), Json::array({nullptr}));
  EXPECT_EQ(titles({{"section_id", rome}}), Json::array());
  EXPECT_EQ(refusal(send(notebook_id, "create_page", {{"title", "b"}, {"section_id", rome}})),
            "invalid /section_id");
  EXPECT_EQ(pluck(query(notebook_id, "list_sections"), "title"), Json::array());
  EXPECT_EQ(pluck(query(notebook_id, "list_sections", {{"deleted", true}}), "title"),
            Json({"Rome"}));
  // A change of something else does not trip over the section that is not there.
  command(notebook_id, "update_page", {{"id", page}, {"changes", {{"content", "c"}}}});
  command(notebook_id, "restore_section", {{"id", rome}});
  EXPECT_EQ(titles({{"section_id", rome}}), Json({"a"}));
  EXPECT_EQ(refusal(send(notebook_id, "restore_section", {{"id", rome}})), "conflict");
  EXPECT_EQ(refusal(send(notebook_id, "restore_section", {{"id", "none"}})), "not_found");
}

TEST_F(Notebook, deletes_restores_and_purges_pages) {
  const std::string a = add_page({{"title", "a"}, {"tags", {"t"}}});
  add_page({{"title", "b"}, {"tags", {"t"}}});
  command(notebook_id, "update_page", {{"id", a}, {"changes", {{"title", "a2"}}}});
  command(notebook_id, "remove_page", {{"id", a}});
  EXPECT_EQ(titles({{"tag", "t"}}), Json({"b"}));
  EXPECT_EQ(titles({{"deleted", true}}), Json({"a2"}));
  EXPECT_EQ(refusal(ask(notebook_id, "get_page", {{"id", a}})), "not_found");
  EXPECT_EQ(refusal(send(notebook_id, "remove_page", {{"id", a}})), "not_found");
  command(notebook_id, "restore_page", {{"id", a}});
  EXPECT_EQ(titles({{"tag", "t"}}), Json({"a2", "b"}));

  command(notebook_id, "remove_page", {{"id", a}});
  EXPECT_EQ(command(notebook_id, "purge_pages", {{"before", "2000-01-01T00:00:00Z"}}),
            Json({{"purged", 0}, {"more", false}}));
  EXPECT_EQ(command(notebook_id, "purge_pages", {{"before", "9000-01-01T00:00:00Z"}}),
            Json({{"purged", 1}, {"more", false}}));
  EXPECT_EQ(titles({{"deleted", true}}), Json::array());
  const auto left = runtime_->entries(notebook_id, {.limit = 100});
  ASSERT_TRUE(left.has_value());
  for (const auto& entry : *left) EXPECT_EQ(entry.key.find(a), std::string::npos) << entry.key;
}

TEST_F(Notebook, purges_pages_with_all_that_they_may_have) {
  auto tags = Json::array();
  for (int i = 0; i < 50; ++i) tags.push_back("tag " + std::to_string(i));
  for (int page = 0; page < 30; ++page) {
    const auto id = add_page({{"title", "t"}, {"tags", tags}});
    for (int change = 0; change < 200; ++change) {
      const Json changes{{"title", std::to_string(change)}};
      static_cast<void>(runtime_->call({.target = notebook_id,
                                        .name = "update_page",
                                        .payload = {{"id", id}, {"changes", changes}}}));
    }
    command(notebook_id, "remove_page", {{"id", id}});
  }
  const Json before{{"before", "2999-01-01T00:00:00Z"}};
  EXPECT_EQ(command(notebook_id, "purge_pages", before), Json({{"purged", 20}, {"more", true}}));
  EXPECT_EQ(command(notebook_id, "purge_pages", before), Json({{"purged", 10}, {"more", false}}));
}

TEST_F(Notebook, keeps_a_revision_for_each_change_of_title_or_content) {
  const std::string page =
      value(send(notebook_id, "create_page", {{"title", "one"}}, member("ann"))).at("id");
  const auto change = [&](Json changes) {
    command(notebook_id, "update_page", {{"id", page}, {"changes", std::move(changes)}});
  };
  change({{"title", "two"}});
  change({{"tags", {"t"}}});
  change({{"title", "two"}});
  change({{"content", "text"}});
  restart();
  const Json list = query(notebook_id, "list_revisions", {{"id", page}});
  EXPECT_EQ(pluck(list, "title"), Json({"two", "one"}));
  EXPECT_EQ(pluck(list, "created_by"), Json({"system", "ann"}));
  EXPECT_EQ(pluck(list, "seq"), Json({3, 2}));
  const Json first = query(notebook_id, "list_revisions", {{"id", page}, {"limit", 1}});
  EXPECT_EQ(pluck(query(notebook_id, "list_revisions",
                        {{"id", page}, {"limit", 1}, {"cursor", first["next_cursor"]}}),
                  "title"),
            Json({"one"}));
}

TEST_F(Notebook, keeps_only_the_newest_revisions) {
  const std::string page = add_page({{"title", "0"}});
  const std::size_t changes = notebook::revisions_max + 5;
  for (std::size_t i = 1; i <= changes; ++i) {
    command(notebook_id, "update_page",
            {{"id", page}, {"changes", {{"title", std::to_string(i)}}}});
  }
  const Json list = query(notebook_id, "list_revisions", {{"id", page}, {"limit", 500}});
  EXPECT_EQ(list["items"].size(), notebook::revisions_max);
  EXPECT_EQ(list["items"].front()["title"], std::to_string(changes - 1));
  EXPECT_EQ(list["items"].back()["title"], "5");
}

TEST_F(Notebook, has_a_page_as_of_an_earlier_seq_among_its_entries) {
  const auto made = value(send(notebook_id, "create_page", {{"title", "one"}}));
  const auto key = item_key("pages", made.at("id").get<std::string>());
  const auto seq = made.at(std::string{item_member::seq}).get<Seq>();
  command(notebook_id, "update_page", {{"id", made["id"]}, {"changes", {{"title", "two"}}}});
  const auto title = [&](AsOf as_of) {
    const auto found = runtime_->entries(notebook_id, EntryRange::prefix(key), as_of);
    return found && found->size() == 1 ? found->front().json().at("title") : Json(nullptr);
  };
  EXPECT_EQ(title(seq), "one");
  EXPECT_EQ(title({}), "two");
  EXPECT_EQ(title(seq - 1), nullptr);
}

TEST_F(Notebook, has_a_small_root_however_many_pages_there_are) {
  for (int i = 0; i < 50; ++i) add_page({{"title", std::string(400, 'x')}});
  const auto view = runtime_->inspect(notebook_id);
  ASSERT_TRUE(view.has_value());
  EXPECT_LT(view->state.dump().size(), 200u);
  EXPECT_EQ(view->state["internal"]["pages"], 50);
}

TEST_F(Notebook, is_listed_by_tag_and_title_of_its_owner) {
  const auto make = [&](const char* id, const char* title, Json tags) {
    value(send({"notebook", id}, "create", {{"title", title}, {"tags", std::move(tags)}},
               member("ann")));
  };
  make("b", "Bees", {"garden", "food"});
  make("a", "Apples", {"food"});
  const auto page = runtime_->list(
      {.kind = "notebook", .owner = "ann", .sort = "title", .where = {{"tag", {"food"}}}});
  ASSERT_TRUE(page.has_value()) << to_string(page.error());
  ASSERT_EQ(page->items.size(), 2u);
  EXPECT_EQ(page->items[0].state["title"], "Apples");
  EXPECT_EQ(page->items[1].state["title"], "Bees");
}

TEST_F(Notebook, tells_of_the_pages_that_a_restore_or_a_clone_brings_changes_and_takes) {
  const auto kept = add_page({{"title", "kept"}});
  const auto changed = add_page({{"title", "then"}});
  const auto gone = add_page({{"title", "gone"}});
  const auto then = runtime_->inspect(notebook_id)->meta.seq;
  command(notebook_id, "update_page", {{"id", changed}, {"changes", {{"title", "now"}}}});
  command(notebook_id, "remove_page", {{"id", gone}});
  const auto late = add_page({{"title", "late"}});
  const auto section = add_section("late");
  const auto now = runtime_->read_events({.topics = {"**"}, .limit = 1'000})->next;
  command(notebook_id, "$restore", {{"seq", then}});
  EXPECT_EQ(told_since(now), Json({{"page.deleted", late, Json::array()},
                                   {"page.restored", gone, Json::array()},
                                   {"page.updated", changed, {"title"}},
                                   {"section.deleted", section, Json::array()}}));
  const auto restored = runtime_->read_events({.topics = {"**"}, .limit = 1'000})->next;
  std::promise<Result<Reply>> cloned;
  runtime_->clone_object(notebook_id, {}, {.target = {"notebook", "c"}},
                         [&](Result<Reply> reply) { cloned.set_value(std::move(reply)); });
  ASSERT_TRUE(cloned.get_future().get());
  const auto told = told_since(restored);
  ASSERT_EQ(told.size(), 3U);
  for (const auto& one : told) EXPECT_EQ(one[0], "page.created");
  EXPECT_EQ(kept.size(), 36U);
}

TEST_F(Notebook, tells_singly_of_some_pages_and_how_many_more_a_clone_has) {
  for (int i = 0; i < 100; ++i) add_page({{"title", "t"}});
  const auto now = runtime_->read_events({.topics = {"**"}, .limit = 1'000})->next;
  std::promise<Result<Reply>> cloned;
  runtime_->clone_object(notebook_id, {}, {.target = {"notebook", "c"}},
                         [&](Result<Reply> reply) { cloned.set_value(std::move(reply)); });
  ASSERT_TRUE(cloned.get_future().get());
  EXPECT_EQ(told_since(now).size(), 41U);
  const auto many = runtime_->read_events({.after = now, .topics = {"page.many_changed"}});
  ASSERT_EQ(many->events.size(), 1U);
  const auto data = parse_stored_json(many->events[0]->body)->at("data");
  EXPECT_EQ(data.at("created"), 60);
  EXPECT_EQ(data.at("deleted"), 0);
  EXPECT_EQ(data.at("parent"), Json({{"kind", "notebook"}, {"id", "c"}}));
}

TEST_F(Notebook, takes_from_outside_only_states_that_its_commands_could_have_made) {
  EXPECT_TRUE(send(notebook_id, "$patch", {{"title", "T"}, {"description", nullptr}}).has_value());
  EXPECT_EQ(refusal(send(notebook_id, "$patch", {{"title", 1}})), "invalid /title");
  EXPECT_EQ(refusal(send(notebook_id, "$patch", {{"internal", nullptr}})), "invalid /internal");
  EXPECT_EQ(refusal(send(notebook_id, "$patch", {{"internal", {{"pages", "many"}}}})),
            "invalid /internal/pages");
  EXPECT_EQ(refusal(send(notebook_id, "$patch", {{"x", 1}})), "invalid /x");
  EXPECT_EQ(command(notebook_id, "update", {{"tags", {"t"}}})["description"], nullptr);
}

}  // namespace
}  // namespace perdure::actors
