// SPDX-License-Identifier: Apache-2.0
// What an object and a turn cost as their numbers grow: bytes on disk, opening, activation, commit.
// Prints a line of JSON for each power of ten.
//
//   bench_growth DIRECTORY objects UP_TO [STATE_BYTES]
//   bench_growth DIRECTORY turns UP_TO [STATE_BYTES]
//
// `objects` gives each object one turn. `turns` gives 10,000 objects ever more turns. Filling does
// not wait for syncs (durability `buffered`); what is measured does.
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <charconv>
#include <fstream>
#include <map>
#include <random>
#include <thread>

#include "load.hpp"

namespace {

using namespace perdure;
using namespace perdure::bench;
using Clock = std::chrono::steady_clock;

constexpr std::size_t least = 10'000;
constexpr std::size_t samples = 20'000;
constexpr std::size_t one_by_one = 2'000;

struct Thing {
  std::int64_t value = 0;
  std::string text;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Thing, value, text)

/// `bytes` of text that no compression makes smaller by more than a quarter.
std::string text_of(std::size_t bytes) {
  static std::mt19937_64 random{1};
  std::string text(bytes, ' ');
  for (char& letter : text) letter = static_cast<char>('0' + random() % 64);
  std::ranges::replace(text, '\\', '~');
  return text;
}

Kind thing(std::size_t state_bytes) {
  return kind<Thing>("thing")
      .command("add",
               [state_bytes](Turn&, Thing& self, const Json&) {
                 self.text = text_of(state_bytes);
                 return ++self.value;
               })
      .query("value", [](const Thing& self) { return self.value; });
}

ObjectId id_of(std::size_t number) { return {"thing", fmt::format("o-{:010}", number)}; }
Call add_to(std::size_t number) { return {.target = id_of(number), .name = "add"}; }
Call value_of(std::size_t number) {
  return {.target = id_of(number), .type = CallType::query, .name = "value"};
}

std::unique_ptr<Runtime> open_store(const std::string& directory, std::size_t state_bytes,
                                    DurabilityMode durability) {
  RuntimeOptions options;
  options.data_dir = directory;
  options.durability = durability;
  options.active_bytes_max = std::size_t{256} << 20;
  auto opened = Runtime::open(options, {thing(state_bytes)});
  if (opened) return std::move(*opened);
  fmt::print(stderr, "{}\n", to_string(opened.error()));
  std::exit(1);
}

/// The value of a line `name: number` of a file below /proc/self.
std::uint64_t process_figure(const char* file, const std::string& name) {
  std::ifstream stream{file};
  for (std::string line; std::getline(stream, line);) {
    if (line.starts_with(name + ":"))
      return std::strtoull(line.c_str() + name.size() + 1, nullptr, 10);
  }
  return 0;
}
std::uint64_t written_bytes() { return process_figure("/proc/self/io", "write_bytes"); }
std::uint64_t read_bytes() { return process_figure("/proc/self/io", "read_bytes"); }

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

std::uint64_t bytes_on_disk(const std::string& directory) {
  std::uint64_t sum = 0;
  for (const auto& file : std::filesystem::recursive_directory_iterator{directory}) {
    if (file.is_regular_file()) sum += file.file_size();
  }
  return sum;
}

/// Takes the files out of the page cache: the next reads come from the disk.
void forget_pages(const std::string& directory) {
  for (const auto& file : std::filesystem::recursive_directory_iterator{directory}) {
    if (!file.is_regular_file()) continue;
    const int descriptor = ::open(file.path().c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) continue;
    fdatasync(descriptor);
    posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED);
    close(descriptor);
  }
}

/// Reads all files, so that they are in the page cache as far as they fit.
void read_pages(const std::string& directory) {
  std::vector<char> buffer(1U << 20U);
  for (const auto& file : std::filesystem::recursive_directory_iterator{directory}) {
    if (!file.is_regular_file()) continue;
    std::ifstream stream{file.path(), std::ios::binary};
    while (stream.read(buffer.data(), static_cast<std::streamsize>(buffer.size()))) {
    }
  }
}

/// The i-th of `objects` numbers in an order without order; each comes once.
std::size_t scattered(std::size_t i, std::size_t objects) { return i * 7919 % objects; }

/// Activates `count` objects, one after the other; gives the median in microseconds.
double median_us_of_activation(Runtime& runtime, std::size_t objects, std::size_t count) {
  std::vector<double> took;
  for (std::size_t i = 0; i < count; ++i) {
    const auto start = Clock::now();
    const auto reply = runtime.call(value_of(scattered(i, objects))).get();
    took.push_back(seconds_since(start) * 1e6);
    if (!reply) fmt::print(stderr, "{}\n", to_string(reply.error()));
  }
  std::ranges::nth_element(took, took.begin() + static_cast<long>(took.size() / 2));
  return took[took.size() / 2];
}

