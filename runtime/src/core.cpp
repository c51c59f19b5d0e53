// SPDX-License-Identifier: Apache-2.0
#include "core.hpp"

#include <fmt/format.h>
#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <caf/logger.hpp>
#include <caf/scheduler/abstract_coordinator.hpp>
#include <caf/thread_hook.hpp>
#include <functional>
#include <set>

#include "builtin_operations.hpp"
#include "caller_thread.hpp"
#include "dead_letter.hpp"
#include "fair_scheduler.hpp"
#include "going_along.hpp"
#include "lent_thread.hpp"
#include "object_actor.hpp"
#include "quota.hpp"
#include "unique_keys.hpp"

namespace perdure {

namespace runtime {

namespace {

// For `top -H` and profiles. At most 15 characters.
void name_thread(const char* name) { pthread_setname_np(pthread_self(), name); }

// So that others get the processor first. Linux takes a thread's id for that of a process here.
void lower_priority() {
  constexpr int lowest = 19;
  static_cast<void>(setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), lowest));
}

/// CAF calls its workers "caf.multiplexer", which says nothing to an operator.
class WorkerNames final : public caf::thread_hook {
 public:
  void init(caf::actor_system&) override {}
  void thread_started() override {
    std::array<char, 16> name{};
    pthread_getname_np(pthread_self(), name.data(), name.size());
    if (std::string_view{name.data()} == "caf.multiplexer") name_thread("perdure.worker");
  }
  void thread_terminates() override {}
};

std::unique_ptr<caf::actor_system_config> make_config(std::size_t threads) {
  auto config = std::make_unique<caf::actor_system_config>();
  schedule_fairly(*config, threads);
  config->add_thread_hook<WorkerNames>();
  return config;
}

}  // namespace

}  // namespace runtime

namespace {
Milliseconds use_interval(const RuntimeOptions& options) {
  // Objects hibernate up to a second early by it.
  return std::min<Milliseconds>(std::chrono::seconds{1}, options.hibernate_after / 64);
}

std::size_t owner_in_flight(const RuntimeOptions& options) {
  if (options.owner_in_flight_max > 0) return options.owner_in_flight_max;
  return std::max<std::size_t>(options.in_flight_max / 8, 1);
}

}  // namespace

using runtime::Envelope;
using runtime::Operation;

