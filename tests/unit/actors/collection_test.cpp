// SPDX-License-Identifier: Apache-2.0
#include "collection.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "equal_text.hpp"
#include "memory_entries.hpp"
#include "perdure/actors/item_lists.hpp"
#include "perdure/base/random.hpp"
#include "perdure/base/unicode.hpp"
#include "perdure/base/utf8.hpp"
#include "perdure/runtime/options.hpp"

namespace perdure::actors {
namespace {

ListRules rules_of_pages() {
  return {.filters = {{.name = "section_id", .field = "section_id"},
                      {.name = "tag", .field = "tags"},
                      {.name = "due", .field = "due", .compare = ListFilter::Compare::range}},
          .sorts = {{.field = "position", .name = "position"},
                    {.field = "$updated_at", .name = "updated_at"}},
          .default_sort = "position"};
}

const Collection pages{"pages", rules_of_pages()};

Json make_page(SeededRandom& random, std::int64_t number) {
  return {{"id", make_uuid_v7(from_unix_ms(number), random)},
          {"rank", number},
          {"position", number},
          {"updated_at", format_rfc3339(from_unix_ms(1'700'000'000'000 - number))},
          {"section_id", number % 2 == 0 ? "even" : "odd"},
          {"tags", {"all", "tag " + std::to_string(number % 10)}}};
}

Result<Json> list(const Entries& entries, const Json& payload, const Collection& of = pages) {
  const auto query = read_item_query(payload, of.rules());
  if (!query) return fail(query.error());
  return of.list(entries, *query);
}

Json members(const Result<Json>& page, const char* name) {
  auto found = Json::array();
  if (!page) return to_string(page.error());
  for (const Json& item : page->at("items")) found.push_back(item.at(name));
  return found;
}
Json positions(const Result<Json>& page) { return members(page, "position"); }

TEST(Collection, reads_only_the_page_that_is_asked_for) {
  MemoryEntries entries;
  SeededRandom random{1};
  for (int i = 0; i < 10'000; ++i) pages.put(entries, std::nullopt, make_page(random, i));
  for (const char* sort : {"position", "-position", "updated_at", "-updated_at"}) {
    entries.reads = 0;
    const auto first = list(entries, {{"sort", sort}});
    ASSERT_TRUE(first.has_value());
    const auto second = list(entries, {{"sort", sort}, {"cursor", first->at("next_cursor")}});
    ASSERT_TRUE(second.has_value());
    EXPECT_EQ(second->at("items").size(), 50u);
    EXPECT_LE(entries.reads, 2 * (51 + 50 + 1));
  }
  entries.reads = 0;
  EXPECT_EQ(positions(list(entries, {{"limit", 2}, {"tag", "tag 7"}})), Json({7, 17}));
  EXPECT_LE(entries.reads, 10u);
}

TEST(Collection, bounds_the_search_for_two_filters_that_rarely_meet) {
  MemoryEntries entries;
  SeededRandom random{2};
  for (int i = 0; i < 50'000; ++i) pages.put(entries, std::nullopt, make_page(random, i));
  // Pages with `tag 7` are all odd.
  Json query{{"limit", 10}, {"section_id", "even"}, {"tag", "tag 7"}};
  for (bool more = true; more;) {
    entries.reads = 0;
    const auto found = list(entries, query);
    ASSERT_TRUE(found.has_value());
    EXPECT_TRUE(found->at("items").empty());
    // A leap reads some rows ahead that it does not look at.
    EXPECT_LE(entries.reads, limits::page_rows_max * 2);
    query["cursor"] = found->at("next_cursor");
    more = !query["cursor"].is_null();
  }
}

TEST(Collection, leaves_no_row_behind_whatever_happened_to_an_item) {
  MemoryEntries entries;
  SeededRandom random{3};
  Json page = make_page(random, 1);
  pages.put(entries, std::nullopt, page);
  for (int step = 0; step < 200; ++step) {
    Json next = page;
    next["position"] = static_cast<std::int64_t>(random.next() % 5);
    next["rank"] = static_cast<std::int64_t>(random.next() % 3) - 1;
    next["section_id"] = random.next() % 2 == 0 ? Json(nullptr) : Json("s");
    next["tags"] = random.next() % 2 == 0 ? Json::array() : Json({"a", "b"});
    if (random.next() % 3 == 0) {
      next["deleted_at"] = next["updated_at"];
    } else {
      next.erase("deleted_at");
    }
    pages.put(entries, page, next);
    page = std::move(next);

    MemoryEntries fresh;
    pages.put(fresh, std::nullopt, page);
    ASSERT_EQ(entries.rows, fresh.rows) << step;
  }
  for (const auto& [key, value] : entries.rows) EXPECT_TRUE(is_valid_utf8(key)) << key;
  pages.erase(entries, page);
  ASSERT_EQ(entries.rows.size(), 1u);
  EXPECT_EQ(entries.rows.begin()->first, "pages:lists");
}

TEST(Collection, puts_equals_in_the_order_of_their_ranks) {
  MemoryEntries entries;
  SeededRandom random{4};
  for (const std::int64_t rank : {5, -7, 0, 12, -1}) {
    auto page = make_page(random, 1);
    page["rank"] = rank;
    pages.put(entries, std::nullopt, page);
  }
  EXPECT_EQ(members(list(entries, nullptr), "rank"), Json({-7, -1, 0, 5, 12}));
  EXPECT_EQ(members(list(entries, {{"sort", "-position"}}), "rank"), Json({12, 5, 0, -1, -7}));
  EXPECT_EQ(members(list(entries, {{"tag", "all"}}), "rank"), Json({-7, -1, 0, 5, 12}));
}

TEST(Collection, lists_by_several_values_by_null_and_by_ranges) {
  MemoryEntries entries;
  SeededRandom random{5};
  for (int i = 0; i < 6; ++i) {
    auto page = make_page(random, i);
    page["due"] = i < 4 ? Json("2026-01-0" + std::to_string(i + 1)) : Json(nullptr);
    if (i % 3 == 0) page["section_id"] = nullptr;
    if (i == 5) page["tags"] = Json::array();
    pages.put(entries, std::nullopt, page);
  }
  EXPECT_EQ(positions(list(entries, {{"tag", {"tag 1", "tag 4"}}})), Json({1, 4}));
  EXPECT_EQ(positions(list(entries, {{"section_id", {nullptr, "odd"}}})), Json({0, 1, 3, 5}));
  EXPECT_EQ(positions(list(entries, {{"tag", Json::array({nullptr})}})), Json({5}));
  EXPECT_EQ(positions(list(entries, {{"due_after", "2026-01-01"}, {"due_before", "2026-01-04"}})),
            Json({1, 2}));
  const auto counted = list(entries, {{"count", true}, {"limit", 1}, {"section_id", "even"}});
  EXPECT_EQ(counted->at("total"), 2);
  EXPECT_EQ(list(entries, {{"count", true}, {"limit", 1}})->at("total"), 6);
  EXPECT_FALSE(list(entries, nullptr)->contains("total"));
}

TEST(Collection, counts_all_of_one_value_however_many_there_are) {
  MemoryEntries entries;
  SeededRandom random{6};
  for (int i = 0; i < 10'500; ++i) pages.put(entries, std::nullopt, make_page(random, i));
  const auto total = [&](Json query) {
    query.update({{"count", true}, {"limit", 1}});
    entries.reads = 0;
    return list(entries, query)->at("total");
  };
  EXPECT_EQ(total(Json::object()), 10'500);
  EXPECT_EQ(total({{"tag", "all"}}), 10'500);
  EXPECT_LT(entries.reads, 20U);
  EXPECT_EQ(total({{"section_id", "odd"}}), 5'250);
  EXPECT_EQ(total({{"tag", "nothing"}}), 0);
  const auto many =
      list(entries, {{"count", true}, {"limit", 1}, {"tag", "all"}, {"due_before", "2026-01-01"}});
  EXPECT_EQ(many->at("total"), 0);
}

TEST(Collection, says_how_many_at_least_where_it_does_not_count_them_all) {
  MemoryEntries entries;
  SeededRandom random{6};
  for (int i = 0; i < 21'000; ++i) pages.put(entries, std::nullopt, make_page(random, i));
  const auto many =
      list(entries, {{"count", true}, {"limit", 1}, {"tag", "all"}, {"section_id", "odd"}});
  EXPECT_EQ(many->at("total"), nullptr);
  EXPECT_EQ(many->at("total_at_least"), 10'000);
}

TEST(Collection, filters_sorts_and_counts_deleted_items_as_live_ones) {
  MemoryEntries entries;
  SeededRandom random{6};
  for (int i = 0; i < 40; ++i) {
    auto page = make_page(random, i);
    if (i >= 20) page["deleted_at"] = format_rfc3339(from_unix_ms(1'000 + i));
    pages.put(entries, std::nullopt, page);
  }
  EXPECT_EQ(positions(list(entries, {{"deleted", true}, {"limit", 3}})), Json({39, 38, 37}));
  EXPECT_EQ(positions(list(entries, {{"deleted", true}, {"tag", "tag 7"}})), Json({27, 37}));
  EXPECT_EQ(positions(list(entries, {{"deleted", true}, {"sort", "-position"}, {"limit", 2}})),
            Json({39, 38}));
  const auto counted =
      list(entries, {{"deleted", true}, {"section_id", "even"}, {"count", true}, {"limit", 1}});
  EXPECT_EQ(counted->at("total"), 10);
  EXPECT_EQ(list(entries, {{"tag", "tag 7"}, {"count", true}, {"limit", 1}})->at("total"), 2);
  EXPECT_EQ(list(entries, {{"deleted", true}, {"count", true}, {"limit", 1}})->at("total"), 20);
}

TEST(EqualText, keeps_texts_apart_that_are_not_equal) {
  EXPECT_EQ(equal_text("work"), "work");
  EXPECT_NE(equal_text(""), "");
  EXPECT_NE(equal_text("a/b"), equal_text("a:b"));
  EXPECT_NE(equal_text(std::string(300, 'x')), equal_text(std::string(301, 'x')));
  EXPECT_LT(equal_text(std::string(300, 'x')).size(), 50u);
}

TEST(Collection, gives_a_short_page_of_large_items_and_loses_none) {
  MemoryEntries entries;
  SeededRandom random{7};
  const std::string content(300u << 10, 'x');
  for (std::int64_t number = 0; number < 10; ++number) {
    auto page = make_page(random, number);
    page["content"] = content;
    pages.put(entries, std::nullopt, page);
  }
  Json query{{"limit", 500}};
  auto found = Json::array();
  std::vector<std::size_t> sizes;
  for (;;) {
    const auto page = list(entries, query);
    ASSERT_TRUE(page);
    EXPECT_LE(dump_json(*page).size(), limits::page_bytes_max);
    const auto here = positions(page);
    sizes.push_back(here.size());
    found.insert(found.end(), here.begin(), here.end());
    if (page->at("next_cursor").is_null()) break;
    query["cursor"] = page->at("next_cursor");
  }
  EXPECT_EQ(found, Json({0, 1, 2, 3, 4, 5, 6, 7, 8, 9}));
  EXPECT_EQ(sizes, (std::vector<std::size_t>{3, 3, 3, 1}));
}

TEST(Collection, gives_an_item_that_is_larger_than_a_page_alone) {
  MemoryEntries entries;
  SeededRandom random{7};
  for (std::int64_t number = 0; number < 3; ++number) {
    auto page = make_page(random, number);
    page["content"] = std::string(number == 1 ? 2u << 20 : 1, 'x');
    pages.put(entries, std::nullopt, page);
  }
  const auto first = list(entries, nullptr);
  EXPECT_EQ(positions(first), Json({0}));
  EXPECT_EQ(positions(list(entries, {{"cursor", first->at("next_cursor")}})), Json({1}));
}

TEST(Collection, sorts_text_whole_and_knows_one_form_of_it) {
  const Collection titled{"pages",
                          {.filters = {{.name = "tag", .field = "tags"}},
                           .sorts = {{.field = "title", .name = "title"}},
                           .default_sort = "title"}};
  SeededRandom random{7};
  MemoryEntries entries;
  const std::string begin(400, 'x');
  const Json sorted{"\x01", "\x1f",      " ",        "a",         "a\x01",
                    "a b",  "e\xCC\x81", "\xC3\xAA", begin + "a", begin + "b"};
  for (auto at = sorted.rbegin(); at != sorted.rend(); ++at) {
    titled.put(entries, {},
               {{"id", make_uuid_v7(from_unix_ms(1), random)},
                {"rank", 1},
                {"title", *at},
                {"tags", {"\xC3\xA9"}}});
  }
  auto expected = sorted.get<std::vector<std::string>>();
  std::ranges::sort(expected, {}, to_nfc);
  EXPECT_EQ(members(list(entries, {{"tag", "e\xCC\x81"}}, titled), "title"), Json(expected));
}

TEST(Collection, whose_rows_were_made_by_other_rules_is_built_in_parts_as_if_they_were_new) {
  const Collection others{"pages", {.sorts = {{.field = "position", .name = "position"}}}};
  MemoryEntries entries;
  MemoryEntries fresh;
  SeededRandom random{8};
  for (int i = 0; i < 1'000; ++i) {
    auto page = make_page(random, i);
    if (i % 10 == 0) page["deleted_at"] = page["updated_at"];
    others.put(entries, std::nullopt, page);
    pages.put(fresh, std::nullopt, page);
  }
  EXPECT_TRUE(others.check(entries).empty());
  EXPECT_EQ(list(fresh, nullptr)->at("items").size(), 50U);
  try {
    static_cast<void>(list(entries, nullptr));
    ADD_FAILURE() << "it reads rows of other rules";
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.error().code, ErrorCode::index_building);
  }
  int parts = 1;
  entries.changes = 0;
  for (; pages.build(entries) == Collection::Built::more; ++parts) {
    EXPECT_LT(entries.changes, 3'000U);
    entries.changes = 0;
    if (parts % 3 != 0) continue;
    auto page = make_page(random, 2'000 + parts);  // others write meanwhile
    pages.put(entries, std::nullopt, page);
    pages.put(fresh, std::nullopt, page);
  }
  EXPECT_GT(parts, 5);
  EXPECT_EQ(entries.rows, fresh.rows);
  EXPECT_TRUE(pages.check(entries).empty());
  EXPECT_EQ(pages.build(entries), Collection::Built::already);
}

TEST(Collection, with_rows_as_version_0_1_0_wrote_them_beside_those_of_today_is_built_anew) {
  MemoryEntries entries;
  SeededRandom random{8};
  pages.put(entries, std::nullopt, make_page(random, 1));
  const auto rows = entries.rows;
  entries.put("pages:position/10000", "{}");
  entries.put("pages:tags=all:position/10000", "{}");
  EXPECT_EQ(pages.build(entries), Collection::Built::done);
  EXPECT_EQ(entries.rows, rows);
}

TEST(Collection, checks_rows_and_counts_against_its_items) {
  MemoryEntries entries;
  SeededRandom random{8};
  for (int i = 0; i < 30; ++i) pages.put(entries, std::nullopt, make_page(random, i));
  EXPECT_TRUE(pages.check(entries).empty());
  for (const auto& [key, value] : std::map{entries.rows}) {
    if (!key.starts_with("pages:")) continue;
    auto broken = entries;
    broken.erase(key);
    if (key == "pages:lists") continue;
    EXPECT_FALSE(pages.check(broken).empty()) << key;
  }
  auto broken = entries;
  broken.put("pages:lists", dump_json({{"rules", pages.made_by()}, {"live", 29}, {"deleted", 0}}));
  EXPECT_FALSE(pages.check(broken).empty());
}

TEST(Collection, takes_ids_of_what_is_gone_for_null_in_filters) {
  MemoryEntries entries;
  SeededRandom random{5};
  for (int i = 0; i < 6; ++i) {
    auto page = make_page(random, i);
    if (i == 5) page["section_id"] = nullptr;
    pages.put(entries, std::nullopt, page);
  }
  const ItemView view{.present = {},
                      .references = {"section_id"},
                      .is_dead = [](const auto&, const auto& id) { return id == "even"; }};
  const auto found = [&](Json query) {
    query["count"] = true;
    const auto page = pages.list(entries, *read_item_query(query, pages.rules()), view);
    EXPECT_EQ(page->at("total"), page->at("items").size());
    return positions(page);
  };
  EXPECT_EQ(found({{"section_id", Json::array({nullptr})}}), Json({0, 2, 4, 5}));
  EXPECT_EQ(found({{"section_id", {nullptr, "odd"}}}), Json({0, 1, 2, 3, 4, 5}));
  EXPECT_EQ(found({{"section_id", "even"}}), Json::array());
  EXPECT_EQ(found({{"section_id", {"even", "odd"}}}), Json({1, 3}));
}

TEST(ItemMembership, says_of_a_stored_item_whether_it_is_in_a_list) {
  const NounItems items{.one = "page", .many = "pages", .lists = rules_of_pages()};
  SeededRandom random{9};
  auto page = make_page(random, 7);
  const auto is_in = [&](const Json& query) {
    const auto membership = item_membership(items, query);
    return membership.has_value() && (*membership)(page);
  };
  EXPECT_TRUE(is_in(nullptr));
  EXPECT_TRUE(is_in({{"tag", {"tag 7", "x"}}, {"section_id", "odd"}, {"sort", "-updated_at"}}));
  EXPECT_FALSE(is_in({{"tag", "tag 8"}}));
  EXPECT_FALSE(is_in({{"due_after", "2026-01-01"}}));
  EXPECT_FALSE(is_in({{"deleted", true}}));
  page["deleted_at"] = page["updated_at"];
  EXPECT_TRUE(is_in({{"deleted", true}}));
  EXPECT_FALSE(is_in(nullptr));
  EXPECT_FALSE(item_membership(items, {{"colour", "red"}}).has_value());
}

}  // namespace
}  // namespace perdure::actors
