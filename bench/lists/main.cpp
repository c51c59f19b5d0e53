// SPDX-License-Identifier: Apache-2.0
// What a page of a list costs as the objects become many, and what its rows cost a turn.
//
//   bench_lists DIRECTORY pages LARGEST
//   bench_lists DIRECTORY turns
//
// `pages` fills populations of 1,000, 100,000 and LARGEST objects of one owner, and LARGEST objects
// of 1,000 owners, and reads pages of each by turns: with no filter, with one to three that
// together hold for 25 %, 6.25 % and 1.25 %, with a range of dates (7.7 %), and with that and one
// filter (1.9 %). The ratio is to 1,000 objects of one owner in the same run. `turns` gives the
// processor time of a create and of an update, by turns with lists and
// without. Filling does not wait for syncs.
#include <sys/resource.h>

#include <array>
#include <charconv>
#include <random>

#include "load.hpp"

namespace {

using namespace perdure;
using namespace perdure::bench;
using Clock = std::chrono::steady_clock;
using Microseconds = std::chrono::duration<double, std::micro>;

constexpr std::size_t page_items = 10;
constexpr int rounds_of_pages = 2'000;
constexpr int rounds_of_turns = 10;
constexpr std::size_t turns_in_round = 2'000;

const std::vector<std::string> statuses{"pending", "in_progress", "completed", "cancelled"};
const std::vector<std::string> priorities{"low", "medium", "high", "urgent"};
const std::vector<std::string> areas{"work", "home", "health", "money", "friends"};

ListRules rules() {
  return {.filters = {{.name = "status", .field = "status"},
                      {.name = "priority", .field = "priority"},
                      {.name = "area", .field = "area"},
                      {.name = "due", .field = "due", .compare = ListFilter::Compare::range}},
          .sorts = {{.field = "$created_at"},
                    {.field = "$updated_at"},
                    {.field = "title"},
                    {.field = "priority", .order = priorities}},
          .default_sort = "-created_at"};
}

Kind task(std::string name, ListRules lists) {
  return kind<Json>(std::move(name))
      .command("set", [](Turn&, Json& self, const Json& change) { merge_patch(self, change); })
      .lists(std::move(lists));
}

std::mt19937_64& dice() {
  static std::mt19937_64 random{1};
  return random;
}
const std::string& any(const std::vector<std::string>& of) { return of[dice()() % of.size()]; }

Json any_state() {
  return {{"title", fmt::format("task {:08x}", dice()() & 0xFFFFFFFF)},
          {"status", any(statuses)},
          {"priority", any(priorities)},
          {"area", any(areas)},
          {"due", fmt::format("2026-{:02}-{:02}", 1 + dice()() % 12, 1 + dice()() % 28)},
          {"description", std::string(100, 'd')}};
}

std::string id_of(std::size_t number) { return fmt::format("{:036}", number); }

/// Objects of one kind. All owners have the same number.
struct Population {
  std::string name;
  std::string kind;
  std::size_t objects;
  std::size_t owners;
};

void fill(Runtime& runtime, const Population& population) {
  rate(runtime, population.objects, [&](std::size_t number) {
    return Call{.target = {population.kind, id_of(number)},
                .name = "set",
                .payload = any_state(),
                .owner = fmt::format("owner-{}", number % population.owners)};
  });
}

/// What pages are asked for: so many filters, and a range of dates or none.
struct Question {
  std::string_view name;
  std::size_t filters;
  enum class Range { no, yes } range = Range::no;
};
constexpr std::array questions{Question{"none", 0},
                               Question{"1", 1},
                               Question{"2", 2},
                               Question{"3", 3},
                               Question{"range", 0, Question::Range::yes},
                               Question{"range+1", 1, Question::Range::yes}};

ListRequest any_request(const Population& population, const Question& question) {
  const std::vector<std::string> sorts{"created_at", "updated_at", "title", "priority"};
  ListRequest request{.kind = population.kind,
                      .owner = fmt::format("owner-{}", dice()() % population.owners),
                      .order = dice()() % 2 == 0 ? Order::ascending : Order::descending,
                      .limit = page_items,
                      .sort = any(sorts)};
  const std::vector<ListCondition> all{{.name = "status", .values = {any(statuses)}},
                                       {.name = "priority", .values = {any(priorities)}},
                                       {.name = "area", .values = {any(areas)}}};
  request.where.assign(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(question.filters));
  if (question.range == Question::Range::yes) {
    const auto month = 1 + dice()() % 12;
    request.where.push_back({.name = "due",
                             .above = fmt::format("2026-{:02}-01", month),
                             .below = fmt::format("2026-{:02}-28", month)});
  }
  return request;
}

struct Samples {
  std::vector<double> us;
  std::size_t items = 0;

