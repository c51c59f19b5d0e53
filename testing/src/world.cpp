// SPDX-License-Identifier: Apache-2.0
#include "perdure/testing/world.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "machine.hpp"
#include "perdure/testing/slow_store.hpp"

namespace perdure::testing {

namespace {

constexpr std::size_t batch_max = 1'000;
/// Reads of a batch, and batches on their way, at most: small, so that many orders come up.
constexpr std::size_t fetch_reads_max = 8;
constexpr std::size_t fetches_max = 3;
/// Longest a fetch takes; as long as a commit while the disk is slow.
constexpr Milliseconds fetch_max{20};
/// Rounds of `settle`. More, and something moves forever.
constexpr std::size_t rounds_max = 1'000'000;
/// Longest stretch that passes without a look at what is due, and without housekeeping.
constexpr Milliseconds stretch_max = std::chrono::hours{1};
/// What is due but cannot be done (a disk that failed) is looked at so often.
constexpr Milliseconds stretch_min{50};

}  // namespace

namespace {

/// The world's disk, as a runtime opens it.
class WorldStores final : public storage::StoreFactory {
 public:
  WorldStores(storage::MemoryDisk& disk, std::function<bool()> has_room)
      : disk_(disk), has_room_(std::move(has_room)) {}
  [[nodiscard]] std::string_view name() const override { return "memory"; }
  [[nodiscard]] Result<std::unique_ptr<storage::Store>> open(
      storage::StoreRequest /*request*/) override {
    return storage::open_memory(disk_);
  }
  [[nodiscard]] bool has_room() const override { return has_room_(); }
  [[nodiscard]] Result<storage::CheckReport> check(
      const storage::RecordCheck& /*record_check*/,
      const storage::CheckProgress& /*progress*/) const override {
    return fail(ErrorCode::invalid, "a world checks its own store");
  }

