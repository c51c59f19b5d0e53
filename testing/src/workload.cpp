// SPDX-License-Identifier: Apache-2.0
#include "perdure/testing/workload.hpp"

namespace perdure::testing {

void Workload::attach(World& world, const std::string& name) {
  world_ = &world;
  name_ = name;
  chance_.emplace(world.stream(name));
}

void Workload::expect(bool holds, const std::string& what) {
  world_->expect(holds, [&] { return name_ + ": " + what; });
}

void Workload::request(Call call, ReplyHandler done) {
  world_->network().request(std::move(call), std::move(done));
}

}  // namespace perdure::testing
