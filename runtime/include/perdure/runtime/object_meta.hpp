// SPDX-License-Identifier: Apache-2.0
// What the runtime knows about an object beside its state.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "perdure/base/object_id.hpp"
#include "perdure/base/time.hpp"

namespace perdure {

/// Fixed when the object is created, and shared by all versions of its life.
struct Origin {
  ObjectId object;
  Seq born_seq = 0;   ///< the first record of this life: a later life hides the earlier ones
  std::string owner;  ///< a user id; empty: owned by the host
  Timestamp created_at;
  std::string created_by;
};

/// An object at one seq. `seq` is 0 for an object that has no record yet.
struct ObjectMeta {
  std::shared_ptr<const Origin> origin;  ///< never null; shared because it is immutable
  Seq seq = 0;
  std::uint32_t schema_version = 1;
  Timestamp updated_at;
  std::string updated_by;
  std::optional<Timestamp> deleted_at = {};

  [[nodiscard]] bool exists() const { return seq > 0 && !deleted_at; }
  [[nodiscard]] const ObjectId& object() const { return origin->object; }
};

}  // namespace perdure
