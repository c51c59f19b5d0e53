// SPDX-License-Identifier: Apache-2.0
// Builds on a real directory, whose process is killed in the middle of them.
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <thread>

#include "child_process.hpp"
#include "perdure/runtime/runtime.hpp"
#include "perdure/storage/rocksdb_store.hpp"

namespace perdure {
namespace {

constexpr int objects = 20'000;
constexpr std::size_t calls_at_once = 500;
constexpr int kills = 5;

Kind person(std::uint32_t version) {
  auto made = kind<Json>("person").command(
      "set", [](Turn&, Json& self, const Json& next) { merge_patch(self, next); });
  if (version == 1) return made;
  return std::move(made)
      .schema_version(2)
      .upgrade(1,
               [](Json old) {
                 old["city"] = old.at("city").get<std::string>() + " City";
                 return old;
               })
      .index({.name = "city", .fields = {"city"}, .scope = IndexDefinition::Scope::all})
      .lists({.filters = {{.name = "city", .field = "city"}},
              .sorts = {{.field = "n"}},
              .across = ListRules::Across::everybody})
      .unique({.space = "person.email", .field = "email"});
}

class KilledBuilds : public ::testing::Test {
 protected:
  KilledBuilds() { std::filesystem::remove_all(directory_); }
  ~KilledBuilds() override { std::filesystem::remove_all(directory_); }

  [[nodiscard]] std::unique_ptr<Runtime> open(std::uint32_t version) const {
    return Runtime::open({.store = storage::rocksdb_factory(
                              {.directory = directory_, .write_buffer_bytes = 8U << 20})},
                         {person(version)})
        .value();
  }

  std::string make() const {
    const auto runtime = open(1);
    std::vector<Future<Reply>> calls;
    for (int i = 0; i < objects; ++i) {
      calls.push_back(runtime->object("person", "p" + std::to_string(i))
                          .call("set", Json{{"city", i % 2 == 0 ? "Oslo" : "Bern"},
                                            {"n", i},
                                            {"email", std::to_string(i / 2 * 2) + "@x.org"}}));
      if (calls.size() < calls_at_once) continue;
      for (auto& call : calls) call.wait();
      calls.clear();
    }
    for (auto& call : calls) call.wait();
    return "made";
  }

  /// Ends with a signal when a build has come so far; turns go on meanwhile.
  std::string build(std::uint64_t until) const {
    const auto runtime = open(2);
    const auto done = [&] {
      const auto builds = runtime->builds();
      return builds.empty() ? std::optional<std::uint64_t>{} : builds[0].done;
    };
    for (int i = 0; done(); ++i) {
      if (*done() >= until) static_cast<void>(std::raise(SIGKILL));
      const auto id = "p" + std::to_string((i * 7'919) % objects);
      runtime->object("person", id).call("set", Json{{"touched", i}}).wait();
    }
    return "built";
  }

  [[nodiscard]] std::string check() const {
    const auto runtime = open(2);
    if (!runtime->builds().empty()) return "it begins again";
    const auto report = runtime->check_rows().value();
    if (!report.findings.empty()) return report.findings.front();
    const auto page = runtime
                          ->list({.kind = "person",
                                  .limit = 1,
                                  .sort = "n",
                                  .where = {{.name = "city", .values = {"Oslo City"}}},
                                  .whose = ListRequest::Whose::everybody,
                                  .count = true})
                          .value();
    const auto duplicates = runtime->duplicates(2 * objects).value().size();
    return std::to_string(page.total->count) + " in Oslo, " + std::to_string(duplicates) +
           " duplicates";
  }

  const std::filesystem::path directory_ = std::filesystem::temp_directory_path() /
                                           ("perdure-builds-" + std::to_string(getpid()) + "-test");
};

// Nothing is opened in this process: a fork has one thread.
TEST_F(KilledBuilds, go_on_until_all_rows_counts_and_claims_are_there) {
  using storage::in_child;
  ASSERT_EQ(in_child([&](auto&) { return make(); }).said, "made");
  for (int kill = 1; kill <= kills; ++kill) {
    const auto until = static_cast<std::uint64_t>(objects / (kills + 1) * kill);
    EXPECT_FALSE(in_child([&](auto&) { return build(until); }).exited) << until;
  }
  ASSERT_EQ(in_child([&](auto&) { return build(2 * objects); }).said, "built");
  EXPECT_EQ(in_child([&](auto&) { return check(); }).said, "10000 in Oslo, 10000 duplicates");
}

}  // namespace
}  // namespace perdure
