// SPDX-License-Identifier: Apache-2.0
// World: one machine with a Perdure runtime on it, and the network to it, on one thread. Clock,
// randomness, disk and network are simulated; the runtime is the real one. Nothing moves unless it
// is asked to, so a test says what happens when, or leaves it to the seed:
//
//   testing::World world{seed, {counter}};
//   auto reply = world.call("counter/alice", "add", {{"by", 2}});  // waits until it is answered
//   world.advance(std::chrono::hours{1});                          // alarms go off meanwhile
//   world.hibernate("counter/alice");
//   world.crash();                                                 // and it starts again
//   world.fail_disk();                                             // the next commit's sync fails
//
// For runs in which a seed chooses everything, see simulation.hpp.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "perdure/runtime/runtime.hpp"
#include "perdure/storage/memory_store.hpp"
#include "perdure/testing/chance.hpp"
#include "perdure/testing/clock.hpp"
#include "perdure/testing/network.hpp"

namespace perdure::testing {

/// `kind/id` (or `kind:id`) as a name. Aborts when `text` has neither sign.
[[nodiscard]] ObjectId object_id(std::string_view text);

/// An answer that may not be there yet. Shared: it may come after the test that waits has ended.
using Answer = std::shared_ptr<const std::optional<Result<Reply>>>;

struct WorldOptions {
  /// The runtime's. Data directory, threads, actor system and caches are not used.
  RuntimeOptions runtime = small_runtime();
  /// Whether reads of the store take their time: rows of turns are then fetched beside all else
  /// (SlowStore), and come in any order.
  enum class Reads { fast, slow, by_seed };
  Reads reads = Reads::fast;
  /// Keeps what happens as lines (World::story). Costs time.
  bool tells_story = false;
  /// Called with each line of the story as it is told, for those who may not live to the end.
  std::function<void(std::string_view)> on_line = {};

  /// Hibernation after two seconds, little memory, short histories: much happens soon.
  [[nodiscard]] static RuntimeOptions small_runtime();
};

/// Threads    one, which the runtime's actors, committer, housekeeper and agenda share.
/// Lifecycle  ready from the constructor on, also after each crash.
class World {
 public:
  /// `seed` chooses the order of things, where there is a choice, and what a crash loses.
  /// Aborts when the kinds contradict each other (Runtime::open would refuse them).
  World(std::uint64_t seed, std::vector<Kind> kinds, WorldOptions options = {});
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  // ---- calls

  /// Runs a command, and lets the world move until it is answered; up to ten minutes may pass.
  /// Errors: those of Runtime::call; deadline_exceeded when no answer came.
  Result<Reply> call(std::string_view object, std::string command, Json payload = nullptr);
  /// Asks a query, in the same way.
  Result<Reply> ask(std::string_view object, std::string query, Json payload = nullptr);
  /// With all that a call can carry.
  Result<Reply> call(Call call);
  /// Hands a call over, and moves nothing.
  Answer send(Call call);
  /// The way through the network, with a client that tries again. See Network.
  [[nodiscard]] Network& network() { return *network_; }

  // ---- time

  /// Moves everything that can move without time passing.
  void settle();
  /// Lets time pass, and all that is due in it happen at its time.
  void advance(Milliseconds time);
  /// Moves until `is_so`, for at most `limit` of simulated time. Returns whether it is so.
  bool wait_until(const std::function<bool()>& is_so,
                  Milliseconds limit = std::chrono::minutes{10});
  [[nodiscard]] SimulatedClock& clock() { return clock_; }

  // ---- what befalls it

  /// The machine stops, loses what it may lose (a choice of the seed), and starts again.
  void crash();
  void crash(storage::TailAfterCrash tail);
  /// The machine stops in good order, and starts again with other kinds: another version of the
  /// host. Aborts as the constructor does.
  void restart(std::vector<Kind> kinds);
  /// Those that it runs with now.
  [[nodiscard]] const std::vector<Kind>& kinds() const { return kinds_; }
  /// A commit's sync fails, this or one of the next `later` ones: writes stop until a crash. The
  /// seed chooses whether what was not synced comes back.
  void fail_disk(int later = 0);
  /// Commits fail until the disk is freed; then the runtime opens its store again by itself.
  void fill_disk();
  void free_disk() { disk_.faults.disk_is_full = false; }
  /// Each commit takes up to so long from now on, while everything else goes on. 0: none.
  void slow_disk(Milliseconds commit_max) { commit_max_ = commit_max; }
  /// The nth call of the store from now on fails, from 1: a read is refused, a commit's sync fails.
  void fail_nth_call(int nth) { disk_.faults.calls_until_error = nth - 1; }
  /// Drops the activation. Errors: conflict while something is in flight.
  Result<void> hibernate(std::string_view object);
  Result<void> hibernate(const ObjectId& object);
  /// The same for one of the active objects, which the seed picks.
  void hibernate_one();
  /// All that the disk can be told to do.
  [[nodiscard]] storage::MemoryFaults& faults() { return disk_.faults; }

