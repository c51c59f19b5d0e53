// SPDX-License-Identifier: Apache-2.0
// A runtime on a real data directory, with two small kinds.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <thread>

#include "perdure/runtime/runtime.hpp"
#include "perdure/storage/rocksdb_store.hpp"

namespace perdure {

#ifdef PERDURE_SLOW_READS
std::shared_ptr<storage::StoreFactory> with_slow_reads(
    std::shared_ptr<storage::StoreFactory> stores);
#endif

struct Counter {
  std::int64_t value = 0;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Counter, value)

struct Add {
  std::int64_t by = 1;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Add, by)

inline Kind counter_kind() {
  return kind<Counter>("counter")
      .command("add",
               [](Turn& turn, Counter& self, const Add& add) {
                 self.value += add.by;
                 turn.publish("counter.added", add);
                 return self.value;
               })
      .command("add_then_throw",
               [](Turn& turn, Counter& self) {
                 self.value += 100;
                 turn.entries().put("left", "behind");
                 throw std::runtime_error("broken handler");
               })
      .command("add_then_refuse",
               [](Turn&, Counter& self) -> Result<void> {
                 self.value += 100;
                 return fail(ErrorCode::conflict, "refused");
               })
      .query("value", [](const Counter& self) { return self.value; });
}

struct Note {
  std::string title;
  std::vector<std::string> tags;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Note, title, tags)

inline Kind note_kind() {
  return kind<Note>("note")
      .command("create", [](Turn&, Note& self, const Note& note) { self = note; },
               {.creates = Creates::yes})
      .command("name",
               [](Turn& turn, Note& self, const std::string& name) {
                 turn.release("note.title", self.title);
                 turn.claim("note.title", name);
                 self.title = name;
               })
      .command("write",
               [](Turn& turn, Note&, const Json& lines) {
                 for (const auto& [key, value] : lines.items()) {
                   if (value.is_null()) {
                     turn.entries().erase(key);
                   } else {
                     turn.entries().put(key, value.get<std::string>());
                   }
                 }
               })
      .query("lines",
             [](const View& view, const Note&) {
               Json lines = Json::object();
               for (const auto& entry : view.entries().range({})) lines[entry.key] = entry.value;
               return lines;
             })
      .index({.name = "title", .fields = {"title"}})
      .index({.name = "tag", .fields = {"tags", "$updated_at"}});
}

/// Any JSON object, in which `email` is unique and `pin` is secret.
inline Kind account_kind() {
  return kind<Json>("account")
      .command("set", [](Turn&, Json& self, const Json& change) { merge_patch(self, change); })
      .command("touch",
               [](Turn& turn, Json& self) {
                 self["touched"] = true;
                 turn.entries().put("left", "behind");
                 turn.change_nothing();
                 return "as it was";
               })
      .unique({.space = "account.email",
               .field = "email",
               .compare = UniqueDefinition::Compare::ignoring_case})
      .secret("inside.pin");
}

class RuntimeTest : public testing::Test {
 protected:
  explicit RuntimeTest(std::vector<Kind> kinds = {counter_kind(), note_kind(), account_kind()},
                       RuntimeOptions wanted = {})
      : kinds_(std::move(kinds)), wanted_(std::move(wanted)) {
    static std::atomic<int> number{0};
    directory_ =
        std::filesystem::temp_directory_path() /
        ("perdure-runtime-test-" + std::to_string(getpid()) + "-" + std::to_string(number++));
    std::filesystem::remove_all(directory_);
    open();
  }
  ~RuntimeTest() override {
    runtime_.reset();
    std::filesystem::remove_all(directory_);
  }

  void open() {
    auto opened = Runtime::open(options(), kinds_);
    ASSERT_TRUE(opened) << to_string(opened.error());
    runtime_ = std::move(*opened);
  }
  void restart() {
    runtime_.reset();
    open();
  }
  /// Runs a command of an object, one of its kind or a built-in one, for a principal.
  Result<Reply> run(const Principal& who, const ObjectId& object, std::string_view name,
                    Json payload = nullptr) {
    return runtime_
        ->call({.target = object,
                .name = std::string{name},
                .payload = std::move(payload),
                .principal = who})
        .get();
  }
  [[nodiscard]] RuntimeOptions options() const {
    auto options = wanted_;
    options.data_dir = directory_;
    if (options.store) return options;
    options.store = storage::rocksdb_factory(
        {.directory = directory_, .block_cache_bytes = 8u << 20, .write_buffer_bytes = 8u << 20});
#ifdef PERDURE_SLOW_READS
    options.store = with_slow_reads(std::move(options.store));
#endif
    return options;
  }

  /// Until the rows of all kinds are those that they ask for.
  void wait_until_built() {
    while (!runtime_->builds().empty()) std::this_thread::yield();
  }

  Result<Reply> call(const std::string& kind, const std::string& id, const std::string& command,
                     const Json& payload = nullptr) {
    return runtime_->object(kind, id).call(command, payload).get();
  }
  Result<Reply> ask(const std::string& kind, const std::string& id, const std::string& query) {
    return runtime_->object(kind, id).ask(query).get();
  }
  Json value(const Result<Reply>& reply) {
    EXPECT_TRUE(reply) << to_string(reply.error());
    return reply ? reply->value : Json{};
  }
  static ErrorCode code(const Result<Reply>& reply) {
    EXPECT_FALSE(reply);
    return reply ? ErrorCode::internal : reply.error().code;
  }

  /// Waits until it holds, at most ten seconds.
  template <class Condition>
  static bool eventually(Condition condition) {
    for (int i = 0; i < 1'000; ++i) {
      if (condition()) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds{10});
    }
    return false;
  }

  const std::vector<Kind> kinds_;
  RuntimeOptions wanted_;
  std::filesystem::path directory_;
  std::unique_ptr<Runtime> runtime_;
};

inline const Principal ann{.role = Principal::Role::user, .user_id = "ann"};
inline const Principal bob{.role = Principal::Role::user, .user_id = "bob"};
inline const Principal root{.role = Principal::Role::admin, .user_id = "root"};

}  // namespace perdure
