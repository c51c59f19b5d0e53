// SPDX-License-Identifier: Apache-2.0
// The core of a turn as the pure function that it is: an envelope and a version in, a decision out.
#include "turn_runner.hpp"

#include <gtest/gtest.h>

#include "kind_table.hpp"
#include "perdure/runtime/runtime.hpp"
#include "perdure/storage/memory_store.hpp"
#include "perdure/testing/clock.hpp"
#include "record.hpp"

namespace perdure::runtime {
namespace {

constexpr const char* ann = "usr_ann";

Kind thing_kind() {
  return kind<Json>("thing")
      .command("set", [](Turn&, Json& self, const Json& value) { self = value; })
      .command("throw",
               [](Turn&, Json& self) {
                 self = "half done";
                 throw std::runtime_error("broken");
               })
      .command("look", [](Turn& turn, Json& self) {
        turn.change_nothing();
        return self;
      });
}

class TurnRunner : public ::testing::Test {
 protected:
  Envelope envelope(std::string_view name, Json payload = Json::object()) {
    Envelope envelope;
    envelope.call = {.target = thing_, .name = std::string{name}, .payload = std::move(payload)};
    envelope.call.principal = {.role = Principal::Role::user, .user_id = ann};
    EXPECT_TRUE(kinds_.resolve(envelope)) << name;
    envelope.accepted_at = envelope.accepted_steady = clock_.now();
    envelope.random_seed = 7;
    return envelope;
  }
  Result<Decision> run(const Envelope& envelope) {
    return run_turn(envelope, *version_,
                    {.kind = kinds_.all().front().definition(),
                     .store = *store_,
                     .pending = pending_,
                     .alarms = alarms_,
                     .tally = tally_,
                     .rules = rules_,
                     .times = times_});
  }
  Result<Decision> run(std::string_view name, Json payload = Json::object()) {
    return run(envelope(name, std::move(payload)));
  }
  /// The turn has happened.
  void become(std::string_view name, Json payload = Json::object()) {
    auto decision = run(name, std::move(payload));
    ASSERT_TRUE(decision) << to_string(decision.error());
    ASSERT_TRUE(decision->version);
    version_ = decision->version;
  }
  ErrorCode refusal(std::string_view name, Json payload = Json::object()) {
    const auto decision = run(name, std::move(payload));
    EXPECT_FALSE(decision) << name;
    return decision ? ErrorCode::internal : decision.error().code;
  }

