// SPDX-License-Identifier: Apache-2.0
// What a page of a list of items costs as the items of one object become many, and what a turn does
// that changes one: pages of notebooks of 1,000 and of 50,000.
//
//   bench_item_lists DIRECTORY
//
// Lists have no filter, one that holds for 20 % (a section), and two that hold for 4 % (a tag,
// too); the ratio is to 1,000 pages in the same run. Of turns it is the processor time. Filling
// does not wait for syncs.
#include <sys/resource.h>

#include <random>

#include "load.hpp"
#include "perdure/actors/kinds.hpp"

namespace {

using namespace perdure;
using namespace perdure::bench;
using Clock = std::chrono::steady_clock;
using Microseconds = std::chrono::duration<double, std::micro>;

constexpr std::size_t page_items = 10;
constexpr int rounds_of_lists = 1'000;
constexpr int rounds_of_turns = 5;
constexpr std::size_t turns_in_round = 1'000;
constexpr std::size_t sections = 5;
constexpr std::size_t tags = 10;

struct Notebook {
  std::string name;
  ObjectId object;
  std::size_t pages;
  std::vector<std::string> section_ids = {};
  std::vector<std::string> page_ids = {};
};

std::size_t any(std::size_t bound) {
  static std::mt19937_64 random{1};
  return random() % bound;
}

Json ask(Runtime& runtime, const ObjectId& object, CallType type, std::string name, Json payload) {
  auto reply = runtime
                   .call({.target = object,
                          .type = type,
                          .name = std::move(name),
                          .payload = std::move(payload),
                          .owner = "owner"})
                   .get();
  if (!reply) throw std::runtime_error{to_string(reply.error())};
  return std::move(reply->value);
}

Json change(Runtime& runtime, const ObjectId& object, std::string name, Json payload) {
  return ask(runtime, object, CallType::command, std::move(name), std::move(payload));
}

std::string tag_of(std::size_t number) { return fmt::format("tag {}", number); }

Json any_page(const Notebook& notebook) {
  const auto tag = any(tags);
  return {{"title", fmt::format("page {}", any(1'000'000))},
          {"content", std::string(500, 'c')},
          {"section_id", notebook.section_ids[any(sections)]},
          {"tags", {tag_of(tag), tag_of((tag + 1) % tags)}}};
}

void fill(Runtime& runtime, Notebook& notebook) {
  change(runtime, notebook.object, "create", {{"title", notebook.name}});
  for (std::size_t i = 0; i < sections; ++i) {
    notebook.section_ids.push_back(
        change(runtime, notebook.object, "create_section", {{"title", "s"}}).at("id"));
  }
  for (std::size_t i = 0; i < notebook.pages; ++i) {
    notebook.page_ids.push_back(
        change(runtime, notebook.object, "create_page", any_page(notebook)).at("id"));
  }
}

Json any_query(const Notebook& notebook, std::size_t filters) {
  constexpr std::array sorts{"position", "-position", "updated_at", "-updated_at"};
  Json query{{"limit", page_items}, {"sort", sorts[any(sorts.size())]}};
  if (filters > 0) query["section_id"] = notebook.section_ids[any(sections)];
  if (filters > 1) query["tag"] = tag_of(any(tags));
  return query;
}

double at(std::vector<double>& samples, double part) {
  std::ranges::sort(samples);
  return samples[static_cast<std::size_t>(static_cast<double>(samples.size() - 1) * part)];
}

void measure_lists(Runtime& runtime, std::vector<Notebook>& notebooks) {
  fmt::print("{:<26} {:>7} {:>9} {:>9} {:>6} {:>6}\n", "items", "filters", "p50 us", "p99 us",
             "p50 x", "p99 x");
  for (std::size_t filters = 0; filters <= 2; ++filters) {
    std::vector<std::vector<double>> samples(notebooks.size());
    for (int round = 0; round < rounds_of_lists; ++round) {
      for (std::size_t i = 0; i < notebooks.size(); ++i) {
        auto query = any_query(notebooks[i], filters);
        const auto start = Clock::now();
        ask(runtime, notebooks[i].object, CallType::query, "list_pages", std::move(query));
        samples[i].push_back(Microseconds{Clock::now() - start}.count());
      }
    }
    const double p50 = at(samples.front(), 0.5);
    const double p99 = at(samples.front(), 0.99);
    for (std::size_t i = 0; i < notebooks.size(); ++i) {
      const double own50 = at(samples[i], 0.5);
      const double own99 = at(samples[i], 0.99);
      fmt::print("{:<26} {:>7} {:>9.0f} {:>9.0f} {:>6.2f} {:>6.2f}\n", notebooks[i].name, filters,
                 own50, own99, own50 / p50, own99 / p99);
    }
  }
}

double processor_us() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  const auto us = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_usec);
  };
  return us(used.ru_utime) + us(used.ru_stime);
}

template <typename Turn>
double cost(const Turn& turn) {
  const auto before = processor_us();
  for (std::size_t i = 0; i < turns_in_round; ++i) turn();
  return (processor_us() - before) / static_cast<double>(turns_in_round);
}

void measure_turns(Runtime& runtime, const Notebook& notebook) {
  std::map<std::string, std::vector<double>> costs;
  const auto any_id = [&] { return notebook.page_ids[any(notebook.page_ids.size())]; };
  for (int round = 0; round < rounds_of_turns; ++round) {
    costs["create_page"].push_back(
        cost([&] { change(runtime, notebook.object, "create_page", any_page(notebook)); }));
    costs["update_page, its content"].push_back(cost([&] {
      change(runtime, notebook.object, "update_page",
             {{"id", any_id()}, {"changes", {{"content", std::string(500, 'd')}}}});
    }));
    costs["move_page"].push_back(cost([&] {
      change(runtime, notebook.object, "move_page",
             {{"id", any_id()}, {"position", any(notebook.pages)}});
    }));
  }
  fmt::print("\n{:<34} {:>10}\n", "processor time of a turn", "us");
  for (auto& [title, samples] : costs) {
    fmt::print("{:<34} {:>10.1f}\n", title, at(samples, 0.5));
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    fmt::print(stderr, "usage: bench_item_lists DIRECTORY\n");
    return 2;
  }
  RuntimeOptions options;
  options.data_dir = argv[1];
  options.durability = DurabilityMode::buffered;
  auto runtime = std::move(*Runtime::open(options, actors::domain_kinds({})));
  std::vector<Notebook> notebooks{{"1,000 of one notebook", {"notebook", "few"}, 1'000},
                                  {"50,000 of one notebook", {"notebook", "many"}, 50'000}};
  for (auto& notebook : notebooks) fill(*runtime, notebook);
  measure_lists(*runtime, notebooks);
  measure_turns(*runtime, notebooks.front());
  return 0;
}
