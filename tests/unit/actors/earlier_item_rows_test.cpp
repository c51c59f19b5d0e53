// SPDX-License-Identifier: Apache-2.0
// A notebook whose pages have rows as 0.1.0 wrote them: what it lists before, while and after they
// are given rows of today.
#include "earlier_item_rows.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "collection.hpp"
#include "equal_text.hpp"
#include "memory_entries.hpp"
#include "perdure/actors/item_lists.hpp"
#include "perdure/base/random.hpp"
#include "perdure/base/time.hpp"
#include "perdure/base/unicode.hpp"
#include "perdure/runtime/sortable.hpp"

namespace perdure::actors {
namespace {

const NounItems& pages_of_notebooks() { return find_noun("notebook")->items.at(1); }

std::string earlier_text(const Json& value) {
  if (value.is_number()) return "1" + ordered_key(sortable_bits(value.get<double>()));
  return "2" + value.get<std::string>() + '\x1f';
}

class EarlierItems : public testing::Test {
 protected:
  Json any_page() {
    const auto number = static_cast<std::int64_t>(items_.size());
    Json page{{"id", make_uuid_v7(from_unix_ms(number), random_)},
              {"rank", random_.next() % 3 == 0 ? -number : number},
              {"position", static_cast<double>(random_.next() % 40) / 4 - 5},
              {"updated_at",
               format_rfc3339(from_unix_ms(static_cast<std::int64_t>(random_.next() % 100)))},
              {"section_id", nullptr},
              {"title", "t"},
              {"tags", Json::array()}};
    if (random_.next() % 2 == 0) page["section_id"] = sections_[random_.next() % 2];
    for (const char* tag : {"work", "a b/c", "e\xCC\x81"}) {
      if (random_.next() % 3 == 0) page["tags"].push_back(tag);
    }
    if (random_.next() % 10 == 0) page["deleted_at"] = page["updated_at"];
    return page;
  }

  /// Writes a page as 0.1.0 did: `form` says in which form its tags stand in keys.
  void add_earlier(std::string (*form)(std::string_view)) {
    const auto page = any_page();
    const auto tail = item_row_id(page);
    const auto add = [&](const std::string& order, const char* member) {
      const auto end = order + '/' + earlier_text(page.at(member)) + tail;
      const auto value = dump_json({{"section_id", page["section_id"]}, {"tags", page["tags"]}});
      entries_.put("pages:" + end, value);
      if (order == "deleted") return;
      const auto& section = page["section_id"];
      if (!section.is_null()) {
        entries_.put("pages:section_id=" + equal_text(section.get<std::string>()) + ':' + end,
                     value);
      }
      for (const std::string tag : page["tags"]) {
        entries_.put("pages:tags=" + equal_text(form(tag)) + ':' + end, value);
      }
    };
    if (page.contains("deleted_at")) {
      add("deleted", "deleted_at");
    } else {
      add("position", "position");
      add("updated_at", "updated_at");
    }
    entries_.put_json(item_key("pages", page.at("id").get<std::string>()), page);
    items_[page.at("id")] = page;
  }

  void put(const std::optional<Json>& before, const Json& page) {
    pages_.put(entries_, before, page);
    items_[page.at("id")] = page;
  }

  std::vector<std::string> expected(const Json& query) const {
    const auto is_in = *item_membership(pages_of_notebooks(), query);
    std::string sort = query.value("sort", "position");
    const bool is_down = sort.starts_with('-') || query.contains("deleted");
    if (query.contains("deleted")) sort = "deleted_at";
    const auto member = sort.substr(sort.starts_with('-') ? 1 : 0);
    std::vector<std::string> ids;
    for (const auto& [id, page] : items_) {
      if (is_in(page)) ids.push_back(id);
    }
    std::ranges::sort(ids, [&](const std::string& a, const std::string& b) {
      const auto place = [&](const std::string& id) {
        const auto& page = items_.at(id);
        return std::tuple{page.at(member), page.at("rank").get<std::int64_t>(), id};
      };
      return is_down ? place(b) < place(a) : place(a) < place(b);
    });
    return ids;
  }

  std::vector<std::string> listed(Json query) const {
    std::vector<std::string> ids;
    query["limit"] = 7;
    do {
      const auto page = pages_.list(entries_, *read_item_query(query, pages_.rules()));
      EXPECT_TRUE(page.has_value());
      for (const auto& item : page->at("items")) ids.push_back(item.at("id"));
      query["cursor"] = page->at("next_cursor");
    } while (!query["cursor"].is_null());
    return ids;
  }

