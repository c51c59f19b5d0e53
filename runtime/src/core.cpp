// SPDX-License-Identifier: Apache-2.0
#include "core.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include "going_along.hpp"
#include "quota.hpp"
#include "thread_name.hpp"

namespace perdure {

using runtime::Threads;

namespace {

// So that others get the processor first. Linux takes a thread's id for that of a process here.
void lower_priority() {
  constexpr int lowest = 19;
  static_cast<void>(setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), lowest));
}

Milliseconds use_interval(const RuntimeOptions& options) {
  // Objects hibernate up to a second early by it.
  return std::min<Milliseconds>(std::chrono::seconds{1}, options.hibernate_after / 64);
}

std::unique_ptr<runtime::ReadPool> make_read_pool(const storage::Store& store) {
  if (store.read_cost() == storage::ReadCost::memory) return nullptr;
  return std::make_unique<runtime::ReadPool>(store);
}

runtime::Flights::Limits flight_limits(const RuntimeOptions& options) {
  const auto most = options.in_flight_max;
  const auto share = std::max<std::size_t>(most / 8, 1);
  return {.most = most,
          .most_of_caller = options.owner_in_flight_max > 0 ? options.owner_in_flight_max : share};
}

}  // namespace

Runtime::Core::Core(RuntimeOptions options, std::vector<Kind> kinds, runtime::Foundation foundation)
    : options_(std::move(options)),
      kinds_(std::move(kinds)),
      foundation_(std::move(foundation)),
      reads_(make_read_pool(*foundation_.store)),
      export_seal_(options_.data_dir, options_.access, *foundation_.random),
      hooks_(options_.hooks != nullptr ? *options_.hooks : no_hooks_),
      calls_(std::make_shared<runtime::CallHub>(
          *foundation_.clock,
          runtime::CallHub::Settings{
              .deadline = options_.call_deadline,
              .executor = options_.executor,
              .threads = foundation_.threads == Threads::own
                             ? std::max<std::size_t>(options_.call_threads, 1)
                             : 0,
              .hooks = options_.hooks,
              .runtime = &directory_})),
      flights_(flight_limits(options_)),
      actors_(foundation_.system, options_.worker_threads),
      // With Threads::none no run may depend on real time.
      paces_(kinds_.all(),
             foundation_.threads == Threads::own ? options_.quick_turn_max : std::chrono::hours{1}),
      times_(*foundation_.clock, foundation_.store->epoch()),
      directory_(
          {.mailbox_max = options_.mailbox_max, .use_interval = use_interval(options_)}, flights_,
          *foundation_.clock, hooks_, [this] { return foundation_.store->epoch(); },
          [this](const runtime::CellPtr& cell) { return actors_.spawn(cell, around_); }),
      intake_({.kinds = kinds_,
               .store = *foundation_.store,
               .times = times_,
               .random = *foundation_.random,
               .directory = directory_,
               .paces = paces_,
               .hooks = hooks_,
               .system = actors_.system(),
               .reads = reads_.get()},
              {.idempotency_keys = options_.quotas.idempotency_keys,
               .idempotency_window = options_.idempotency_window}),
      flows_({.intake = intake_,
              .directory = directory_,
              .store = *foundation_.store,
              .kinds = kinds_}),
      committer_(
          *foundation_.store, directory_, [this] { return intake_.claims_at(); }, hooks_,
          committer_effects()),
      housekeeper_(*foundation_.store, directory_, *foundation_.clock, times_,
                   {.hibernate_after = options_.hibernate_after,
                    .active_bytes_max = options_.active_bytes_max,
                    .retention = options_.retention}),
      agenda_(*foundation_.store, *foundation_.clock, times_, *foundation_.random, options_,
              {.owner_of = [this](const ObjectId& object) { return alarm_owner(object); },
               .fire = std::bind_front(&Core::fire, this)},
              pump_effects(), sender()),
      recovery_({.store = *foundation_.store,
                 .directory = directory_,
                 .agenda = agenda_,
                 .flows = flows_,
                 .hooks = hooks_},
                foundation_.threads == Threads::own ? runtime::Recovery::Halves::in_one_step
                                                    : runtime::Recovery::Halves::in_two_steps),
      row_names_{kinds_.all()},
      rules_{.idempotency_window = options_.idempotency_window,
             .alarm_period_min = options_.alarms.period_min,
             .quotas = options_.quotas,
             .dependents = runtime::find_dependents(kinds_.all()),
             .lists = runtime::ListLayouts{kinds_.all()},
             .rows = &row_names_},
      builder_({.store = *foundation_.store,
                .kinds = kinds_.all(),
                .lists = rules_.lists,
                .rows = row_names_,
                .committer = committer_,
                .call = sender(),
                .hooks = hooks_,
                .claims_at = [this] { return intake_.claims_at(); },
                .is_busy = [this] { return flights_.in_flight() > 0; }}),
      purger_(*foundation_.store, kinds_.all(), row_names_, *foundation_.clock, times_,
              options_.purge_after, sender()),
      letter_bound_(*foundation_.store, options_.quotas.dead_letters, sender()),
      streams_({.store = *foundation_.store, .intake = intake_, .kinds = kinds_}),
      stream_keeper_({.store = *foundation_.store,
                      .intake = intake_,
                      .kinds = kinds_,
                      .clock = *foundation_.clock,
                      .times = times_}),
      signals_(*foundation_.store, kinds_),
      unstored_{*foundation_.clock},
      around_{.store = *foundation_.store,
              .reads = reads_.get(),
              .intake = intake_,
              .directory = directory_,
              .committer = committer_,
              .times = times_,
              .hooks = hooks_,
              .paces = paces_,
              .rules = rules_,
              .unstored = unstored_,
              .flows = flows_,
              .checks_invariants = foundation_.threads == Threads::none},
      transactions_({.intake = intake_,
                     .flights = flights_,
                     .kinds = kinds_,
                     .store = *foundation_.store,
                     .directory = directory_,
                     .committer = committer_,
                     .times = times_,
                     .rules = rules_,
                     .waits = flows_.waits()},
                    [this](std::function<void()> step) { agenda_.post(std::move(step)); }) {
  housekeeper_.add_chore([this] { static_cast<void>(foundation_.store->look()); });
  housekeeper_.add_chore([this] { recovery_.step(); });
  housekeeper_.add_chore([this] { purger_.step(); });
  if (foundation_.threads == Threads::none) {
    housekeeper_.add_chore([this] { calls_->deadlines().step(); });
  }
  housekeeper_.add_chore([this] { letter_bound_.step(); });
  housekeeper_.add_chore([this] { stream_keeper_.step(); });
  housekeeper_.add_chore([this] { store_unstored(); });
  housekeeper_.add_chore([this] { flows_.step(); });
  if (options_.access == AccessMode::read_write) {
    const auto claims_at = intake_.claims_at();
    counts_all_ = runtime::count_objects(*foundation_.store, kinds_.all(), claims_at) &&
                  runtime::count_bytes(*foundation_.store, kinds_.all(), claims_at);
  }
  opened_ = builder_.open(options_.access);
  if (options_.access == AccessMode::read_only) opened_ = {};  // what is sound is shown
  if (opened_ && foundation_.threads == Threads::own) start_threads();
}

