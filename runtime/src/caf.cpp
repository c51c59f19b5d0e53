// SPDX-License-Identifier: Apache-2.0
#include "perdure/runtime/caf.hpp"

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/typed_response_promise.hpp>

#include "sliced_actor.hpp"

namespace perdure::runtime {

/// A reply on its way from the runtime's threads into the handle's own.
struct Answer {
  caf::typed_response_promise<std::string> promise;
  std::shared_ptr<Result<Reply>> reply;  // shared: CAF messages must be copyable
};

}  // namespace perdure::runtime

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(perdure::runtime::Answer);

namespace perdure {

namespace {

using runtime::Answer;

class ObjectHandle final : public runtime::SlicedActor {
 public:
  ObjectHandle(caf::actor_config& config, Runtime& runtime, ObjectId object)
      : runtime::SlicedActor(config), runtime_(runtime), object_(std::move(object)) {
    // Its first message comes from the host, who sends in ways of its own.
    runtime::handed_over(static_cast<const runtime::OrderedActor*>(this));
  }

  [[nodiscard]] const char* name() const override { return "perdure.handle"; }
  [[nodiscard]] OwnerKey owner() const override { return std::hash<ObjectId>{}(object_); }

 protected:
  caf::behavior make_behavior() override {
    return {[this](call_atom, const std::string& name, const std::string& payload) {
              return forward(CallType::command, name, payload);
            },
            [this](ask_atom, const std::string& name, const std::string& payload) {
              return forward(CallType::query, name, payload);
            },
            // A promise may only be answered by the actor that made it.
            [this](Answer& answer) {
              const runtime::Handling handling{*this, answer};
              count_message();
              if (auto& reply = *answer.reply; reply) {
                answer.promise.deliver(dump_json(reply->value));
              } else {
                answer.promise.deliver(to_caf_error(reply.error()));
              }
            }};
  }

 private:
  caf::typed_response_promise<std::string> forward(CallType type, const std::string& name,
                                                   const std::string& payload) {
    count_message();
    auto promise = make_response_promise<std::string>();
    auto json = parse_json(payload.empty() ? "{}" : payload);
    if (!json) {
      promise.deliver(to_caf_error(json.error()));
      return promise;
    }
    runtime_.call({.target = object_, .type = type, .name = name, .payload = std::move(*json)},
                  [self = caf::actor{this}, promise](Result<Reply> reply) {
                    runtime::send_to(
                        self, Answer{promise, std::make_shared<Result<Reply>>(std::move(reply))});
                  });
    return promise;
  }

  Runtime& runtime_;
  const ObjectId object_;
};

constexpr auto category = caf::atom("perdure");

}  // namespace

caf::error to_caf_error(const Error& error) {
  // CAF takes code 0 for "no error".
  return {static_cast<std::uint8_t>(static_cast<int>(error.code) + 1), category,
          caf::make_message(error.detail)};
}

std::optional<Error> error_of(const caf::error& error) {
  if (error.category() != category) return {};
  Error back{.code = static_cast<ErrorCode>(error.code() - 1), .detail = {}};
  if (error.context().match_elements<std::string>()) {
    back.detail = error.context().get_as<std::string>(0);
  }
  return back;
}

caf::actor as_actor(caf::actor_system& system, Runtime& runtime, ObjectId object) {
  return system.spawn<ObjectHandle, caf::lazy_init>(runtime, std::move(object));
}

}  // namespace perdure
