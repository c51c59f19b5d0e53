// SPDX-License-Identifier: Apache-2.0
// Handlers of the forms that kind.hpp takes, as what a definition holds.
#pragma once

#include <utility>

#include "perdure/runtime/handler.hpp"
#include "perdure/runtime/kind_definition.hpp"

namespace perdure::detail {

template <class State, class F>
inline constexpr bool reads_entries =
    std::is_invocable_v<const F&, const View&, const State&> || PayloadOf<F>::count == 3;

template <class State, class F>
auto query_of(F handler) {
  return [handler = std::move(handler)]([[maybe_unused]] const View& view, const void* state,
                                        [[maybe_unused]] const Json& payload) -> Result<Json> {
    const auto& self = *static_cast<const State*>(state);
    if constexpr (std::is_invocable_v<const F&, const State&>) {
      return call_handler(handler, self);
    } else if constexpr (std::is_invocable_v<const F&, const View&, const State&>) {
      return call_handler(handler, view, self);
    } else {
      PERDURE_TRY(decoded, decode_payload<typename PayloadOf<F>::Last>(payload));
      if constexpr (reads_entries<State, F>) {
        return call_handler(handler, view, self, std::as_const(decoded));
      } else {
        return call_handler(handler, self, std::as_const(decoded));
      }
    }
  };
}

template <class State, class F>
auto turn_of(F handler) {
  return
      [handler = std::move(handler)](Turn& turn, void* state, const Json& payload) -> Result<Json> {
        auto& self = *static_cast<State*>(state);
        if constexpr (std::is_invocable_v<const F&, Turn&, State&>) {
          return call_handler(handler, turn, self);
        } else {
          PERDURE_TRY(decoded, decode_payload<typename PayloadOf<F>::Last>(payload));
          return call_handler(handler, turn, self, std::as_const(decoded));
        }
      };
}

template <class State, class F>
FlowDefinition flow_of(F handler) {
  constexpr bool holds = FlowForm<F>::template holds<State>;
  const auto run = [handler = std::move(handler)](
                       FlowContext& context, [[maybe_unused]] void* state,
                       [[maybe_unused]] const Json& payload) -> FlowOutcome {
    // The handler itself outlives the coroutine, and so does what it refers to.
    const auto call = [&](auto&... payload_if_any) -> FlowOutcome {
      if constexpr (holds) {
        return run_flow(handler(context, *static_cast<State*>(state), payload_if_any...));
      } else {
        return run_flow(handler(context, payload_if_any...));
      }
    };
    if constexpr (PayloadOf<F>::count == (holds ? 2 : 1)) {
      return call();
    } else {
      const auto decoded = decode_payload<typename PayloadOf<F>::Last>(payload);
      if (!decoded) return Result<Json>{fail(decoded.error())};
      return call(*decoded);
    }
  };
  return {.run = run, .holds = holds ? Holds::yes : Holds::no};
}

}  // namespace perdure::detail
