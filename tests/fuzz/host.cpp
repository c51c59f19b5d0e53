// SPDX-License-Identifier: Apache-2.0
#include "host.hpp"

#include <unistd.h>

#include <future>

#include "perdure/actors/jobs.hpp"
#include "perdure/actors/kinds.hpp"
#include "perdure/api/app/bootstrap.hpp"
#include "target.hpp"

namespace perdure::fuzz {

namespace {
// Far beyond what any answer takes: a question that is not answered is a finding.
constexpr std::chrono::seconds answer_max{120};
}  // namespace

std::unique_ptr<Host> Host::one;

Host& Host::instance() {
  if (!one) one.reset(new Host);
  return *one;
}

void Host::end() { one.reset(); }

Host::Host()
    : directory_(std::filesystem::temp_directory_path() /
                 ("perdure-fuzz-" + std::to_string(::getpid()))) {
  restart();
}

Host::~Host() { stop(); }

void Host::stop() {
  if (runtime_) runtime_->stop();
  application_.reset();
  runtime_.reset();
  std::filesystem::remove_all(directory_);
}

void Host::restart() {
  stop();
  questions_ = 0;
  auto kinds = actors::built_in_kinds();
  for (auto& kind : actors::domain_kinds()) kinds.push_back(std::move(kind));
  for (auto& kind : actors::job_kinds(actors::built_in_job_types(), {})) {
    kinds.push_back(std::move(kind));
  }
  runtime_ = Runtime::open({.data_dir = directory_, .durability = DurabilityMode::buffered},
                           std::move(kinds))
                 .value();
  PERDURE_CHECK(api::ensure_admin(*runtime_, clock_, random_, admin_key).has_value(),
                "the first key");
  application_ =
      std::make_unique<api::Application>(*runtime_, clock_, random_, api::ApplicationOptions{});
}

api::Answer Host::ask(http::Request&& request) {
  if (++questions_ > questions_max) restart();
  auto exchange = std::make_shared<api::Waiting>();
  auto future = exchange->future();
  application_->handle(std::move(request), http::Responder{std::move(exchange)});
  PERDURE_CHECK(future.wait_for(answer_max) == std::future_status::ready, "nobody answers");
  auto answer = future.get();
  if (answer.stream) answer.stream->end(http::StreamEnd::disconnected);
  return answer;
}

}  // namespace perdure::fuzz
