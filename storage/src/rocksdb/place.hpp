// SPDX-License-Identifier: Apache-2.0
// Places: how a store notices that its directory is a copy of another one, or that an older copy
// was put back in its place.
//
// Each opening makes a file PLACE.<id> with a new random id, in which stands which file it is: its
// inode number and the time of its making, which no copy shares. The id also stands in the database
// (the meta row `place`). So at the next opening:
//
//   a copy opened elsewhere              the file is there, but is not the file that it says
//   an older directory put back whole    the same
//   an older copy laid over the files    a second file, of the later opening, is still there
//   only RocksDB's files put back        the database knows another id
//   a directory that was moved           all is as it was: not a copy
//
// A copy of the whole file system, block by block, cannot be told from the original.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "perdure/base/result.hpp"

namespace perdure::storage {

/// A file that says which place it is.
struct PlaceFile {
  std::string id;
  /// A draft is there before the database knows its id, and becomes final before the first commit.
  enum class State { draft, settled, damaged } state = State::damaged;
  bool is_itself = false;  ///< the very file that was made, not a copy of it
};

/// Errors: unavailable.
[[nodiscard]] Result<std::vector<PlaceFile>> read_places(const std::filesystem::path& directory);

/// Whether the store was copied since its last opening; `known` is the id in its database, empty
/// for a store that was never opened by a program that knows places.
[[nodiscard]] bool is_copied(const std::vector<PlaceFile>& places, std::string_view known);

/// Makes the file of a new place, durably, before the database knows it. Errors: unavailable.
[[nodiscard]] Result<void> draft_place(const std::filesystem::path& directory,
                                       const std::string& id);
/// Removes the files of all other places and then makes this one final, durably, once the database
/// knows it. Errors: unavailable.
[[nodiscard]] Result<void> settle_place(const std::filesystem::path& directory,
                                        const std::string& id);

}  // namespace perdure::storage
