// SPDX-License-Identifier: Apache-2.0
// Sealing: bytes that only who has the key can read, and nobody can change unseen.
//
// ChaCha20-Poly1305 (RFC 8439) under a random nonce, which goes before the sealed bytes.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "perdure/base/random.hpp"

namespace perdure {

/// Limits  one key seals at most 2^32 texts: nonces are random, and must not come twice.
using SealKey = std::array<std::uint8_t, 32>;

/// `beside` is not in the result, and must be the same when it is opened: what the bytes belong to.
[[nodiscard]] std::string seal(const SealKey& key, Random& random, std::string_view bytes,
                               std::string_view beside);
/// None: sealed under another key, beside something else, or changed since.
[[nodiscard]] std::optional<std::string> open_sealed(const SealKey& key, std::string_view sealed,
                                                     std::string_view beside);

}  // namespace perdure