  const ObjectId thing_{"thing", "a"};
  const KindTable kinds_{{thing_kind()}};
  testing::SimulatedClock clock_;
  const Times times_{clock_, 1};
  storage::MemoryDisk disk_;
  std::unique_ptr<storage::Store> store_ = storage::open_memory(disk_).value();
  const RowNames names_{kinds_.all()};
  const TurnRules rules_{.idempotency_window = std::chrono::hours{1},
                         .alarm_period_min = Milliseconds{1},
                         .quotas = {},
                         .dependents = {},
                         .lists = ListLayouts{kinds_.all()},
                         .rows = &names_};
  PendingEntries pending_;
  PendingAlarms alarms_;
  Tally tally_;
  VersionPtr version_ = blank_version(kinds_.all().front().definition(), thing_);
};

TEST_F(TurnRunner, decides_a_record_and_leaves_the_version_before_as_it_was) {
  become("set", 1);
  const auto before = version_;
  const auto decision = run("set", 2);
  ASSERT_TRUE(decision);
  EXPECT_EQ(decision->version->meta.seq, 2U);
  EXPECT_EQ(decision->write_set.expected_seq, 1U);
  EXPECT_EQ(decision->reply.meta.seq, 2U);
  EXPECT_EQ(root_of(kinds_.all().front().definition(), *before), 1);
  EXPECT_EQ(root_of(kinds_.all().front().definition(), *decision->version), 2);
  const auto record = decode_record(thing_, {.seq = 2, .record = *decision->write_set.record});
  ASSERT_TRUE(record);
  EXPECT_EQ(record->previous_hash, before->hash);
}

TEST_F(TurnRunner, decides_the_same_of_the_same) {
  const auto call = envelope("set", {{"a", 1}});
  const auto one = run(call);
  const auto other = run(call);
  ASSERT_TRUE(one && other);
  EXPECT_EQ(one->write_set.record, other->write_set.record);
  EXPECT_EQ(one->version->hash, other->version->hash);
}

TEST_F(TurnRunner, decides_nothing_of_a_handler_that_throws) {
  become("set", 1);
  EXPECT_EQ(refusal("throw"), ErrorCode::internal);
  EXPECT_EQ(root_of(kinds_.all().front().definition(), *version_), 1);
}

TEST_F(TurnRunner, gives_a_quiet_turn_a_reply_alone) {
  become("set", 1);
  const auto decision = run("look");
  ASSERT_TRUE(decision);
  EXPECT_TRUE(decision->is_reply_only());
  EXPECT_FALSE(decision->version);
  EXPECT_EQ(decision->reply.value, 1);
}

TEST_F(TurnRunner, asks_for_the_life_that_a_command_is_for) {
  EXPECT_EQ(refusal(builtin::replace), ErrorCode::not_found);
  EXPECT_EQ(refusal(builtin::pin), ErrorCode::not_found);
  EXPECT_EQ(refusal(builtin::undelete), ErrorCode::not_found);
  become(builtin::create);
  EXPECT_EQ(refusal(builtin::create), ErrorCode::conflict);
  EXPECT_EQ(refusal(builtin::undelete), ErrorCode::conflict);
  EXPECT_EQ(refusal(builtin::purge), ErrorCode::conflict);
  become(builtin::remove);
  EXPECT_EQ(refusal("set", 2), ErrorCode::not_found) << "what was deleted can be brought back";
  EXPECT_EQ(refusal(builtin::set_alarm), ErrorCode::not_found);
  EXPECT_TRUE(run(builtin::undelete));
  EXPECT_TRUE(run(builtin::create)) << "another life begins";
}

TEST_F(TurnRunner, names_a_stale_precondition_before_a_conflict) {
  become(builtin::create);
  auto call = envelope(builtin::create);
  call.call.if_seq = 5;
  const auto decision = run(call);
  ASSERT_FALSE(decision);
  EXPECT_EQ(decision.error().code, ErrorCode::stale_precondition);
}

TEST_F(TurnRunner, ends_a_message_for_another_life_without_running_it) {
  become(builtin::create);
  auto call = envelope("set", 9);
  call.call.life = 4;
  EXPECT_FALSE(run(call)) << "a call hears of it";
  call.receipt = {.position = 3, .epoch = 1};
  const auto decision = run(call);
  ASSERT_TRUE(decision);
  EXPECT_FALSE(decision->version);
  EXPECT_EQ(decision->write_set.takes, (std::vector<std::uint64_t>{3}));
}

TEST_F(TurnRunner, takes_an_item_whatever_became_of_the_object) {
  auto call = envelope(builtin::take);
  call.receipt = {.position = 3, .epoch = 1};
  const auto decision = run(call);
  ASSERT_TRUE(decision);
  EXPECT_EQ(decision->write_set.takes, (std::vector<std::uint64_t>{3}));
}

TEST_F(TurnRunner, reads_a_state_that_it_cannot_understand_only_to_mend_or_end_it) {
  become(builtin::create);
  auto unreadable = std::make_shared<Version>(*version_);
  unreadable->unreadable = std::make_shared<const UnreadableState>(
      UnreadableState{.error = {.code = ErrorCode::unreadable_state, .detail = {}}, .stored = 1});
  for (const auto name : {builtin::replace, builtin::patch, builtin::remove, builtin::restore}) {
    EXPECT_TRUE(check_readable(envelope(name), *unreadable)) << name;
  }
  for (const auto name : {builtin::create, builtin::share, builtin::set_alarm}) {
    EXPECT_FALSE(check_readable(envelope(name), *unreadable)) << name;
  }
  unreadable->meta.deleted_at = clock_.now();
  EXPECT_TRUE(check_readable(envelope(builtin::create), *unreadable)) << "another life begins";
}

}  // namespace
}  // namespace perdure::runtime