  void expect_all_lists() const {
    const std::vector<Json> queries{Json::object(),
                                    {{"section_id", sections_[0]}},
                                    {{"section_id", Json::array({nullptr})}},
                                    {{"section_id", {nullptr, sections_[1]}}},
                                    {{"tag", "work"}},
                                    {{"tag", {"work", "a b/c"}}},
                                    {{"tag", "e\xCC\x81"}},
                                    {{"tag", "a b/c"}, {"section_id", sections_[0]}},
                                    {{"tag", "nothing"}}};
    for (const char* sort : {"position", "-position", "updated_at", "-updated_at"}) {
      for (auto query : queries) {
        query["sort"] = sort;
        SCOPED_TRACE(query);
        const auto wanted = expected(query);
        EXPECT_EQ(listed(query), wanted);
        query["count"] = true;
        const auto counted = pages_.list(entries_, *read_item_query(query, pages_.rules()));
        EXPECT_EQ(counted->at("total"), wanted.size());
      }
    }
    EXPECT_EQ(listed({{"deleted", true}}), expected({{"deleted", true}}));
  }

  [[nodiscard]] std::size_t earlier_rows() const {
    return static_cast<std::size_t>(std::ranges::count_if(entries_.rows, [](const auto& row) {
      return row.first.starts_with("pages:") && !row.first.starts_with("pages:$") &&
             row.first != "pages:lists";
    }));
  }

  const Collection pages_{"pages", pages_of_notebooks().lists};
  const std::vector<std::string> sections_{"0190a000-0000-7000-8000-000000000000",
                                           "0190a000-0000-7000-8000-000000000001"};
  MemoryEntries entries_;
  SeededRandom random_{11};
  std::map<std::string, Json> items_;
};

TEST_F(EarlierItems, are_listed_alike_before_while_and_after_they_get_rows_of_today) {
  for (int i = 0; i < 200; ++i) add_earlier(to_nfc);
  expect_all_lists();
  ASSERT_GT(earlier_rows(), 0u);
  for (int turn = 0; earlier_rows() > 0; ++turn) {
    ASSERT_LT(turn, 10);
    const auto& some = std::next(items_.begin(), static_cast<std::ptrdiff_t>(random_.next() % 200));
    auto next = some->second;
    next["title"] = "changed";
    next["position"] = 0;
    next["rank"] = -1'000 - turn;
    entries_.changes = 0;
    put(some->second, next);
    EXPECT_LT(entries_.changes, 5'000u);
    expect_all_lists();
  }
  // As if they had been written today.
  MemoryEntries fresh;
  for (const auto& [id, page] : items_) pages_.put(fresh, std::nullopt, page);
  EXPECT_EQ(entries_.rows, fresh.rows);
}

TEST_F(EarlierItems, that_are_deleted_restored_and_purged_leave_no_row_behind) {
  for (int i = 0; i < 120; ++i) add_earlier(to_nfc);
  while (!items_.empty()) {
    const auto page = items_.begin()->second;
    if (random_.next() % 3 > 0) {
      pages_.erase(entries_, page);
      items_.erase(items_.begin());
      continue;
    }
    auto next = page;
    if (next.erase("deleted_at") == 0) next["deleted_at"] = next["updated_at"];
    put(page, next);
    EXPECT_EQ(listed(Json::object()), expected(Json::object()));
    EXPECT_EQ(listed({{"deleted", true}}), expected({{"deleted", true}}));
  }
  ASSERT_EQ(entries_.rows.size(), 1u);
  EXPECT_EQ(read_item_list_state(entries_, "pages")->live, 0);
}

TEST_F(EarlierItems, with_texts_as_they_were_sent_leave_no_row_behind) {
  for (int i = 0; i < 30; ++i) add_earlier([](std::string_view text) { return std::string{text}; });
  for (int turn = 0; turn < 2; ++turn) put(items_.begin()->second, items_.begin()->second);
  EXPECT_EQ(earlier_rows(), 0u);
  expect_all_lists();
}

TEST_F(EarlierItems, the_last_position_and_the_oldest_deletion_are_found_in_both_forms) {
  for (int i = 0; i < 120; ++i) add_earlier(to_nfc);
  const auto expect_ends = [&] {
    EXPECT_EQ(pages_.last(entries_, "position")->at("id"), expected(Json::object()).back());
    EXPECT_EQ(pages_.oldest_deleted(entries_, 1).front().at("id"),
              expected({{"deleted", true}}).back());
  };
  expect_ends();
  put(std::nullopt, any_page());
  ASSERT_GT(earlier_rows(), 0u);
  expect_ends();
}

}  // namespace
}  // namespace perdure::actors
