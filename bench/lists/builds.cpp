// SPDX-License-Identifier: Apache-2.0
// What the making of rows of a kind that changed takes, and what others notice of it.
//
//   bench_builds DIRECTORY [OBJECTS]
//
// Fills OBJECTS (20,000) objects of a kind without lists, and opens the directory with one that has
// an index, a unique field, and lists by four sorts and three filters. While the rows are made, two
// clients read and write counters of their own, 200 times a second each; the same before, in the
// directory as it was, and after. Prints the rate of the build, and the time of their calls: the
// ratio is to the one before in the same run.
#include <charconv>
#include <future>
#include <thread>

#include "load.hpp"

namespace {

using namespace perdure;
using namespace perdure::bench;
using Clock = std::chrono::steady_clock;
using Milliseconds = std::chrono::duration<double, std::milli>;

constexpr std::size_t objects_default = 20'000;
constexpr std::size_t counters = 64;
constexpr std::chrono::seconds calm{5};
constexpr std::chrono::milliseconds pause{5};
constexpr const char* kind_name = "person";

const std::vector<std::string> cities{"Bern", "Oslo", "Rome", "Wien"};
const std::vector<std::string> states{"new", "known", "old"};

Kind person(bool is_changed) {
  auto made = kind<Json>(kind_name).command(
      "set", [](Turn&, Json& self, const Json& next) { merge_patch(self, next); });
  if (!is_changed) return made;
  return std::move(made)
      .index({.name = "city", .fields = {"city"}, .scope = IndexDefinition::Scope::all})
      .unique({.space = "person.email", .field = "email"})
      .lists({.filters = {{.name = "city", .field = "city"},
                          {.name = "state", .field = "state"},
                          {.name = "born", .field = "born"}},
              .sorts = {{.field = "$created_at"},
                        {.field = "$updated_at"},
                        {.field = "name"},
                        {.field = "born"}}});
}

Call make_person(std::size_t number) {
  return {.target = {kind_name, fmt::format("{:036}", number)},
          .name = "set",
          .payload = {{"name", fmt::format("person {}", number * 7'919 % 1'000'003)},
                      {"email", fmt::format("{}@example.org", number)},
                      {"city", cities[number % cities.size()]},
                      {"state", states[number % states.size()]},
                      {"born", fmt::format("{}-01-01", 1930 + number % 80)},
                      {"note", std::string(100, 'n')}},
          .owner = fmt::format("owner-{}", number % 100)};
}

struct Times {
  std::vector<double> reads;
  std::vector<double> writes;
};

double at(std::vector<double> times, double part) {
  if (times.empty()) return 0;
  std::ranges::sort(times);
  return times[static_cast<std::size_t>(static_cast<double>(times.size() - 1) * part)];
}

/// Calls at an even pace until `is_over`.
std::vector<double> call_at_pace(Runtime& runtime, const std::function<bool()>& is_over,
                                 const MakeCall& make) {
  std::vector<double> times;
  auto next = Clock::now();
  for (std::size_t number = 0; !is_over(); ++number) {
    std::promise<Result<Reply>> promise;
    auto answered = promise.get_future();
    const auto begin = Clock::now();
    runtime.call(make(number), [&](Result<Reply> reply) { promise.set_value(std::move(reply)); });
    if (const auto reply = answered.get(); !reply) {
      fmt::print(stderr, "{}\n", to_string(reply.error()));
    }
    times.push_back(Milliseconds{Clock::now() - begin}.count());
    next = std::max(next + pause, Clock::now());
    std::this_thread::sleep_until(next);
  }
  return times;
}

Times call_others(Runtime& runtime, const std::function<bool()>& is_over) {
  const auto name = [](std::size_t number) { return fmt::format("c{}", number % counters); };
  Times times;
  std::thread writer{[&] {
    times.writes =
        call_at_pace(runtime, is_over, [&](std::size_t number) { return add(name(number)); });
  }};
  times.reads =
      call_at_pace(runtime, is_over, [&](std::size_t number) { return value(name(number)); });
  writer.join();
  return times;
}

Times calm_times(Runtime& runtime) {
  const auto end = Clock::now() + calm;
  return call_others(runtime, [end] { return Clock::now() >= end; });
}

void print(std::string_view when, const Times& times, const Times& before) {
  const auto row = [&](std::string_view what, const std::vector<double>& of,
                       const std::vector<double>& than) {
    fmt::print("{:<24} {:<7} {:>8} {:>9.3f} {:>9.3f} {:>7.2f} {:>7.2f}\n", when, what, of.size(),
               at(of, 0.5), at(of, 0.99), at(of, 0.5) / at(than, 0.5),
               at(of, 0.99) / at(than, 0.99));
  };
  row("reads", times.reads, before.reads);
  row("writes", times.writes, before.writes);
}

std::unique_ptr<Runtime> open_with(const char* directory, bool is_changed) {
  RuntimeOptions options;
  options.data_dir = directory;
  options.hibernate_after = std::chrono::seconds{1};
  auto opened = Runtime::open(options, {person(is_changed), counter()});
  if (opened) return std::move(*opened);
  fmt::print(stderr, "{}\n", to_string(opened.error()));
  std::exit(1);
}

void fill(const char* directory, std::size_t objects) {
  RuntimeOptions options;
  options.data_dir = directory;
  options.durability = DurabilityMode::buffered;
  options.hibernate_after = std::chrono::milliseconds{1};
  auto runtime = std::move(*Runtime::open(options, {person(false), counter()}));
  rate(*runtime, objects, make_person);
  for (std::size_t i = 0; i < counters; ++i)
    rate(*runtime, 1, [&](auto) { return add(fmt::format("c{}", i)); });
}

void measure(const char* directory, std::size_t objects) {
  fill(directory, objects);
  const auto before = calm_times(*open_with(directory, false));
  const auto runtime = open_with(directory, true);
  const auto begin = Clock::now();
  const auto during = call_others(*runtime, [&] { return runtime->builds().empty(); });
  const std::chrono::duration<double> took = Clock::now() - begin;
  fmt::print("{} objects built in {:.1f} s: {:.0f}/s, beside {} calls/s of others\n", objects,
             took.count(), static_cast<double>(objects) / took.count(),
             static_cast<std::size_t>(
                 static_cast<double>(during.reads.size() + during.writes.size()) / took.count()));
  const auto after = calm_times(*runtime);
  fmt::print("{:<24} {:<7} {:>8} {:>9} {:>9} {:>7} {:>7}\n", "others' calls", "", "calls", "p50 ms",
             "p99 ms", "p50 x", "p99 x");
  print("before the build", before, before);
  print("during the build", during, before);
  print("after the build", after, before);
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string_view> arguments(argv + 1, argv + argc);
  auto objects = objects_default;
  if (arguments.size() == 2) {
    const auto text = arguments[1];
    std::from_chars(text.data(), text.data() + text.size(), objects);
  }
  if (arguments.empty() || arguments.size() > 2 || objects == 0) {
    fmt::print(stderr, "usage: bench_builds DIRECTORY [OBJECTS]\n");
    return 2;
  }
  measure(argv[1], objects);
  return 0;
}
