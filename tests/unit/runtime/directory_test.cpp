// SPDX-License-Identifier: Apache-2.0
// Directory: who has an actor, and whose version counts. With actors of CAF's that do nothing.
#include "directory.hpp"

#include <gtest/gtest.h>

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>

#include "handover.hpp"
#include "messages.hpp"
#include "perdure/runtime/runtime.hpp"
#include "perdure/testing/clock.hpp"

namespace perdure::runtime {
namespace {

using std::chrono::seconds;

Kind thing_kind() {
  return kind<Json>("thing").command("change", [](Turn&, Json&) {});
}

class Idle final : public OrderedActor {
 public:
  using OrderedActor::OrderedActor;

 protected:
  caf::behavior make_behavior() override {
    return {[](ToObject&) {}};
  }
};

class Directories : public ::testing::Test {
 protected:
  EnvelopePtr deliver(const std::string& id = "a") {
    auto envelope = envelope_for(id);
    EXPECT_TRUE(directory_.deliver(envelope));
    return envelope;
  }
  void change(const std::string& id = "a") { land(deliver(id)); }
  static void land(const EnvelopePtr& envelope) { static_cast<void>(envelope->in_flight.land()); }
  EnvelopePtr envelope_for(const std::string& id, Principal principal = {}) {
    auto envelope = std::make_shared<Envelope>();
    envelope->call.target = {"thing", id};
    envelope->call.principal = std::move(principal);
    envelope->kind = &kind_.definition();
    return envelope;
  }
  /// The envelope that is counted on the new cell; null: there is none.
  EnvelopePtr begin_loading() {
    auto envelope = envelope_for("a");
    return directory_.begin_loading(*envelope) ? envelope : nullptr;
  }
  VersionPtr version(Seq seq) {
    auto version = std::make_shared<Version>(*blank_version(kind_.definition(), thing_));
    version->meta.seq = seq;
    return version;
  }

