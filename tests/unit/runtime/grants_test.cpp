// SPDX-License-Identifier: Apache-2.0
// Owners and grants on a real data directory: what is not one's own does not exist, unless it is
// shared, and as long as it is.
#include <gmock/gmock.h>

#include <future>

#include "fixture.hpp"
#include "perdure/runtime/access.hpp"

namespace perdure {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const Principal cho{.role = Principal::Role::user, .user_id = "cho"};

Kind key_kind() {
  return kind<Json>("key")
      .command("set", [](Turn&, Json& self, const Json& change) { merge_patch(self, change); })
      .reach(Reach::system);
}

/// One whose changes are told.
Kind card_kind() {
  return kind<Json>("card")
      .command("set", [](Turn&, Json& self, const Json& change) { merge_patch(self, change); })
      .publish_changes({});
}

class Grants : public RuntimeTest {
 protected:
  Grants() : RuntimeTest({counter_kind(), note_kind(), account_kind(), key_kind(), card_kind()}) {}

  Result<Reply> as(const Principal& principal, CallType type, const std::string& name,
                   std::optional<std::string> owner = {}) {
    return runtime_
        ->call({.target = counter,
                .type = type,
                .name = name,
                .payload = Add{1},
                .principal = principal,
                .owner = std::move(owner)})
        .get();
  }
  Result<Reply> share(const std::string& user, const std::string& role, const Principal& by = ann) {
    return run(by, counter, builtin::share, {{"grantee", {{"user_id", user}}}, {"role", role}});
  }
  Result<Reply> unshare(const std::string& user, const Principal& by = ann) {
    return run(by, counter, builtin::unshare, {{"grantee", {{"user_id", user}}}});
  }
  Result<Reply> read(const Principal& principal) { return as(principal, CallType::query, "value"); }
  Result<Reply> add(const Principal& principal) { return as(principal, CallType::command, "add"); }

  Json grants_now() {
    const auto view = runtime_->inspect(counter);
    return view ? grants_json(view->meta) : Json();
  }
  std::vector<std::string> shared_with(const std::string& user) {
    const auto page = runtime_->list({.kind = "counter", .index = "$reader", .owner = user});
    EXPECT_TRUE(page) << to_string(page.error());
    std::vector<std::string> ids;
    if (!page) return ids;
    for (const auto& item : page->items) ids.push_back(item.meta.object().id);
    return ids;
  }
  std::size_t events_seen_by(const Principal& principal) {
    const auto page = runtime_->read_events({.principal = principal});
    EXPECT_TRUE(page) << to_string(page.error());
    return page ? page->events.size() : 0;
  }

