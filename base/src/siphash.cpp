// SPDX-License-Identifier: Apache-2.0
#include "perdure/base/siphash.hpp"

#include <bit>
#include <cstring>

namespace perdure {

static_assert(std::endian::native == std::endian::little, "words are read as they stand");

namespace {

struct State {
  std::uint64_t v0, v1, v2, v3;

  void round() noexcept {
    v0 += v1;
    v1 = std::rotl(v1, 13) ^ v0;
    v0 = std::rotl(v0, 32);
    v2 += v3;
    v3 = std::rotl(v3, 16) ^ v2;
    v0 += v3;
    v3 = std::rotl(v3, 21) ^ v0;
    v2 += v1;
    v1 = std::rotl(v1, 17) ^ v2;
    v2 = std::rotl(v2, 32);
  }
  void take(std::uint64_t word) noexcept {
    v3 ^= word;
    round();
    round();
    v0 ^= word;
  }
  std::uint64_t finish() noexcept {
    for (int i = 0; i < 4; ++i) round();
    return v0 ^ v1 ^ v2 ^ v3;
  }
};

}  // namespace

SipTag siphash(const SipKey& key, std::string_view text) noexcept {
  constexpr std::uint64_t wide = 0xEE;  // marks the variant with 128 bits
  State state{key[0] ^ 0x736F6D6570736575, key[1] ^ 0x646F72616E646F6D ^ wide,
              key[0] ^ 0x6C7967656E657261, key[1] ^ 0x7465646279746573};
  std::uint64_t last = static_cast<std::uint64_t>(text.size()) << 56;
  for (; text.size() >= sizeof last; text.remove_prefix(sizeof last)) {
    std::uint64_t word = 0;
    std::memcpy(&word, text.data(), sizeof word);
    state.take(word);
  }
  std::uint64_t rest = 0;
  if (!text.empty()) std::memcpy(&rest, text.data(), text.size());
  state.take(last | rest);
  state.v2 ^= wide;
  const auto low = state.finish();
  state.v1 ^= 0xDD;
  return {low, state.finish()};
}

}  // namespace perdure
