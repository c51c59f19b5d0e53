// SPDX-License-Identifier: Apache-2.0
// Finds the answers in what an HTTP/1.1 connection brings: their statuses, and where each ends.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace attacker {

/// What one step of the reader has found.
enum class Found {
  nothing,  ///< all bytes are read
  head,     ///< the head of an answer; `status` is its status
  end,      ///< the end of that answer
  garbage,  ///< this is not HTTP
};

/// Reads answers with Content-Length or in chunks, and those without a body. What follows a 101 is
/// one answer without an end. Keeps no body.
///
/// Threads: one. Limits: a head of more than 64 KiB is garbage.
class AnswerReader {
 public:
  /// Reads on until something is found. Moves `data` past what is read.
  Found read(const char*& data, const char* end);

  [[nodiscard]] int status() const { return status_; }
  /// Whether an answer has begun and not ended.
  [[nodiscard]] bool is_within() const { return part_ != Part::head || !line_.empty(); }

 private:
  enum class Part { head, body, chunk_size, chunk, chunk_end, trailer, endless, done };

  Found read_head(const char*& data, const char* end);
  bool read_line(const char*& data, const char* end);
  void begin_body();
  void read_chunk_line();

  Part part_ = Part::head;
  int status_ = 0;
  std::uint64_t left_ = 0;
  std::string line_;  ///< the head, or the line, that is not complete yet
};

}  // namespace attacker