Runtime::Core::~Core() { stop(); }

Runtime::Core::Send Runtime::Core::sender() {
  return [this](Call call, ReplyHandler done) {
    intake_.call_inside(std::move(call), std::move(done));
  };
}

runtime::Committer::Effects Runtime::Core::committer_effects() {
  return {.give_back = std::bind_front(&runtime::Directory::send_back, &directory_),
          .committed = std::bind_front(&Core::committed, this),
          .asked = [this](storage::Unit& unit,
                          const storage::Committed& committed) { agenda_.asked(unit, committed); },
          .streamed = std::bind_front(&runtime::StreamHub::committed, &streams_),
          .released = [this](const storage::Unit& unit) { builder_.released(unit); }};
}

runtime::PumpEffects Runtime::Core::pump_effects() {
  return {.call = std::bind_front(&runtime::Intake::carry_out, &intake_),
          .tell = [this](Call call) { intake_.call_inside(std::move(call), [](const auto&) {}); },
          .changed = [this](std::size_t items) { hooks_.outbox_changed(items); },
          .wake = {}};
}

void Runtime::Core::fire(const ObjectId& object, runtime::Tick tick,
                         std::function<void(bool)> done) {
  if (object.kind == runtime::flow_kind_name) return flows_.wake(object, tick, done);
  intake_.fire(object, std::move(tick), std::move(done));
}

void Runtime::Core::start_threads() {
  committer_thread_ = std::thread{[this] {
    runtime::name_thread("perdure.commit");
    const auto serve = [this] { committer_.run(); };
    options_.around_committer ? options_.around_committer(serve) : serve();
  }};
  housekeeper_thread_ = std::thread{[this] {
    runtime::name_thread("perdure.house");
    housekeeper_.run();
  }};
  agenda_thread_ = std::thread{[this] {
    runtime::name_thread("perdure.agenda");
    agenda_.run();
  }};
  for (std::size_t i = 0; reads_ && i < options_.read_threads; ++i) {
    read_threads_.emplace_back([this] {
      runtime::name_thread("perdure.fetch");
      reads_->run();
    });
  }
  if (!builder_.may_have_work()) return;
  builder_thread_ = std::thread{[this] {
    runtime::name_thread("perdure.build");
    lower_priority();
    builder_.run();
  }};
}

void Runtime::Core::stop() {
  if (stopped_.exchange(true)) return;
  intake_.close();
  if (foundation_.threads == Threads::none || !opened_) return calls_->close();
  builder_.stop();
  if (builder_thread_.joinable()) builder_thread_.join();
  // Accepted calls finish. Each one is answered by the actors and the committer, which go on.
  agenda_.rest();
  flows_.stop();
  while (!flights_.over()) std::this_thread::sleep_for(std::chrono::milliseconds{1});
  agenda_.stop();
  agenda_thread_.join();
  housekeeper_.stop();
  housekeeper_thread_.join();
  if (reads_) reads_->stop();
  for (auto& thread : read_threads_) thread.join();
  committer_.stop();
  committer_thread_.join();
  directory_.clear();
  calls_->close();
}

}  // namespace perdure
