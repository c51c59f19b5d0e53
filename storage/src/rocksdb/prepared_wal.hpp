// SPDX-License-Identifier: Apache-2.0
// PreparedWals: RocksDB's write-ahead logs, written over zeros that are there already.
//
// A sync of bytes that made a file longer must also write the file's new size, and so waits for the
// file system's journal; a sync of bytes in the middle of a file does not. So each log is filled
// with zeros some way ahead of its end. Preallocation (`fallocate`) is not enough: its blocks count
// as unwritten until they are, which is another thing for the journal.
//
// What follows from it for reading: the log that was being written in a crash ends in zeros, and
// where unsynced bytes were written back out of order, in zeros with something behind them. A log
// is read up to the first record header without length and type, so what is recovered is a prefix.
// Logs are cut to their length when they are left for the next one and when they are closed: only
// the last one can end in zeros, and how far that must reach is known (ACKED).
#pragma once

#include <rocksdb/env.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

namespace perdure::storage {

/// `base` with prepared logs. Lifetime: `base` must outlive it, and it every database upon it.
[[nodiscard]] std::unique_ptr<rocksdb::Env> prepare_wals(rocksdb::Env* base);

/// Finds the end of a log while it is read.
///
/// Knows as much of the format as that takes: blocks of 32 KiB, in which records stand behind
/// headers of a checksum (4 bytes), a length (2) and a type (1); fewer than 7 bytes at a block's
/// end are not used. (RocksDB wiki, "Write Ahead Log File Format".) Whether a record is whole is
/// RocksDB's to say; past a header that it cannot have written, everything is passed on to it.
class WalEnd {
 public:
  /// How many of the log's next bytes are to be read: all of them, or less, and then none any more.
  [[nodiscard]] std::size_t take(std::string_view bytes);

 private:
  void take_header_byte(char byte);

  std::uint64_t position_ = 0;
  std::size_t payload_left_ = 0;
  std::size_t header_bytes_ = 0;  ///< of the header that is being read
  std::size_t length_ = 0;        ///< as far as that header has told
  bool has_ended_ = false;
  bool is_opaque_ = false;  ///< from here on not understood
};

}  // namespace perdure::storage
