// SPDX-License-Identifier: Apache-2.0
#include "perdure/base/random.hpp"

#include <gtest/gtest.h>

#include <set>

namespace perdure {
namespace {

TEST(UuidV7, has_version_variant_and_time) {
  SeededRandom random{1};
  // The time of the example in RFC 9562, appendix A.6.
  const auto uuid = make_uuid_v7(from_unix_ms(0x017F22E279B0), random);
  ASSERT_TRUE(is_uuid(uuid)) << uuid;
  EXPECT_EQ(uuid.substr(0, 15), "017f22e2-79b0-7");
  EXPECT_NE(std::string_view{"89ab"}.find(uuid[19]), std::string_view::npos) << uuid;
}

TEST(UuidV7, sorts_by_time) {
  SeededRandom random{2};
  std::string previous;
  for (std::int64_t ms = 1; ms < std::int64_t{1} << 47; ms *= 2) {
    const auto uuid = make_uuid_v7(from_unix_ms(ms), random);
    EXPECT_LT(previous, uuid);
    previous = uuid;
  }
}

TEST(UuidV7, differs_within_one_millisecond) {
  SecureRandom random;
  std::set<std::string> seen;
  for (int i = 0; i < 1'000; ++i) seen.insert(make_uuid_v7(from_unix_ms(5), random));
  EXPECT_EQ(seen.size(), 1'000U);
}

TEST(IsUuid, takes_the_text_form_only) {
  EXPECT_TRUE(is_uuid("2eb8aa08-aa98-11ea-b4aa-73b441d16380"));
  EXPECT_TRUE(is_uuid("2EB8AA08-AA98-11EA-B4AA-73B441D16380"));
  EXPECT_TRUE(is_uuid("00000000-0000-0000-0000-000000000000"));
  for (const auto* text :
       {"", "2eb8aa08-aa98-11ea-b4aa-73b441d1638", "2eb8aa08-aa98-11ea-b4aa-73b441d163800",
        "2eb8aa08aa98-11ea-b4aa-73b441d163800-", "2eb8aa08-aa98-11ea-b4aa-73b441d1638g",
        "{eb8aa08-aa98-11ea-b4aa-73b441d1638}"}) {
    EXPECT_FALSE(is_uuid(text)) << text;
  }
}

TEST(SeededRandom, repeats_by_seed) {
  SeededRandom a{7};
  SeededRandom b{7};
  SeededRandom c{8};
  const auto first = a.next();
  EXPECT_EQ(first, b.next());
  EXPECT_NE(first, c.next());
}

}  // namespace
}  // namespace perdure
