// SPDX-License-Identifier: Apache-2.0
// What an owner has is counted exactly, and bounded, by whatever door it comes.
#include <future>

#include "fixture.hpp"
#include "perdure/storage/rocksdb_store.hpp"

namespace perdure {
namespace {

class QuotasTest : public RuntimeTest {
 protected:
  QuotasTest()
      : RuntimeTest({counter_kind(), note_kind()},
                    {.quotas = {.objects = 3, .objects_of_kind = {{"note", 1}}},
                     .purge_after = std::chrono::seconds{0}}) {}

  Future<Reply> create(const Principal& who, const std::string& kind, const std::string& id) {
    const bool is_note = kind == "note";
    return runtime_->call({.target = {kind, id},
                           .name = is_note ? "create" : "add",
                           .payload = is_note ? Json{{"title", id}} : Json{{"by", 1}},
                           .principal = who});
  }
  std::uint64_t count(const std::string& owner, const std::string& kind = {}) {
    return runtime_->count_objects(owner, kind).value();
  }
};

TEST_F(QuotasTest, refuse_what_is_too_much_and_say_which_quota_it_is) {
  for (const auto* id : {"a", "b", "c"}) value(create(ann, "counter", id).get());
  const auto refused = create(ann, "counter", "d").get();
  ASSERT_EQ(code(refused), ErrorCode::quota_exceeded);
  EXPECT_NE(refused.error().detail.find("3 objects"), std::string::npos) << refused.error().detail;
  EXPECT_NE(refused.error().detail.find("quotas.objects"), std::string::npos);
  EXPECT_EQ(runtime_->inspect({"counter", "d"}).error().code, ErrorCode::not_found);
  value(create(ann, "counter", "a").get());  // it is there
  value(create(bob, "counter", "e").get());
  EXPECT_EQ(count("ann"), 3U);
  EXPECT_EQ(count("bob"), 1U);
  EXPECT_EQ(count("ann", "note"), 0U);
}

TEST_F(QuotasTest, of_a_kind_hold_beside_that_of_all) {
  value(create(ann, "note", "a").get());
  const auto refused = create(ann, "note", "b").get();
  ASSERT_EQ(code(refused), ErrorCode::quota_exceeded);
  EXPECT_NE(refused.error().detail.find("quotas.notes"), std::string::npos);
  value(create(ann, "counter", "b").get());
  EXPECT_EQ(count("ann"), 2U);
  EXPECT_EQ(count("ann", "note"), 1U);
}

TEST_F(QuotasTest, are_exact_however_many_come_at_once) {
  std::vector<Future<Reply>> replies;
  for (int i = 0; i < 200; ++i) replies.push_back(create(ann, "counter", std::to_string(i)));
  int made = 0;
  for (auto& reply : replies) made += reply.get() ? 1 : 0;
  EXPECT_EQ(made, 3);
  EXPECT_EQ(count("ann"), 3U);
}

TEST_F(QuotasTest, hold_at_every_door) {
  for (const auto* id : {"a", "b", "c"}) value(create(ann, "counter", id).get());
  std::promise<Result<Reply>> cloned;
  runtime_->clone_object({"counter", "a"}, {}, {.target = {"counter", "x"}, .principal = ann},
                         [&](Result<Reply> reply) { cloned.set_value(std::move(reply)); });
  EXPECT_EQ(code(cloned.get_future().get()), ErrorCode::quota_exceeded);

  std::string lines;
  ASSERT_TRUE(runtime_->export_object({"counter", "a"}, {}, [&](std::string_view line) {
    lines += line;
    if (!line.ends_with('\n')) lines += '\n';
  }));
  std::promise<Result<Reply>> imported;
  runtime_->import_object({.target = {"counter", "x"}, .principal = ann}, lines,
                          [&](Result<Reply> reply) { imported.set_value(std::move(reply)); });
  EXPECT_EQ(code(imported.get_future().get()), ErrorCode::quota_exceeded);

  std::promise<Result<Reply>> together;
  runtime_->transact(
      {{{"counter", "a"}, "add", {{"by", 1}}}, {{"counter", "x"}, "add", {{"by", 1}}}},
      {.principal = ann}, [&](Result<Reply> reply) { together.set_value(std::move(reply)); });
  const auto refused = together.get_future().get();
  ASSERT_EQ(code(refused), ErrorCode::quota_exceeded);
  EXPECT_NE(refused.error().detail.find("quotas.objects"), std::string::npos);
  EXPECT_EQ(value(ask("counter", "a", "value")), 1);
  EXPECT_EQ(count("ann"), 3U);
}

TEST_F(QuotasTest, count_what_is_deleted_until_it_is_purged) {
  for (const auto* id : {"a", "b", "c"}) value(create(ann, "counter", id).get());
  const ObjectId object{"counter", "a"};
  value(run(ann, object, builtin::remove));
  EXPECT_EQ(count("ann"), 3U);
  EXPECT_EQ(code(create(ann, "counter", "d").get()), ErrorCode::quota_exceeded);
  value(run(root, object, builtin::undelete));
  EXPECT_EQ(count("ann"), 3U);
  value(run(ann, object, builtin::remove));
  value(run(root, object, builtin::purge));
  EXPECT_EQ(count("ann"), 2U);
  value(create(ann, "counter", "d").get());
  EXPECT_EQ(code(create(ann, "counter", "e").get()), ErrorCode::quota_exceeded);
}

TEST_F(QuotasTest, bind_users_and_not_operators_who_are_counted_all_the_same) {
  for (const auto* id : {"a", "b", "c", "d", "e"}) value(create(root, "counter", id).get());
  EXPECT_EQ(count("root"), 5U);
  for (const auto* id : {"f", "g", "h", "i"}) value(call("counter", id, "add", Add{1}));
  EXPECT_EQ(count(""), 4U);
}

TEST_F(QuotasTest, are_the_same_after_a_restart) {
  for (const auto* id : {"a", "b", "c"}) value(create(ann, "counter", id).get());
  for (int i = 0; i < 2; ++i) {
    restart();
    EXPECT_EQ(count("ann"), 3U);
    EXPECT_EQ(count("ann", "counter"), 3U);
    EXPECT_EQ(code(create(ann, "counter", "d").get()), ErrorCode::quota_exceeded);
  }
}

TEST_F(QuotasTest, count_what_was_there_before_there_were_counts) {
  for (const auto* id : {"a", "b", "c"}) value(create(ann, "counter", id).get());
  value(create(bob, "note", "n").get());
  runtime_.reset();
  {  // as an older program has left it
    auto store = std::move(*storage::open_rocksdb({.directory = directory_}));
    storage::Unit unit{{{.object = {"x", "x"}, .epoch = store->epoch()}}};
    for (const auto* name : {"objects.", "objects.counter", "objects.note"}) {
      for (const auto* owner : {"ann", "bob"}) {
        unit.write_sets[0].counts.push_back({std::string{name} + '\0' + owner, -100});
      }
    }
    ASSERT_TRUE(store->commit({&unit, 1}, SystemClock{}.now()).front());
  }
  for (int i = 0; i < 2; ++i) {
    open();
    EXPECT_EQ(count("ann"), 3U);
    EXPECT_EQ(count("bob", "note"), 1U);
    runtime_.reset();
  }
}

class ByteQuotas : public RuntimeTest {
 protected:
  static constexpr std::uint64_t most = 10'000;

