// SPDX-License-Identifier: Apache-2.0
// Durable objects inside a program of one's own: a to-do list for each person, whose items are
// entries (rows that are loaded when asked for), written and read back over a restart.
#include <iostream>
#include <string>

#include "perdure/runtime/runtime.hpp"

namespace {

struct List {
  std::uint64_t items = 0;
};
struct Item {
  std::string text;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(List, items)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Item, text)

const perdure::Kind todo_list =
    perdure::kind<List>("todo_list")
        .command("add",
                 [](perdure::Turn& turn, List& self, const Item& item) {
                   ++self.items;
                   turn.entries().put_json("items/" + perdure::ordered_key(self.items), item);
                   return self.items;
                 })
        .query("all", [](const perdure::View& view, const List&) {
          auto texts = perdure::Json::array();
          for (const auto& entry : view.entries().range(perdure::EntryRange::prefix("items/"))) {
            texts.push_back(entry.json()["text"]);
          }
          return texts;
        });

perdure::Result<void> write(const std::string& directory) {
  PERDURE_TRY(runtime, perdure::Runtime::open({.data_dir = directory}, {todo_list}));
  const auto list = runtime->object("todo_list", "alice");
  PERDURE_TRY_VOID(list.call("add", Item{.text = "buy bread"}).get());
  // The same key twice is one item, however often the network makes the caller ask again.
  for (int attempt = 0; attempt < 2; ++attempt) {
    PERDURE_TRY_VOID(list.send({.target = list.id(),
                                .name = "add",
                                .payload = Item{.text = "call Bob"},
                                .idempotency_key = "call-bob"})
                         .get());
  }
  return {};
}

perdure::Result<perdure::Json> read(const std::string& directory) {
  PERDURE_TRY(runtime, perdure::Runtime::open({.data_dir = directory}, {todo_list}));
  PERDURE_TRY(reply, runtime->object("todo_list", "alice").ask("all").get());
  return reply.value;
}

int failed(const perdure::Error& error) {
  std::cerr << "failed: " << to_string(error) << '\n';
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string directory = argc > 1 ? argv[1] : "data";
  if (const auto written = write(directory); !written) return failed(written.error());
  const auto texts = read(directory);
  if (!texts) return failed(texts.error());
  for (const auto& text : *texts) std::cout << "read: " << text.get<std::string>() << '\n';
  return texts->size() == 2 ? 0 : failed({.detail = "an item is lost, or there twice"});
}
