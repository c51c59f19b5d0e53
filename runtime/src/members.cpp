// SPDX-License-Identifier: Apache-2.0
#include "members.hpp"

#include <fmt/format.h>

namespace perdure::runtime {

Result<void*> Members::find(const std::type_info& type, const Version& newest) {
  const auto& definition = kind_.members;
  if (!definition || *definition->type != type) {
    return fail(ErrorCode::internal,
                fmt::format("kind {} has no members of that type", kind_.name));
  }
  if (!made_) {
    auto members = definition->make(newest.meta, newest.state.get());
    made_ = std::make_unique<Made>(Made{.members = std::move(members), .meta = newest.meta});
    measure();
  }
  return made_->members.get();
}

void Members::let_go() {
  if (!made_) return;
  bytes_.store(0, std::memory_order_relaxed);
  const auto made = std::exchange(made_, nullptr);
  try {
    kind_.members->on_hibernate(made->meta, made->members.get());
  } catch (...) {  // there is nobody to tell, and they go all the same
    return;
  }
}

}  // namespace perdure::runtime
