// SPDX-License-Identifier: Apache-2.0
// What one batch takes, and who is next when more waits.
#include "committer.hpp"

#include <gtest/gtest.h>

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>

#include "perdure/runtime/runtime.hpp"
#include "perdure/storage/memory_store.hpp"
#include "perdure/testing/clock.hpp"

namespace perdure::runtime {
namespace {

Kind thing_kind() {
  return kind<Json>("thing").command("change", [](Turn&, Json&) {});
}

class Commits : public ::testing::Test {
 protected:
  CellPtr cell(const std::string& id) {
    return std::make_shared<Cell>(ObjectId{"thing", id}, kind_.definition(), 1);
  }
  /// A turn of an object, or a reply alone.
  void submit(const CellPtr& cell, const std::string& owner, std::optional<std::size_t> bytes) {
    const auto envelope = std::make_shared<Envelope>();
    envelope->call.target = cell->object;
    envelope->call.request_id = std::to_string(next_++);
    envelope->kind = &kind_.definition();
    envelope->in_flight = InFlight{cell, Seat{}};
    auto version = std::make_shared<Version>(*blank_version(kind_.definition(), cell->object));
    auto origin = std::make_shared<Origin>(*version->meta.origin);
    origin->owner = Owner::from_text(owner);
    version->meta.origin = origin;
    version->meta.seq = 1;
    std::optional<storage::Unit> unit;
    if (bytes) {
      unit.emplace().write_sets.push_back(
          {.object = cell->object, .record = std::string(*bytes, 'x')});
    }
    committer_.submit(std::make_shared<Submission>(
        Submission{envelope, std::move(unit), std::move(version), Reply{}}));
    committer_.check_invariants();
  }
  /// The owners' objects of the next batch, in its order.
  std::vector<std::string> take(std::size_t most = Committer::submissions_per_batch_max) {
    std::vector<std::string> ids;
    for (const auto& one : committer_.take(most).submissions) {
      ids.push_back(one->envelope->call.target.id);
      numbers_.push_back(std::stoi(one->envelope->call.request_id));
    }
    committer_.check_invariants();
    return ids;
  }

  const Kind kind_ = thing_kind();
  testing::SimulatedClock clock_;
  Hooks hooks_;
  storage::MemoryDisk disk_;
  std::unique_ptr<storage::Store> store_ = storage::open_memory(disk_).value();
  Flights flights_{{.most = 8}};
  Directory directory_{{.mailbox_max = 4},
                       flights_,
                       clock_,
                       hooks_,
                       [] { return 1U; },
                       [](const CellPtr&) { return caf::actor{}; }};
  Committer committer_{*store_, directory_, [this] { return clock_.now(); }, hooks_, {}};
  int next_ = 0;
  std::vector<int> numbers_;  ///< of what was taken, in its order
};

TEST_F(Commits, take_what_fits_as_it_came) {
  const auto a = cell("a");
  const auto b = cell("b");
  for (int i = 0; i < 3; ++i) submit(a, "ann", 100);
  submit(b, "bob", 100);
  submit(a, "ann", std::nullopt);
  EXPECT_EQ(take(), (std::vector<std::string>{"a", "a", "a", "b", "a"}));
  EXPECT_TRUE(take().empty());
}

TEST_F(Commits, take_turns_when_more_waits_than_one_batch_takes) {
  const auto a = cell("a");
  const auto b = cell("b");
  for (int i = 0; i < 100; ++i) submit(a, "ann", 200'000);
  submit(b, "bob", 100);
  const auto batch = take();
  EXPECT_LE(batch.size(), Committer::batch_bytes_max / 200'000 + 2);
  EXPECT_EQ(batch[1], "b") << "behind one of the other owner's";
}

TEST_F(Commits, take_one_that_is_larger_than_a_batch_alone) {
  submit(cell("a"), "ann", 2 * Committer::batch_bytes_max);
  submit(cell("b"), "bob", 2 * Committer::batch_bytes_max);
  EXPECT_EQ(take().size(), 1U);
  EXPECT_EQ(take().size(), 1U);
  EXPECT_TRUE(take().empty());
}

TEST_F(Commits, keep_the_order_of_an_object_whatever_the_batches) {
  const auto a = cell("a");
  submit(a, "", 100);  // before the object has an owner
  for (int i = 0; i < 50; ++i) submit(a, "ann", i % 3 == 0 ? std::nullopt : std::optional{100'000});
  while (!take(3).empty()) {
    if (next_ < 80) submit(a, "ann", 100);
  }
  ASSERT_EQ(numbers_.size(), static_cast<std::size_t>(next_));
  EXPECT_TRUE(std::ranges::is_sorted(numbers_));
}

}  // namespace
}  // namespace perdure::runtime
