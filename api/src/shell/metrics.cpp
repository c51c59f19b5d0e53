// SPDX-License-Identifier: Apache-2.0
#include "perdure/api/shell/metrics.hpp"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <map>
#include <mutex>
#include <sstream>
#include <unordered_map>

#include "shell/job_metrics.hpp"
#include "shell/openmetrics.hpp"
#include "shell/process_metrics.hpp"
#include "shell/runtime_metrics.hpp"

namespace perdure::shell {
namespace {

using prometheus::Counter;
using prometheus::Family;
using prometheus::Gauge;
using prometheus::Histogram;

const Histogram::BucketBoundaries request_seconds{0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
                                                  0.1,    0.25,  0.5,    1,     2.5,  5,     10};
const Histogram::BucketBoundaries commit_seconds{
    0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 5};
const Histogram::BucketBoundaries late_seconds{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,
                                               0.25,  0.5,    1,     5,    30,    300,  3600};
const Histogram::BucketBoundaries batch_turns{1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 4096};

constexpr auto methods = std::to_array<std::string_view>(
    {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "other"});
// Statuses below 100 or above 599 are nobody's: counted in the last place.
constexpr std::size_t status_places = 501;

double seconds(std::chrono::nanoseconds duration) {
  return std::chrono::duration<double>(duration).count();
}

std::size_t method_place(std::string_view method) {
  const auto* found = std::ranges::find(methods, method);
  return std::min<std::size_t>(static_cast<std::size_t>(found - methods.begin()),
                               methods.size() - 1);
}

std::size_t status_place(int status) {
  return status >= 100 && status <= 599 ? static_cast<std::size_t>(status - 100)
                                        : status_places - 1;
}

// Counters are made at their first use and then found by two array indexes: a scrape shows only
// what happened, and counting costs an atomic addition.
class CountingMeter final : public RouteMeter {
 public:
  CountingMeter(std::string route, Family<Counter>& requests, Histogram& durations)
      : route_(std::move(route)), requests_(requests), durations_(durations) {}

  void answered(std::string_view method, int status, std::chrono::nanoseconds duration) override {
    counter(method_place(method), status_place(status)).Increment();
    durations_.Observe(seconds(duration));
  }

 private:
  using Row = std::array<std::atomic<Counter*>, status_places>;

  Counter& counter(std::size_t method, std::size_t status) {
    Row& row = this->row(method);
    if (auto* known = row[status].load(std::memory_order_acquire)) return *known;
    const auto text = status == status_places - 1 ? "other" : std::to_string(status + 100);
    // Two threads may come here at once; the family gives both the same counter.
    auto& made = requests_.Add(
        {{"route", route_}, {"method", std::string{methods[method]}}, {"status", text}});
    row[status].store(&made, std::memory_order_release);
    return made;
  }

  Row& row(std::size_t method) {
    auto* known = rows_[method].load(std::memory_order_acquire);
    if (known != nullptr) return *known;
    const std::scoped_lock lock{mutex_};
    if (!kept_[method]) {
      kept_[method] = std::make_unique<Row>();
      rows_[method].store(kept_[method].get(), std::memory_order_release);
    }
    return *kept_[method];
  }

  const std::string route_;
  Family<Counter>& requests_;
  Histogram& durations_;
  std::array<std::atomic<Row*>, methods.size()> rows_{};
  std::mutex mutex_;  // protects kept_
  std::array<std::unique_ptr<Row>, methods.size()> kept_;
};

struct KindMeters {
  Gauge& active;
  Counter& turns;
};

}  // namespace

class Metrics::Impl {
 public:
  explicit Impl(std::span<const std::string> kinds) {
    for (const auto& kind : kinds) {
      kinds_.emplace(kind, KindMeters{active_.Add({{"kind", kind}}), turns_.Add({{"kind", kind}})});
    }
  }

  RouteMeter& route(std::string_view route) {
    const std::scoped_lock lock{mutex_};
    auto found = routes_.find(route);
    if (found == routes_.end()) {
      std::string name{route};
      auto& durations = durations_.Add({{"route", name}}, request_seconds);
      auto meter = std::make_unique<CountingMeter>(name, requests_, durations);
      found = routes_.emplace(std::move(name), std::move(meter)).first;
    }
    return *found->second;
  }

  const KindMeters* kind(std::string_view name) const {
    const auto found = kinds_.find(name);
    return found == kinds_.end() ? nullptr : &found->second;
  }

