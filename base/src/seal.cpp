// SPDX-License-Identifier: Apache-2.0
#include "perdure/base/seal.hpp"

#include <openssl/evp.h>

#include <memory>

#include "perdure/base/check.hpp"

namespace perdure {

namespace {

constexpr std::size_t nonce_bytes = 12;
constexpr std::size_t tag_bytes = 16;

struct ContextDeleter {
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};
using Context = std::unique_ptr<EVP_CIPHER_CTX, ContextDeleter>;

const unsigned char* raw(std::string_view bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}
unsigned char* raw(std::string& bytes) { return reinterpret_cast<unsigned char*>(bytes.data()); }

Context new_context() {
  Context context{EVP_CIPHER_CTX_new()};
  PERDURE_CHECK(context != nullptr, "no memory for a cipher");
  return context;
}

}  // namespace

std::string seal(const SealKey& key, Random& random, std::string_view bytes,
                 std::string_view beside) {
  std::array<std::uint8_t, nonce_bytes> nonce{};
  random.fill(nonce);
  const auto context = new_context();
  std::string text(bytes.size(), '\0');
  std::string tag(tag_bytes, '\0');
  int count = 0;
  bool good = EVP_EncryptInit_ex(context.get(), EVP_chacha20_poly1305(), nullptr, key.data(),
                                 nonce.data()) == 1;
  good = good && EVP_EncryptUpdate(context.get(), nullptr, &count, raw(beside),
                                   static_cast<int>(beside.size())) == 1;
  good = good && EVP_EncryptUpdate(context.get(), raw(text), &count, raw(bytes),
                                   static_cast<int>(bytes.size())) == 1;
  good = good && EVP_EncryptFinal_ex(context.get(), raw(text) + text.size(), &count) == 1;
  good =
      good && EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_GET_TAG, tag_bytes, raw(tag)) == 1;
  PERDURE_CHECK(good, "ChaCha20-Poly1305");
  return std::string{reinterpret_cast<const char*>(nonce.data()), nonce.size()} + text + tag;
}

std::optional<std::string> open_sealed(const SealKey& key, std::string_view sealed,
                                       std::string_view beside) {
  if (sealed.size() < nonce_bytes + tag_bytes) return {};
  const auto nonce = sealed.substr(0, nonce_bytes);
  std::string tag{sealed.substr(sealed.size() - tag_bytes)};
  const auto text = sealed.substr(nonce_bytes, sealed.size() - nonce_bytes - tag_bytes);
  const auto context = new_context();
  std::string bytes(text.size(), '\0');
  int count = 0;
  const bool good =
      EVP_DecryptInit_ex(context.get(), EVP_chacha20_poly1305(), nullptr, key.data(), raw(nonce)) ==
          1 &&
      EVP_DecryptUpdate(context.get(), nullptr, &count, raw(beside),
                        static_cast<int>(beside.size())) == 1 &&
      EVP_DecryptUpdate(context.get(), raw(bytes), &count, raw(text),
                        static_cast<int>(text.size())) == 1 &&
      EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_SET_TAG, tag_bytes, raw(tag)) == 1 &&
      EVP_DecryptFinal_ex(context.get(), raw(bytes) + bytes.size(), &count) == 1;
  if (!good) return {};
  return bytes;
}

}  // namespace perdure