Runtime::Core::Core(RuntimeOptions options, std::vector<Kind> kinds, runtime::Foundation foundation)
    : options_(std::move(options)),
      kinds_(runtime::with_own_kinds(std::move(kinds))),
      foundation_(std::move(foundation)),
      export_seal_(options_.data_dir, options_.access, *foundation_.random),
      hooks_(options_.hooks != nullptr ? *options_.hooks : no_hooks_),
      own_config_(foundation_.system != nullptr ? nullptr
                                                : runtime::make_config(options_.worker_threads)),
      own_system_(own_config_ ? std::make_unique<caf::actor_system>(*own_config_) : nullptr),
      // With Threads::none no run may depend on real time.
      paces_(kinds_, foundation_.threads == runtime::Threads::own ? options_.quick_turn_max
                                                                  : std::chrono::hours{1}),
      times_(*foundation_.clock, foundation_.store->epoch()),
      once_(*foundation_.store, options_.quotas.idempotency_keys, options_.idempotency_window),
      directory_(
          {.mailbox_max = options_.mailbox_max,
           .in_flight_max = options_.in_flight_max,
           .owner_in_flight_max = owner_in_flight(options_),
           .use_interval = use_interval(options_)},
          *foundation_.clock, hooks_, [this] { return foundation_.store->epoch(); },
          [this](const runtime::CellPtr& cell) { return spawn(cell); }),
      committer_(
          *foundation_.store, directory_, [this] { return claims_at(); }, hooks_,
          {.give_back =
               [this](const runtime::SubmissionPtr& submission) {
                 directory_.send_back(submission);
               },
           .committed =
               [this](runtime::Cell& cell, const runtime::Version& version) {
                 housekeeper_.committed(cell, version);
                 if (&cell.kind == subscription_kind_) {
                   agenda_.subscriptions().changed(cell.object, version);
                 }
                 if (&cell.kind == dead_letter_kind_ && version.meta.seq == 1) {
                   tell_of_letter(cell, version);
                 }
               },
           .asked = [this](storage::Unit& unit,
                           const storage::Committed& committed) { agenda_.asked(unit, committed); },
           .released = [this](const storage::Unit& unit) { builder_.released(unit); }}),
      housekeeper_(*foundation_.store, directory_, *foundation_.clock, times_,
                   {.hibernate_after = options_.hibernate_after,
                    .active_bytes_max = options_.active_bytes_max,
                    .retention = options_.retention}),
      agenda_(
          *foundation_.store, *foundation_.clock, times_, *foundation_.random, options_,
          {.owner_of = [this](const ObjectId& object) { return alarm_owner(object); },
           .fire =
               [this](const ObjectId& object, runtime::Tick tick, std::function<void(bool)> done) {
                 fire(object, std::move(tick), std::move(done));
               }},
          {.call =
               [this](Call call, runtime::Receipt receipt, ReplyHandler done) {
                 carry_out(std::move(call), std::move(receipt), std::move(done));
               },
           .tell = [this](Call call) { this->call(std::move(call), [](const auto&) {}); },
           .changed = [this](std::size_t items) { hooks_.outbox_changed(items); }},
          [this](Call call, ReplyHandler done) { this->call(std::move(call), std::move(done)); }),
      row_names_{kinds_},
      rules_{.idempotency_window = options_.idempotency_window,
             .alarm_period_min = options_.alarms.period_min,
             .quotas = options_.quotas,
             .dependents = runtime::find_dependents(kinds_),
             .lists = runtime::ListLayouts{kinds_},
             .rows = &row_names_},
      builder_({.store = *foundation_.store,
                .kinds = kinds_,
                .lists = rules_.lists,
                .rows = row_names_,
                .committer = committer_,
                .call = [this](Call call,
                               ReplyHandler done) { this->call(std::move(call), std::move(done)); },
                .hooks = hooks_,
                .claims_at = [this] { return claims_at(); },
                .is_busy = [this] { return directory_.in_flight() > 0; }}),
      purger_(
          *foundation_.store, kinds_, row_names_, *foundation_.clock, times_, options_.purge_after,
          [this](Call call, ReplyHandler done) { this->call(std::move(call), std::move(done)); }),
      letter_bound_(
          *foundation_.store, options_.quotas.dead_letters,
          [this](Call call, ReplyHandler done) { this->call(std::move(call), std::move(done)); }),
      around_{.store = *foundation_.store,
              .directory = directory_,
              .committer = committer_,
              .times = times_,
              .hooks = hooks_,
              .paces = paces_,
              .rules = rules_,
              .checks_invariants = foundation_.threads == runtime::Threads::none},
      transact_effects_{
          .hold = std::bind_front(&Core::hold, this),
          .release = [this](const auto& cell, auto number) { directory_.release(*cell, number); },
          .post = [this](std::function<void()> step) { agenda_.post(std::move(step)); },
          .resolve = [this](Envelope& envelope) { return resolve(envelope); },
          .claims_at = [this] { return claims_at(); },
          .next_number = [this] { return ++last_transaction_; }} {
  housekeeper_.add_chore([this] { static_cast<void>(foundation_.store->look()); });
  housekeeper_.add_chore([this] { recover(); });
  housekeeper_.add_chore([this] { purger_.step(); });
  housekeeper_.add_chore([this] { letter_bound_.step(); });
  for (const auto& kind : kinds_) kinds_by_name_.emplace(kind.name(), &kind.definition());
  subscription_kind_ = find_kind(runtime::subscription_kind_name);
  dead_letter_kind_ = find_kind(runtime::dead_letter_kind_name);
  if (options_.access == AccessMode::read_write) {
    counts_all_ = runtime::count_objects(*foundation_.store, kinds_, claims_at()) &&
                  runtime::count_bytes(*foundation_.store, kinds_, claims_at());
  }
  opened_ = builder_.open(options_.access);
  if (options_.access == AccessMode::read_only) opened_ = {};  // what is sound is shown
  if (opened_ && foundation_.threads == runtime::Threads::own) {
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
    if (builder_.may_have_work()) {
      builder_thread_ = std::thread{[this] {
        runtime::name_thread("perdure.build");
        runtime::lower_priority();
        builder_.run();
      }};
    }
  }
}

Runtime::Core::~Core() { stop(); }

void Runtime::Core::recover() {
  if (!opened_again_) {
    const auto recovered = foundation_.store->recover();
    if (!recovered) return hooks_.reopening_failed(recovered.error());
    opened_again_ = *recovered;
    if (foundation_.threads == runtime::Threads::none) return;
  }
  if (!std::exchange(opened_again_, false)) return;
  directory_.drop_before(foundation_.store->epoch());
  agenda_.reset();
  hooks_.writes_resumed();
}

void Runtime::Core::let_go_of_logger() const {
  // A thread that makes an actor keeps the logger of CAF's system from then on, and the system
  // waits for the logger's last holder when it ends: for good, if that thread lives on.
  if (own_system_) caf::logger::set_current_actor_system(nullptr);
}

caf::actor Runtime::Core::spawn(const runtime::CellPtr& cell) {
  // Hidden: a host's system must not wait for objects when it shuts down.
  auto actor = system().spawn<runtime::ObjectActor, caf::hidden + caf::lazy_init>(cell, around_);
  let_go_of_logger();
  return actor;
}

