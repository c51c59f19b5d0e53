// SPDX-License-Identifier: Apache-2.0
// What is done before a store is closed so that nothing of pasts that were erased (Past::erased) is
// in its files any more.
//
// An erasure puts deletion marks above rows, and their bytes stay in the write-ahead log and in
// files of rows until those are written anew, which for a store where little happens may be never;
// keys of index rows, which hold titles and tags, stay in the marks themselves. So a commit that
// erases a past notes the object's kind (`unscrubbed`), and the next clean closing flushes all
// tables, which ends the log, and compacts the rows of such kinds to the last level. Keys at the
// ends of files stand in the manifest, too: the database is opened once more, which writes another.
#pragma once

#include "rocksdb/database.hpp"

namespace perdure::storage {

enum class Scrubbed {
  nothing,  ///< nothing was to be done, or it was too much
  all,
};

/// Limits   past `bytes_max` of rows it would take too long: the kinds stay noted.
/// Threads  no commits and reads meanwhile.
/// Errors   those of reading and writing: what was noted stays noted.
[[nodiscard]] Result<Scrubbed> scrub(const Database& database, std::uint64_t bytes_max);

}  // namespace perdure::storage
