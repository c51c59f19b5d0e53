// SPDX-License-Identifier: Apache-2.0
#include "app/secrets.hpp"

#include <array>

#include "perdure/base/codec.hpp"

namespace perdure::api {

Sha256 keyed_digest(std::string_view key, std::initializer_list<std::string_view> parts) {
  std::string message;
  for (const auto part : parts) put_bytes(message, part);
  return hmac_sha256(key, message);
}

std::string make_secret(Random& random, std::string_view prefix) {
  std::array<std::uint8_t, 32> bits{};
  random.fill(bits);
  return secret_from(bytes_of(bits), prefix);
}

std::string secret_from(std::string_view bits, std::string_view prefix) {
  return std::string{prefix} + to_base64url(bits);
}

std::string secret_hash(std::string_view secret) { return to_hex(bytes_of(sha256(secret))); }

std::string secret_label(std::string_view secret) {
  constexpr std::size_t made_bytes = 12;
  constexpr std::size_t chosen_bytes = 4;
  constexpr std::size_t chosen_bytes_min = 24;
  if (secret.starts_with(secret_prefix)) return std::string{secret.substr(0, made_bytes)};
  // Of a short one nothing is shown.
  if (secret.size() < chosen_bytes_min) return "chosen";
  return std::string{secret.substr(0, chosen_bytes)} + "...";
}

}  // namespace perdure::api
