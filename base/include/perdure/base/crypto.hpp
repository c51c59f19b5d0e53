// SPDX-License-Identifier: Apache-2.0
// The few cryptographic operations that rooms need. OpenSSL stays behind this header.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace perdure {

using Sha256 = std::array<std::uint8_t, 32>;

/// SHA-256 (FIPS 180-4) over the parts in order, without joining them in memory.
[[nodiscard]] Sha256 sha256(std::initializer_list<std::string_view> parts);
[[nodiscard]] inline Sha256 sha256(std::string_view bytes) { return sha256({bytes}); }

/// SHA-256 of bytes that come piece by piece.
class Sha256Writer {
 public:
  Sha256Writer();
  ~Sha256Writer();
  Sha256Writer(const Sha256Writer&) = delete;
  Sha256Writer& operator=(const Sha256Writer&) = delete;

  void add(std::string_view bytes);
  /// The last call.
  [[nodiscard]] Sha256 finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

[[nodiscard]] inline std::string_view bytes_of(const Sha256& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

/// HMAC-SHA-256 (RFC 2104).
[[nodiscard]] Sha256 hmac_sha256(std::string_view key, std::string_view bytes);

/// Compares in time that depends only on the lengths.
[[nodiscard]] bool equal_in_constant_time(std::string_view a, std::string_view b) noexcept;

/// CRC-32C (Castagnoli, RFC 3720 appendix B.4).
[[nodiscard]] std::uint32_t crc32c(std::string_view bytes, std::uint32_t seed = 0) noexcept;

[[nodiscard]] std::string to_hex(std::string_view bytes);
[[nodiscard]] std::optional<std::string> from_hex(std::string_view hex);

/// base64url without padding (RFC 4648, section 5).
[[nodiscard]] std::string to_base64url(std::string_view bytes);
[[nodiscard]] std::optional<std::string> from_base64url(std::string_view text);

/// base64 with padding (RFC 4648, section 4).
[[nodiscard]] std::string to_base64(std::string_view bytes);
[[nodiscard]] std::optional<std::string> from_base64(std::string_view text);

}  // namespace perdure
