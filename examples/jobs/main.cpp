// SPDX-License-Identifier: Apache-2.0
// A type of jobs of one's own: define it, start the runner, have one done, and read its result.
#include <chrono>
#include <iostream>
#include <string>
#include <thread>

#include "perdure/actors/jobs.hpp"
#include "perdure/runtime/runtime.hpp"

namespace {

namespace actors = perdure::actors;
using perdure::Json;
using perdure::Result;

// [define]
actors::JobTypes my_types() {
  actors::JobTypes types = actors::built_in_job_types();
  types.add("count", {.run = [](actors::JobContext& job) -> Result<Json> {
                        const auto words = job.payload().at("words").size();
                        for (std::size_t i = 0; i < words; ++i) {
                          if (job.cancelled()) break;
                          job.progress(static_cast<double>(i + 1), words, "counting");
                        }
                        return Json{{"words", words}};
                      },
                      .concurrency = 2});
  return types;
}
// [/define]

Result<Json> count(const std::string& directory) {
  // [start]
  const auto types = my_types();
  PERDURE_TRY(runtime,
              perdure::Runtime::open({.data_dir = directory}, actors::job_kinds(types, {})));
  const auto runner = actors::JobRunner::start(*runtime, types, {});
  const auto job = runtime->object("job", "my first");
  PERDURE_TRY_VOID(
      job.call("create",
               Json{{"type", "count"}, {"payload", {{"words", {"a", "b", "c"}}}}, {"priority", 5}})
          .get());
  // [/start]
  for (int i = 0; i < 1'000; ++i) {
    PERDURE_TRY(seen, job.ask("get").get());
    if (seen.value.at("status") == "succeeded") return seen.value.at("result");
    std::this_thread::sleep_for(std::chrono::milliseconds{5});
  }
  return perdure::fail(perdure::ErrorCode::internal, "it takes too long");
}

}  // namespace

int main(int argc, char** argv) {
  const auto result = count(argc > 1 ? argv[1] : "data");
  if (!result) {
    std::cerr << to_string(result.error()) << '\n';
    return 1;
  }
  std::cout << "counted: " << *result << '\n';
  return *result == Json{{"words", 3}} ? 0 : 1;
}
