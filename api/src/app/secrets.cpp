// SPDX-License-Identifier: Apache-2.0
#include "app/secrets.hpp"

#include <array>

#include "perdure/base/codec.hpp"

namespace perdure::api {

Sha256 keyed_digest(std::string_view key, std::initializer_list<std::string_view> parts) {
  constexpr std::size_t block_bytes = 64;
  std::string padded{key.size() > block_bytes ? std::string{bytes_of(sha256(key))}
                                              : std::string{key}};
  padded.resize(block_bytes, '\0');
  auto inner = padded;
  auto outer = padded;
  for (auto& byte : inner) byte = static_cast<char>(byte ^ 0x36);
  for (auto& byte : outer) byte = static_cast<char>(byte ^ 0x5c);
  std::string message;
  for (const auto part : parts) put_bytes(message, part);
  const auto inside = sha256({inner, message});
  return sha256({outer, bytes_of(inside)});
}

std::string make_secret(Random& random, std::string_view prefix) {
  std::array<std::uint8_t, 32> bits{};
  random.fill(bits);
  return std::string{prefix} + to_base64url(bytes_of(bits));
}

std::string derive_secret(std::string_view key, std::initializer_list<std::string_view> parts) {
  return std::string{secret_prefix} + to_base64url(bytes_of(keyed_digest(key, parts)));
}

std::string secret_hash(std::string_view secret) { return to_hex(bytes_of(sha256(secret))); }

std::string secret_label(std::string_view secret) {
  // Of a chosen key nothing is shown: it may be short.
  return secret.starts_with(secret_prefix) ? std::string{secret.substr(0, 12)} : "chosen";
}

}  // namespace perdure::api
