// SPDX-License-Identifier: Apache-2.0
#include "perdure/base/crypto.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <cstring>
#include <memory>

#include "perdure/base/check.hpp"

namespace perdure {

namespace {

struct ContextDeleter {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};

// Fetching an algorithm by name costs more than hashing a small record: do it once.
const EVP_MD* sha256_algorithm() {
  static const EVP_MD* const algorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  return algorithm;
}

constexpr auto make_crc_tables() {
  std::array<std::array<std::uint32_t, 256>, 8> tables{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82F63B78U : 0U);
    tables[0][i] = crc;
  }
  for (std::uint32_t i = 0; i < 256; ++i) {
    for (std::size_t t = 1; t < 8; ++t) {
      const auto before = tables[t - 1][i];
      tables[t][i] = (before >> 8) ^ tables[0][before & 0xFF];
    }
  }
  return tables;
}
constexpr auto crc_tables = make_crc_tables();

constexpr std::uint32_t crc32c_by_tables(std::string_view bytes, std::uint32_t crc) noexcept {
  std::size_t i = 0;
  const auto at = [&](std::size_t k) { return static_cast<std::uint8_t>(bytes[k]); };
  for (; i + 8 <= bytes.size(); i += 8) {  // slicing-by-8
    const std::uint32_t low = crc ^ (static_cast<std::uint32_t>(at(i)) | at(i + 1) << 8 |
                                     at(i + 2) << 16 | static_cast<std::uint32_t>(at(i + 3)) << 24);
    crc = crc_tables[7][low & 0xFF] ^ crc_tables[6][(low >> 8) & 0xFF] ^
          crc_tables[5][(low >> 16) & 0xFF] ^ crc_tables[4][low >> 24] ^ crc_tables[3][at(i + 4)] ^
          crc_tables[2][at(i + 5)] ^ crc_tables[1][at(i + 6)] ^ crc_tables[0][at(i + 7)];
  }
  for (; i < bytes.size(); ++i) crc = (crc >> 8) ^ crc_tables[0][(crc ^ at(i)) & 0xFF];
  return crc;
}
static_assert(~crc32c_by_tables("123456789", ~0U) == 0xE3069283U);

#if defined(__x86_64__)
[[gnu::target("sse4.2")]] std::uint32_t crc32c_by_instruction(std::string_view bytes,
                                                              std::uint32_t seed) noexcept {
  std::uint64_t crc = seed;
  std::size_t i = 0;
  for (; i + sizeof(std::uint64_t) <= bytes.size(); i += sizeof(std::uint64_t)) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data() + i, sizeof word);
    crc = __builtin_ia32_crc32di(crc, word);
  }
  auto rest = static_cast<std::uint32_t>(crc);
  for (; i < bytes.size(); ++i) {
    rest = __builtin_ia32_crc32qi(rest, static_cast<std::uint8_t>(bytes[i]));
  }
  return rest;
}
#endif

constexpr std::string_view hex_digits = "0123456789abcdef";
constexpr std::string_view base64_digits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view base64url_digits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

int digit_value(std::string_view digits, char c) {
  const auto at = digits.find(c);
  return at == std::string_view::npos ? -1 : static_cast<int>(at);
}

// Without padding.
std::string encode_base64(std::string_view digits, std::string_view bytes) {
  std::string text;
  text.reserve((bytes.size() * 4 + 2) / 3);
  std::uint32_t bits = 0;
  int count = 0;
  for (const char c : bytes) {
    bits = bits << 8 | static_cast<std::uint8_t>(c);
    for (count += 8; count >= 6; count -= 6) text += digits[bits >> (count - 6) & 63];
  }
  if (count > 0) text += digits[bits << (6 - count) & 63];
  return text;
}

std::optional<std::string> decode_base64(std::string_view digits, std::string_view text) {
  if (text.size() % 4 == 1) return {};
  std::string bytes;
  std::uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    const int value = digit_value(digits, c);
    if (value < 0) return {};
    bits = bits << 6 | static_cast<std::uint32_t>(value);
    count += 6;
    if (count >= 8) {
      count -= 8;
      bytes += static_cast<char>(bits >> count & 0xFF);
    }
  }
  // Left-over bits that are not zero would give two texts for the same bytes.
  if ((bits & ((1U << count) - 1)) != 0) return {};
  return bytes;
}

}  // namespace

