// SPDX-License-Identifier: Apache-2.0
#include "perdure/base/codec.hpp"

namespace perdure {

namespace {

template <class T>
void put_big_endian(std::string& out, T value) {
  for (int shift = static_cast<int>(sizeof(T)) * 8 - 8; shift >= 0; shift -= 8) {
    out += static_cast<char>(value >> shift & 0xFF);
  }
}

template <class T>
T read_big_endian(std::string_view bytes) {
  T value = 0;
  for (const char c : bytes) value = static_cast<T>(value << 8 | static_cast<std::uint8_t>(c));
  return value;
}

}  // namespace

void put_be64(std::string& out, std::uint64_t value) { put_big_endian(out, value); }
void put_be32(std::string& out, std::uint32_t value) { put_big_endian(out, value); }

void put_varint(std::string& out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) out += static_cast<char>(value | 0x80);
  out += static_cast<char>(value);
}

void put_bytes(std::string& out, std::string_view bytes) {
  put_varint(out, bytes.size());
  out += bytes;
}

std::string_view Reader::raw(std::size_t count) {
  if (failed_ || rest_.size() < count) {
    failed_ = true;
    return {};
  }
  const auto taken = rest_.substr(0, count);
  rest_.remove_prefix(count);
  return taken;
}

std::uint64_t Reader::be64() { return read_big_endian<std::uint64_t>(raw(8)); }
std::uint32_t Reader::be32() { return read_big_endian<std::uint32_t>(raw(4)); }

std::uint64_t Reader::varint() {
  std::uint64_t value = 0;
  for (int shift = 0; shift < 64; shift += 7) {
    const auto byte = raw(1);
    if (failed_) return 0;
    const auto bits = static_cast<std::uint8_t>(byte[0]);
    // The tenth byte has room for one bit: more would be lost without a word.
    if (shift == 63 && bits > 1) break;
    // One number has one form: a last byte of zeros says nothing.
    if (shift > 0 && bits == 0) break;
    value |= static_cast<std::uint64_t>(bits & 0x7F) << shift;
    if ((bits & 0x80) == 0) return value;
  }
  failed_ = true;
  return 0;
}

std::string_view Reader::bytes() { return raw(varint()); }

}  // namespace perdure
