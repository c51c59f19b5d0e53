// SPDX-License-Identifier: Apache-2.0
// DirectoryLock: one process at a time has a data directory, and knows when it is no longer there.
//
// Two things are locked with flock(2): the directory itself, which nobody can delete without ending
// it, and in it LOCK.perdure, which holds the owner's pid and is all that older programs look at.
// A directory that is moved or removed while it is open goes on under its owner's feet as a place
// without a name, and another may stand at its path: `look` compares them. What is made, renamed
// or deleted in the directory goes by `root`, so that it never is in another one.
#pragma once

#include <filesystem>
#include <string>

#include "perdure/base/result.hpp"
#include "rocksdb/file.hpp"

namespace perdure::storage {

enum class Access {
  own,      ///< may create files, and writes our pid into the lock
  observe,  ///< writes nothing; without the lock file there is only the directory to lock
};

/// What a look at the directory found.
struct Look {
  enum class Found {
    in_place,   ///< all is where it was
    displaced,  ///< the directory, or what is in it, was removed, moved or replaced
    unknown,    ///< the directory cannot be looked at now
  };
  Found found = Found::in_place;
  std::string detail = {};  ///< what is wrong, and what to do
};

/// Threads  `look` any, one at a time.
class DirectoryLock {
 public:
  /// Locks the directory against other processes until the DirectoryLock goes. Where the file
  /// system does not lock directories (NFS), the lock file alone does it.
  /// Errors: conflict (detail: the owner's pid), unavailable.
  [[nodiscard]] static Result<DirectoryLock> take(std::filesystem::path directory, Access access);

  /// Compares what stands at the path with what was locked. A lock file that was deleted is put
  /// back: the directory's own lock has kept everybody out meanwhile.
  [[nodiscard]] Look look();
  /// Whether a file that must be in the directory is there.
  [[nodiscard]] Look look_for(const std::string& name) const;

  [[nodiscard]] Access access() const { return access_; }
  /// The directory by its descriptor: names below it reach what was locked and nothing else,
  /// whatever stands at the path. The path itself where /proc is not mounted. Messages name files
  /// without it (`with_bare_names`).
  [[nodiscard]] const std::filesystem::path& root() const { return root_; }

 private:
  DirectoryLock(std::filesystem::path path, File directory, Access access);

  Access access_;
  std::filesystem::path path_;
  File directory_;
  std::filesystem::path root_;
  File file_;
};

}  // namespace perdure::storage