Sha256 sha256(std::initializer_list<std::string_view> parts) {
  thread_local const std::unique_ptr<EVP_MD_CTX, ContextDeleter> context{EVP_MD_CTX_new()};
  Sha256 digest{};
  bool ok = EVP_DigestInit_ex(context.get(), sha256_algorithm(), nullptr) == 1;
  for (const auto part : parts) {
    ok = ok && EVP_DigestUpdate(context.get(), part.data(), part.size()) == 1;
  }
  ok = ok && EVP_DigestFinal_ex(context.get(), digest.data(), nullptr) == 1;
  PERDURE_CHECK(ok, "SHA-256 is not available");
  return digest;
}

struct Sha256Writer::State {
  std::unique_ptr<EVP_MD_CTX, ContextDeleter> context{EVP_MD_CTX_new()};
};

Sha256Writer::Sha256Writer() : state_(std::make_unique<State>()) {
  PERDURE_CHECK(EVP_DigestInit_ex(state_->context.get(), sha256_algorithm(), nullptr) == 1,
                "SHA-256 is not available");
}
Sha256Writer::~Sha256Writer() = default;

void Sha256Writer::add(std::string_view bytes) {
  PERDURE_CHECK(EVP_DigestUpdate(state_->context.get(), bytes.data(), bytes.size()) == 1,
                "SHA-256 failed");
}

Sha256 Sha256Writer::finish() {
  Sha256 digest{};
  PERDURE_CHECK(EVP_DigestFinal_ex(state_->context.get(), digest.data(), nullptr) == 1,
                "SHA-256 failed");
  return digest;
}

Sha256 hmac_sha256(std::string_view key, std::string_view bytes) {
  Sha256 digest{};
  const auto* data = reinterpret_cast<const unsigned char*>(bytes.data());
  const bool ok = HMAC(sha256_algorithm(), key.data(), static_cast<int>(key.size()), data,
                       bytes.size(), digest.data(), nullptr) != nullptr;
  PERDURE_CHECK(ok, "HMAC is not available");
  return digest;
}

bool equal_in_constant_time(std::string_view a, std::string_view b) noexcept {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

std::uint32_t crc32c(std::string_view bytes, std::uint32_t seed) noexcept {
#if defined(__x86_64__)
  static const bool has_instruction = __builtin_cpu_supports("sse4.2") != 0;
  if (has_instruction) return ~crc32c_by_instruction(bytes, ~seed);
#endif
  return ~crc32c_by_tables(bytes, ~seed);
}

std::string to_hex(std::string_view bytes) {
  std::string hex(bytes.size() * 2, '\0');
  auto* out = hex.data();
  for (const char c : bytes) {
    const auto byte = static_cast<std::uint8_t>(c);
    *out++ = hex_digits[byte >> 4];
    *out++ = hex_digits[byte & 15];
  }
  return hex;
}

std::optional<std::string> from_hex(std::string_view hex) {
  if (hex.size() % 2 != 0) return {};
  std::string bytes;
  for (std::size_t i = 0; i < hex.size(); i += 2) {
    const auto lower = [](char c) { return c >= 'A' && c <= 'F' ? static_cast<char>(c + 32) : c; };
    const int high = digit_value(hex_digits, lower(hex[i]));
    const int low = digit_value(hex_digits, lower(hex[i + 1]));
    if (high < 0 || low < 0) return {};
    bytes += static_cast<char>(high * 16 + low);
  }
  return bytes;
}

std::string to_base64url(std::string_view bytes) { return encode_base64(base64url_digits, bytes); }

std::optional<std::string> from_base64url(std::string_view text) {
  return decode_base64(base64url_digits, text);
}

std::string to_base64(std::string_view bytes) {
  auto text = encode_base64(base64_digits, bytes);
  text.append((4 - text.size() % 4) % 4, '=');
  return text;
}

std::optional<std::string> from_base64(std::string_view text) {
  if (text.size() % 4 != 0) return {};
  for (int padding = 0; padding < 2 && text.ends_with('='); ++padding) text.remove_suffix(1);
  return decode_base64(base64_digits, text);
}

}  // namespace perdure
