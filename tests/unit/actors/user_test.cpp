// SPDX-License-Identifier: Apache-2.0
#include "perdure/actors/user.hpp"

#include "fixture.hpp"
#include "perdure/actors/resource.hpp"
#include "perdure/runtime/schedule.hpp"

namespace perdure::actors {
namespace {

const ObjectId ann{"user", "ann"};
constexpr const char* hash = "$2b$12$abcdefghijklmnopqrstuuW0mQq3Wm7n0y1T2jzQm0qk9b1Yx4S5a";

class User : public KindsTest {
 protected:
  Result<Reply> make(const std::string& id, Json fields) {
    return runtime_
        ->call(
            {.target = {"user", id}, .name = "create", .payload = std::move(fields), .owner = id})
        .get();
  }
  std::optional<ObjectId> holder(std::string_view space, const std::string& key) {
    auto found = runtime_->holder(std::string{space}, key);
    EXPECT_TRUE(found.has_value());
    return found ? *found : std::nullopt;
  }
};

TEST_F(User, never_shows_its_password_hash_but_to_who_logs_in) {
  const Json made = value(make("ann", {{"email", "Ann@Example.org"}, {"hashed_password", hash}}));
  EXPECT_EQ(made.dump().find("$2b$"), std::string::npos);
  EXPECT_EQ(made["email"], "Ann@Example.org");
  EXPECT_EQ(made["is_superuser"], false);
  EXPECT_EQ(made["email_verified"], false);
  EXPECT_EQ(query(ann, "password")["hashed_password"], hash);
  const Principal admin{.role = Principal::Role::admin, .user_id = "root"};
  const auto seen =
      runtime_
          ->call({.target = ann, .type = CallType::query, .name = "password", .principal = admin})
          .get();
  EXPECT_EQ(refusal(seen), "forbidden");
  EXPECT_EQ(resource_body(*runtime_->inspect(ann)).dump().find("$2b$"), std::string::npos);
  command(ann, "set_password", {{"hashed_password", nullptr}});
  restart();
  EXPECT_EQ(query(ann, "password")["hashed_password"], nullptr);
  EXPECT_EQ(refusal(send(ann, "set_password", {{"hashed_password", "secret"}})),
            "invalid /hashed_password");
  EXPECT_EQ(refusal(send(ann, "update", {{"hashed_password", hash}})), "invalid /hashed_password");
}

TEST_F(User, has_an_email_and_username_that_nobody_else_has_in_any_case) {
  ASSERT_TRUE(make("ann", {{"email", "ann@example.org"}, {"username", "Ann"}}).has_value());
  EXPECT_EQ(refusal(make("bob", {{"email", "ANN@example.ORG"}})), "conflict /email");
  EXPECT_EQ(refusal(make("bob", {{"email", "b@example.org"}, {"username", "aNN"}})),
            "conflict /username");
  EXPECT_EQ(holder(user::email_space, "ann@example.org"), ann);
  ASSERT_TRUE(make("bob", {{"email", "b@example.org"}}).has_value());
  EXPECT_EQ(refusal(send({"user", "bob"}, "update", {{"username", "ANN"}})), "conflict /username");
}

TEST_F(User, has_names_that_follow_it_whatever_changes_its_state) {
  ASSERT_TRUE(make("ann", {{"email", "a@x.org"}}).has_value());
  command(ann, "update", {{"email", "b@x.org"}});
  ASSERT_TRUE(make("bob", {{"email", "A@x.org"}}).has_value());
  EXPECT_EQ(refusal(send(ann, "$restore", {{"seq", 1}})), "conflict /email");
  EXPECT_EQ(refusal(send(ann, "$patch", {{"email", "a@X.org"}})), "conflict /email");
  Json state = runtime_->inspect(ann)->state;
  EXPECT_EQ(refusal(send({"user", "copy"}, "$import", {{"state", state}})), "conflict /email");
  state["email"] = "c@x.org";
  command(ann, "$replace", state);
  EXPECT_EQ(holder(user::email_space, "b@x.org"), std::nullopt);
  EXPECT_EQ(holder(user::email_space, "c@x.org"), ann);
  command({"user", "bob"}, "update", {{"email", "d@x.org"}});
  command(ann, "$restore", {{"seq", 1}});
  EXPECT_EQ(holder(user::email_space, "a@x.org"), ann);
}

TEST_F(User, keeps_its_rules_when_an_operator_changes_its_state) {
  ASSERT_TRUE(make("ann", {{"email", "a@x.org"}}).has_value());
  EXPECT_EQ(refusal(send(ann, "$patch", {{"role", "admin"}})), "invalid /is_superuser");
  EXPECT_EQ(refusal(send(ann, "$patch", {{"preferences", {{"time_zone", "Mars/X"}}}})),
            "invalid /preferences/time_zone");
  command(ann, "$patch", {{"role", "admin"}, {"is_superuser", true}});
}

TEST_F(User, keeps_its_password_when_its_state_is_replaced_without_it) {
  ASSERT_TRUE(make("ann", {{"email", "a@x.org"}, {"hashed_password", hash}}).has_value());
  const auto kinds = domain_kinds();
  const auto kind = std::ranges::find(kinds, "user", &Kind::name);
  Json seen = without_secrets(kind->definition(), runtime_->inspect(ann)->state);
  EXPECT_EQ(seen.dump().find("$2b$"), std::string::npos);
  seen["full_name"] = "Ann";
  command(ann, "$replace", seen);
  EXPECT_EQ(query(ann, "password")["hashed_password"], hash);
  EXPECT_EQ(query(ann, "get")["full_name"], "Ann");
}

TEST_F(User, sets_free_the_names_that_it_gives_up) {
  ASSERT_TRUE(make("ann", {{"email", "a@x.org"}, {"username", "ann"}}).has_value());
  command(ann, "update", {{"email", "b@x.org"}, {"username", nullptr}});
  EXPECT_EQ(holder(user::email_space, "a@x.org"), std::nullopt);
  EXPECT_EQ(holder(user::username_space, "ann"), std::nullopt);
  EXPECT_EQ(holder(user::email_space, "b@x.org"), ann);
  EXPECT_TRUE(make("bob", {{"email", "A@x.org"}, {"username", "ANN"}}).has_value());
  // Another case of the same name is no other name.
  command(ann, "update", {{"email", "B@x.org"}});
  EXPECT_EQ(holder(user::email_space, "b@x.org"), ann);
}

TEST_F(User, has_to_verify_another_email_anew) {
  ASSERT_TRUE(make("ann", {{"email", "a@x.org"}, {"email_verified", true}}).has_value());
  EXPECT_EQ(command(ann, "update", {{"full_name", "Ann"}})["email_verified"], true);
  EXPECT_EQ(command(ann, "update", {{"email", "b@x.org"}})["email_verified"], false);
  EXPECT_EQ(command(ann, "verify_email")["email_verified"], true);
}

TEST_F(User, cannot_raise_itself) {
  ASSERT_TRUE(make("ann", {{"email", "a@x.org"}}).has_value());
  EXPECT_EQ(refusal(send(ann, "update", {{"role", "admin"}}, member("ann"))), "forbidden");
  EXPECT_EQ(refusal(send(ann, "update", {{"is_active", false}}, member("ann"))), "forbidden");
  EXPECT_TRUE(send(ann, "update", {{"role", "user"}, {"full_name", "A"}}, member("ann")));
  EXPECT_EQ(command(ann, "update", {{"role", "admin"}})["is_superuser"], true);
}

TEST_F(User, replaces_and_patches_its_preferences) {
  ASSERT_TRUE(make("ann", {{"email", "a@x.org"}}).has_value());
  EXPECT_EQ(query(ann, "preferences"), Json::object());
  EXPECT_EQ(command(ann, "set_preferences", {{"time_zone", "Europe/Berlin"}, {"a", 1}}),
            Json({{"time_zone", "Europe/Berlin"}, {"a", 1}}));
  EXPECT_EQ(command(ann, "patch_preferences", {{"b", 2}, {"a", nullptr}}),
            Json({{"time_zone", "Europe/Berlin"}, {"b", 2}}));
  EXPECT_EQ(command(ann, "set_preferences", {{"c", 3}}), Json({{"c", 3}}));
  EXPECT_EQ(refusal(send(ann, "set_preferences", {{"time_zone", "Mars/Olympus"}})),
            "invalid /time_zone");
  EXPECT_EQ(refusal(send(ann, "patch_preferences", {{"time_zone", 5}})), "invalid /time_zone");
  EXPECT_EQ(refusal(send(ann, "set_preferences", Json::array())), "invalid ");
  EXPECT_EQ(refusal(send(ann, "update", {{"preferences", {{"time_zone", "posix/UTC"}}}})),
            "invalid /preferences/time_zone");
  EXPECT_EQ(query(ann, "preferences"), Json({{"c", 3}}));
}

TEST_F(User, knows_the_time_zones_of_the_database) {
  for (const char* name : {"UTC", "Europe/Berlin", "America/Argentina/Ushuaia", "Etc/GMT+5"}) {
    EXPECT_TRUE(is_time_zone(name)) << name;
  }
  for (const char* name :
       {"", "utc/", "../UTC", "/etc/passwd", "Europe", "right/UTC", "zone.tab"}) {
    EXPECT_FALSE(is_time_zone(name)) << name;
  }
}

TEST_F(User, is_deactivated_and_activated) {
  ASSERT_TRUE(make("ann", {{"email", "a@x.org"}}).has_value());
  EXPECT_EQ(command(ann, "deactivate")["is_active"], false);
  EXPECT_EQ(query(ann, "account")["is_active"], false);
  EXPECT_EQ(command(ann, "activate")["is_active"], true);
}

TEST_F(User, leaves_nothing_in_its_state_when_erased) {
  ASSERT_TRUE(make("ann", {{"email", "a@x.org"},
                           {"username", "ann"},
                           {"full_name", "Ann"},
                           {"hashed_password", hash},
                           {"metadata", {{"k", "v"}}}})
                  .has_value());
  command(ann, "erase");
  const std::string left = runtime_->inspect(ann)->state.dump();
  for (const char* text : {"a@x.org", "\"ann\"", "Ann", "$2b$", "\"v\""}) {
    EXPECT_EQ(left.find(text), std::string::npos) << left;
  }
  EXPECT_EQ(query(ann, "account")["is_active"], false);
  EXPECT_EQ(refusal(send(ann, "activate")), "conflict");
  EXPECT_EQ(refusal(send(ann, "update", {{"full_name", "x"}})), "invalid /email");
  EXPECT_TRUE(make("bob", {{"email", "a@x.org"}, {"username", "ann"}}).has_value());
}

TEST_F(User, refuses_fields_that_break_a_rule) {
  EXPECT_EQ(refusal(make("ann", {{"email", "nobody"}})), "invalid /email");
  EXPECT_EQ(refusal(make("ann", Json::object())), "invalid /email");
  EXPECT_EQ(refusal(make("ann", {{"email", "a@x.org"}, {"role", "king"}})), "invalid /role");
  EXPECT_EQ(refusal(make("ann", {{"email", "a@x.org"}, {"hashed_password", "abc"}})),
            "invalid /hashed_password");
  EXPECT_EQ(refusal(make("ann", {{"email", "a@x.org"}, {"username", "a b"}})), "invalid /username");
  EXPECT_FALSE(runtime_->inspect(ann).has_value());
}

}  // namespace
}  // namespace perdure::actors
