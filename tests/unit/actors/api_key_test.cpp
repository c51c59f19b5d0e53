// SPDX-License-Identifier: Apache-2.0
#include "perdure/actors/api_key.hpp"

#include "fixture.hpp"

namespace perdure::actors {
namespace {

const ObjectId key{"api_key", "k"};
const std::string first_hash(64, 'a');
const std::string second_hash(64, 'b');

class ApiKey : public KindsTest {
 protected:
  Result<Reply> make(Json more = Json::object()) {
    Json payload{{"name", "ci"}, {"prefix", "pk_1"}, {"secret_hash", first_hash}};
    payload.update(more);
    return send(key, "create", std::move(payload), member("ann"));
  }
  Result<Reply> verify(const std::string& hash) {
    return ask(key, "verify", {{"secret_hash", hash}});
  }
  std::optional<ObjectId> holder(const std::string& hash) {
    auto found = runtime_->holder(std::string{api_key::hash_space}, hash);
    EXPECT_TRUE(found.has_value());
    return found ? *found : std::nullopt;
  }
};

TEST_F(ApiKey, is_found_by_its_hash_and_grants_what_it_says) {
  const Json made = value(
      make({{"scopes", {"notebooks:read"}}, {"rate_limit", {{"requests", 5}, {"window_s", 60}}}}));
  EXPECT_EQ(made.dump().find(first_hash), std::string::npos);
  EXPECT_EQ(made["prefix"], "pk_1");
  restart();
  EXPECT_EQ(holder(first_hash), key);
  const auto verified = verify(first_hash);
  ASSERT_TRUE(verified.has_value()) << to_string(verified.error());
  const auto grant = api_key::accept(*verified, SystemClock{}.now());
  ASSERT_TRUE(grant.has_value());
  EXPECT_EQ(grant->user_id, "ann");
  EXPECT_EQ(grant->key_id, "k");
  EXPECT_EQ(grant->scopes, std::vector<std::string>{"notebooks:read"});
  EXPECT_EQ(grant->rate_limit->requests, 5);
  EXPECT_EQ(refusal(verify(second_hash)), "unauthenticated");
}

TEST_F(ApiKey, lets_in_only_until_it_expires) {
  ASSERT_TRUE(make({{"expires_at", "2999-01-01T00:00:00+02:00"}}).has_value());
  const auto verified = verify(first_hash);
  ASSERT_TRUE(verified.has_value());
  const auto expiry = *parse_rfc3339("2998-12-31T22:00:00Z");
  EXPECT_TRUE(api_key::accept(*verified, expiry - Milliseconds{1}).has_value());
  EXPECT_EQ(api_key::accept(*verified, expiry).error().code, ErrorCode::unauthenticated);
  EXPECT_EQ(refusal(send(key, "update", {{"expires_at", "2001-01-01T00:00:00Z"}})),
            "invalid /expires_at");
}

TEST_F(ApiKey, makes_and_changes_nothing_that_holds_more) {
  const Json within{{"expires_at", "2998-01-01T00:00:00.000Z"},
                    {"rate_limit", {{"requests", 100}, {"window_s", 60}}},
                    {"requests_per_s", nullptr}};
  const Principal caller{
      .role = Principal::Role::user, .user_id = "ann", .scopes = "notebooks:write api-keys:write"};
  const Json fits{{"name", "ci"},
                  {"prefix", "pk_1"},
                  {"secret_hash", first_hash},
                  {"scopes", {"notebooks:read"}},
                  {"expires_at", "2997-01-01T00:00:00.000Z"},
                  {"rate_limit", {{"requests", 50}, {"window_s", 60}}},
                  {"within", within}};
  for (const auto& [change, field] : std::vector<std::pair<Json, std::string>>{
           {{{"scopes", {"*"}}}, "/scopes/0"},
           {{{"scopes", {"notebooks:read", "users:read"}}}, "/scopes/1"},
           {{{"scopes", {"notebooks:destroy"}}}, "/scopes/0"},
           {{{"expires_at", nullptr}}, "/expires_at"},
           {{{"expires_at", "2998-01-01T00:00:00.001Z"}}, "/expires_at"},
           {{{"rate_limit", nullptr}}, "/rate_limit"},
           {{{"rate_limit", {{"requests", 101}, {"window_s", 6000}}}}, "/rate_limit"},
           {{{"rate_limit", {{"requests", 2}, {"window_s", 1}}}}, "/rate_limit"}}) {
    Json payload = fits;
    payload.update(change);
    EXPECT_EQ(refusal(send(key, "create", payload, caller)), "forbidden " + field);
  }
  ASSERT_TRUE(send(key, "create", fits, caller));
  EXPECT_EQ(refusal(send(key, "update", {{"expires_at", nullptr}, {"within", within}}, caller)),
            "forbidden /expires_at");
  // Another key, which ends earlier, neither changes this one nor ends it.
  Json less = within;
  less["expires_at"] = "2996-01-01T00:00:00.000Z";
  const Json rotation{{"prefix", "p"}, {"secret_hash", second_hash}, {"within", less}};
  EXPECT_EQ(refusal(send(key, "update", {{"name", "x"}, {"within", less}}, caller)),
            "forbidden /expires_at");
  EXPECT_EQ(refusal(send(key, "rotate", rotation, caller)), "forbidden /expires_at");
  EXPECT_EQ(refusal(send(key, "revoke", {{"within", less}}, caller)), "forbidden /expires_at");
  EXPECT_TRUE(send(key, "revoke", {{"within", within}}, caller));
}

TEST_F(ApiKey, has_no_rate_above_that_of_all_keys_but_by_administrators) {
  const Json within{{"expires_at", nullptr}, {"rate_limit", nullptr}, {"requests_per_s", 10}};
  EXPECT_EQ(
      refusal(make({{"rate_limit", {{"requests", 601}, {"window_s", 60}}}, {"within", within}})),
      "forbidden /rate_limit");
  EXPECT_TRUE(make({{"rate_limit", {{"requests", 600}, {"window_s", 60}}}, {"within", within}}));
}

TEST_F(ApiKey, forgets_the_old_secret_when_rotated) {
  ASSERT_TRUE(make().has_value());
  const Json rotated = command(key, "rotate", {{"prefix", "pk_2"}, {"secret_hash", second_hash}});
  EXPECT_EQ(rotated["prefix"], "pk_2");
  EXPECT_EQ(holder(first_hash), std::nullopt);
  EXPECT_EQ(holder(second_hash), key);
  EXPECT_EQ(refusal(verify(first_hash)), "unauthenticated");
  EXPECT_TRUE(verify(second_hash).has_value());
}

TEST_F(ApiKey, is_of_no_use_once_revoked_even_after_undelete) {
  ASSERT_TRUE(make().has_value());
  EXPECT_FALSE(command(key, "revoke")["revoked_at"].is_null());
  EXPECT_EQ(holder(first_hash), std::nullopt);
  EXPECT_EQ(refusal(verify(first_hash)), "unauthenticated");
  command(key, "revoke");
  command(key, "$remove");
  EXPECT_EQ(refusal(verify(first_hash)), "not_found");
  command(key, "$undelete");
  EXPECT_EQ(refusal(verify(first_hash)), "unauthenticated");
  EXPECT_EQ(refusal(send(key, "rotate", {{"prefix", "p"}, {"secret_hash", second_hash}})),
            "conflict");
}

TEST_F(ApiKey, stays_revoked_whatever_an_operator_does) {
  ASSERT_TRUE(make().has_value());
  const Json before = runtime_->inspect(key)->state;
  command(key, "revoke");
  EXPECT_EQ(refusal(send(key, "$restore", {{"seq", 1}})), "invalid /revoked_at");
  EXPECT_EQ(refusal(send(key, "$replace", before)), "invalid /revoked_at");
  EXPECT_EQ(refusal(send(key, "$patch", {{"revoked_at", nullptr}})), "invalid /revoked_at");
  EXPECT_EQ(refusal(send(key, "$patch", {{"internal", {{"secret_hash", first_hash}}}})),
            "invalid /revoked_at");
  EXPECT_EQ(holder(first_hash), std::nullopt);
}

TEST_F(ApiKey, is_of_no_use_while_it_is_removed) {
  ASSERT_TRUE(make().has_value());
  auto verified = verify(first_hash);
  ASSERT_TRUE(verified.has_value());
  command(key, "$remove");
  EXPECT_EQ(refusal(verify(first_hash)), "not_found");
  verified->meta.deleted_at = SystemClock{}.now();
  EXPECT_FALSE(api_key::accept(*verified, SystemClock{}.now()).has_value());
}

TEST_F(ApiKey, has_a_secret_that_no_other_key_has) {
  ASSERT_TRUE(make().has_value());
  EXPECT_EQ(refusal(send({"api_key", "other"}, "create",
                         {{"name", "x"}, {"prefix", "p"}, {"secret_hash", first_hash}})),
            "conflict /internal/secret_hash");
}

TEST_F(ApiKey, notes_its_use_once_in_an_interval) {
  ASSERT_TRUE(make().has_value());
  command(key, "touch");
  const auto first = query(key, "get")["last_used_at"];
  EXPECT_FALSE(first.is_null());
  command(key, "touch");
  EXPECT_EQ(query(key, "get")["last_used_at"], first);
  EXPECT_EQ(runtime_->inspect(key)->meta.seq, 2);
  const auto grant = api_key::accept(*verify(first_hash), SystemClock{}.now());
  ASSERT_TRUE(grant.has_value());
  EXPECT_FALSE(grant->is_due_for_touch(*grant->last_used_at + std::chrono::seconds{59}));
  EXPECT_TRUE(grant->is_due_for_touch(*grant->last_used_at + std::chrono::seconds{60}));
}

TEST_F(ApiKey, refuses_fields_that_break_a_rule) {
  EXPECT_EQ(refusal(make({{"secret_hash", "abc"}})), "invalid /secret_hash");
  EXPECT_EQ(refusal(make({{"secret_hash", std::string(64, 'A')}})), "invalid /secret_hash");
  EXPECT_EQ(refusal(make({{"prefix", ""}})), "invalid /prefix");
  EXPECT_EQ(refusal(make({{"scopes", {std::string(101, 'x')}}})), "invalid /scopes/0");
  EXPECT_EQ(refusal(make({{"scopes", Json::array()}})), "invalid /scopes");
  EXPECT_EQ(refusal(make({{"expires_at", "2001-01-01T00:00:00Z"}})), "invalid /expires_at");
  ASSERT_TRUE(make({{"scopes", {"users:read"}}}).has_value());
  EXPECT_EQ(refusal(send(key, "update", {{"scopes", nullptr}})), "invalid /scopes");
  EXPECT_EQ(refusal(send(key, "update", {{"secret_hash", second_hash}})), "invalid /secret_hash");
}

}  // namespace
}  // namespace perdure::actors