Result<std::unique_ptr<Subscriber>> Runtime::Core::subscribe(SubscriberOptions options,
                                                             EventHandler handler) {
  runtime::EventConsumer::Surroundings around{.feed = agenda_.events(),
                                              .clock = *foundation_.clock,
                                              .random = *foundation_.random,
                                              .call = [this](Call call, ReplyHandler done) {
                                                this->call(std::move(call), std::move(done));
                                              }};
  if (foundation_.threads == runtime::Threads::none) {
    return stepped_subscribers_.subscribe(std::move(around), std::move(options),
                                          std::move(handler));
  }
  return runtime::subscribe(std::move(around), subscribers_, std::move(options),
                            std::move(handler));
}

const KindDefinition* Runtime::Core::find_kind(std::string_view name) const {
  const auto found = kinds_by_name_.find(name);
  return found == kinds_by_name_.end() ? nullptr : found->second;
}

Result<void> Runtime::Core::resolve(Envelope& envelope) const {
  const auto& call = envelope.call;
  PERDURE_TRY_VOID(validate(call.target));
  envelope.kind = find_kind(call.target.kind);
  if (envelope.kind == nullptr) {
    return fail(ErrorCode::not_found, "there is no kind " + call.target.kind);
  }
  if (call.idempotency_key.size() > limits::idempotency_key_bytes_max) {
    return fail(ErrorCode::invalid, fmt::format("an idempotency key has at most {} bytes",
                                                limits::idempotency_key_bytes_max));
  }
  const bool is_query = call.type == CallType::query;
  if (call.name.starts_with('$')) {
    for (const auto& [name, operation] : runtime::builtin_operations) {
      if (name == call.name && is_query == (operation == Operation::get)) {
        envelope.operation = operation;
        return {};
      }
    }
  } else if (is_query) {
    if (const auto found = envelope.kind->queries.find(call.name);
        found != envelope.kind->queries.end()) {
      envelope.operation = Operation::query;
      envelope.query = &found->second;
      return {};
    }
  } else if (const auto found = envelope.kind->commands.find(call.name);
             found != envelope.kind->commands.end()) {
    envelope.command = &found->second;
    return {};
  }
  Error error{.code = ErrorCode::not_found,
              .detail = fmt::format("kind {} has no {} {}", call.target.kind,
                                    is_query ? "query" : "command", call.name)};
  return fail(std::move(error));
}

void Runtime::Core::stamp(Envelope& envelope) const {
  envelope.accepted_at = times_.wall();
  envelope.accepted_steady = times_.steady();
  if (const auto& deadline = envelope.call.deadline) {
    envelope.deadline = envelope.accepted_steady + (*deadline - envelope.accepted_at);
  }
}

void Runtime::Core::call(Call&& call, ReplyHandler&& done) {
  const auto envelope = std::make_shared<Envelope>();
  envelope->call = std::move(call);
  envelope->done = std::move(done);
  if (auto resolved = resolve(*envelope); !resolved) {
    return envelope->done(fail(std::move(resolved).error()));
  }
  stamp(*envelope);
  if (stopping_.load(std::memory_order_relaxed)) {
    return envelope->done(fail(ErrorCode::unavailable, "the runtime is stopping"));
  }
  if (envelope->call.type == CallType::query) {
    if (answer_without_actor(envelope)) return;
  } else {
    if (auto takes = takes_writes(); !takes) {
      return envelope->done(fail(std::move(takes).error()));
    }
    envelope->random_seed = foundation_.random->next();
    if (!envelope->call.idempotency_key.empty() && !once_.begin(*envelope, claims_at())) {
      return;
    }
  }
  accept(envelope);
}

void Runtime::Core::accept(const runtime::EnvelopePtr& envelope) {
  std::optional<runtime::CallerThread> here;
  if (may_run_here(*envelope)) here.emplace(system());
  if (auto delivered = directory_.deliver(envelope, here ? &*here : nullptr); !delivered) {
    return envelope->done(fail(std::move(delivered).error()));
  }
  if (here) here->run();
}

bool Runtime::Core::may_run_here(const Envelope& envelope) const {
  return runtime::is_lent() && envelope.command != nullptr && paces_.is_quick(*envelope.kind);
}

void Runtime::Core::carry_out(Call call, runtime::Receipt receipt, ReplyHandler done) {
  const auto envelope = std::make_shared<Envelope>();
  envelope->call = std::move(call);
  envelope->done = std::move(done);
  envelope->receipt = std::move(receipt);
  if (auto resolved = resolve(*envelope); !resolved) {
    return envelope->done(fail(std::move(resolved).error()));
  }
  if (auto takes = takes_writes(); !takes) {
    return envelope->done(fail(std::move(takes).error()));
  }
  stamp(*envelope);
  envelope->random_seed = foundation_.random->next();
  accept(envelope);
}

