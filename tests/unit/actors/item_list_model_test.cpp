// SPDX-License-Identifier: Apache-2.0
// Lists of pages under change against a plain model: random creates, updates, moves, deletes,
// restores and purges, and restarts of the runtime, between pages of lists too.
#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "fixture.hpp"
#include "perdure/actors/item_lists.hpp"

namespace perdure::actors {
namespace {

const ObjectId notebook{"notebook", "n"};

class ItemListModel : public KindsTest {
 protected:
  void SetUp() override {
    KindsTest::SetUp();
    command(notebook, "create", {{"title", "n"}});
    for (int i = 0; i < 3; ++i) {
      sections_.push_back(command(notebook, "create_section", {{"title", "s"}}).at("id"));
    }
  }

  std::size_t below(std::size_t bound) { return dice_() % bound; }
  bool one_in(std::size_t count) { return below(count) == 0; }

  Json any_section() {
    const Json any(sections_[below(2)]);
    return any == gone_section_ || one_in(3) ? Json(nullptr) : any;
  }
  Json any_tags() {
    auto tags = Json::array();
    for (const char* tag : {"a", "b", "c, d", "null"}) {
      if (one_in(3)) tags.push_back(tag);
    }
    return tags;
  }
  Json any_position() { return static_cast<double>(below(12)) / 2 - 3; }

  /// A page as it is stored: what lists are made of, but for their rows.
  void note(const std::string& id) {
    const auto key = item_key("pages", id);
    const auto found = runtime_->entries(notebook, {.from = key, .until = key + '\x01'});
    ASSERT_TRUE(found.has_value());
    pages_.erase(id);
    if (!found->empty()) pages_[id] = found->front().json();
    touched_.insert(id);
  }

  std::string any_id(bool deleted) {
    std::vector<std::string> ids;
    for (const auto& [id, page] : pages_) {
      if (page.contains("deleted_at") == deleted) ids.push_back(id);
    }
    return ids.empty() ? std::string{} : ids[below(ids.size())];
  }

  void change_one() {
    const auto live = any_id(false);
    const auto gone = any_id(true);
    const auto dice = below(20);
    if (live.empty() || dice < 6) {
      Json page{{"title", "t"}, {"tags", any_tags()}, {"section_id", any_section()}};
      if (one_in(2)) page["position"] = any_position();
      note(command(notebook, "create_page", page).at("id"));
    } else if (dice < 10) {
      Json changes{{"content", std::to_string(dice_())}};
      if (one_in(2)) changes["tags"] = any_tags();
      if (one_in(2)) changes["section_id"] = any_section();
      command(notebook, "update_page", {{"id", live}, {"changes", changes}});
      note(live);
    } else if (dice < 14) {
      Json payload{{"id", live}};
      if (one_in(2)) payload["position"] = any_position();
      if (one_in(2)) payload["section_id"] = any_section();
      command(notebook, "move_page", payload);
      note(live);
    } else if (dice < 17) {
      command(notebook, "remove_page", {{"id", live}});
      note(live);
    } else if (!gone.empty() && dice < 19) {
      command(notebook, "restore_page", {{"id", gone}});
      note(gone);
    } else if (!gone.empty()) {
      const auto before = pages_.at(gone).at("deleted_at");
      command(notebook, "purge_pages", {{"before", before}});
      std::vector<std::string> all;
      for (const auto& [id, page] : pages_) all.push_back(id);
      for (const auto& id : all) {
        if (pages_.at(id).contains("deleted_at")) note(id);
      }
    }
    if (one_in(150)) restart();
  }

  Json any_query() {
    const std::vector<std::string> sorts{"position", "-position", "updated_at", "-updated_at"};
    Json query{{"limit", 1 + below(15)}};
    if (one_in(4)) query["deleted"] = true;
    if (!one_in(4)) query["sort"] = sorts[below(sorts.size())];
    if (one_in(2)) {
      query["tag"] = Json::array({one_in(4) ? Json(nullptr) : Json("a")});
      if (one_in(2)) query["tag"].push_back("c, d");
    }
    if (one_in(2)) {
      query["section_id"] = one_in(4) ? Json::array({nullptr}) : Json(sections_[below(3)]);
    }
    return query;
  }

