// SPDX-License-Identifier: Apache-2.0
// A kind that changes: people whose `town` became `city`, and who are listed by it from then on.
#include <chrono>
#include <iostream>
#include <string>
#include <thread>

#include "perdure/runtime/runtime.hpp"

namespace {

namespace first {

struct Person {
  std::string town;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Person, town)

const perdure::Kind person = perdure::kind<Person>("person").command(
    "move", [](perdure::Turn&, Person& self, const Person& to) { self.town = to.town; });

}  // namespace first

// [second]
struct Person {
  std::string city;
  std::string country = "unknown";
};
// WITH_DEFAULT: what an older state lacks has its default.
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Person, city, country)

const perdure::Kind person =
    perdure::kind<Person>("person")
        .command("move", [](perdure::Turn&, Person& self, const Person& to) { self = to; })
        .index({.name = "city", .fields = {"city"}})
        .schema_version(2)
        .upgrade(1, [](perdure::Json state) {
          state["city"] = state.at("town");
          state.erase("town");
          return state;
        });
// [/second]

perdure::Result<void> write(const std::string& directory) {
  PERDURE_TRY(runtime, perdure::Runtime::open({.data_dir = directory}, {first::person}));
  PERDURE_TRY_VOID(runtime->object("person", "ann").call("move", first::Person{"Bern"}).get());
  return {};
}

// [list]
perdure::Result<perdure::ListPage> people_in(perdure::Runtime& runtime, const std::string& city) {
  const perdure::ListRequest in_city{.kind = "person", .index = "city", .equals = {city}};
  for (;;) {
    auto page = runtime.list(in_city);
    // The index is being built: what is served meanwhile is everything else.
    if (page || page.error().code != perdure::ErrorCode::index_building) return page;
    for (const auto& build : runtime.builds()) {
      std::cout << build.kind << ": " << build.done << " of " << build.objects << '\n';
    }
    std::this_thread::sleep_for(std::chrono::milliseconds{10});
  }
}
// [/list]

perdure::Result<std::size_t> read(const std::string& directory) {
  PERDURE_TRY(runtime, perdure::Runtime::open({.data_dir = directory}, {person}));
  PERDURE_TRY(page, people_in(*runtime, "Bern"));
  for (const auto& view : page.items) {
    std::cout << view.meta.object().id << " lives in " << view.state.at("city") << ", "
              << view.state.at("country") << '\n';
  }
  return page.items.size();
}

int failed(const perdure::Error& error) {
  std::cerr << "failed: " << to_string(error) << '\n';
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string directory = argc > 1 ? argv[1] : "data";
  if (const auto written = write(directory); !written) return failed(written.error());
  const auto found = read(directory);
  if (!found) return failed(found.error());
  return *found == 1 ? 0 : failed({.detail = "nobody lives in Bern"});
}
