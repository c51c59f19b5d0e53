// SPDX-License-Identifier: Apache-2.0
// A host's own actor system: it runs the objects, and reaches them as actors.
#include "perdure/runtime/caf.hpp"

#include <caf/actor_system_config.hpp>
#include <caf/scoped_actor.hpp>

#include "fixture.hpp"

namespace perdure {
namespace {

class HostSystem : public RuntimeTest {
 protected:
  HostSystem() {
    runtime_.reset();
    auto with_system = options();
    with_system.actor_system = &system_;
    runtime_ = Runtime::open(with_system, {counter_kind(), note_kind()}).value();
  }
  ~HostSystem() override { runtime_.reset(); }

  caf::actor_system_config config_;
  caf::actor_system system_{config_};
};

TEST_F(HostSystem, reaches_an_object_as_an_actor) {
  const auto object = as_actor(system_, *runtime_, {"counter", "a"});
  caf::scoped_actor self{system_};
  std::string answer;
  self->request(object, caf::infinite, call_atom::value, std::string{"add"},
                std::string{R"({"by":2})"})
      .receive([&](const std::string& reply) { answer = reply; },
               [&](const caf::error& error) { FAIL() << system_.render(error); });
  EXPECT_EQ(answer, "2");
  ASSERT_TRUE(runtime_->hibernate({"counter", "a"}));
  self->request(object, caf::infinite, ask_atom::value, std::string{"value"}, std::string{})
      .receive([&](const std::string& reply) { answer = reply; },
               [&](const caf::error& error) { FAIL() << system_.render(error); });
  EXPECT_EQ(answer, "2");
}

TEST_F(HostSystem, gives_errors_back_with_their_code) {
  const auto object = as_actor(system_, *runtime_, {"counter", "a"});
  caf::scoped_actor self{system_};
  const auto code_of = [&](const std::string& name, const std::string& payload) {
    std::optional<Error> failed;
    self->request(object, caf::infinite, call_atom::value, name, payload)
        .receive([](const std::string&) {},
                 [&](const caf::error& error) { failed = error_of(error); });
    EXPECT_TRUE(failed);
    return failed ? failed->code : ErrorCode::internal;
  };
  EXPECT_EQ(code_of("add_then_refuse", ""), ErrorCode::conflict);
  EXPECT_EQ(code_of("add", R"({"by":"x"})"), ErrorCode::invalid);
  EXPECT_EQ(code_of("add", "{"), ErrorCode::malformed);
}

}  // namespace
}  // namespace perdure
