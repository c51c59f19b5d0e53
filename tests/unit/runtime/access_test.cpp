// SPDX-License-Identifier: Apache-2.0
// The table of access: one row is one case, and all that `permits` knows stands in it.
#include "perdure/runtime/access.hpp"

#include <gtest/gtest.h>

#include <set>
#include <vector>

namespace perdure {
namespace {

using enum Action;
using Outcome = Verdict::Outcome;

constexpr auto yes = Outcome::allowed;
constexpr auto forbidden = Outcome::forbidden;
constexpr auto hidden = Outcome::hidden;

Principal with_scopes(Principal principal, std::string scopes) {
  principal.scopes = std::move(scopes);
  return principal;
}

const Principal host{.role = Principal::Role::system};
const Principal admin{.role = Principal::Role::admin, .user_id = "root"};
const Principal admin_all = with_scopes(admin, "users:read *");
const Principal admin_some = with_scopes(admin, "durable-objects:write users:write");
const Principal ann{.role = Principal::Role::user, .user_id = "ann"};
const Principal bob{.role = Principal::Role::user, .user_id = "bob"};
const Principal bob_all = with_scopes(bob, "*");
const Principal nobody{.role = Principal::Role::user};
/// A user whose id looks like an organization's owner text.
const Principal pretender{.role = Principal::Role::user, .user_id = "organization:acme"};

const Owner of_ann = Owner::user("ann");
const Owner of_acme = Owner::organization("acme");
const Owner of_host = Owner::host();

const std::vector<ObjectGrant> none;
const std::vector<ObjectGrant> bob_views{{Owner::user("bob"), ObjectGrant::Role::viewer}};
const std::vector<ObjectGrant> bob_edits{{Owner::user("bob"), ObjectGrant::Role::editor}};
const std::vector<ObjectGrant> acme_edits{{Owner::organization("acme"), ObjectGrant::Role::editor}};
const std::vector<ObjectGrant> eve_edits{{Owner::user("eve"), ObjectGrant::Role::editor}};

struct Case {
  const Principal& principal;
  const Owner& owner;
  const std::vector<ObjectGrant>& grants;
  Reach reach;
  Action action;
  Outcome outcome;
  std::string_view rule;
};

constexpr auto open = Reach::open;
constexpr auto system = Reach::system;

const std::vector<Case> table{
    // The host itself.
    {host, of_ann, none, open, read, yes, "host"},
    {host, of_ann, none, open, change, yes, "host"},
    {host, of_ann, none, open, administer, yes, "host"},
    {host, of_ann, none, open, share, yes, "host"},
    {host, of_ann, none, open, create, yes, "host"},
    {host, of_ann, none, system, operate, yes, "host"},
    {host, of_acme, none, open, change, yes, "host"},
    {host, of_ann, none, system, share, forbidden, "system_kind"},
    // An administrator.
    {admin, of_ann, none, open, read, yes, "administrator"},
    {admin, of_ann, none, open, change, yes, "administrator"},
    {admin, of_ann, none, open, administer, yes, "administrator"},
    {admin, of_ann, none, open, share, yes, "administrator"},
    {admin, of_ann, none, open, create, yes, "administrator"},
    {admin, of_acme, none, open, create, yes, "administrator"},
    {admin, of_acme, none, open, read, yes, "administrator"},
    {admin, of_host, none, open, change, yes, "administrator"},
    {admin, of_ann, none, open, operate, yes, "administrator"},
    {admin, of_ann, none, system, operate, yes, "administrator"},
    {admin_all, of_ann, none, system, operate, yes, "administrator"},
    {admin_some, of_ann, none, open, operate, yes, "administrator"},
    {admin_some, of_ann, none, system, operate, forbidden, "scope_missing"},
    {admin_some, of_ann, none, system, read, yes, "administrator"},
    {admin, of_ann, none, system, share, forbidden, "system_kind"},
    // The owner.
    {ann, of_ann, none, open, read, yes, "owner"},
    {ann, of_ann, none, open, change, yes, "owner"},
    {ann, of_ann, none, open, administer, yes, "owner"},
    {ann, of_ann, none, open, share, yes, "owner"},
    {ann, of_ann, none, open, create, yes, "owner"},
    {ann, of_ann, none, system, change, yes, "owner"},
    {ann, of_ann, none, system, share, forbidden, "system_kind"},
    {ann, of_ann, none, open, operate, forbidden, "not_administrator"},
    {ann, of_ann, none, system, operate, forbidden, "not_administrator"},
    {ann, of_ann, bob_edits, open, change, yes, "owner"},
    // A viewer.
    {bob, of_ann, bob_views, open, read, yes, "grant_viewer"},
    {bob, of_ann, bob_views, open, change, forbidden, "grant_viewer"},
    {bob, of_ann, bob_views, open, administer, forbidden, "owner_only"},
    {bob, of_ann, bob_views, open, share, forbidden, "owner_only"},
    {bob, of_ann, bob_views, open, operate, forbidden, "not_administrator"},
    {bob, of_acme, bob_views, open, read, yes, "grant_viewer"},
    {bob, of_host, bob_views, open, read, yes, "grant_viewer"},
    {bob, of_ann, bob_views, system, read, hidden, "not_reader"},
    // An editor.
    {bob, of_ann, bob_edits, open, read, yes, "grant_editor"},
    {bob, of_ann, bob_edits, open, change, yes, "grant_editor"},
    {bob, of_ann, bob_edits, open, administer, forbidden, "owner_only"},
    {bob, of_ann, bob_edits, open, share, forbidden, "owner_only"},
    {bob, of_ann, bob_edits, open, create, forbidden, "not_owner"},
    {bob, of_ann, bob_edits, system, change, hidden, "not_reader"},
    // Anybody else, whatever the key's scopes.
    {bob, of_ann, none, open, read, hidden, "not_reader"},
    {bob_all, of_ann, none, open, read, hidden, "not_reader"},
    {bob, of_ann, eve_edits, open, change, hidden, "not_reader"},
    {bob, of_ann, none, open, administer, hidden, "not_reader"},
    {bob, of_ann, none, open, share, hidden, "not_reader"},
    {bob, of_ann, none, system, share, hidden, "not_reader"},
    {bob, of_ann, bob_edits, system, share, hidden, "not_reader"},
    {bob, of_ann, none, open, create, forbidden, "not_owner"},
    {bob, of_acme, none, open, create, forbidden, "not_owner"},
    {bob, of_host, none, open, create, forbidden, "not_owner"},
    {bob_all, of_ann, none, open, operate, forbidden, "not_administrator"},
    {bob, of_host, none, open, read, hidden, "not_reader"},
    // Who has no id owns nothing, not even what is the host's.
    {nobody, of_host, none, open, read, hidden, "not_reader"},
    {nobody, of_host, none, open, create, forbidden, "not_owner"},
    // Nobody is a member of an organization, and an id that looks like one is none.
    {bob, of_acme, none, open, read, hidden, "not_reader"},
    {bob, of_ann, acme_edits, open, read, hidden, "not_reader"},
    {pretender, of_acme, none, open, read, hidden, "not_reader"},
    {pretender, of_ann, acme_edits, open, read, hidden, "not_reader"},
    {pretender, of_acme, none, open, create, forbidden, "not_owner"},
};

TEST(Access, is_what_its_table_says) {
  for (std::size_t row = 0; row < table.size(); ++row) {
    const auto& one = table[row];
    const auto verdict = permits(
        one.principal, {.owner = one.owner, .grants = one.grants, .reach = one.reach}, one.action);
    EXPECT_EQ(verdict.outcome, one.outcome) << "row " << row << ": " << one.rule;
    EXPECT_EQ(verdict.rule, one.rule) << "row " << row;
    EXPECT_EQ(verdict.allowed(), one.outcome == yes) << "row " << row;
  }
}

TEST(Access, tells_a_stranger_nothing_and_others_why) {
  std::set<std::string> details;
  std::set<std::string_view> rules;
  for (const auto& one : table) {
    if (one.outcome == yes) continue;
    const auto error = refusal({one.outcome, one.rule}, {"note", "n"});
    EXPECT_EQ(error.code, one.outcome == hidden ? ErrorCode::not_found : ErrorCode::forbidden)
        << one.rule;
    EXPECT_EQ(error.detail == "there is no note n", one.outcome == hidden) << error.detail;
    details.insert(error.detail);
    rules.insert(one.rule);
  }
  EXPECT_EQ(details.size(), rules.size()) << "two rules have one text, or a rule has none";
}

TEST(Access, of_a_member_with_two_grants_is_the_wider_one) {
  const std::vector<ObjectGrant> both{{Owner::user("bob"), ObjectGrant::Role::editor},
                                      {Owner::user("bob"), ObjectGrant::Role::viewer}};
  EXPECT_EQ(permits(bob, {.owner = of_ann, .grants = both}, change).rule, "grant_editor");
}

TEST(Scopes, include_reading_in_writing_and_nothing_in_destroying) {
  using enum ScopeAccess;
  struct Row {
    std::string_view scopes;
    std::string_view resource;
    ScopeAccess access;
    bool allowed;
  };
  constexpr Row rows[]{
      {"*", "notes", ScopeAccess::read, true},
      {"*", "notes", destroy, true},
      {"tasks:read *", "notes", destroy, true},
      {"notes:read", "notes", ScopeAccess::read, true},
      {"notes:read", "notes", write, false},
      {"notes:write", "notes", ScopeAccess::read, true},
      {"notes:write", "notes", write, true},
      {"notes:write", "notes", destroy, false},
      {"notes:destroy", "notes", destroy, true},
      {"notes:destroy", "notes", ScopeAccess::read, false},
      {"notes:destroy", "notes", write, false},
      {"tasks:write notes:read", "notes", ScopeAccess::read, true},
      {"tasks:write notes:read", "notes", write, false},
      {"tasks:write", "notes", ScopeAccess::read, false},
      {"notes", "notes", ScopeAccess::read, false},
      {"notes:", "notes", ScopeAccess::read, false},
      {"note:read", "notes", ScopeAccess::read, false},
      {"notes:reads", "notes", ScopeAccess::read, false},
      {"*:read", "notes", ScopeAccess::read, false},
      {"", "notes", ScopeAccess::read, false},
      {" ", "", ScopeAccess::read, false},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(scope_allows(row.scopes, row.resource, row.access), row.allowed)
        << row.scopes << " for " << row.resource << ':' << name_of(row.access);
  }
}

TEST(Scopes, give_away_what_they_open_and_no_more) {
  constexpr std::string_view some = "notes:write tasks:read";
  for (const auto* given : {"notes:write", "notes:read", "tasks:read"}) {
    EXPECT_TRUE(scope_includes(some, given)) << given;
  }
  for (const auto* kept : {"*", "tasks:write", "notes:destroy", "users:read", "notes", "notes:x",
                           "", ":", "x:notes:write"}) {
    EXPECT_FALSE(scope_includes(some, kept)) << kept;
    EXPECT_TRUE(scope_includes("*", kept)) << kept;
  }
}

TEST(Scopes, are_joined_without_any_that_would_be_several) {
  EXPECT_EQ(join_scopes(std::vector<std::string>{"a:read", "b:write"}), "a:read b:write");
  EXPECT_EQ(join_scopes(std::vector<std::string>{"a:read *", "", "b:read"}), "b:read");
}

}  // namespace
}  // namespace perdure