 private:
  storage::MemoryDisk& disk_;
  const std::function<bool()> has_room_;
};

}  // namespace

ObjectId object_id(std::string_view text) {
  const auto sign = text.find_first_of("/:");
  PERDURE_CHECK(sign != std::string_view::npos, "kind/id, but not: " + std::string{text});
  return {std::string{text.substr(0, sign)}, std::string{text.substr(sign + 1)}};
}

RuntimeOptions WorldOptions::small_runtime() {
  RuntimeOptions options;
  options.hibernate_after = Milliseconds{2'000};
  options.active_bytes_max = 64u << 10;
  options.retention = {.records = 40, .records_max = 400, .age = std::chrono::hours{1}};
  return options;
}

World::World(std::uint64_t seed, std::vector<Kind> kinds, WorldOptions options)
    : seed_(seed),
      chance_(seed, "world", trace_),
      order_(seed, "order", trace_),
      owners_take_turns_(Chance{seed, "turns", trace_}.one_in(2)),
      kinds_(std::move(kinds)),
      options_(std::move(options)),
      reads_(options_.reads == WorldOptions::Reads::by_seed
                 ? (Chance{seed, "reads", trace_}.one_in(3) ? WorldOptions::Reads::slow
                                                            : WorldOptions::Reads::fast)
                 : options_.reads),
      random_(std::make_unique<SeededRandom>(seed)),
      network_(std::make_unique<Network>(*this, seed, trace_)) {
  start();
}

World::~World() { end(); }

void World::start() {
  machine_ =
      std::make_unique<Machine>(owners_take_turns_ ? Machine::Next::of_owner : Machine::Next::any);
  std::shared_ptr<storage::StoreFactory> stores =
      std::make_shared<WorldStores>(disk_, [this] { return !disk_is_full(); });
  if (reads_ == WorldOptions::Reads::slow) stores = slow_stores(std::move(stores), {});
  auto store = storage::ReopeningStore::open(std::move(stores), {});
  PERDURE_CHECK(store, "a disk that lost only what was not synced opens again");
  const auto valid = runtime::validate_kinds(runtime::with_own_kinds(kinds_));
  PERDURE_CHECK(valid, to_string(valid.error()));
  auto core =
      std::make_unique<Runtime::Core>(options_.runtime, kinds_,
                                      runtime::Foundation{.store = std::move(*store),
                                                          .clock = &clock_,
                                                          .random = random_.get(),
                                                          .system = &machine_->system(),
                                                          .threads = runtime::Threads::none});
  machine_->core = core.get();
  runtime_ = std::make_unique<Runtime>(std::move(core), kinds_);
  for (const auto& callback : on_start_) callback();
}

void World::end() {
  if (!runtime_) return;
  ++life_;  // replies that come now are of no life
  network_->clear();
  // What is in the mailboxes runs against a store that is gone, and its replies reach nobody.
  run_actors();
  runtime_.reset();
  machine_.reset();
}

void World::on_start(std::function<void()> callback) {
  callback();
  on_start_.push_back(std::move(callback));
}

// ---------------------------------------------------------------------------------------- calls

Answer World::send(Call call) {
  const auto answer = std::make_shared<std::optional<Result<Reply>>>();
  runtime_->call(std::move(call), [this, answer, life = life_](Result<Reply> reply) {
    if (life != life_) return;  // who asked has died with the process
    expect(!answer->has_value(), [] { return "a call was answered twice"; });
    *answer = std::move(reply);
  });
  return answer;
}

Result<Reply> World::call(Call call) {
  const auto name = call.name;
  const auto answer = send(std::move(call));
  if (wait_until([&] { return answer->has_value(); })) return **answer;
  return fail(ErrorCode::deadline_exceeded, "no answer to " + name);
}

Result<Reply> World::call(std::string_view object, std::string command, Json payload) {
  return call(
      {.target = object_id(object), .name = std::move(command), .payload = std::move(payload)});
}

Result<Reply> World::ask(std::string_view object, std::string query, Json payload) {
  return call({.target = object_id(object),
               .type = CallType::query,
               .name = std::move(query),
               .payload = std::move(payload)});
}

// ----------------------------------------------------------------------------------------- time

bool World::move_at_once() {
  auto& core = *machine_->core;
  bool moved = machine_->run_actor();
  moved |= network_->step();
  moved |= step_disk();
  moved |= step_reads();
  moved |= core.step_agenda();
  moved |= core.step_subscribers();
  return moved;
}

void World::settle() {
  std::size_t rounds = 0;
  while (move_at_once()) PERDURE_CHECK(++rounds < rounds_max, "the runtime never rests");
}

void World::advance_to_next(Milliseconds most) {
  const auto now = clock_.monotonic();
  auto wait = std::min({most, stretch_max, network_->next() - now});
  if (machine_->batch) wait = std::min(wait, machine_->batch_ready_at - now);
  for (const auto& fetching : machine_->fetching) wait = std::min(wait, fetching.ready_at - now);
  if (const auto due = machine_->next_due()) wait = std::min(wait, *due - now);
  if (const auto at = machine_->core->stepped_subscribers().again_at()) {
    wait = std::min(wait, *at - now);
  }
  if (machine_->core->builder().has_work()) wait = std::min(wait, stretch_min);  // slice by slice
  clock_.advance(std::min(most, wait.count() > 0 ? wait : stretch_min));
  housekeep();
}

void World::advance(Milliseconds time) {
  const auto end = clock_.monotonic() + time;
  wait_until([&] { return clock_.monotonic() >= end; }, time);
}

bool World::wait_until(const std::function<bool()>& is_so, Milliseconds limit) {
  const auto end = clock_.monotonic() + limit;
  for (;;) {
    settle();
    if (is_so()) return true;
    if (clock_.monotonic() >= end) return false;
    advance_to_next(end - clock_.monotonic());
  }
}

// ----------------------------------------------------------------------------------------- disk

void World::begin_commit(std::size_t submissions_max) {
  auto batch = machine_->core->take_batch(submissions_max);
  if (batch.submissions.empty()) return;
  machine_->batch = std::move(batch);
  const auto most = static_cast<std::uint64_t>(commit_max_.count());
  machine_->batch_ready_at =
      clock_.monotonic() + Milliseconds{most == 0 ? 0 : order_.below(most + 1)};
}

void World::finish_commit() {
  const auto batch = std::exchange(machine_->batch, std::nullopt);
  tell([&] { return "committing " + names_of(*batch); });
  machine_->core->commit_batch(*batch);
}

bool World::step_disk() {
  if (!machine_->batch) {
    begin_commit(batch_max);
    if (!machine_->batch) return false;
  }
  if (machine_->batch_ready_at > clock_.monotonic()) return false;
  finish_commit();
  return true;
}

bool World::begin_fetch() {
  auto* const reads = machine_->core->reads();
  if (reads == nullptr || machine_->fetching.size() >= fetches_max) return false;
  auto batch = reads->take(fetch_reads_max);
  if (batch.fetches.empty()) return false;
  // Rows may be as old as the question, or as new as the answer.
  const bool is_read = order_.below(2) == 0;
  if (is_read) reads->read(batch);
  const auto most = static_cast<std::uint64_t>(std::max(commit_max_, fetch_max).count());
  machine_->fetching.push_back(
      {std::move(batch), is_read, clock_.monotonic() + Milliseconds{order_.below(most + 1)}});
  return true;
}

bool World::finish_fetch() {
  auto& fetching = machine_->fetching;
  const auto ready = std::ranges::find_if(
      fetching, [&](const auto& one) { return one.ready_at <= clock_.monotonic(); });
  if (ready == fetching.end()) return false;
  auto [batch, is_read, ready_at] = std::move(*ready);
  fetching.erase(ready);
  if (!is_read) machine_->core->reads()->read(batch);
  runtime::ReadPool::deliver(std::move(batch));
  return true;
}

bool World::step_reads() {
  const bool begun = begin_fetch();
  return finish_fetch() || begun;
}

void World::crash() {
  constexpr std::array tails{storage::TailAfterCrash::kept, storage::TailAfterCrash::lost,
                             storage::TailAfterCrash::torn, storage::TailAfterCrash::mixed};
  crash(tails[chance_.below(tails.size())]);
}

void World::crash(storage::TailAfterCrash tail) {
  constexpr std::array names{"kept", "lost", "torn", "mixed"};
  tell([&] {
    return fmt::format("CRASH: what was not synced is {}",
                       names.at(static_cast<std::size_t>(tail)));
  });
  if (machine_->batch && writable()) {
    disk_.cut_off(std::move(machine_->batch->units), clock_.now());
  }
  disk_.faults = {};
  disk_.crash(tail, chance_.below(1U << 31));
  start_again();
}

void World::start_again() {
  commit_max_ = Milliseconds{0};
  network_->cut();
  ++life_;
  run_actors();
  runtime_.reset();
  machine_.reset();
  start();
}

void World::restart(std::vector<Kind> kinds) {
  tell([] { return "RESTART with other kinds"; });
  kinds_ = std::move(kinds);
  if (machine_->batch) finish_commit();
  disk_.faults = {};
  disk_.crash(storage::TailAfterCrash::kept, 0);
  start_again();
}

void World::fail_disk(int later) {
  tell([] { return "FAULT: a sync will fail"; });
  disk_.faults.commits_until_sync_fails =
      static_cast<int>(chance_.below(static_cast<std::uint64_t>(later) + 1));
  disk_.faults.failed_batch_survives = chance_.one_in(2);
}

void World::fill_disk() {
  tell([] { return "FAULT: the disk is full"; });
  disk_.faults.disk_is_full = true;
  disk_.faults.failed_batch_survives = chance_.one_in(2);
}

Result<void> World::hibernate(const ObjectId& object) {
  auto result = runtime_->hibernate(object);
  tell([&] {
    return (result ? "hibernates: " : "does not hibernate, being busy: ") + to_string(object);
  });
  return result;
}

void World::hibernate_one() {
  std::vector<ObjectId> active;
  for (const auto& version : machine_->core->directory().committed_versions()) {
    active.push_back(version->meta.object());
  }
  if (active.empty()) return;
  std::ranges::sort(active);
  static_cast<void>(hibernate(chance_.pick(active)));
}

Result<void> World::hibernate(std::string_view object) { return hibernate(object_id(object)); }

// ------------------------------------------------------------------------------- one at a time

void World::run_actors() {
  while (machine_->run_actor()) {
  }
}

bool World::commit(std::size_t submissions_max) {
  if (machine_->batch) {
    finish_commit();
    return true;
  }
  begin_commit(submissions_max);
  if (!machine_->batch) return false;
  finish_commit();
  return true;
}

void World::housekeep() {
  machine_->core->housekeep();
  if (machine_->core->is_between_epochs()) machine_->core->housekeep();
}

void World::step() {
  ++steps_;
  auto& core = *machine_->core;
  const auto dice = order_.below(100);
  if (dice < 50 && machine_->actors_waiting() > 0) {
    machine_->run_actor(order_.below(machine_->actors_waiting()));
  } else if (dice < 66 && network_->step()) {
  } else if (dice < 72) {
    core.step_agenda();
    core.step_subscribers();
  } else if (dice < 90) {
    if (!machine_->batch) {
      begin_commit(1 + order_.below(8));
    } else if (machine_->batch_ready_at <= clock_.monotonic()) {
      finish_commit();
    }
  } else if (dice < 93) {
    core.housekeep();
  } else if (dice < 97 && step_reads()) {
  } else {
    clock_.advance(Milliseconds{order_.below(300)});
  }
  core.check_invariants();
}

// -------------------------------------------------------------------------------------- looking

Chance World::stream(std::string_view purpose) const { return {seed_, purpose, trace_}; }

Result<Json> World::state(std::string_view object) {
  PERDURE_TRY(view, runtime_->inspect(object_id(object)));
  return view.state;
}

bool World::broken() const {
  return machine_->core->store().health() == storage::Health::read_only;
}

std::uint64_t World::epoch() const { return machine_->core->store().epoch(); }

bool World::quiet() const {
  if (machine_->batch || machine_->actors_waiting() > 0) return false;
  if (!machine_->fetching.empty()) return false;
  if (network_->open_requests() > 0 || network_->next() != Milliseconds::max()) return false;
  const auto items = machine_->core->store().outbox(0, 1);
  return items && items->empty() && runtime_->stats().in_flight_calls == 0;
}

void World::check_invariants() {
  const auto faults = std::exchange(disk_.faults.calls_until_error, -1);
  if (writable()) {
    machine_->core->check_store(disk_.objects());
  } else {
    machine_->core->check_invariants();
  }
  disk_.faults.calls_until_error = faults;
}

// ---------------------------------------------------------------------------- verdict and story

void World::expect(bool holds, const std::function<std::string()>& what) {
  if (holds || !failure_.empty()) return;
  failure_ = what();
  tell([&] { return "FAILED: " + failure_; });
}

void World::tell(const std::function<std::string()>& line) {
  if (!options_.tells_story) return;
  const auto since = clock_.monotonic() - Milliseconds{1'000};
  story_.push_back(fmt::format("{:>9.3f} s  step {:<6} {}",
                               static_cast<double>(since.count()) / 1'000.0, steps_, line()));
  if (options_.on_line) options_.on_line(story_.back());
}

}  // namespace perdure::testing
