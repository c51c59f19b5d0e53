// SPDX-License-Identifier: Apache-2.0
#include "shell/process_metrics.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "shell/single_metric.hpp"

namespace perdure::shell {
namespace {

using prometheus::MetricFamily;
using prometheus::MetricType;

// The fields of /proc/self/stat after the command's name, which may hold spaces.
std::vector<double> stat_fields() {
  std::ifstream file{"/proc/self/stat"};
  std::string line;
  std::getline(file, line);
  const auto name_end = line.rfind(')');
  std::vector<double> fields;
  if (name_end == std::string::npos || name_end + 4 > line.size()) return fields;
  std::istringstream rest{line.substr(name_end + 4)};
  for (double field = 0; rest >> field;) fields.push_back(field);
  return fields;
}

// When the machine started, in seconds since 1970; 0 when it cannot be read.
double boot_time() {
  std::ifstream file{"/proc/stat"};
  std::string word;
  for (double value = 0; file >> word;) {
    if (word == "btime" && file >> value) return value;
  }
  return 0;
}

}  // namespace

std::vector<MetricFamily> process_metrics() {
  std::vector<MetricFamily> out;
  const auto add = [&out](std::string name, std::string help, MetricType type, double value) {
    out.push_back(single_metric(std::move(name), std::move(help), type, value));
  };
  const auto ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
  // Places in proc(5)'s list, counted from the parent's pid (its field 4) as 0.
  constexpr std::size_t user_time = 10, system_time = 11, threads = 16, start_time = 18,
                        virtual_bytes = 19, resident_pages = 20;
  if (const auto stat = stat_fields(); stat.size() > resident_pages && ticks > 0) {
    add("process_cpu_seconds_total", "User and system CPU time", MetricType::Counter,
        (stat[user_time] + stat[system_time]) / ticks);
    add("process_threads", "Threads of the process", MetricType::Gauge, stat[threads]);
    add("process_start_time_seconds", "Start of the process since the Unix epoch",
        MetricType::Gauge, boot_time() + stat[start_time] / ticks);
    add("process_virtual_memory_bytes", "Virtual memory", MetricType::Gauge, stat[virtual_bytes]);
    add("process_resident_memory_bytes", "Resident memory", MetricType::Gauge,
        stat[resident_pages] * static_cast<double>(sysconf(_SC_PAGESIZE)));
  }
  std::error_code failure;
  double open = 0;
  for (std::filesystem::directory_iterator at{"/proc/self/fd", failure}, end; !failure && at != end;
       at.increment(failure)) {
    ++open;
  }
  if (!failure) {
    // Less the one that looking itself held open.
    add("process_open_fds", "Open file descriptors", MetricType::Gauge, open - 1);
  }
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    add("process_max_fds", "Most file descriptors", MetricType::Gauge,
        static_cast<double>(limit.rlim_cur));
  }
  return out;
}

}  // namespace perdure::shell
