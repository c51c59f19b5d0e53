// SPDX-License-Identifier: Apache-2.0
// A directory that goes with its scope.
#pragma once

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <system_error>

#include "perdure/base/check.hpp"

namespace perdure::storage {

class TemporaryDirectory {
 public:
  enum class Place {
    disk,
    memory,  ///< a file system without a disk, if there is one: syncs cost nothing there
  };

  explicit TemporaryDirectory(Place place = Place::disk) {
    auto parent = std::filesystem::temp_directory_path();
    if (place == Place::memory && ::access("/dev/shm", W_OK) == 0) parent = "/dev/shm";
    auto name = (parent / "perdure-test-XXXXXX").string();
    PERDURE_CHECK(::mkdtemp(name.data()) != nullptr, "a temporary directory can be made");
    path_ = name;
  }
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace perdure::storage