  const ObjectId thing_{"thing", "a"};
  const Kind kind_ = thing_kind();
  testing::SimulatedClock clock_;
  Hooks hooks_;
  caf::actor_system_config config_;
  caf::actor_system system_{config_};
  int spawned_ = 0;
  Flights flights_{{.most = 8}};
  Directory directory_{{.mailbox_max = 4, .use_interval = seconds{1}},
                       flights_,
                       clock_,
                       hooks_,
                       [] { return 1U; },
                       [this](const CellPtr&) {
                         ++spawned_;
                         return system_.spawn<Idle, caf::lazy_init>();
                       }};
};

TEST_F(Directories, make_no_actor_for_what_is_only_looked_at) {
  const auto loading = begin_loading();
  ASSERT_TRUE(loading);
  EXPECT_FALSE(begin_loading()) << "one loads";
  directory_.loaded(*loading->in_flight.cell(), version(3));
  EXPECT_FALSE(directory_.quiet_version(thing_, 1)) << "it is counted";
  land(loading);
  EXPECT_EQ(directory_.quiet_version(thing_, 1)->meta.seq, 3U);
  EXPECT_EQ(spawned_, 0);
  change();
  EXPECT_EQ(spawned_, 1);
  directory_.check_invariants();
}

TEST_F(Directories, are_looked_into_without_keeping_anything_awake) {
  const auto loading = begin_loading();
  directory_.loaded(*loading->in_flight.cell(), version(3));
  EXPECT_FALSE(directory_.peek(thing_, 1)) << "it is counted";
  land(loading);
  const auto used = directory_.last_used(thing_);
  clock_.advance(seconds{5});
  EXPECT_EQ(directory_.peek(thing_, 1)->meta.seq, 3U);
  EXPECT_FALSE(directory_.peek(thing_, 2)) << "of another store's epoch";
  EXPECT_EQ(directory_.last_used(thing_), used);
  EXPECT_TRUE(directory_.quiet_version(thing_, 1));
  EXPECT_NE(directory_.last_used(thing_), used);
}

TEST_F(Directories, count_close_uses_as_one) {
  change();
  const auto used = directory_.last_used(thing_);
  clock_.advance(Milliseconds{999});
  change();
  EXPECT_EQ(directory_.last_used(thing_), used);
  clock_.advance(Milliseconds{1});
  change();
  ASSERT_TRUE(directory_.last_used(thing_));
  EXPECT_EQ(*directory_.last_used(thing_), *used + seconds{1});
  directory_.check_invariants();
}

TEST_F(Directories, let_actors_go_that_have_nothing_to_do) {
  change();
  clock_.advance(seconds{5});
  change("b");
  const auto waiting = deliver("c");
  const auto bytes = directory_.bytes();
  directory_.rest(clock_.monotonic() - seconds{5});
  EXPECT_LT(directory_.bytes(), bytes) << "a has none any more";
  change();
  EXPECT_EQ(spawned_, 4) << "a, b, c and a again";

  clock_.advance(seconds{20});
  directory_.rest(clock_.monotonic());
  EXPECT_TRUE(directory_.active({"thing", "b"}));
  land(waiting);
  change("c");
  EXPECT_EQ(spawned_, 4) << "c had something in flight and keeps its actor";
  change("b");
  EXPECT_EQ(spawned_, 5);
  directory_.check_invariants();
}

TEST_F(Directories, believe_the_first_who_has_loaded) {
  const auto loading = begin_loading();
  const auto envelope = deliver();  // its actor loads, too, and is quicker
  directory_.loaded(*loading->in_flight.cell(), version(3));
  directory_.committed(*loading->in_flight.cell(), version(4));
  directory_.loaded(*loading->in_flight.cell(), version(3));
  EXPECT_EQ(directory_.committed_version(*loading->in_flight.cell())->meta.seq, 4U);
  land(loading);
  land(envelope);
}

TEST_F(Directories, load_no_more_than_may_be_in_flight) {
  std::vector<EnvelopePtr> many;
  for (const auto* id : {"b", "c", "d", "e", "f", "g", "h", "i"}) many.push_back(deliver(id));
  EXPECT_FALSE(begin_loading());
  for (const auto& one : many) land(one);
  const auto loading = begin_loading();
  ASSERT_TRUE(loading);
  land(loading);
}

TEST_F(Directories, go_on_with_an_object_that_could_not_be_loaded) {
  land(begin_loading());
  EXPECT_FALSE(directory_.quiet_version(thing_, 1));
  EXPECT_FALSE(begin_loading()) << "whoever comes next asks an actor, which tells why";
  change();
  EXPECT_EQ(spawned_, 1);
}

TEST_F(Directories, show_whoever_gets_an_answer_a_quiet_object) {
  const auto loading = begin_loading();
  directory_.loaded(*loading->in_flight.cell(), version(3));
  bool answered = false;
  loading->done = [&](const Result<Reply>&) {
    answered = true;
    EXPECT_TRUE(directory_.quiet_version(thing_, 1));
    EXPECT_EQ(flights_.in_flight(), 0U);
    EXPECT_FALSE(flights_.over()) << "the runtime stays until this has returned";
  };
  loading->answer(Reply{});
  EXPECT_TRUE(answered);
  EXPECT_TRUE(flights_.over());
}

TEST_F(Directories, keep_a_cell_for_as_long_as_somebody_holds_it) {
  const auto envelope = deliver();
  {
    const auto kept = directory_.keep(envelope->in_flight.cell());
    land(envelope);
    EXPECT_FALSE(directory_.hibernate(thing_)) << "it is held";
  }
  EXPECT_TRUE(directory_.hibernate(thing_));
  EXPECT_FALSE(directory_.active(thing_));
  directory_.check_invariants();
}

TEST_F(Directories, count_down_what_nobody_answered) {
  begin_loading().reset();
  EXPECT_EQ(flights_.in_flight(), 0U);
  EXPECT_TRUE(directory_.hibernate(thing_));
  directory_.check_invariants();
}

TEST_F(Directories, are_outlived_by_what_was_in_flight) {
  const auto loading = begin_loading();
  ASSERT_TRUE(loading);
  directory_.clear();
  EXPECT_EQ(loading->in_flight.cell()->directory(), nullptr);
  land(loading);
}

}  // namespace
}  // namespace perdure::runtime