  // ---- one thing at a time, for those who choose the order

  /// Moves one thing, which the seed chooses: an actor, the agenda, the committer, the housekeeper,
  /// a message of the network, or the clock. Then checks the cheap invariants.
  void step();
  /// Runs all actors that have something to do.
  void run_actors();
  /// Commits at most `submissions_max` of what waits, at once. False when nothing waited.
  bool commit(std::size_t submissions_max = 1'000);
  /// One round of hibernation, retention, purges, and of opening the store again.
  void housekeep();

  // ---- looking

  [[nodiscard]] Runtime& runtime() { return *runtime_; }
  /// The durable state. Errors: those of Runtime::inspect.
  [[nodiscard]] Result<Json> state(std::string_view object);
  /// False once writes have stopped.
  [[nodiscard]] bool writable() const { return runtime_->writable(); }
  /// Writes have stopped, and only a crash, which is a restart, helps.
  [[nodiscard]] bool broken() const;
  [[nodiscard]] bool disk_is_full() const { return disk_.faults.disk_is_full; }
  /// How often the store was opened: beyond one for each life, it was opened beneath the objects.
  [[nodiscard]] std::uint64_t epoch() const;
  /// Counts starts, from 1: a reply that comes in another life than its call's reaches nobody.
  [[nodiscard]] std::uint64_t life() const { return life_; }
  /// Whether the actors' owners take turns, as on the runtime's own workers: a choice of the seed.
  /// Otherwise the seed picks each actor that runs.
  [[nodiscard]] bool owners_take_turns() const { return owners_take_turns_; }
  /// Nothing is in flight, in the outbox, on the wire or on its way to the disk.
  [[nodiscard]] bool quiet() const;
  /// Checks the runtime against itself and against the store: the directory, the gate, the agenda's
  /// near window, the outbox, subscriptions, every index and the chain of every journal. Aborts
  /// with what is wrong. Durable rows are checked while the store is writable.
  void check_invariants();
  /// What a crash loses is chosen here; a test may choose from it, too.
  [[nodiscard]] Chance& chance() { return chance_; }
  /// A stream of choices of one's own, in the same trace.
  [[nodiscard]] Chance stream(std::string_view purpose) const;

  // ---- verdict and story

  /// Notes a failure, unless there is one already, when `holds` is false. `what` says which promise
  /// was broken, with the values.
  void expect(bool holds, const std::function<std::string()>& what);
  /// The first failure. Empty: none.
  [[nodiscard]] const std::string& failure() const { return failure_; }
  /// Adds a line to the story, if one is told.
  void tell(const std::function<std::string()>& line);
  /// What happened, a line each, with its time.
  [[nodiscard]] const std::vector<std::string>& story() const { return story_; }

  /// Called after each start, the first one included (at once): the place to register performers.
  void on_start(std::function<void()> callback);
  /// Ends the world: what is on its way reaches nobody. Call it before what calls refer to goes.
  void end();

 private:
  struct Machine;

  void start();
  /// The process is gone, and begins once more on what the disk holds.
  void start_again();
  bool move_at_once();
  bool step_disk();
  bool begin_fetch();
  bool finish_fetch();
  /// Moves rows that turns wait for on their way.
  bool step_reads();
  void begin_commit(std::size_t submissions_max);
  void finish_commit();
  void advance_to_next(Milliseconds most);

  const std::uint64_t seed_;
  const std::shared_ptr<Trace> trace_ = std::make_shared<Trace>();  // shared by the streams
  Chance chance_;
  Chance order_;  ///< of what moves next
  const bool owners_take_turns_;
  SimulatedClock clock_;
  std::vector<Kind> kinds_;
  WorldOptions options_;
  const WorldOptions::Reads reads_;
  storage::MemoryDisk disk_;
  Milliseconds commit_max_{0};
  std::unique_ptr<SeededRandom> random_;
  std::unique_ptr<Network> network_;
  std::unique_ptr<Machine> machine_;  ///< what a crash takes
  std::unique_ptr<Runtime> runtime_;
  std::vector<std::function<void()>> on_start_;
  std::uint64_t life_ = 1;
  std::uint64_t steps_ = 0;
  std::string failure_;
  std::vector<std::string> story_;
};

}  // namespace perdure::testing
