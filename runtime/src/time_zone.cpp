// SPDX-License-Identifier: Apache-2.0
#include <date/tz.h>

#include "perdure/runtime/schedule.hpp"

namespace perdure {

bool is_time_zone(const std::string& name) {
  // Debian's directory of zones has two more copies of all of them, and files that are no zones.
  if (name.starts_with("posix/") || name.starts_with("right/") || name == "posixrules" ||
      name == "localtime" || name == "Factory") {
    return false;
  }
  try {
    return date::locate_zone(name) != nullptr;
  } catch (const std::exception&) {
    return false;
  }
}

}  // namespace perdure
