// SPDX-License-Identifier: Apache-2.0
// What an activation has beside its state, with the type erased. Made by KindBuilder::members.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <typeinfo>
#include <utility>

#include "perdure/runtime/object_meta.hpp"

namespace perdure {

struct MembersDefinition {
  const std::type_info* type;
  std::function<std::shared_ptr<void>(const ObjectMeta& meta, const void* state)> make;
  std::function<std::size_t(const void* members)> bytes;
  std::function<void(const ObjectMeta& meta, void* members)> on_hibernate;
};

namespace detail {

template <class State, class F, class G>
MembersDefinition define_members(F on_activate, G on_hibernate) {
  using M = std::invoke_result_t<const F&, const ObjectMeta&, const State&>;
  return {.type = &typeid(M),
          .make = [on_activate = std::move(on_activate)](
                      const ObjectMeta& meta, const void* state) -> std::shared_ptr<void> {
            return std::make_shared<M>(on_activate(meta, *static_cast<const State*>(state)));
          },
          .bytes = [](const void* members) -> std::size_t {
            if constexpr (requires(const M& m) { m.bytes(); }) {
              return sizeof(M) + static_cast<const M*>(members)->bytes();
            } else {
              return sizeof(M);
            }
          },
          .on_hibernate = [on_hibernate = std::move(on_hibernate)](
                              const ObjectMeta& meta,
                              void* members) { on_hibernate(meta, *static_cast<M*>(members)); }};
}

}  // namespace detail

}  // namespace perdure
