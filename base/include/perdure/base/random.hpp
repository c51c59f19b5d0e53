// SPDX-License-Identifier: Apache-2.0
// Randomness comes in through an interface, so that a simulation can seed it.
#pragma once

#include <cstdint>
#include <mutex>
#include <random>
#include <span>
#include <string>

#include "perdure/base/time.hpp"

namespace perdure {

/// Threads  any.
class Random {
 public:
  virtual ~Random() = default;
  virtual void fill(std::span<std::uint8_t> bytes) = 0;
  [[nodiscard]] std::uint64_t next();
};

/// Cryptographically strong (OpenSSL). Do not use it in a child after fork: both processes would
/// get the rest of a block.
class SecureRandom final : public Random {
 public:
  void fill(std::span<std::uint8_t> bytes) override;
};

/// The same bytes for the same seed. For simulation and tests only.
class SeededRandom final : public Random {
 public:
  explicit SeededRandom(std::uint64_t seed) : engine_(seed) {}
  void fill(std::span<std::uint8_t> bytes) override;

 private:
  std::mutex mutex_;
  std::mt19937_64 engine_;
};

/// A UUID version 7 (RFC 9562, section 5.7) as lower-case text: 48 bits of `now`, 74 random bits.
[[nodiscard]] std::string make_uuid_v7(Timestamp now, Random& random);

/// True for the 36-character text form of any RFC 9562 UUID.
[[nodiscard]] bool is_uuid(std::string_view text) noexcept;

}  // namespace perdure