void Runtime::Core::hold(const ObjectId& object, std::uint64_t transaction, ReplyHandler done,
                         runtime::CellPtr& cell) {
  const auto envelope = std::make_shared<Envelope>();
  envelope->call.target = object;
  envelope->kind = find_kind(object.kind);
  envelope->operation = Operation::hold;
  envelope->transaction = transaction;
  stamp(*envelope);
  envelope->done = std::move(done);
  accept(envelope);
  cell = envelope->cell;  // none: it was not delivered, and `done` has been told why
}

Result<void> Runtime::Core::check_scope(const TransactionScope& scope) const {
  using Others = runtime::TransactionTurns::Others;
  const auto count = scope.objects.size();
  const bool is_empty = count == 0 && scope.others == Others::refused;
  if (is_empty || count > limits::transaction_objects_max) {
    return fail(ErrorCode::invalid, fmt::format("a transaction names 1 to {} objects",
                                                limits::transaction_objects_max));
  }
  for (const auto& object : scope.objects) {
    PERDURE_TRY_VOID(validate(object));
    if (find_kind(object.kind) == nullptr) {
      return fail(ErrorCode::not_found, "there is no kind " + object.kind);
    }
  }
  return {};
}

void Runtime::Core::transact(TransactionScope scope, TransactionHandler handler,
                             TransactionOptions options, ReplyHandler done) {
  auto& objects = scope.objects;
  std::ranges::sort(objects);
  const auto repeated = std::ranges::unique(objects);
  objects.erase(repeated.begin(), repeated.end());
  const auto envelope = std::make_shared<Envelope>();
  ++transactions_;
  envelope->done = [this, done = std::move(done)](Result<Reply> reply) {
    done(std::move(reply));
    --transactions_;
  };
  if (auto fits = check_scope(scope); !fits) return envelope->done(fail(std::move(fits).error()));
  if (auto takes = takes_writes(); !takes) {
    return envelope->done(fail(std::move(takes).error()));
  }
  auto& call = envelope->call;
  if (!objects.empty()) call.target = objects.front();
  call.name = "$transact";
  call.payload = std::move(scope.fingerprint);
  call.principal = options.principal;
  call.idempotency_key = std::move(options.idempotency_key);
  call.idempotency_fingerprint = std::move(options.idempotency_fingerprint);
  call.request_id = std::move(options.request_id);
  call.traceparent = std::move(options.traceparent);
  stamp(*envelope);
  envelope->random_seed = foundation_.random->next();
  envelope->transaction = ++last_transaction_;
  if (!call.idempotency_key.empty() && !once_.begin(*envelope, claims_at())) return;
  std::make_shared<runtime::TransactionRun>(
      envelope, std::move(objects), scope.others, std::move(handler), options,
      runtime::TransactionRun::Around{.store = *foundation_.store,
                                      .directory = directory_,
                                      .committer = committer_,
                                      .times = times_,
                                      .rules = rules_,
                                      .effects = transact_effects_})
      ->start();
}

void Runtime::Core::fire(const ObjectId& object, runtime::Tick tick,
                         std::function<void(bool)> done) {
  const auto envelope = std::make_shared<Envelope>();
  envelope->call.target = object;
  envelope->kind = find_kind(object.kind);
  envelope->operation = Operation::fire;
  envelope->tick = std::move(tick);
  // An alarm that was moved meanwhile is not_found: it is dealt with, too.
  envelope->done = [done = std::move(done)](const Result<Reply>& reply) {
    done(reply || reply.error().code == ErrorCode::not_found);
  };
  const bool can_run = envelope->kind != nullptr && !stopping_.load() &&
                       foundation_.store->health() == storage::Health::writable;
  if (!can_run) return envelope->done(fail(ErrorCode::unavailable, "alarms cannot run now"));
  stamp(*envelope);
  envelope->random_seed = foundation_.random->next();
  if (envelope->tick->why == runtime::Tick::Why::due) {
    hooks_.alarm_fired(object, envelope->accepted_at - envelope->tick->due);
  }
  accept(envelope);
}

void Runtime::Core::stop() {
  if (stopping_.exchange(true)) return;
  if (foundation_.threads == runtime::Threads::none || !opened_) return;
  builder_.stop();
  if (builder_thread_.joinable()) builder_thread_.join();
  // Accepted calls finish. Each one is answered by the actors and the committer, which go on.
  agenda_.rest();
  while (directory_.in_flight() > 0 || transactions_.load() > 0) {
    std::this_thread::sleep_for(std::chrono::milliseconds{1});
  }
  agenda_.stop();
  agenda_thread_.join();
  housekeeper_.stop();
  housekeeper_thread_.join();
  committer_.stop();
  committer_thread_.join();
  directory_.clear();
}

}  // namespace perdure