 private:
  prometheus::Registry registry_;
  Family<Counter>& requests_ = prometheus::BuildCounter()
                                   .Name("http_requests_total")
                                   .Help("Requests answered")
                                   .Register(registry_);
  Family<Histogram>& durations_ = prometheus::BuildHistogram()
                                      .Name("http_request_duration_seconds")
                                      .Help("Time from a request to its answer")
                                      .Register(registry_);
  Family<Gauge>& active_ = prometheus::BuildGauge()
                               .Name("perdure_objects_active")
                               .Help("Objects in memory")
                               .Register(registry_);
  Family<Counter>& turns_ =
      prometheus::BuildCounter().Name("perdure_turns_total").Help("Turns run").Register(registry_);

 public:
  Histogram& commits = prometheus::BuildHistogram()
                           .Name("perdure_commit_seconds")
                           .Help("Time to write and sync one batch of turns")
                           .Register(registry_)
                           .Add({}, commit_seconds);
  Histogram& batches = prometheus::BuildHistogram()
                           .Name("perdure_commit_batch_turns")
                           .Help("Turns that one batch committed")
                           .Register(registry_)
                           .Add({}, batch_turns);
  Counter& activations = prometheus::BuildCounter()
                             .Name("perdure_activations_total")
                             .Help("Objects brought into memory")
                             .Register(registry_)
                             .Add({});
  Histogram& alarms_late = prometheus::BuildHistogram()
                               .Name("perdure_alarm_lateness_seconds")
                               .Help("Time from when an alarm was due until its object got it")
                               .Register(registry_)
                               .Add({}, late_seconds);
  Gauge& outbox_items = prometheus::BuildGauge()
                            .Name("perdure_outbox_items")
                            .Help("Messages and effects that wait or are being carried out")
                            .Register(registry_)
                            .Add({});
  Counter& dead_letters = prometheus::BuildCounter()
                              .Name("perdure_dead_letters_total")
                              .Help("Messages, effects and alarms that were given up")
                              .Register(registry_)
                              .Add({});

  std::vector<prometheus::MetricFamily> collect() const {
    auto families = registry_.Collect();
    std::ranges::move(process_metrics(), std::back_inserter(families));
    return families;
  }

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept {
      return std::hash<std::string_view>{}(text);
    }
  };
  // Complete before any hook is called, so read without a lock.
  std::unordered_map<std::string, KindMeters, Hash, std::equal_to<>> kinds_;
  std::mutex mutex_;  // protects routes_
  std::map<std::string, std::unique_ptr<CountingMeter>, std::less<>> routes_;
};

Metrics::Metrics(std::span<const std::string> kinds) : impl_(std::make_unique<Impl>(kinds)) {}
Metrics::~Metrics() = default;

RouteMeter& Metrics::route(std::string_view route) { return impl_->route(route); }

void Metrics::turn_finished(std::string_view kind, std::chrono::nanoseconds /*handler*/) {
  if (const auto* meters = impl_->kind(kind)) meters->turns.Increment();
}
void Metrics::batch_committed(std::size_t turns, std::chrono::nanoseconds write_and_sync) {
  impl_->commits.Observe(seconds(write_and_sync));
  impl_->batches.Observe(static_cast<double>(turns));
}
void Metrics::activated(std::string_view kind) {
  impl_->activations.Increment();
  if (const auto* meters = impl_->kind(kind)) meters->active.Increment();
}
void Metrics::hibernated(std::string_view kind) {
  if (const auto* meters = impl_->kind(kind)) meters->active.Decrement();
}

void Metrics::alarm_fired(const ObjectId& /*object*/, std::chrono::milliseconds late) {
  impl_->alarms_late.Observe(seconds(late));
}
void Metrics::outbox_changed(std::size_t items) {
  impl_->outbox_items.Set(static_cast<double>(items));
}

void Metrics::dead_letter_made(const ObjectId& /*letter*/, const Error& /*cause*/) {
  impl_->dead_letters.Increment();
}

std::string Metrics::expose(Exposition exposition) const {
  auto families = impl_->collect();
  if (jobs_) std::ranges::move(job_metrics(jobs_()), std::back_inserter(families));
  if (runtime_) std::ranges::move(runtime_metrics(runtime_()), std::back_inserter(families));
  if (exposition == Exposition::openmetrics) return to_openmetrics(families);
  std::ostringstream out;
  prometheus::TextSerializer{}.Serialize(out, families);
  return std::move(out).str();
}

}  // namespace perdure::shell
