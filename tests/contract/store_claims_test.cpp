// SPDX-License-Identifier: Apache-2.0
// Claims: keys that must be absent.
#include "store_fixture.hpp"

namespace perdure::storage {
namespace {

using testing::ElementsAre;

const ObjectId alice{"user", "alice"};
const ObjectId bob{"user", "bob"};
const ClaimKey email{"user.email", "a@example.org"};
constexpr std::optional<ErrorCode> committed{};

class StoreClaims : public StoreContract {
 protected:
  WriteSet claiming(const ObjectId& object, Seq expected_seq,
                    std::optional<Timestamp> expires = {}) {
    auto write_set = turn(object, expected_seq);
    write_set.claims.push_back(
        {.space = email.space, .key = email.key, .value = object.id, .expires = expires});
    return write_set;
  }
  WriteSet releasing(const ObjectId& object, Seq expected_seq) {
    auto write_set = turn(object, expected_seq);
    write_set.releases.push_back(email);
    return write_set;
  }
  std::optional<std::string> holder(Timestamp now = default_now) {
    return store().claim(email, now).value();
  }
};
PERDURE_ON_EACH_STORE(StoreClaims);

TEST_P(StoreClaims, the_first_one_holds_the_key) {
  ASSERT_TRUE(commit(claiming(alice, 0)));
  const auto refused = commit(claiming(bob, 0));
  ASSERT_EQ(code_of(refused), ErrorCode::conflict);
  EXPECT_EQ(refused.error().detail, email.space);
  ASSERT_EQ(refused.error().fields.size(), 1u);
  EXPECT_EQ(refused.error().fields[0].pointer, email.key);
  EXPECT_EQ(holder(), "alice");
  EXPECT_EQ(store().last_record(bob).value(), std::nullopt);
}

TEST_P(StoreClaims, the_first_one_of_a_batch_holds_the_key) {
  const std::vector<Unit> units{make_unit(claiming(alice, 0)), make_unit(claiming(bob, 0))};
  EXPECT_THAT(codes_of(store().commit(units, default_now)),
              ElementsAre(committed, ErrorCode::conflict));
  EXPECT_EQ(holder(), "alice");
}

TEST_P(StoreClaims, two_in_one_unit_exclude_each_other) {
  EXPECT_EQ(code_of(commit({claiming(alice, 0), claiming(bob, 0)})), ErrorCode::conflict);
  EXPECT_EQ(holder(), std::nullopt);
}

TEST_P(StoreClaims, spaces_are_apart) {
  ASSERT_TRUE(commit(claiming(alice, 0)));
  auto other = turn(bob, 0);
  other.claims.push_back({.space = "user.emai", .key = "l" + email.key, .value = "bob"});
  EXPECT_TRUE(commit(other));
  EXPECT_EQ(store().claim({"user", email.key}, default_now).value(), std::nullopt);
}

TEST_P(StoreClaims, an_expired_one_counts_as_absent) {
  ASSERT_TRUE(commit(claiming(alice, 0, at_ms(2'000))));
  EXPECT_EQ(holder(at_ms(1'999)), "alice");
  EXPECT_EQ(holder(at_ms(2'000)), std::nullopt);
  EXPECT_EQ(code_of(commit(claiming(bob, 0), at_ms(1'999))), ErrorCode::conflict);
  EXPECT_TRUE(commit(claiming(bob, 0), at_ms(2'000)));
  EXPECT_EQ(holder(at_ms(9'000)), "bob");
}

TEST_P(StoreClaims, one_that_expires_in_its_own_batch_counts_as_absent) {
  const std::vector<Unit> units{make_unit(claiming(alice, 0, default_now)),
                                make_unit(claiming(bob, 0))};
  EXPECT_THAT(codes_of(store().commit(units, default_now)), ElementsAre(committed, committed));
  EXPECT_EQ(holder(), "bob");
}

TEST_P(StoreClaims, a_released_key_is_free) {
  ASSERT_TRUE(commit(claiming(alice, 0)));
  ASSERT_TRUE(commit(releasing(alice, 1)));
  EXPECT_EQ(holder(), std::nullopt);
  EXPECT_TRUE(commit(claiming(bob, 0)));
}

TEST_P(StoreClaims, releases_come_before_claims_in_a_write_set) {
  ASSERT_TRUE(commit(claiming(alice, 0)));
  auto renewed = claiming(alice, 1, at_ms(9'000'000));
  renewed.releases.push_back(email);
  EXPECT_TRUE(commit(renewed));
  EXPECT_EQ(holder(), "alice");
  EXPECT_EQ(holder(at_ms(9'000'000)), std::nullopt);
}

TEST_P(StoreClaims, a_key_passes_on_within_one_unit) {
  ASSERT_TRUE(commit(claiming(alice, 0)));
  EXPECT_TRUE(commit({releasing(alice, 1), claiming(bob, 0)}));
  EXPECT_EQ(holder(), "bob");
}

TEST_P(StoreClaims, a_key_passes_on_within_one_batch) {
  ASSERT_TRUE(commit(claiming(alice, 0)));
  const std::vector<Unit> units{make_unit(releasing(alice, 1)), make_unit(claiming(bob, 0)),
                                make_unit(claiming(alice, 2))};
  EXPECT_THAT(codes_of(store().commit(units, default_now)),
              ElementsAre(committed, committed, ErrorCode::conflict));
  EXPECT_EQ(holder(), "bob");
}

TEST_P(StoreClaims, a_refused_unit_releases_nothing) {
  ASSERT_TRUE(commit(claiming(alice, 0)));
  EXPECT_FALSE(commit({releasing(alice, 1), turn(bob, 5)}));
  EXPECT_EQ(holder(), "alice");
  EXPECT_EQ(code_of(commit(claiming(bob, 0))), ErrorCode::conflict);
}

TEST_P(StoreClaims, survive_a_restart) {
  ASSERT_TRUE(commit(claiming(alice, 0)));
  reopen();
  EXPECT_EQ(code_of(commit(claiming(bob, 0))), ErrorCode::conflict);
}

}  // namespace
}  // namespace perdure::storage
