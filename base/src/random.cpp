// SPDX-License-Identifier: Apache-2.0
#include "perdure/base/random.hpp"

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include <array>
#include <cstring>

#include "perdure/base/check.hpp"
#include "perdure/base/crypto.hpp"

namespace perdure {

namespace {

void draw(std::span<std::uint8_t> bytes) {
  // Without randomness no id and no secret is safe: better to stop.
  PERDURE_CHECK(RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) == 1,
                "the system has no randomness");
}

}  // namespace

std::uint64_t Random::next() {
  std::array<std::uint8_t, 8> bytes{};
  fill(bytes);
  std::uint64_t value = 0;
  std::memcpy(&value, bytes.data(), sizeof value);
  return value;
}

void SecureRandom::fill(std::span<std::uint8_t> bytes) {
  // Asking the library for each id costs more than the id: a thread draws a block at a time. What
  // was given out is wiped, so that memory never holds a number that is in use.
  struct Block {
    std::array<std::uint8_t, 1024> bytes{};
    std::size_t used = sizeof bytes;
  };
  thread_local Block block;
  if (bytes.size() > block.bytes.size() / 4) return draw(bytes);
  if (block.bytes.size() - block.used < bytes.size()) {
    draw(block.bytes);
    block.used = 0;
  }
  auto* const from = block.bytes.data() + block.used;
  std::memcpy(bytes.data(), from, bytes.size());
  OPENSSL_cleanse(from, bytes.size());
  block.used += bytes.size();
}

void SeededRandom::fill(std::span<std::uint8_t> bytes) {
  const std::scoped_lock lock{mutex_};
  for (auto& byte : bytes) byte = static_cast<std::uint8_t>(engine_());
}

std::string make_uuid_v7(Timestamp now, Random& random) {
  std::array<std::uint8_t, 16> bytes{};
  random.fill(bytes);
  const auto ms = static_cast<std::uint64_t>(to_unix_ms(now));
  for (std::size_t i = 0; i < 6; ++i) {
    bytes[i] = static_cast<std::uint8_t>(ms >> (8 * (5 - i)));
  }
  bytes[6] = static_cast<std::uint8_t>(0x70 | (bytes[6] & 0x0F));
  bytes[8] = static_cast<std::uint8_t>(0x80 | (bytes[8] & 0x3F));

  constexpr std::string_view digits = "0123456789abcdef";
  std::string text(36, '-');
  auto* out = text.data();
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) ++out;  // over the dash
    *out++ = digits[bytes[i] >> 4];
    *out++ = digits[bytes[i] & 15];
  }
  return text;
}

bool is_uuid(std::string_view text) noexcept {
  if (text.size() != 36) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    const bool hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
    if (dash ? c != '-' : !hex) return false;
  }
  return true;
}

}  // namespace perdure
