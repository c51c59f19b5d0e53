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
  if (!members_) {
    meta_ = newest.meta;
    members_ = definition->make(newest.meta, newest.state.get());
    measure();
  }
  return members_.get();
}

void Members::let_go() {
  if (!members_) return;
  bytes_.store(0, std::memory_order_relaxed);
  const auto members = std::exchange(members_, nullptr);
  try {
    kind_.members->on_hibernate(meta_, members.get());
  } catch (...) {  // there is nobody to tell, and they go all the same
    return;
  }
}

}  // namespace perdure::runtime
