// SPDX-License-Identifier: Apache-2.0
// Runtime::Core: the parts of a runtime, put together.
//
// With Threads::own it starts a committer and a housekeeper thread; with Threads::none nothing
// moves unless the owner steps it, on one thread: that is how the simulation runs it.
#pragma once

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <map>
#include <thread>

#include "activation.hpp"
#include "committer.hpp"
#include "directory.hpp"
#include "housekeeper.hpp"
#include "once.hpp"
#include "perdure/runtime/runtime.hpp"

namespace perdure::runtime {

enum class Threads { own, none };

/// What a runtime stands on. `clock`, `random` and `system` must outlive it.
struct Foundation {
  std::unique_ptr<storage::Store> store;
  const Clock* clock;
  Random* random;
  caf::actor_system* system;  ///< null: it makes its own
  Threads threads = Threads::own;
};

[[nodiscard]] Result<void> validate_kinds(const std::vector<Kind>& kinds);

}  // namespace perdure::runtime

namespace perdure {

class Runtime::Core {
 public:
  Core(RuntimeOptions options, std::vector<Kind> kinds, runtime::Foundation foundation);
  ~Core();
  Core(const Core&) = delete;
  Core& operator=(const Core&) = delete;

  void call(Call&& call, ReplyHandler&& done);
  Result<void> hibernate(const ObjectId& object) { return directory_.hibernate(object); }
  void stop();

  // ---- stepping, with Threads::none
  bool step_committer(std::size_t submissions_max) { return committer_.step(submissions_max); }
  void housekeep() { housekeeper_.step(); }
  void check_invariants() const { directory_.check_invariants(); }

  [[nodiscard]] const KindDefinition* find_kind(std::string_view name) const;
  [[nodiscard]] RuntimeStats stats() const;
  [[nodiscard]] const storage::Store& store() const { return *foundation_.store; }
  [[nodiscard]] const Clock& clock() const { return *foundation_.clock; }
  [[nodiscard]] runtime::Directory& directory() { return directory_; }
  [[nodiscard]] const runtime::Directory& directory() const { return directory_; }

 private:
  [[nodiscard]] Result<void> resolve(runtime::Envelope& envelope) const;
  [[nodiscard]] bool answer_at_once(runtime::Envelope& envelope);
  [[nodiscard]] caf::actor spawn(const runtime::CellPtr& cell);

  const RuntimeOptions options_;
  const std::vector<Kind> kinds_;
  std::map<std::string, const KindDefinition*, std::less<>> kinds_by_name_;
  runtime::Foundation foundation_;
  Hooks no_hooks_;
  Hooks& hooks_;
  std::unique_ptr<caf::actor_system_config> own_config_;
  std::unique_ptr<caf::actor_system> own_system_;
  runtime::Once once_;
  runtime::Directory directory_;
  runtime::Committer committer_;
  runtime::Housekeeper housekeeper_;
  runtime::Surroundings around_;
  std::atomic<bool> stopping_{false};
  std::thread committer_thread_;
  std::thread housekeeper_thread_;
};

}  // namespace perdure
