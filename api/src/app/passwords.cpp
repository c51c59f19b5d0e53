// SPDX-License-Identifier: Apache-2.0
#include "app/passwords.hpp"

#include <sodium.h>

#include <array>

#include "perdure/base/check.hpp"

namespace perdure::api {

Result<std::string> hash_password(const std::string& password) {
  PERDURE_CHECK(sodium_init() >= 0, "libsodium");  // safe to repeat, from any thread
  std::array<char, crypto_pwhash_STRBYTES> text{};
  if (crypto_pwhash_str(text.data(), password.data(), password.size(),
                        crypto_pwhash_OPSLIMIT_INTERACTIVE,
                        crypto_pwhash_MEMLIMIT_INTERACTIVE) != 0) {
    return fail(ErrorCode::overloaded, "no memory to hash the password");
  }
  return std::string{text.data()};
}

}  // namespace perdure::api
