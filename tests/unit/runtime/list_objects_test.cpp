// SPDX-License-Identifier: Apache-2.0
// Lists of objects by ListRules, through the runtime.
#include <algorithm>

#include "fixture.hpp"
#include "list_rows.hpp"
#include "perdure/storage/rocksdb_store.hpp"

namespace perdure {
namespace {

using Compare = ListFilter::Compare;
using Lives = ListRequest::Lives;
using Whose = ListRequest::Whose;

ListRules task_rules() {
  return {.filters = {{.name = "status", .field = "status"},
                      {.name = "tag", .field = "tags"},
                      {.name = "due", .field = "due", .compare = Compare::range}},
          .sorts = {{.field = "$created_at"},
                    {.field = "title"},
                    {.field = "priority", .order = {"low", "medium", "high", "urgent"}},
                    {.field = "due"}},
          .default_sort = "-created_at",
          .across = ListRules::Across::everybody};
}

Kind task_kind(const ListRules& rules) {
  return kind<Json>("task")
      .command("set", [](Turn&, Json& self, const Json& next) { self = next; })
      .lists(rules);
}

class ListObjects : public RuntimeTest {
 protected:
  ListObjects() : RuntimeTest({task_kind(task_rules())}) {}

  void make(const std::string& id, Json state, const Principal& who = ann) {
    value(runtime_
              ->call({.target = {"task", id},
                      .name = "set",
                      .payload = std::move(state),
                      .principal = who})
              .get());
  }
  void builtin(const std::string& id, std::string_view name) {
    value(runtime_->call({.target = {"task", id}, .name = std::string{name}, .principal = root})
              .get());
  }
  /// The ids of all pages, and their total.
  std::string ids(ListRequest request, std::optional<ListTotal>* total = nullptr) {
    request.kind = "task";
    if (request.owner.empty() && request.whose == Whose::owner) request.owner = "ann";
    request.limit = 2;
    std::string ids;
    do {
      const auto page = runtime_->list(request);
      EXPECT_TRUE(page) << to_string(page.error());
      if (!page) return ids;
      for (const auto& item : page->items) ids += item.meta.object().id;
      if (total != nullptr) *total = page->total;
      request.cursor = page->next_cursor;
    } while (!request.cursor.empty());
    return ids;
  }
  std::uint64_t total(ListRequest request) {
    request.count = true;
    std::optional<ListTotal> total;
    static_cast<void>(ids(request, &total));
    EXPECT_TRUE(total);
    return total ? total->count : 0;
  }
  void make_four() {
    make("a", {{"title", "b"}, {"status", "open"}, {"priority", "low"}, {"tags", {"x", "y"}}});
    make("b", {{"title", "a"}, {"status", "done"}, {"priority", "urgent"}, {"due", "2026-02-01"}});
    make("c", {{"title", "c"}, {"status", "open"}, {"priority", "high"}, {"due", "2026-01-01"}});
    make("d", {{"title", "d"}, {"tags", {"x"}}, {"due", "2026-03-01T12:00:00Z"}});
    make("e", {{"title", "e"}, {"status", "open"}}, bob);
  }
  ErrorCode refused(const ListRequest& request, const std::string& field) {
    const auto page = runtime_->list(request);
    if (page) return ErrorCode::internal;
    EXPECT_EQ(page.error().fields.front().pointer, field);
    return page.error().code;
  }
};

TEST_F(ListObjects, come_in_any_order_with_what_has_no_value_last) {
  make_four();
  EXPECT_EQ(ids({.sort = "title"}), "bacd");
  EXPECT_EQ(ids({.order = Order::descending, .sort = "title"}), "dcab");
  EXPECT_EQ(ids({.sort = "priority"}), "acbd");
  EXPECT_EQ(ids({.order = Order::descending, .sort = "priority"}), "bcad");
  EXPECT_EQ(ids({.sort = "due"}), "cbda");
  EXPECT_EQ(ids({.order = Order::descending, .sort = "due"}), "dbca");
}

TEST_F(ListObjects, are_filtered_by_conditions_that_combine) {
  make_four();
  EXPECT_EQ(ids({.sort = "title", .where = {{.name = "status", .values = {"open"}}}}), "ac");
  EXPECT_EQ(ids({.sort = "title", .where = {{.name = "status", .values = {"open", nullptr}}}}),
            "acd");
  EXPECT_EQ(ids({.sort = "title", .where = {{.name = "tag", .values = {"x", "y"}}}}), "ad");
  EXPECT_EQ(ids({.sort = "title",
                 .where = {{.name = "status", .values = {"open"}},
                           {.name = "tag", .values = {nullptr}}}}),
            "c");
  EXPECT_EQ(ids({.sort = "title", .where = {{.name = "due", .above = "2026-01-01"}}}), "bd");
  EXPECT_EQ(ids({.sort = "due",
                 .where = {{.name = "due", .above = "2025-12-31", .below = "2026-03-01"},
                           {.name = "status", .values = {"open", "done"}}}}),
            "cb");
  EXPECT_EQ(ids({.sort = "title", .where = {{.name = "due", .values = {nullptr}}}}), "a");
  // Without a sort it is the default's.
  EXPECT_EQ(ids({.where = {{.name = "status", .values = {"open"}}}}), "ca");
}

TEST_F(ListObjects, follow_each_change_and_a_restart) {
  make_four();
  make("a", {{"title", "z"}, {"status", "done"}});
  builtin("c", builtin::remove);
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(ids({.sort = "title"}), "bda");
    EXPECT_EQ(ids({.sort = "title", .where = {{.name = "status", .values = {"done"}}}}), "ba");
    EXPECT_EQ(ids({.sort = "title", .where = {{.name = "tag", .values = {"x"}}}}), "d");
    EXPECT_EQ(ids({.lives = Lives::deleted, .sort = "title"}), "c");
    EXPECT_EQ(ids({.sort = "title", .whose = Whose::everybody}), "bdea");
    EXPECT_EQ(ids({.owner = "bob", .sort = "title"}), "e");
    restart();
  }
  builtin("c", builtin::undelete);
  EXPECT_EQ(ids({.sort = "title"}), "bcda");
  EXPECT_EQ(ids({.lives = Lives::deleted, .sort = "title"}), "");
  builtin("c", builtin::remove);
  builtin("c", builtin::purge);
  EXPECT_EQ(ids({.lives = Lives::deleted, .sort = "title"}), "");
  EXPECT_EQ(total({.lives = Lives::deleted, .sort = "title"}), 0U);
}

TEST_F(ListObjects, are_counted_with_any_conditions) {
  make_four();
  EXPECT_EQ(total({.sort = "title"}), 4U);
  EXPECT_EQ(total({.whose = Whose::everybody}), 5U);
  EXPECT_EQ(total({.where = {{.name = "status", .values = {"open"}}}}), 2U);
  EXPECT_EQ(total({.where = {{.name = "status", .values = {"open", nullptr}}}}), 3U);
  EXPECT_EQ(total({.where = {{.name = "tag", .values = {"x", "y"}}}}), 2U) << "not three";
  EXPECT_EQ(total({.where = {{.name = "due", .above = "2026-01-01"}}}), 2U);
  EXPECT_EQ(total({.where = {{.name = "due", .above = "2020-01-01"},
                             {.name = "status", .values = {"open"}}}}),
            1U);
  builtin("a", builtin::remove);
  EXPECT_EQ(total({.where = {{.name = "status", .values = {"open"}}}}), 1U);
  EXPECT_EQ(total({.lives = Lives::deleted}), 1U);
  EXPECT_EQ(total({.lives = Lives::deleted, .where = {{.name = "status", .values = {"open"}}}}),
            1U);
}

TEST_F(ListObjects, that_are_shared_have_rows_for_each_grantee_while_they_are_live) {
  const auto kind = task_kind(task_rules());
  const ListLayout layout{task_rules()};
  const Json root{{"title", "a"}, {"status", "open"}};
  ObjectMeta meta{.origin = std::make_shared<Origin>(
                      Origin{.object = {"task", "a"}, .owner = Owner::user("ann")}),
                  .seq = 1};
  meta.grants = std::make_shared<const std::vector<ObjectGrant>>(
      std::vector<ObjectGrant>{{Owner::user("bob")}, {Owner::organization("x")}});
  const auto rows_of = [&](const std::string& grantee) {
    storage::WriteSet made;
    const runtime::ObjectForm form{meta, root};
    runtime::change_lists(kind.definition(), layout, "", nullptr, &form, made);
    const auto group = runtime::list_groups({.owner = grantee, .whose = Whose::shared}).front();
    return std::ranges::count_if(
        made.indexes, [&](const storage::IndexChange& row) { return row.key.starts_with(group); });
  };
  const auto expected = static_cast<std::ptrdiff_t>(layout.indexes().size());
  EXPECT_EQ(rows_of("bob"), expected);
  EXPECT_EQ(rows_of("organization:x"), expected);
  EXPECT_EQ(rows_of("ann"), 0);
  meta.deleted_at = Timestamp{};
  EXPECT_EQ(rows_of("bob"), 0);
}

TEST_F(ListObjects, that_are_shared_are_a_list_of_whom_they_are_shared_with) {
  make_four();
  const auto share = [&](const std::string& id, std::string_view name) {
    value(runtime_
              ->call({.target = {"task", id},
                      .name = std::string{name},
                      .payload = {{"grantee", {{"user_id", "bob"}}}, {"role", "viewer"}},
                      .principal = ann})
              .get());
  };
  const ListRequest shared{.owner = "bob", .sort = "title", .whose = Whose::shared};
  EXPECT_EQ(ids(shared), "");
  for (const auto* id : {"a", "b", "c"}) share(id, builtin::share);
  EXPECT_EQ(ids(shared), "bac");
  EXPECT_EQ(ids({.owner = "bob",
                 .sort = "title",
                 .where = {{.name = "status", .values = {"open"}}},
                 .whose = Whose::shared}),
            "ac");
  EXPECT_EQ(total(shared), 3U);
  EXPECT_EQ(ids({.owner = "bob", .sort = "title"}), "e") << "its own are another list";
  share("a", builtin::unshare);
  builtin("c", builtin::remove);
  EXPECT_EQ(ids(shared), "b");
  EXPECT_EQ(total(shared), 1U);
  builtin("c", builtin::undelete);
  EXPECT_EQ(ids(shared), "bc");
}

TEST_F(ListObjects, a_request_that_the_rules_do_not_have_is_refused_with_its_field) {
  make_four();
  EXPECT_EQ(refused({.kind = "task", .sort = "colour"}, "sort"), ErrorCode::invalid);
  EXPECT_EQ(refused({.kind = "task", .where = {{.name = "colour", .values = {1}}}}, "colour"),
            ErrorCode::invalid);
  EXPECT_EQ(refused({.kind = "task", .where = {{.name = "status", .above = 1}}}, "status"),
            ErrorCode::invalid);
  EXPECT_EQ(refused({.kind = "task", .where = {{.name = "due", .above = "soon"}}}, "due"),
            ErrorCode::invalid);
  EXPECT_EQ(refused({.kind = "task", .cursor = "AAAA", .sort = "title"}, "cursor"),
            ErrorCode::invalid);
  EXPECT_EQ(refused({.kind = "task", .lives = Lives::all, .sort = "title"}, "lives"),
            ErrorCode::invalid);
}

TEST_F(ListObjects, rules_with_a_mistake_are_a_failed_start) {
  auto rules = task_rules();
  rules.default_sort = "-tilte";
  runtime_.reset();
  const auto opened = Runtime::open(options(), {task_kind(rules)});
  ASSERT_FALSE(opened);
  EXPECT_NE(opened.error().detail.find("\"tilte\" is no sort"), std::string::npos);
}

TEST_F(ListObjects, of_a_directory_without_their_rows_are_whole_after_the_next_opening) {
  runtime_.reset();
  std::filesystem::remove_all(directory_);
  Kind earlier = kind<Json>("task")
                     .command("set", [](Turn&, Json& self, const Json& next) { self = next; })
                     .index({.name = "title", .fields = {"title"}});
  runtime_ = std::move(*Runtime::open(options(), {earlier}));
  make_four();
  builtin("c", builtin::remove);
  restart();
  wait_until_built();
  EXPECT_EQ(ids({.sort = "title"}), "bad");
  EXPECT_EQ(ids({.lives = Lives::deleted, .sort = "title"}), "c");
  EXPECT_EQ(total({.where = {{.name = "status", .values = {"open"}}}}), 1U);

  // Other rules: the old rows go, and the counts are those of now.
  auto rules = task_rules();
  rules.filters.erase(rules.filters.begin());
  rules.sorts.erase(rules.sorts.begin() + 1);
  rules.across = ListRules::Across::owner;
  runtime_.reset();
  runtime_ = std::move(*Runtime::open(options(), {task_kind(rules)}));
  wait_until_built();
  EXPECT_EQ(ids({.sort = "due"}), "bda");
  EXPECT_EQ(total({.where = {{.name = "tag", .values = {"x"}}}}), 2U);
  runtime_.reset();
  open();
  wait_until_built();
  EXPECT_EQ(ids({.sort = "title"}), "bad");
  EXPECT_EQ(total({.sort = "title"}), 3U);
  EXPECT_EQ(total({.where = {{.name = "status", .values = {"open"}}}}), 1U);
}

}  // namespace
}  // namespace perdure
