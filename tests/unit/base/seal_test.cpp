// SPDX-License-Identifier: Apache-2.0
#include "perdure/base/seal.hpp"

#include <gtest/gtest.h>

#include <set>

namespace perdure {
namespace {

constexpr SealKey key{1, 2, 3};

TEST(Seal, opens_with_its_key_beside_what_it_belongs_to_and_nowhere_else) {
  SeededRandom random{7};
  for (const std::string& text :
       {std::string{}, std::string{"a secret"}, std::string(100'000, 's')}) {
    const auto sealed = seal(key, random, text, "beside");
    EXPECT_EQ(open_sealed(key, sealed, "beside"), text);
    EXPECT_EQ(open_sealed(key, sealed, "elsewhere"), std::nullopt);
    EXPECT_EQ(open_sealed(SealKey{1, 2, 4}, sealed, "beside"), std::nullopt);
  }
}

TEST(Seal, shows_nothing_and_never_the_same) {
  SeededRandom random{7};
  std::set<std::string> seen;
  for (int i = 0; i < 100; ++i) {
    const auto sealed = seal(key, random, "a secret", "");
    EXPECT_EQ(sealed.find("secret"), std::string::npos);
    EXPECT_TRUE(seen.insert(sealed).second);
  }
}

TEST(Seal, is_broken_by_any_change) {
  SeededRandom random{7};
  const auto sealed = seal(key, random, "a secret", "");
  for (std::size_t i = 0; i < sealed.size(); ++i) {
    auto changed = sealed;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    EXPECT_EQ(open_sealed(key, changed, ""), std::nullopt) << i;
    EXPECT_EQ(open_sealed(key, sealed.substr(0, i), ""), std::nullopt) << i;
  }
  EXPECT_EQ(open_sealed(key, sealed + 'x', ""), std::nullopt);
}

}  // namespace
}  // namespace perdure