  ByteQuotas()
      : RuntimeTest({counter_kind(), note_kind(), account_kind()},
                    {.quotas = {.bytes = most}, .purge_after = std::chrono::seconds{0}}) {}

  Result<Reply> make(const Principal& who, const std::string& id) {
    return run(who, {"note", id}, "create", {{"title", id}});
  }
  /// Writes an entry of so many bytes.
  Result<Reply> write(const Principal& who, const std::string& id, const std::string& key,
                      std::size_t bytes) {
    return run(who, {"note", id}, "write", {{key, std::string(bytes - key.size(), 'x')}});
  }
  /// How many bytes more ann may have: nothing tells, but what is refused.
  std::size_t room() {
    value(make(ann, "probe"));
    std::size_t low = 2;
    std::size_t high = most;
    while (low + 1 < high) {
      const auto middle = (low + high) / 2;
      const bool fits = write(ann, "probe", "k", middle).has_value();
      if (fits) value(run(ann, {"note", "probe"}, "write", {{"k", nullptr}}));
      (fits ? low : high) = middle;
    }
    value(run(ann, {"note", "probe"}, builtin::remove));
    value(run(root, {"note", "probe"}, builtin::purge));
    return low;
  }
};

TEST_F(ByteQuotas, refuse_what_is_too_much_and_say_so) {
  value(make(ann, "a"));
  value(write(ann, "a", "k", 6'000));
  const auto refused = write(ann, "a", "l", 6'000);
  ASSERT_EQ(code(refused), ErrorCode::quota_exceeded);
  EXPECT_NE(refused.error().detail.find("disk share"), std::string::npos);
  EXPECT_NE(refused.error().detail.find("quotas.bytes"), std::string::npos);
  value(write(ann, "a", "k", 100));  // less is always taken
  value(write(ann, "a", "l", 6'000));
  value(make(bob, "b"));
  value(write(bob, "b", "k", 6'000));
  // An administrator is never refused, but what it adds counts for the owner.
  value(write(root, "a", "m", 9'000));
  EXPECT_EQ(code(write(ann, "a", "n", 10)), ErrorCode::quota_exceeded);
}

TEST_F(ByteQuotas, are_given_back_by_whatever_takes_bytes_away) {
  const auto before = room();
  value(make(ann, "a"));
  value(write(ann, "a", "k", 3'000));
  value(write(ann, "a", "k", 2'000));
  value(write(ann, "a", "l", 1'000));
  value(run(ann, {"note", "a"}, "name", "a longer title than it had"));
  EXPECT_LT(room(), before - 3'000);
  restart();
  EXPECT_GT(room(), before - 3'300);
  value(run(ann, {"note", "a"}, "write", {{"k", nullptr}, {"l", nullptr}}));
  EXPECT_GT(room(), before - 200);
  value(write(ann, "a", "k", 3'000));
  value(run(ann, {"note", "a"}, builtin::remove));
  EXPECT_LT(room(), before - 3'000) << "what is deleted can be brought back";
  value(run(root, {"note", "a"}, builtin::purge));
  EXPECT_EQ(room(), before);
}

TEST_F(ByteQuotas, forget_what_an_earlier_life_had) {
  const auto before = room();
  value(make(ann, "a"));
  value(write(ann, "a", "k", 4'000));
  value(run(ann, {"note", "a"}, builtin::remove));
  value(make(ann, "a"));
  EXPECT_GT(room(), before - 200);
  value(write(ann, "a", "k", 4'000));
  value(run(ann, {"note", "a"}, builtin::remove));
  value(run(root, {"note", "a"}, builtin::purge));
  EXPECT_EQ(room(), before);
}

TEST_F(ByteQuotas, are_exact_however_many_come_at_once) {
  for (int i = 0; i < 8; ++i) value(make(ann, std::to_string(i)));
  std::vector<Future<Reply>> replies;
  for (int i = 0; i < 200; ++i) {
    replies.push_back(runtime_->call({.target = {"note", std::to_string(i % 8)},
                                      .name = "write",
                                      .payload = {{std::to_string(i), std::string(997, 'x')}},
                                      .principal = ann}));
  }
  int taken = 0;
  for (auto& reply : replies) taken += reply.get() ? 1 : 0;
  EXPECT_EQ(taken, 9);
  restart();
  EXPECT_EQ(code(write(ann, "0", "n", 1'000)), ErrorCode::quota_exceeded);
}

}  // namespace
}  // namespace perdure
