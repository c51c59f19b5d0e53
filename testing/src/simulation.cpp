// SPDX-License-Identifier: Apache-2.0
#include "perdure/testing/simulation.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "alarm_watch.hpp"

namespace perdure::testing {

namespace {

constexpr std::size_t clients_usually = 4;
constexpr std::size_t workloads_max = 4;
/// A run that needs more steps than this after the faults have stopped is stuck.
constexpr std::size_t steps_to_finish_max = 200'000;
/// So often in a row all must be found finished, and at some of these looks nothing on its way.
constexpr int finished_looks = 30;
constexpr std::size_t steps_between_looks = 10;
constexpr std::size_t steps_between_checks = 1'000;
constexpr std::size_t story_lines_max = 300;

const WorkloadMaker& find(const std::vector<WorkloadMaker>& makers, const std::string& name) {
  const auto found = std::ranges::find(makers, name, &WorkloadMaker::name);
  PERDURE_CHECK(found != makers.end(), "there is no workload " + name);
  return *found;
}

/// The machine that a seed runs on.
WorldOptions machine_of(std::uint64_t seed) {
  Chance chance{seed, "machine", std::make_shared<Trace>()};
  WorldOptions options;
  options.reads = WorldOptions::Reads::by_seed;
  options.runtime.active_bytes_max = chance.pick<std::size_t>({8u << 10, 64u << 10, 1u << 20});
  options.runtime.event_retention.events_max = chance.pick<std::uint64_t>({20, 1'000, 1'000'000});
  // Calls that find no place are told so, and come again.
  options.runtime.mailbox_max = chance.pick<std::size_t>({2, 16, 4'096});
  options.runtime.in_flight_max = chance.pick<std::size_t>({8, 64, 65'536});
  // How long a machine was off, only the wall clock knows: keys outlive all steps of it together.
  options.runtime.idempotency_window = std::chrono::days{90};
  options.runtime.alarms.object_rate = chance.pick<std::uint32_t>({3, 25, 100});
  options.runtime.alarms.owner_rate = chance.pick<std::uint32_t>({6, 40, 1'000});
  return options;
}

/// One run: workloads outlive the world, because its kinds refer to them.
class Run {
 public:
  Run(const Plan& plan, const std::vector<WorkloadMaker>& makers, WorldOptions options) {
    std::vector<Kind> kinds;
    for (const auto& name : plan.workloads) {
      workloads_.push_back({name, find(makers, name).make(plan.clients)});
      for (auto& kind : workloads_.back().workload->kinds()) kinds.push_back(std::move(kind));
    }
    const auto alarms = options.runtime.alarms;
    options.runtime.hooks = &alarm_watch_;
    world_ = std::make_unique<World>(plan.seed, std::move(kinds), std::move(options));
    alarm_watch_.attach(*world_, alarms);
    faults_ = std::make_unique<Faults>(*world_, plan.faults);
    chance_ = std::make_unique<Chance>(world_->stream("run"));
    for (auto& [name, workload] : workloads_) {
      workload->attach(*world_, name);
      workload->setup();
    }
  }
  ~Run() { world_->end(); }
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;

  void be_safe(std::size_t steps) {
    for (std::size_t i = 0; i < steps && ok(); ++i) {
      move();
      faults_->step();
      check_now_and_then();
    }
  }

  void finish() {
    if (!ok()) return;
    faults_->end();
    int finished = 0;
    bool was_quiet = false;
    for (std::size_t i = 0; (finished < finished_looks || !was_quiet) && ok(); ++i) {
      move();
      // So that waits for alarms and retries are short to run.
      if (i % 50 == 0) world_->clock().advance(Milliseconds{1'000});
      if (i == steps_to_finish_max) world_->expect(false, [&] { return stuck(); });
      if (i % steps_between_looks != 0) continue;
      const bool all =
          std::ranges::all_of(workloads_, [](auto& part) { return part.workload->finished(); });
      finished = all ? finished + 1 : 0;
      was_quiet = all && (was_quiet || world_->quiet());
    }
  }

  void check() {
    if (!ok()) return;
    if (chance_->one_in(2)) world_->crash();
    for (auto& [name, workload] : workloads_) workload->check();
    world_->check_invariants();
  }

  [[nodiscard]] Outcome outcome() const {
    return {.failure = world_->failure(),
            .trace = chance_->trace(),
            .steps = steps_,
            .faults = faults_->count(),
            .crashes = world_->life() - 1,
            .reopenings = world_->epoch() - world_->life(),
            .story = world_->story()};
  }

 private:
  struct Part {
    std::string name;
    std::unique_ptr<Workload> workload;
  };

  [[nodiscard]] bool ok() const { return world_->failure().empty(); }

  void move() {
    ++steps_;
    const auto dice = chance_->below(200);
    if (dice < 40) {
      workloads_[chance_->below(workloads_.size())].workload->step();
    } else if (dice < 43) {
      world_->hibernate_one();
    } else {
      world_->step();
    }
  }

  void check_now_and_then() {
    const bool again = std::exchange(life_, world_->life()) != world_->life();
    if (again || steps_ % steps_between_checks == 0) world_->check_invariants();
  }

  [[nodiscard]] std::string stuck() {
    std::string text = "it never finishes:";
    for (auto& [name, workload] : workloads_) {
      if (!workload->finished()) text += fmt::format(" {} ({})", name, workload->state());
    }
    if (!world_->quiet()) {
      const auto items = world_->runtime().outbox(0, 3);
      text += fmt::format(" {} requests are open, {} calls are in flight; outbox: {}",
                          world_->network().open_requests(),
                          world_->runtime().stats().in_flight_calls, Json(items).dump());
    }
    return text;
  }

  std::vector<Part> workloads_;
  AlarmWatch alarm_watch_;
  std::unique_ptr<World> world_;
  std::unique_ptr<Faults> faults_;
  std::unique_ptr<Chance> chance_;
  std::uint64_t steps_ = 0;
  std::uint64_t life_ = 1;
};

}  // namespace

Plan plan_of(std::uint64_t seed, const std::vector<WorkloadMaker>& makers,
             const std::vector<std::string>& only) {
  Plan plan{.seed = seed, .workloads = only, .clients = clients_usually};
  if (!only.empty()) return plan;
  Chance chance{seed, "plan", std::make_shared<Trace>()};
  for (const auto& maker : makers) plan.workloads.push_back(maker.name);
  const auto count = 1 + chance.below(std::min(workloads_max, makers.size()));
  while (plan.workloads.size() > count) {
    const auto dropped = chance.below(plan.workloads.size());
    plan.workloads.erase(plan.workloads.begin() + static_cast<std::ptrdiff_t>(dropped));
  }
  return plan;
}

Outcome run(const Plan& plan, const std::vector<WorkloadMaker>& makers, Telling telling,
            std::function<void(std::string_view)> on_line) {
  auto options = machine_of(plan.seed);
  options.tells_story = telling == Telling::story;
  options.on_line = std::move(on_line);
  Run run{plan, makers, std::move(options)};
  run.be_safe(plan.steps);
  run.finish();
  run.check();
  return run.outcome();
}

Report explore(const std::vector<WorkloadMaker>& makers, const Exploration& exploration) {
  Report report;
  for (std::uint64_t i = 0; i < exploration.count; ++i) {
    const auto plan = plan_of(exploration.first_seed + i, makers, exploration.only);
    const auto outcome = run_isolated(plan, makers);
    ++report.runs;
    report.faults += outcome.faults;
    report.crashes += outcome.crashes;
    report.reopenings += outcome.reopenings;
    if (!outcome.failure.empty()) {
      report.plan = shrink(plan, makers);
      const auto told = run_isolated(report.plan, makers, Telling::story);
      report.failure = told.failure.empty() ? outcome.failure : told.failure;
      report.story = told.story;
      return report;
    }
    if (exploration.on_progress) exploration.on_progress(i + 1);
  }
  return report;
}

std::string describe(const Report& report) {
  const auto& plan = report.plan;
  std::string text = fmt::format("seed {} fails: {}\n", plan.seed, report.failure);
  text += fmt::format("made small: {} steps, {} clients, workloads", plan.steps, plan.clients);
  for (const auto& name : plan.workloads) text += " " + name;
  text += ", faults of";
  for (const auto fault : plan.faults.kinds) text += fmt::format(" {}", name_of(fault));
  text += plan.faults.kinds.empty() ? " no kind\n" : "\n";
  const auto& story = report.story;
  const auto from = story.size() > story_lines_max ? story.size() - story_lines_max : 0;
  if (from > 0) text += fmt::format("({} lines before these)\n", from);
  for (auto i = from; i < story.size(); ++i) text += story[i] + "\n";
  return text;
}

}  // namespace perdure::testing