/// Rate and processor time of calls, 64 in flight, as the members NAME_rate and NAME_cpu_us.
void measure_rate(Json& line, const std::string& name, Runtime& runtime, std::size_t calls,
                  const MakeCall& make) {
  const double cpu = cpu_seconds();
  line[name + "_rate"] = rate(runtime, calls, make);
  line[name + "_cpu_us"] = (cpu_seconds() - cpu) / static_cast<double>(calls) * 1e6;
}

/// Waits until the store has nothing left to compact: until the process does nothing.
void settle() {
  constexpr auto step = std::chrono::milliseconds{250};
  constexpr double idle_seconds = 0.01;
  for (int quiet = 0, waited = 0; quiet < 4 && waited < 600; ++waited) {
    const double before = cpu_seconds();
    std::this_thread::sleep_for(step);
    quiet = cpu_seconds() - before < idle_seconds ? quiet + 1 : 0;
  }
}

/// Fills with the turns `from` to `until`, on `objects` objects, round and round.
void fill(Json& line, const std::string& directory, std::size_t state_bytes, std::size_t objects,
          std::size_t from, std::size_t until) {
  const auto start = Clock::now();
  const double cpu = cpu_seconds();
  const auto written = written_bytes();
  {
    const auto runtime = open_store(directory, state_bytes, DurabilityMode::buffered);
    rate(*runtime, until - from, [&](std::size_t i) { return add_to((from + i) % objects); });
  }
  const auto turns = static_cast<double>(until - from);
  line["fill_seconds"] = seconds_since(start);
  line["fill_cpu_us"] = (cpu_seconds() - cpu) / turns * 1e6;
  line["fill_written_bytes"] = static_cast<double>(written_bytes() - written) / turns;
}

/// Opens first to settle: what the log holds goes into files, and files are compacted.
void measure(Json& line, const std::string& directory, std::size_t state_bytes,
             std::size_t objects) {
  {
    const auto written = written_bytes();
    const auto runtime = open_store(directory, state_bytes, DurabilityMode::sync);
    settle();
    line["settle_written_bytes"] = written_bytes() - written;
  }
  line["disk_bytes"] = bytes_on_disk(directory);
  {
    forget_pages(directory);
    const auto start = Clock::now();
    const auto runtime = open_store(directory, state_bytes, DurabilityMode::sync);
    line["open_cold_seconds"] = seconds_since(start);
    const auto before = read_bytes();
    line["activate_cold_us"] = median_us_of_activation(*runtime, objects, one_by_one);
    line["activate_cold_read_bytes"] =
        static_cast<double>(read_bytes() - before) / static_cast<double>(one_by_one);
  }
  read_pages(directory);
  const auto start = Clock::now();
  const auto runtime = open_store(directory, state_bytes, DurabilityMode::sync);
  line["open_warm_seconds"] = seconds_since(start);
  settle();
  line["activate_us"] = median_us_of_activation(*runtime, objects, one_by_one);
  const auto together = std::min(samples, objects - one_by_one);
  measure_rate(line, "activate", *runtime, together,
               [&](std::size_t i) { return value_of(scattered(one_by_one + i, objects)); });
  // Of objects that are active, and so few that they hardly count in the next size.
  measure_rate(line, "commit", *runtime, std::min(samples, objects / 10),
               [&](std::size_t i) { return add_to(scattered(i, objects)); });
}

std::size_t number_of(const char* text) {
  std::size_t value = 0;
  std::from_chars(text, text + std::strlen(text), value);
  return value;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string what = argc > 2 ? argv[2] : "";
  if (argc < 4 || argc > 5 || (what != "objects" && what != "turns")) {
    fmt::print(stderr, "usage: see the head of bench/growth/main.cpp\n");
    return 2;
  }
  const std::size_t state_bytes = argc > 4 ? number_of(argv[4]) : 0;
  std::size_t done = 0;
  for (std::size_t count = least; count <= number_of(argv[3]); count *= 10) {
    const std::size_t objects = what == "objects" ? count : least;
    Json line{{"what", what}, {"count", count}, {"state_bytes", state_bytes}};
    fill(line, argv[1], state_bytes, objects, done, count);
    measure(line, argv[1], state_bytes, objects);
    done = count;
    fmt::print("{}\n", line.dump());
    std::fflush(stdout);
  }
  return 0;
}
