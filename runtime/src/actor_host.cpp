// SPDX-License-Identifier: Apache-2.0
#include "actor_host.hpp"

#include <array>
#include <caf/logger.hpp>
#include <caf/thread_hook.hpp>

#include "fair_scheduler.hpp"
#include "object_actor.hpp"
#include "thread_name.hpp"

namespace perdure::runtime {

namespace {

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

std::unique_ptr<caf::actor_system_config> make_config(std::size_t workers) {
  auto config = std::make_unique<caf::actor_system_config>();
  schedule_fairly(*config, workers);
  config->add_thread_hook<WorkerNames>();
  return config;
}

}  // namespace

ActorHost::ActorHost(caf::actor_system* hosts, std::size_t workers)
    : hosts_(hosts),
      config_(hosts != nullptr ? nullptr : make_config(workers)),
      own_(config_ ? std::make_unique<caf::actor_system>(*config_) : nullptr) {}

caf::actor ActorHost::spawn(const CellPtr& cell, Surroundings& around) const {
  // Hidden: a host's system must not wait for objects when it shuts down.
  auto actor = system().spawn<ObjectActor, caf::hidden + caf::lazy_init>(cell, around);
  // A thread that makes an actor keeps the logger of CAF's system from then on, and the system
  // waits for the logger's last holder when it ends: for good, if that thread lives on.
  if (own_) caf::logger::set_current_actor_system(nullptr);
  return actor;
}

}  // namespace perdure::runtime