  const ObjectId counter{"counter", "a"};
};

TEST_F(Grants, are_told_when_they_come_change_and_go) {
  const ObjectId card{"card", "a"};
  const Json to_bob{{"grantee", {{"user_id", "bob"}}}};
  value(run(ann, card, "set", {{"title", "x"}}));
  value(run(ann, card, builtin::share, {{"grantee", {{"user_id", "bob"}}}, {"role", "viewer"}}));
  value(run(ann, card, builtin::share, {{"grantee", {{"user_id", "bob"}}}, {"role", "editor"}}));
  value(run(ann, card, builtin::share, {{"grantee", {{"user_id", "bob"}}}, {"role", "editor"}}));
  value(run(ann, card, builtin::unshare, to_bob));
  const auto page = runtime_->read_events({});
  ASSERT_TRUE(page);
  std::vector<std::string> topics;
  for (const auto& event : page->events) topics.push_back(event->topic);
  EXPECT_THAT(topics, ElementsAre("card.created", "card.shared", "card.shared", "card.unshared"));
  const auto& last = *page->events.back();
  EXPECT_EQ(Json::parse(last.body).at("data"), Json({{"id", "a"}, {"seq", 4}, {"grantee", "bob"}}));
  EXPECT_EQ(last.seq, 4U);
  // Those who look on behalf of readers find whom it concerns; he himself may not see it any more.
  EXPECT_THAT(last.grants, ElementsAre(ObjectGrant{Owner::user("bob")}));
  EXPECT_EQ(events_seen_by(bob), 0U);
}

TEST_F(Grants, the_creator_owns_and_a_stranger_sees_nothing) {
  value(add(ann));
  EXPECT_EQ(runtime_->inspect(counter)->meta.origin->owner, Owner::user("ann"));
  EXPECT_EQ(code(add(bob)), ErrorCode::not_found);
  EXPECT_EQ(code(read(bob)), ErrorCode::not_found);
  EXPECT_EQ(code(run(bob, counter, builtin::remove)), ErrorCode::not_found);
  EXPECT_EQ(code(share("bob", "editor", bob)), ErrorCode::not_found);
  EXPECT_EQ(value(read(root)), 1);
  EXPECT_EQ(value(read(ann)), 1);
}

TEST_F(Grants, only_an_admin_creates_for_somebody_else) {
  EXPECT_EQ(code(as(bob, CallType::command, "add", "ann")), ErrorCode::forbidden);
  EXPECT_EQ(code(as(bob, CallType::command, "add", "organization:acme")), ErrorCode::forbidden);
  value(as(root, CallType::command, "add", "ann"));
  EXPECT_EQ(value(read(ann)), 1);
}

TEST_F(Grants, what_an_organization_owns_is_reached_by_admins_alone) {
  value(as(root, CallType::command, "add", "organization:acme"));
  EXPECT_EQ(runtime_->inspect(counter)->meta.origin->owner.type(), Owner::Type::organization);
  EXPECT_EQ(code(read({.role = Principal::Role::user, .user_id = "organization:acme"})),
            ErrorCode::not_found);
  EXPECT_EQ(code(read({.role = Principal::Role::user, .user_id = "acme"})), ErrorCode::not_found);
  EXPECT_EQ(value(read(root)), 1);
}

TEST_F(Grants, a_viewer_reads_and_an_editor_changes_and_neither_does_more) {
  value(add(ann));
  const auto shared = share("bob", "viewer");
  EXPECT_EQ(value(shared),
            Json::parse(R"({"grants":[{"grantee":{"user_id":"bob"},"role":"viewer"}]})"));
  value(share("cho", "editor"));
  restart();
  EXPECT_EQ(value(read(bob)), 1);
  EXPECT_EQ(code(add(bob)), ErrorCode::forbidden);
  EXPECT_EQ(value(add(cho)), 2);
  for (const auto& grantee : {bob, cho}) {
    for (const auto command : {builtin::remove, builtin::undelete, builtin::purge}) {
      EXPECT_EQ(code(run(grantee, counter, command)), ErrorCode::forbidden) << command;
    }
    EXPECT_EQ(code(share("dan", "viewer", grantee)), ErrorCode::forbidden);
    EXPECT_EQ(code(unshare("cho", grantee)), ErrorCode::forbidden);
  }
  EXPECT_EQ(runtime_->inspect(counter)->meta.updated_by, "cho");
  EXPECT_EQ(runtime_->inspect(counter)->meta.origin->owner, Owner::user("ann"));
}

TEST_F(Grants, a_withdrawn_grant_is_one_for_nothing) {
  value(add(ann));
  value(share("bob", "editor"));
  value(add(bob));
  EXPECT_EQ(value(share("bob", "viewer"))["grants"].size(), 1U);
  EXPECT_EQ(code(add(bob)), ErrorCode::forbidden);
  value(unshare("bob"));
  EXPECT_EQ(code(read(bob)), ErrorCode::not_found);
  EXPECT_EQ(code(unshare("bob")), ErrorCode::not_found);
  EXPECT_EQ(grants_now(), Json::array());
}

TEST_F(Grants, that_change_nothing_are_no_turns) {
  value(add(ann));
  const auto seq = share("bob", "viewer")->meta.seq;
  EXPECT_EQ(share("bob", "viewer")->meta.seq, seq);
  EXPECT_EQ(runtime_->inspect(counter)->meta.seq, seq);
}

TEST_F(Grants, stay_through_every_turn_of_a_life_and_end_with_it) {
  value(add(ann));                // 1
  value(share("bob", "viewer"));  // 2
  const auto kept = grants_now();
  value(add(ann));
  value(run(ann, counter, builtin::restore, {{"seq", 1}}));
  value(run(ann, counter, builtin::replace, {{"value", 7}}));
  value(run(ann, counter, builtin::patch, {{"value", 8}}));
  EXPECT_EQ(grants_now(), kept);
  value(run(ann, counter, builtin::remove));
  EXPECT_EQ(code(read(bob)), ErrorCode::not_found);
  EXPECT_EQ(code(run(bob, counter, builtin::create)), ErrorCode::not_found);
  EXPECT_THAT(shared_with("bob"), IsEmpty());
  value(run(ann, counter, builtin::undelete));
  EXPECT_EQ(grants_now(), kept);
  EXPECT_EQ(value(read(bob)), 8);
  value(run(ann, counter, builtin::remove));
  value(run(ann, counter, builtin::create));
  EXPECT_EQ(grants_now(), Json::array());
  EXPECT_EQ(code(read(bob)), ErrorCode::not_found);
}

TEST_F(Grants, go_with_a_purge_and_into_no_export) {
  value(add(ann));
  value(share("bob", "viewer"));
  std::string file;
  ASSERT_TRUE(runtime_->export_object(counter, {}, [&](std::string_view text) { file += text; }));
  EXPECT_EQ(file.find("bob"), std::string::npos) << file;
  value(run(ann, counter, builtin::remove));
  value(run(ann, counter, builtin::purge));
  EXPECT_THAT(shared_with("bob"), IsEmpty());
  value(add(ann));
  EXPECT_EQ(code(read(bob)), ErrorCode::not_found);
}

TEST_F(Grants, are_listed_for_their_grantees) {
  for (const auto* id : {"c", "a", "b"}) {
    value(
        runtime_
            ->call({.target = {"counter", id}, .name = "add", .payload = Add{1}, .principal = ann})
            .get());
    value(run(ann, {"counter", id}, builtin::share,
              {{"grantee", {{"user_id", "bob"}}}, {"role", "viewer"}}));
  }
  EXPECT_THAT(shared_with("bob"), ElementsAre("a", "b", "c"));
  EXPECT_THAT(shared_with("bo"), IsEmpty());
  EXPECT_THAT(shared_with("ann"), IsEmpty());
  value(unshare("bob"));
  EXPECT_THAT(shared_with("bob"), ElementsAre("b", "c"));
  restart();
  EXPECT_THAT(shared_with("bob"), ElementsAre("b", "c"));
  const auto deleted = runtime_->list({.kind = "counter",
                                       .index = "$reader",
                                       .owner = "bob",
                                       .lives = ListRequest::Lives::deleted});
  EXPECT_TRUE(!deleted || deleted->items.empty());
}

TEST_F(Grants, show_the_events_of_shared_turns_while_they_stand) {
  value(add(ann));
  EXPECT_EQ(events_seen_by(bob), 0U);
  value(share("bob", "viewer"));
  value(add(ann));
  value(add(ann));
  EXPECT_EQ(events_seen_by(bob), 2U);
  restart();
  EXPECT_EQ(events_seen_by(bob), 2U);
  EXPECT_EQ(events_seen_by(cho), 0U);
  const auto page = runtime_->read_events({.principal = bob});
  EXPECT_EQ(page->events.front()->body.find("bob"), std::string::npos) << "readers see no grantees";
  value(unshare("bob"));
  EXPECT_EQ(events_seen_by(bob), 0U);
  EXPECT_EQ(events_seen_by(ann), 3U);
}

TEST_F(Grants, let_a_viewer_take_a_copy_of_now_and_a_former_one_none_of_the_past) {
  value(add(ann));
  value(share("bob", "viewer"));
  const auto clone = [&](AsOf as_of, const std::string& to) {
    std::promise<Result<Reply>> done;
    runtime_->clone_object(counter, std::move(as_of), {.target = {"counter", to}, .principal = bob},
                           [&](Result<Reply> reply) { done.set_value(std::move(reply)); });
    return done.get_future().get();
  };
  const auto copy = clone({}, "copy");
  ASSERT_TRUE(copy) << to_string(copy.error());
  EXPECT_EQ(copy->meta.origin->owner, Owner::user("bob"));
  EXPECT_EQ(copy->meta.grants, nullptr);
  value(unshare("bob"));
  EXPECT_EQ(code(clone(Seq{2}, "late")), ErrorCode::not_found);
}

TEST_F(Grants, bind_every_step_of_a_transaction) {
  value(add(ann));
  value(share("bob", "viewer"));
  const auto transact = [&](const std::string& id) {
    std::promise<Result<Reply>> done;
    runtime_->transact({{{"counter", id}, "add", Add{1}}}, {.principal = bob},
                       [&](Result<Reply> reply) { done.set_value(std::move(reply)); });
    return done.get_future().get();
  };
  EXPECT_EQ(code(transact("a")), ErrorCode::forbidden);
  value(transact("bobs"));
  value(share("bob", "editor"));
  value(transact("a"));
}

TEST_F(Grants, are_bounded_and_checked) {
  value(add(ann));
  for (std::size_t i = 0; i < limits::object_grants_max; ++i) {
    value(share("user" + std::to_string(i), "viewer"));
  }
  EXPECT_EQ(code(share("one-more", "viewer")), ErrorCode::conflict);
  value(share("user7", "editor"));
  value(unshare("user8"));
  value(share("one-more", "viewer"));
  for (const auto* wrong :
       {"{}", R"({"grantee":"bob","role":"viewer"})", R"({"grantee":{},"role":"viewer"})",
        R"({"grantee":{"user_id":"bob","organization_id":"o"},"role":"viewer"})",
        R"({"grantee":{"user_id":"bob"},"role":"owner"})", R"({"grantee":{"user_id":"bob"}})",
        R"({"grantee":{"user_id":""},"role":"viewer"})",
        R"({"grantee":{"user_id":7},"role":"viewer"})",
        R"({"grantee":{"user_id":"organization:acme"},"role":"viewer"})",
        R"({"grantee":{"user_id":"ann"},"role":"viewer"})", "[]", "7"}) {
    EXPECT_EQ(code(run(ann, counter, builtin::share, Json::parse(wrong))), ErrorCode::invalid)
        << wrong;
  }
  value(unshare("user9"));
  value(run(root, counter, builtin::share,
            {{"grantee", {{"organization_id", "acme"}}}, {"role", "editor"}}));
  EXPECT_EQ(code(read({.role = Principal::Role::user, .user_id = "acme"})), ErrorCode::not_found);
}

TEST_F(Grants, of_system_kinds_there_are_none) {
  const ObjectId key{"key", "k"};
  value(run(ann, key, "set", {{"a", 1}}));
  EXPECT_EQ(
      code(run(ann, key, builtin::share, {{"grantee", {{"user_id", "bob"}}}, {"role", "viewer"}})),
      ErrorCode::forbidden);
}

}  // namespace
}  // namespace perdure