  double at(double part) {
    std::ranges::sort(us);
    return us[static_cast<std::size_t>(static_cast<double>(us.size() - 1) * part)];
  }
};

void read_page(const Runtime& runtime, const ListRequest& request, Samples& samples) {
  const auto start = Clock::now();
  const auto page = runtime.list(request);
  samples.us.push_back(Microseconds{Clock::now() - start}.count());
  if (page) {
    samples.items += page->items.size();
  } else {
    fmt::print(stderr, "{}\n", to_string(page.error()));
  }
}

void measure_pages(const char* directory, std::size_t largest) {
  const std::vector<Population> populations{
      {"1,000 of one owner", "few", 1'000, 1},
      {"100,000 of one owner", "many", 100'000, 1},
      {fmt::format("{} of one owner", largest), "most", largest, 1},
      {fmt::format("{} of 1,000 owners", largest), "spread", largest, 1'000}};
  std::vector<Kind> kinds;
  for (const auto& population : populations) kinds.push_back(task(population.kind, rules()));
  RuntimeOptions options;
  options.data_dir = directory;
  options.durability = DurabilityMode::buffered;
  options.hibernate_after = std::chrono::milliseconds{1};
  auto runtime = std::move(*Runtime::open(options, kinds));
  for (const auto& population : populations) {
    if (runtime->list({.kind = population.kind, .limit = 1})->items.empty()) {
      fill(*runtime, population);
    }
  }
  fmt::print("{:<26} {:>7} {:>9} {:>9} {:>6} {:>6} {:>6}\n", "objects", "filters", "p50 us",
             "p99 us", "p50 x", "p99 x", "items");
  for (const auto& question : questions) {
    std::vector<Samples> samples(populations.size());
    for (int round = 0; round < rounds_of_pages; ++round) {
      for (std::size_t i = 0; i < populations.size(); ++i) {
        read_page(*runtime, any_request(populations[i], question), samples[i]);
      }
    }
    const double p50 = samples.front().at(0.5);
    const double p99 = samples.front().at(0.99);
    for (std::size_t i = 0; i < populations.size(); ++i) {
      auto& of = samples[i];
      fmt::print("{:<26} {:>7} {:>9.0f} {:>9.0f} {:>6.2f} {:>6.2f} {:>6.1f}\n", populations[i].name,
                 question.name, of.at(0.5), of.at(0.99), of.at(0.5) / p50, of.at(0.99) / p99,
                 static_cast<double>(of.items) / static_cast<double>(of.us.size()));
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

double cost(Runtime& runtime, const MakeCall& make) {
  const auto before = processor_us();
  rate(runtime, turns_in_round, make);
  return (processor_us() - before) / static_cast<double>(turns_in_round);
}

void measure_turns(const char* directory) {
  RuntimeOptions options;
  options.data_dir = directory;
  options.durability = DurabilityMode::buffered;
  const std::vector<std::string> names{"plain", "listed"};
  auto runtime = std::move(*Runtime::open(options, {task(names[0], {}), task(names[1], rules())}));
  std::map<std::string, std::vector<double>> costs;
  for (int round = 0; round < rounds_of_turns; ++round) {
    const auto first = static_cast<std::size_t>(round) * turns_in_round;
    const auto call = [&](const std::string& kind, auto state) -> MakeCall {
      return [first, kind, state](std::size_t number) {
        return Call{.target = {kind, id_of(first + number)},
                    .name = "set",
                    .payload = state(),
                    .owner = "owner"};
      };
    };
    const auto note = [] { return Json{{"description", fmt::format("{:0200}", dice()())}}; };
    const auto status = [] { return Json{{"status", any(statuses)}}; };
    for (const auto& name : names)
      costs["create " + name].push_back(cost(*runtime, call(name, any_state)));
    for (const auto& name : names)
      costs["text " + name].push_back(cost(*runtime, call(name, note)));
    for (const auto& name : names)
      costs["status " + name].push_back(cost(*runtime, call(name, status)));
  }
  fmt::print("{:<34} {:>10} {:>10} {:>6}\n", "processor time of a turn", "plain us", "lists us",
             "x");
  const std::vector<std::pair<std::string, std::string>> rows{{"create", "create"},
                                                              {"update of no list's field", "text"},
                                                              {"update of a filter", "status"}};
  for (const auto& [title, name] : rows) {
    const auto median = [&](const std::string& of) {
      auto& values = costs[name + ' ' + of];
      std::ranges::sort(values);
      return values[values.size() / 2];
    };
    fmt::print("{:<34} {:>10.1f} {:>10.1f} {:>6.2f}\n", title, median("plain"), median("listed"),
               median("listed") / median("plain"));
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string_view> arguments(argv + 1, argv + argc);
  if (arguments.size() == 3 && arguments[1] == "pages") {
    std::size_t largest = 0;
    std::from_chars(arguments[2].data(), arguments[2].data() + arguments[2].size(), largest);
    measure_pages(argv[1], largest);
    return 0;
  }
  if (arguments.size() == 2 && arguments[1] == "turns") {
    measure_turns(argv[1]);
    return 0;
  }
  fmt::print(stderr, "usage: bench_lists DIRECTORY pages LARGEST | bench_lists DIRECTORY turns\n");
  return 2;
}
