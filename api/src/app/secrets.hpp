// SPDX-License-Identifier: Apache-2.0
// Secrets of API keys, and what stands for them where they must not stand.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

#include "perdure/base/crypto.hpp"
#include "perdure/base/random.hpp"

namespace perdure::api {

inline constexpr std::string_view secret_prefix = "pdk_";
inline constexpr std::string_view ticket_prefix = "pdt_";

/// HMAC-SHA-256 (RFC 2104) over the parts in order; each part is preceded by its length, so that
/// no two lists of parts are the same message.
[[nodiscard]] Sha256 keyed_digest(std::string_view key,
                                  std::initializer_list<std::string_view> parts);

/// The prefix and 256 random bits.
[[nodiscard]] std::string make_secret(Random& random, std::string_view prefix = secret_prefix);
/// The prefix and bits that are there.
[[nodiscard]] std::string secret_from(std::string_view bits,
                                      std::string_view prefix = secret_prefix);

/// The hash under which a secret is stored.
[[nodiscard]] std::string secret_hash(std::string_view secret);

/// The first characters of a secret, to know it by: 8 of the 256 bits' text, or 4 of one that an
/// operator chose.
[[nodiscard]] std::string secret_label(std::string_view secret);

}  // namespace perdure::api
