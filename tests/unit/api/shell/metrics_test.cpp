// SPDX-License-Identifier: Apache-2.0
#include "perdure/api/shell/metrics.hpp"

#include <gmock/gmock.h>

#include <map>
#include <thread>
#include <vector>

#include "shell/runtime_metrics.hpp"

namespace perdure::shell {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;

class MetricsTest : public testing::Test {
 protected:
  const std::vector<std::string> kinds_{"counter", "notebook"};
  Metrics metrics_{kinds_};
};

TEST_F(MetricsTest, count_requests_by_route_method_and_status) {
  auto& route = metrics_.route("/notebooks/{id}");
  route.answered("GET", 200, 3ms);
  route.answered("GET", 200, 3ms);
  route.answered("BREW", 999, 3ms);
  const auto text = metrics_.expose(Exposition::text);
  EXPECT_THAT(
      text,
      AllOf(
          HasSubstr(R"(http_requests_total{method="GET",route="/notebooks/{id}",status="200"} 2)"),
          HasSubstr(
              R"(http_requests_total{method="other",route="/notebooks/{id}",status="other"} 1)"),
          HasSubstr(
              R"(http_request_duration_seconds_bucket{route="/notebooks/{id}",le="0.005"} 3)")));
}

TEST_F(MetricsTest, give_one_meter_for_one_route) {
  EXPECT_EQ(&metrics_.route("/a"), &metrics_.route("/a"));
  EXPECT_NE(&metrics_.route("/a"), &metrics_.route("/b"));
}

TEST_F(MetricsTest, follow_activations_of_known_kinds) {
  metrics_.activated("counter");
  metrics_.activated("counter");
  metrics_.hibernated("counter");
  metrics_.activated("stranger");
  const auto text = metrics_.expose(Exposition::text);
  EXPECT_THAT(text, AllOf(HasSubstr(R"(perdure_objects_active{kind="counter"} 1)"),
                          HasSubstr(R"(perdure_objects_active{kind="notebook"} 0)"),
                          HasSubstr("perdure_activations_total 3"), Not(HasSubstr("stranger"))));
}

TEST_F(MetricsTest, show_how_late_alarms_are_and_what_waits_in_the_outbox) {
  metrics_.alarm_fired({"bell", "b"}, 7ms);
  metrics_.outbox_changed(12);
  metrics_.outbox_changed(3);
  const auto text = metrics_.expose(Exposition::text);
  EXPECT_THAT(text, AllOf(HasSubstr(R"(perdure_alarm_lateness_seconds_bucket{le="0.005"} 0)"),
                          HasSubstr(R"(perdure_alarm_lateness_seconds_bucket{le="0.01"} 1)"),
                          HasSubstr("perdure_outbox_items 3")));
}

TEST_F(MetricsTest, are_also_written_as_openmetrics) {
  metrics_.route("/a").answered("GET", 200, 1ms);
  metrics_.batch_committed(3, 80us);
  const auto text = metrics_.expose(Exposition::openmetrics);
  EXPECT_THAT(text,
              AllOf(HasSubstr("# TYPE http_requests counter\n"), HasSubstr("http_requests_total{"),
                    HasSubstr("perdure_commit_batch_turns_bucket{le=\"4.0\"} 1\n"),
                    HasSubstr("perdure_commit_seconds_count 1\n"), EndsWith("# EOF\n")));
}

TEST_F(MetricsTest, show_the_process) {
  const auto text = metrics_.expose(Exposition::text);
  for (const char* name : {"process_cpu_seconds_total", "process_resident_memory_bytes",
                           "process_open_fds", "process_start_time_seconds"}) {
    EXPECT_THAT(text, HasSubstr(std::string{"\n"} + name + " ")) << name;
  }
}

TEST_F(MetricsTest, ask_the_runtime_at_each_scrape) {
  RuntimeStats stats{.active_bytes = 4'096, .in_flight_calls = 2, .syncs = 7};
  metrics_.set_runtime([&] { return stats; });
  EXPECT_THAT(metrics_.expose(Exposition::text),
              AllOf(HasSubstr("\nperdure_objects_active_bytes 4096\n"),
                    HasSubstr("\nperdure_calls_in_flight 2\n"),
                    HasSubstr("\nperdure_store_syncs_total 7\n"),
                    HasSubstr("\nperdure_store_writable 1\n")));
  stats.writable = false;
  EXPECT_THAT(metrics_.expose(Exposition::text), HasSubstr("\nperdure_store_writable 0\n"));
}

TEST_F(MetricsTest, lose_no_count_between_threads_that_use_a_route_first) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([this] {
      for (int n = 0; n < 1000; ++n) metrics_.route("/x").answered("POST", 200 + n % 7, 1ms);
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_THAT(metrics_.expose(Exposition::text),
              HasSubstr(R"(http_request_duration_seconds_count{route="/x"} 4000)"));
}

TEST_F(MetricsTest, ask_for_jobs_at_each_scrape) {
  std::int64_t queued = 3;
  metrics_.set_jobs([&] {
    return std::vector<JobCount>{
        {.queue = "q", .type = "echo", .queued = queued, .running = 1, .succeeded = 5},
        {.queue = "q", .type = "sleep", .queued = 2, .failed = 1}};
  });
  EXPECT_THAT(metrics_.expose(Exposition::text), HasSubstr(R"(perdure_jobs_queued{queue="q"} 5)"));
  queued = 0;
  const auto text = metrics_.expose(Exposition::text);
  EXPECT_THAT(text, HasSubstr(R"(perdure_jobs_queued{queue="q"} 2)"));
  EXPECT_THAT(text, HasSubstr(R"(perdure_jobs_running{queue="q"} 1)"));
  EXPECT_THAT(text, HasSubstr(R"(perdure_jobs_finished_total{type="echo",outcome="succeeded"} 5)"));
  EXPECT_THAT(text, HasSubstr(R"(perdure_jobs_finished_total{type="sleep",outcome="failed"} 1)"));
}

TEST(RuntimeMetrics, tell_how_far_rows_are_that_are_made_again) {
  RuntimeStats stats;
  stats.builds = 2;
  stats.build_objects = 1'000;
  stats.build_done = 640;
  stats.build_unreadable = 3;
  stats.build_duplicates = 5;
  std::map<std::string, double> told;
  for (const auto& family : runtime_metrics(stats)) {
    const auto& value = family.metric.front();
    told[family.name] =
        family.type == prometheus::MetricType::Gauge ? value.gauge.value : value.counter.value;
  }
  EXPECT_EQ(told.at("perdure_index_build_kinds"), 2);
  EXPECT_EQ(told.at("perdure_index_build_objects"), 1'000);
  EXPECT_EQ(told.at("perdure_index_build_done_objects"), 640);
  EXPECT_EQ(told.at("perdure_index_build_unreadable_objects"), 3);
  EXPECT_EQ(told.at("perdure_index_build_duplicates_total"), 5);
}

}  // namespace
}  // namespace perdure::shell
