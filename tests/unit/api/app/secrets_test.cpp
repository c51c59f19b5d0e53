// SPDX-License-Identifier: Apache-2.0
#include "app/secrets.hpp"

#include <gtest/gtest.h>

#include "app/passwords.hpp"

namespace perdure::api {
namespace {

TEST(KeyedDigest, differs_where_the_parts_are_cut_differently) {
  EXPECT_NE(keyed_digest("k", {"ab", "c"}), keyed_digest("k", {"a", "bc"}));
  EXPECT_NE(keyed_digest("k", {"a"}), keyed_digest("l", {"a"}));
  EXPECT_EQ(keyed_digest("k", {"a"}), keyed_digest("k", {"a"}));
  EXPECT_EQ(keyed_digest(std::string(65, 'k'), {"a"}),
            keyed_digest(std::string{bytes_of(sha256(std::string(65, 'k')))}, {"a"}));
}

TEST(Secret, has_a_prefix_and_256_bits) {
  SecureRandom random;
  const auto secret = make_secret(random);
  EXPECT_EQ(secret.size(), 4U + 43U);
  EXPECT_TRUE(secret.starts_with("pdk_"));
  EXPECT_NE(secret, make_secret(random));
  EXPECT_EQ(secret_label(secret), secret.substr(0, 12));
  EXPECT_EQ(secret_label("chosen-by-an-operator"), "chosen");
}

TEST(Password, is_hashed_by_argon2id_with_its_own_salt) {
  const auto hash = hash_password("correct horse").value();
  EXPECT_TRUE(hash.starts_with("$argon2id$v=19$m=65536,t=2,p=1$")) << hash;
  EXPECT_NE(hash, hash_password("correct horse").value());
}

}  // namespace
}  // namespace perdure::api
