// SPDX-License-Identifier: Apache-2.0
// The byte forms that keys and rows are built from.
//
// Big-endian fixed integers sort as numbers; varints (LEB128) are short; byte strings carry their
// length. A Reader never runs past its input: after the first short read it is `failed()` and all
// further reads give zeros.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace perdure {

void put_be64(std::string& out, std::uint64_t value);
void put_be32(std::string& out, std::uint32_t value);
void put_varint(std::string& out, std::uint64_t value);
/// varint length, then the bytes.
void put_bytes(std::string& out, std::string_view bytes);

class Reader {
 public:
  explicit Reader(std::string_view input) : rest_(input) {}

  std::uint64_t be64();
  std::uint32_t be32();
  std::uint64_t varint();
  /// Borrows from the input.
  std::string_view bytes();
  /// The next `count` bytes, without a length before them. Borrows from the input.
  std::string_view raw(std::size_t count);

  [[nodiscard]] bool failed() const { return failed_; }
  [[nodiscard]] bool done() const { return !failed_ && rest_.empty(); }
  [[nodiscard]] std::string_view rest() const { return rest_; }

 private:
  std::string_view rest_;
  bool failed_ = false;
};

}  // namespace perdure
