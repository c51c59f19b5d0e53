// SPDX-License-Identifier: Apache-2.0
// The journal, reading the past, snapshots, restore, clone, export and import, lists.
#include <gmock/gmock.h>

#include <future>

#include "fixture.hpp"
#include "perdure/base/crypto.hpp"

namespace perdure {
namespace {

using testing::ElementsAre;

class History : public RuntimeTest {
 protected:
  Result<Reply> builtin(const ObjectId& object, std::string_view name, const Json& payload = {}) {
    return runtime_->call({.target = object, .name = std::string{name}, .payload = payload}).get();
  }
  void write(const Json& lines) { value(call("note", "n", "write", lines)); }
  Json lines(AsOf as_of = {}) {
    auto entries = runtime_->entries({"note", "n"}, {}, as_of);
    EXPECT_TRUE(entries) << to_string(entries.error());
    Json all = Json::object();
    if (!entries) return all;
    for (const auto& entry : *entries) all[entry.key] = entry.value;
    return all;
  }
  void make_note() {
    value(call("note", "n", "create", Json{{"title", "one"}, {"tags", {"x", "y"}}}));  // 1
    write({{"a", "1"}, {"b", "1"}});                                                   // 2
    write({{"a", "2"}, {"b", nullptr}, {"c", "2"}});                                   // 3
  }
  const ObjectId note{"note", "n"};
};

TEST_F(History, the_journal_shows_each_turn_and_chains_its_hashes) {
  make_note();
  value(call("counter", "a", "add", Add{2}));
  const auto journal = runtime_->journal(note, 1, 100, Order::ascending, 100);
  ASSERT_TRUE(journal);
  ASSERT_EQ(journal->size(), 3U);
  EXPECT_EQ((*journal)[0].command, "create");
  EXPECT_EQ((*journal)[0].state["title"], "one");
  EXPECT_EQ((*journal)[0].principal, "system");
  EXPECT_EQ((*journal)[1].previous_hash, (*journal)[0].hash);
  EXPECT_EQ((*journal)[2].previous_hash, (*journal)[1].hash);
  ASSERT_EQ((*journal)[2].entries.size(), 3U);
  EXPECT_EQ((*journal)[2].entries[1].key, "b");
  EXPECT_EQ((*journal)[2].entries[1].op, JournalEntryChange::Op::erase);
  const auto counter = runtime_->journal({"counter", "a"}, 1, 9, Order::descending, 1);
  ASSERT_EQ(counter->size(), 1U);
  EXPECT_EQ((*counter)[0].events.at(0).topic, "counter.added");
}

TEST_F(History, the_past_reads_as_it_was_by_seq_and_by_time) {
  make_note();
  EXPECT_EQ(lines(Seq{1}), Json::object());
  EXPECT_EQ(lines(Seq{2}), Json({{"a", "1"}, {"b", "1"}}));
  EXPECT_EQ(lines(), Json({{"a", "2"}, {"c", "2"}}));
  const auto second = runtime_->inspect(note, Seq{2});
  ASSERT_TRUE(second);
  const auto by_time = runtime_->inspect(note, second->meta.updated_at);
  ASSERT_TRUE(by_time);
  EXPECT_GE(by_time->meta.seq, 2U);
  const auto before = runtime_->inspect(note, second->meta.origin->created_at - Milliseconds{1});
  ASSERT_FALSE(before);
  EXPECT_EQ(before.error().code, ErrorCode::not_found);
  EXPECT_EQ(runtime_->inspect(note, Seq{4}).error().code, ErrorCode::not_found);
}

TEST_F(History, restoring_brings_back_state_and_entries_and_can_be_undone) {
  make_note();
  value(call("note", "n", "name", "two"));  // 4
  value(builtin(note, builtin::restore, Json{{"seq", 2}}));
  EXPECT_EQ(runtime_->inspect(note)->state["title"], "one");
  EXPECT_EQ(runtime_->inspect(note)->meta.seq, 5U);
  EXPECT_EQ(lines(), Json({{"a", "1"}, {"b", "1"}}));
  value(builtin(note, builtin::restore, Json{{"seq", 4}}));
  EXPECT_EQ(runtime_->inspect(note)->state["title"], "two");
  EXPECT_EQ(lines(), Json({{"a", "2"}, {"c", "2"}}));
  EXPECT_EQ(code(builtin(note, builtin::restore, Json{{"seq", 99}})), ErrorCode::not_found);
  EXPECT_EQ(code(builtin(note, builtin::restore, Json{{"seq", "x"}})), ErrorCode::invalid);
}

TEST_F(History, a_pin_names_a_seq_and_moves_none) {
  make_note();
  value(builtin(note, builtin::pin, Json{{"name", "before the trip"}}));
  value(builtin(note, builtin::pin, Json{{"seq", 1}}));
  auto pins = runtime_->snapshots(note);
  ASSERT_EQ(pins->size(), 2U);
  EXPECT_EQ(pins->at(0).seq, 1U);
  EXPECT_EQ(pins->at(1).name, "before the trip");
  EXPECT_EQ(runtime_->inspect(note)->meta.seq, 3U);
  value(builtin(note, builtin::unpin, Json{{"seq", 1}}));
  EXPECT_EQ(runtime_->snapshots(note)->size(), 1U);
}

TEST_F(History, a_deleted_object_leaves_a_tombstone_and_comes_back) {
  make_note();
  value(builtin(note, builtin::remove));
  EXPECT_EQ(runtime_->inspect(note).error().code, ErrorCode::not_found);
  EXPECT_EQ(code(call("note", "n", "name", "x")), ErrorCode::not_found);
  EXPECT_EQ(code(builtin(note, builtin::remove)), ErrorCode::not_found);
  value(builtin(note, builtin::undelete));
  EXPECT_EQ(runtime_->inspect(note)->state["title"], "one");
  EXPECT_EQ(lines(), Json({{"a", "2"}, {"c", "2"}}));
}

TEST_F(History, no_command_hides_in_passing_what_was_deleted) {
  value(call("counter", "c", "add", Add{2}));
  value(builtin({"counter", "c"}, builtin::remove));
  EXPECT_EQ(code(call("counter", "c", "add", Add{1})), ErrorCode::not_found);
  EXPECT_EQ(code(ask("counter", "c", "value")), ErrorCode::not_found);
  value(builtin({"counter", "c"}, builtin::undelete));
  EXPECT_EQ(value(call("counter", "c", "add", Add{1})), 3);
}

TEST_F(History, a_list_names_what_cannot_be_read_and_shows_the_rest) {
  value(call("counter", "old", "add", Add{1}));
  runtime_.reset();
  {
    auto newer =
        Runtime::open(options(), {kind<Counter>("counter")
                                      .schema_version(2)
                                      .upgrade(1, [](Json old) { return old; })
                                      .command("add", [](Turn&, Counter& self) { ++self.value; })});
    ASSERT_TRUE(newer) << to_string(newer.error());
    value((*newer)->object("counter", "new").call("add").get());
  }
  open();
  const auto page = runtime_->list({.kind = "counter"});
  ASSERT_TRUE(page) << to_string(page.error());
  ASSERT_EQ(page->items.size(), 1U);
  EXPECT_EQ(page->items[0].meta.object().id, "old");
  ASSERT_EQ(page->unreadable.size(), 1U);
  EXPECT_EQ(page->unreadable[0].object, (ObjectId{"counter", "new"}));
  EXPECT_EQ(page->unreadable[0].error.code, ErrorCode::newer_version);
}

TEST_F(History, a_page_of_large_objects_comes_short_and_loses_none) {
  const std::string title(200u << 10, 't');
  for (const char* id : {"a", "b", "c", "d", "e", "f", "g"}) {
    value(call("note", id, "create", Json{{"title", title}, {"tags", Json::array()}}));
  }
  ListRequest request{.kind = "note", .limit = 500};
  std::vector<std::string> ids;
  std::vector<std::size_t> sizes;
  do {
    auto page = runtime_->list(request);
    ASSERT_TRUE(page);
    sizes.push_back(page->items.size());
    for (const auto& view : page->items) ids.push_back(view.meta.object().id);
    request.cursor = std::move(page->next_cursor);
  } while (!request.cursor.empty());
  EXPECT_THAT(ids, ElementsAre("a", "b", "c", "d", "e", "f", "g"));
  EXPECT_THAT(sizes, ElementsAre(5, 2));
}

TEST_F(History, a_reader_of_a_list_takes_passes_over_and_refuses) {
  for (const char* id : {"a", "b", "c", "d"}) {
    value(call("note", id, "create", Json{{"title", id}, {"tags", Json::array()}}));
  }
  std::vector<std::string> taken;
  ListRequest request{.kind = "note", .limit = 2};
  const auto read = [&](const ObjectId& object, const Result<ObjectView>&) {
    if (object.id == "b") return Shown::passed_over;
    if (object.id == "d") return Shown::refused;
    taken.push_back(object.id);
    return Shown::taken;
  };
  const auto first = runtime_->list(request, read);
  ASSERT_TRUE(first);
  EXPECT_FALSE(first->at_end);
  EXPECT_THAT(taken, ElementsAre("a", "c"));
  request.cursor = first->next_cursor;
  const auto none = runtime_->list(request, read);
  EXPECT_FALSE(none->at_end);
  EXPECT_EQ(none->next_cursor, request.cursor);  // what was refused is still to come
  const auto rest = runtime_->list(request, [&](const ObjectId& object, const Result<ObjectView>&) {
    taken.push_back(object.id);
    return Shown::taken;
  });
  EXPECT_TRUE(rest->at_end);
  EXPECT_THAT(taken, ElementsAre("a", "c", "d"));
}

TEST_F(History, an_export_shows_its_moment_whatever_follows_and_ends_when_it_is_trimmed) {
  make_note();
  std::string whole;
  ASSERT_TRUE(runtime_->export_object(note, {}, [&](std::string_view lines) { whole += lines; }));
  const auto file = runtime_->begin_export(note);
  ASSERT_TRUE(file);
  std::string text;
  ASSERT_EQ((*file)->read(text, 1).value(), More::yes);  // the header
  value(call("note", "n", "name", "later"));
  write({{"d", "4"}});
  while ((*file)->read(text, 1).value() == More::yes) {
  }
  EXPECT_EQ(text, whole);

  const auto late = runtime_->begin_export(note);
  ASSERT_TRUE(late);
  ASSERT_TRUE((*late)->read(text, 1));
  value(builtin(note, builtin::remove));
  value(builtin(note, builtin::purge));
  const auto cut = (*late)->read(text, 1);
  ASSERT_FALSE(cut);
  EXPECT_EQ(cut.error().code, ErrorCode::gone);
}

TEST_F(History, a_cursor_is_of_use_to_its_list_alone) {
  for (const auto* title : {"a", "b", "c"}) {
    value(call("note", title, "create", Json{{"title", title}, {"tags", {"t"}}}));
  }
  ListRequest request{.kind = "note", .index = "title", .limit = 1};
  request.cursor = runtime_->list(request)->next_cursor;
  ASSERT_TRUE(runtime_->list(request));
  for (const auto change : {+[](ListRequest& other) { other.index = "tag"; },
                            +[](ListRequest& other) { other.order = Order::descending; },
                            +[](ListRequest& other) { other.equals = {"b"}; },
                            +[](ListRequest& other) {
                              other.kind = "counter";
                              other.index = "$id";
                            }}) {
    auto other = request;
    change(other);
    EXPECT_EQ(runtime_->list(other).error().code, ErrorCode::invalid);
  }
}

TEST_F(History, a_later_life_goes_on_counting_and_hides_the_earlier_one) {
  make_note();
  value(builtin(note, builtin::remove));                              // 4
  value(call("note", "n", "create", Json{{"title", "born again"}}));  // 5
  const auto now = runtime_->inspect(note);
  EXPECT_EQ(now->meta.seq, 5U);
  EXPECT_EQ(now->meta.origin->born_seq, 5U);
  EXPECT_EQ(lines(), Json::object());
  EXPECT_EQ(value(ask("note", "n", "lines")), Json::object());
  EXPECT_EQ(runtime_->inspect(note, Seq{2}).error().code, ErrorCode::not_found);
  EXPECT_EQ(code(builtin(note, builtin::restore, Json{{"seq", 2}})), ErrorCode::not_found);
}

TEST_F(History, a_clone_has_the_state_and_entries_of_its_moment) {
  make_note();
  std::promise<Result<Reply>> done;
  runtime_->clone_object(note, Seq{2}, {.target = {"note", "copy"}},
                         [&](Result<Reply> reply) { done.set_value(std::move(reply)); });
  value(done.get_future().get());
  EXPECT_EQ(value(ask("note", "copy", "lines")), Json({{"a", "1"}, {"b", "1"}}));
}

TEST_F(History, an_export_imports_to_the_same_and_a_changed_one_is_refused) {
  make_note();
  std::string file;
  ASSERT_TRUE(runtime_->export_object(note, {}, [&](std::string_view line) { file += line; }));
  const auto import = [&](const std::string& id, const std::string& text) {
    std::promise<Result<Reply>> done;
    runtime_->import_object({.target = {"note", id}}, text,
                            [&](Result<Reply> reply) { done.set_value(std::move(reply)); });
    return done.get_future().get();
  };
  value(import("back", file));
  EXPECT_EQ(value(ask("note", "back", "lines")), Json({{"a", "2"}, {"c", "2"}}));
  EXPECT_EQ(runtime_->inspect({"note", "back"})->state, runtime_->inspect(note)->state);
  EXPECT_EQ(code(import("back", file)), ErrorCode::conflict);
  auto changed = file;
  changed.replace(changed.find("\"2\""), 3, "\"9\"");
  EXPECT_EQ(code(import("bad", changed)), ErrorCode::malformed);
  const std::string newer =
      R"({"format":"perdure-object","version":1,"schema_version":4294967297,"state":{}})"
      "\n";  // 1 more than 2^32
  const auto digest = to_hex(bytes_of(sha256(newer)));
  EXPECT_EQ(code(import("bad", newer + R"({"sha256":")" + digest + "\"}\n")),
            ErrorCode::newer_version);
  EXPECT_EQ(code(import("bad", file.substr(0, file.size() / 2))), ErrorCode::malformed);
  EXPECT_EQ(code(import("bad", "")), ErrorCode::malformed);
}

TEST_F(History, lists_follow_an_index_and_wake_nobody) {
  for (const auto* title : {"cherry", "apple", "banana"}) {
    value(call("note", title, "create", Json{{"title", title}, {"tags", {"fruit"}}}));
    std::this_thread::sleep_for(std::chrono::milliseconds(2));  // the index orders by milliseconds
  }
  restart();
  ListRequest request{.kind = "note", .index = "title", .limit = 2};
  auto page = runtime_->list(request);
  ASSERT_TRUE(page) << to_string(page.error());
  ASSERT_EQ(page->items.size(), 2U);
  EXPECT_EQ(page->items[0].state["title"], "apple");
  request.cursor = page->next_cursor;
  page = runtime_->list(request);
  ASSERT_EQ(page->items.size(), 1U);
  EXPECT_EQ(page->items[0].state["title"], "cherry");
  EXPECT_EQ(page->next_cursor, "");
  EXPECT_EQ(runtime_->stats().active_objects, 0U);

  request = {.kind = "note", .index = "tag", .equals = {"fruit"}, .order = Order::descending};
  page = runtime_->list(request);
  ASSERT_EQ(page->items.size(), 3U);
  EXPECT_EQ(page->items[0].state["title"], "banana");
  request.equals = {"stone"};
  EXPECT_TRUE(runtime_->list(request)->items.empty());
  request.index = "none";
  EXPECT_EQ(runtime_->list(request).error().code, ErrorCode::invalid);
  request = {.kind = "note", .index = "title", .cursor = "!"};
  EXPECT_EQ(runtime_->list(request).error().code, ErrorCode::invalid);
}

TEST_F(History, lists_show_the_same_of_active_and_hibernated_objects) {
  for (const auto* title : {"cherry", "apple", "banana"}) {
    value(call("note", title, "create", Json{{"title", title}, {"tags", {"fruit"}}}));
  }
  value(builtin({"note", "banana"}, builtin::remove));
  const auto listed = [&] {
    Json all = Json::array();
    for (const auto lives : {ListRequest::Lives::live, ListRequest::Lives::deleted}) {
      const auto page = runtime_->list({.kind = "note", .lives = lives});
      EXPECT_TRUE(page) << to_string(page.error());
      for (const auto& item : page->items) {
        all.push_back({item.meta.object().id, item.meta.seq, item.state});
      }
    }
    return all;
  };
  ASSERT_EQ(runtime_->stats().active_objects, 3U);
  const auto active = listed();
  EXPECT_EQ(active.size(), 3U);
  for (const auto* id : {"cherry", "apple", "banana"}) {
    ASSERT_TRUE(runtime_->hibernate({"note", id}));
  }
  EXPECT_EQ(listed(), active);
  EXPECT_EQ(runtime_->stats().active_objects, 0U);
}

// A kind may gain a member without a step that upgrades what is stored.
TEST_F(History, an_object_shows_members_that_its_kind_gained_active_or_not) {
  value(call("account", "a", "set", Json{{"title", "old"}}));
  value(call("account", "odd", "set", Json{{"title", 7}}));
  runtime_.reset();
  auto opened =
      Runtime::open(options(), {kind<Note>("account").command("touch", [](Turn&, Note&) {})});
  ASSERT_TRUE(opened) << to_string(opened.error());
  runtime_ = std::move(*opened);
  const auto listed = [&] {
    auto page = runtime_->list({.kind = "account"});
    EXPECT_TRUE(page) << to_string(page.error());
    return page ? std::move(*page) : ListPage{};
  };
  const auto seen = [&](const char* id) {
    Json states = Json::array({runtime_->inspect({"account", id})->state});
    for (const auto& item : listed().items) {
      if (item.meta.object().id == id) states.push_back(item.state);
    }
    return states;
  };
  const auto whole = Json{{"title", "old"}, {"tags", Json::array()}};
  EXPECT_EQ(seen("a"), Json({whole, whole}));
  value(call("account", "a", "touch"));
  EXPECT_EQ(seen("a"), Json({whole, whole}));
  // What it cannot read is shown as it is, and named by lists.
  EXPECT_EQ(seen("odd"), Json::array({Json{{"title", 7}}}));
  const auto unreadable = listed().unreadable;
  ASSERT_EQ(unreadable.size(), 1U);
  EXPECT_EQ(unreadable[0].object.id, "odd");
  EXPECT_EQ(unreadable[0].error.code, ErrorCode::unreadable_state);
}

TEST_F(History, deleted_objects_have_a_list_of_their_own) {
  make_note();
  value(builtin(note, builtin::remove));
  EXPECT_TRUE(runtime_->list({.kind = "note"})->items.empty());
  const auto deleted = runtime_->list({.kind = "note", .lives = ListRequest::Lives::deleted});
  ASSERT_EQ(deleted->items.size(), 1U);
  EXPECT_TRUE(deleted->items[0].meta.deleted_at);
}

TEST_F(History, lists_by_activity_split_the_objects) {
  for (int i = 0; i < 7; ++i) value(call("counter", std::to_string(i), "add", Add{1}));
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(runtime_->hibernate({"counter", std::to_string(i)}));
  const auto count = [&](Activity activity) {
    ListRequest request{.kind = "counter", .limit = 2, .activity = activity};
    std::size_t found = 0;
    do {
      const auto page = runtime_->list(request);
      if (!page) break;
      found += page->items.size();
      request.cursor = page->next_cursor;
    } while (!request.cursor.empty());
    return found;
  };
  EXPECT_EQ(count(Activity::active), 3U);
  EXPECT_EQ(count(Activity::hibernated), 4U);
}

}  // namespace
}  // namespace perdure
