// SPDX-License-Identifier: Apache-2.0
#include "collection.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "ordered_text.hpp"
#include "perdure/base/random.hpp"
#include "perdure/base/unicode.hpp"
#include "perdure/runtime/options.hpp"

namespace perdure::actors {
namespace {

/// Entries in memory that count what is read of them.
class CountedEntries final : public Entries {
 public:
  std::optional<Entry> get(std::string_view key) const override {
    ++reads;
    const auto found = rows.find(std::string{key});
    if (found == rows.end()) return {};
    return Entry{found->first, found->second};
  }
  std::vector<Entry> range(const EntryRange& range) const override {
    auto from = rows.lower_bound(range.from);
    auto until = range.until.empty() ? rows.end() : rows.lower_bound(range.until);
    std::vector<Entry> found;
    while (from != until && found.size() < range.limit) {
      const auto at = range.order == Order::ascending ? from++ : --until;
      found.push_back({at->first, at->second});
    }
    reads += found.size();
    return found;
  }
  void put(std::string key, std::string value) override {
    rows.insert_or_assign(std::move(key), std::move(value));
  }
  void erase(std::string key) override { rows.erase(key); }

  std::map<std::string, std::string> rows;
  mutable std::size_t reads = 0;
};

const Collection pages{{.name = "pages",
                        .sorts = {"position", "updated_at"},
                        .filters = {{"section_id", "section_id"}, {"tag", "tags"}}}};

Json make_page(SeededRandom& random, std::int64_t number) {
  return {{"id", make_uuid_v7(from_unix_ms(number), random)},
          {"rank", number},
          {"position", number},
          {"updated_at", format_rfc3339(from_unix_ms(1'700'000'000'000 - number))},
          {"section_id", number % 2 == 0 ? "even" : "odd"},
          {"tags", {"all", "tag " + std::to_string(number % 10)}}};
}

std::vector<std::int64_t> positions(const Json& page) {
  std::vector<std::int64_t> found;
  for (const Json& item : page.at("items")) found.push_back(item.at("position"));
  return found;
}

TEST(Collection, reads_only_the_page_that_is_asked_for) {
  CountedEntries entries;
  SeededRandom random{1};
  for (int i = 0; i < 10'000; ++i) pages.put(entries, std::nullopt, make_page(random, i));
  for (const char* sort : {"position", "updated_at"}) {
    for (const auto order : {Order::ascending, Order::descending}) {
      entries.reads = 0;
      ListQuery query{.limit = 50, .sort = sort, .order = order};
      const auto first = pages.list(entries, query);
      ASSERT_TRUE(first.has_value());
      query.cursor = first->at("next_cursor").get<std::string>();
      query.filters = {};
      const auto second = pages.list(entries, query);
      ASSERT_TRUE(second.has_value());
      EXPECT_EQ(second->at("items").size(), 50u);
      EXPECT_LE(entries.reads, 2 * (51 + 50));
    }
  }
  entries.reads = 0;
  const auto tagged =
      pages.list(entries, {.limit = 2, .sort = "position", .filters = {{"tag", "tag 7"}}});
  EXPECT_EQ(positions(*tagged), (std::vector<std::int64_t>{7, 17}));
  EXPECT_LE(entries.reads, 5u);
}

TEST(Collection, bounds_the_search_for_two_filters_that_rarely_meet) {
  CountedEntries entries;
  SeededRandom random{2};
  for (int i = 0; i < 50'000; ++i) pages.put(entries, std::nullopt, make_page(random, i));
  // Pages with `tag 7` are all odd.
  ListQuery query{
      .limit = 10, .sort = "position", .filters = {{"section_id", "even"}, {"tag", "tag 7"}}};
  for (int page = 0; page < 2; ++page) {
    entries.reads = 0;
    const auto found = pages.list(entries, query);
    ASSERT_TRUE(found.has_value());
    EXPECT_TRUE(found->at("items").empty());
    EXPECT_LE(entries.reads, list::rows_scanned_max + 20);
    if (page == 1) {
      EXPECT_EQ(found->at("next_cursor"), nullptr);
    } else {
      query.cursor = found->at("next_cursor").get<std::string>();
    }
  }
}

TEST(Collection, leaves_no_row_behind_whatever_happened_to_an_item) {
  CountedEntries entries;
  SeededRandom random{3};
  Json page = make_page(random, 1);
  pages.put(entries, std::nullopt, page);
  for (int step = 0; step < 200; ++step) {
    Json next = page;
    next["position"] = static_cast<std::int64_t>(random.next() % 5);
    next["section_id"] = random.next() % 2 == 0 ? Json(nullptr) : Json("s");
    next["tags"] = random.next() % 2 == 0 ? Json::array() : Json({"a", "b"});
    if (random.next() % 3 == 0) {
      next["deleted_at"] = next["updated_at"];
    } else {
      next.erase("deleted_at");
    }
    pages.put(entries, page, next);
    page = std::move(next);

    CountedEntries fresh;
    pages.put(fresh, std::nullopt, page);
    ASSERT_EQ(entries.rows, fresh.rows) << step;
  }
  pages.erase(entries, page);
  EXPECT_TRUE(entries.rows.empty());
}

TEST(OrderedText, sorts_as_the_values_do) {
  const Json ordered{nullptr, -1e300,           -7,    -6.5, -1e-9, 0,   1e-9,  1,    1.5,
                     2,       9007199254740992, 1e300, "",   "A",   "a", "a b", "ab", "é"};
  for (std::size_t i = 1; i < ordered.size(); ++i) {
    EXPECT_LT(ordered_text(ordered[i - 1]), ordered_text(ordered[i])) << ordered[i];
  }
  EXPECT_EQ(ordered_text(Json(-0.0)), ordered_text(Json(0)));
  EXPECT_LT(ordered_text(std::int64_t{-2}), ordered_text(std::int64_t{-1}));
  EXPECT_LT(ordered_text(std::int64_t{-1}), ordered_text(std::int64_t{0}));
}

TEST(OrderedText, keeps_texts_apart_that_are_not_equal) {
  EXPECT_EQ(equal_text("work"), "work");
  EXPECT_NE(equal_text(""), "");
  EXPECT_NE(equal_text("a/b"), equal_text("a:b"));
  EXPECT_NE(equal_text(std::string(300, 'x')), equal_text(std::string(301, 'x')));
  EXPECT_LT(equal_text(std::string(300, 'x')).size(), 50u);
}

TEST(Collection, gives_a_short_page_of_large_items_and_loses_none) {
  CountedEntries entries;
  SeededRandom random{7};
  const std::string content(300u << 10, 'x');
  for (std::int64_t number = 0; number < 10; ++number) {
    auto page = make_page(random, number);
    page["content"] = content;
    pages.put(entries, std::nullopt, page);
  }
  ListQuery query{.limit = 500, .sort = "position"};
  std::vector<std::int64_t> found;
  std::vector<std::size_t> sizes;
  for (;;) {
    const auto page = pages.list(entries, query);
    ASSERT_TRUE(page);
    EXPECT_LE(dump_json(*page).size(), limits::page_bytes_max);
    const auto here = positions(*page);
    sizes.push_back(here.size());
    found.insert(found.end(), here.begin(), here.end());
    if (page->at("next_cursor").is_null()) break;
    query.cursor = page->at("next_cursor");
  }
  EXPECT_EQ(found, (std::vector<std::int64_t>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}));
  EXPECT_EQ(sizes, (std::vector<std::size_t>{3, 3, 3, 1}));
}

TEST(Collection, gives_an_item_that_is_larger_than_a_page_alone) {
  CountedEntries entries;
  SeededRandom random{7};
  for (std::int64_t number = 0; number < 3; ++number) {
    auto page = make_page(random, number);
    page["content"] = std::string(number == 1 ? 2u << 20 : 1, 'x');
    pages.put(entries, std::nullopt, page);
  }
  const auto first = pages.list(entries, {.sort = "position"});
  EXPECT_EQ(positions(*first), std::vector<std::int64_t>{0});
  const auto second = pages.list(entries, {.cursor = first->at("next_cursor"), .sort = "position"});
  EXPECT_EQ(positions(*second), std::vector<std::int64_t>{1});
}

const Collection titled{{.name = "pages", .sorts = {"title"}, .filters = {{"tag", "tags"}}}};

Json titled_page(SeededRandom& random, const std::string& title, const std::string& tag) {
  return {{"id", make_uuid_v7(from_unix_ms(1), random)},
          {"rank", 1},
          {"title", title},
          {"tags", {tag}}};
}

TEST(Collection, sorts_text_whole_and_knows_one_form_of_it) {
  SeededRandom random{7};
  CountedEntries entries;
  const std::string begin(400, 'x');
  const std::vector<std::string> sorted{"\x01", "\x1f",      " ",        "a",         "a\x01",
                                        "a b",  "e\xCC\x81", "\xC3\xAA", begin + "a", begin + "b"};
  for (auto at = sorted.rbegin(); at != sorted.rend(); ++at) {
    titled.put(entries, {}, titled_page(random, *at, "\xC3\xA9"));
  }
  const auto page = titled.list(entries, {.sort = "title", .filters = {{"tag", "e\xCC\x81"}}});
  ASSERT_TRUE(page.has_value());
  std::vector<std::string> found;
  for (const Json& item : page->at("items")) found.push_back(item.at("title"));
  auto expected = sorted;
  std::ranges::sort(expected, {}, to_nfc);
  EXPECT_EQ(found, expected);
}

TEST(Collection, replaces_rows_of_an_earlier_form_of_text) {
  SeededRandom random{7};
  CountedEntries entries;
  const std::string title = std::string(200, 'x') + "e\xCC\x81";
  const auto item = titled_page(random, title, "e\xCC\x81");
  titled.put(entries, {}, item);
  // As 0.1.0 wrote them: the first 128 bytes, and the tag as it was sent.
  const auto tail = ordered_text(1) + item.at("id").get<std::string>();
  const auto place = earlier_ordered_text(title) + tail;
  std::map<std::string, std::string> earlier{
      {"pages/" + item.at("id").get<std::string>(), dump_json(item)},
      {"pages:title/" + place, "{}"},
      {"pages:tags=" + equal_text("e\xCC\x81") + ":title/" + place, "{}"}};
  const auto now = entries.rows;
  ASSERT_EQ(now.size(), earlier.size());
  entries.rows = earlier;
  titled.put(entries, item, item);
  EXPECT_EQ(entries.rows, now);
  entries.rows = earlier;
  titled.erase(entries, item);
  EXPECT_TRUE(entries.rows.empty());
}

}  // namespace
}  // namespace perdure::actors