  static bool has(const Json& wanted, const Json& field) {
    const auto is_wanted = [&](const Json& value) {
      return wanted.is_array() ? std::ranges::count(wanted, value) > 0 : wanted == value;
    };
    if (!field.is_array()) return is_wanted(field);
    return field.empty() ? is_wanted(nullptr) : std::ranges::any_of(field, is_wanted);
  }

  /// As it is shown.
  Json section_of(const Json& page) const {
    return page["section_id"] == gone_section_ ? Json(nullptr) : page["section_id"];
  }

  void toggle_section() {
    const auto id = sections_[1];
    const bool is_gone = gone_section_ == id;
    command(notebook, is_gone ? "restore_section" : "remove_section", {{"id", id}});
    gone_section_ = is_gone ? std::string{} : id;
  }

  std::vector<std::string> expected(const Json& query) const {
    const bool wants_deleted = query.contains("deleted");
    std::vector<std::string> ids;
    for (const auto& [id, page] : pages_) {
      if (page.contains("deleted_at") != wants_deleted) continue;
      if (query.contains("tag") && !has(query["tag"], page["tags"])) continue;
      if (query.contains("section_id") && !has(query["section_id"], section_of(page))) continue;
      ids.push_back(id);
    }
    const bool is_filtered = query.contains("tag") || query.contains("section_id");
    const auto sort =
        query.value("sort", wants_deleted && !is_filtered ? "-deleted_at" : "position");
    const bool is_down = sort.starts_with('-');
    const auto member = sort.substr(is_down ? 1 : 0);
    std::ranges::sort(ids, [&](const std::string& a, const std::string& b) {
      const auto place = [&](const std::string& id) {
        const auto& page = pages_.at(id);
        return std::tuple{page.at(member), page.at("rank").get<std::int64_t>(), id};
      };
      return is_down ? place(b) < place(a) : place(a) < place(b);
    });
    return ids;
  }

  std::vector<std::string> page(Json& query) {
    const auto found = this->query(notebook, "list_pages", query);
    std::vector<std::string> ids;
    for (const auto& item : found.at("items")) ids.push_back(item.at("id"));
    EXPECT_LE(ids.size(), query["limit"].get<std::size_t>());
    query["cursor"] = found.at("next_cursor");
    return ids;
  }

  std::vector<std::string> sections_;
  std::string gone_section_;
  std::map<std::string, Json> pages_;
  std::set<std::string> touched_;
  std::mt19937 dice_{23};
};

TEST_F(ItemListModel, pages_show_what_fits_once_in_order_and_counts_are_right) {
  for (int round = 0; round < 60; ++round) {
    for (int i = 0; i < 15; ++i) change_one();
    if (one_in(3)) toggle_section();
    for (int turn = 0; turn < 6; ++turn) {
      auto query = any_query();
      SCOPED_TRACE(query);
      const auto wanted = expected(query);
      auto counting = query;
      counting["count"] = true;
      EXPECT_EQ(this->query(notebook, "list_pages", counting).at("total"), wanted.size());
      std::vector<std::string> shown;
      do {
        std::ranges::copy(page(query), std::back_inserter(shown));
      } while (!query["cursor"].is_null());
      ASSERT_EQ(shown, wanted);
    }
  }
}

TEST_F(ItemListModel, what_stays_is_neither_skipped_nor_shown_twice_while_others_change) {
  for (int i = 0; i < 150; ++i) change_one();
  for (int round = 0; round < 120; ++round) {
    auto query = any_query();
    query["limit"] = 1 + below(6);
    SCOPED_TRACE(query);
    touched_.clear();
    const auto before = expected(query);
    std::vector<std::string> shown;
    do {
      std::ranges::copy(page(query), std::back_inserter(shown));
      if (one_in(2)) change_one();
    } while (!query["cursor"].is_null());
    std::vector<std::string> stayed;
    for (const auto& id : before) {
      if (!touched_.contains(id)) stayed.push_back(id);
    }
    std::erase_if(shown, [&](const std::string& id) { return touched_.contains(id); });
    ASSERT_EQ(shown, stayed);
  }
}

}  // namespace
}  // namespace perdure::actors
