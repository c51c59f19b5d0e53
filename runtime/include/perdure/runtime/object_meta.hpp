// SPDX-License-Identifier: Apache-2.0
// What the runtime knows about an object beside its state.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "perdure/base/object_id.hpp"
#include "perdure/base/time.hpp"
#include "perdure/runtime/owner.hpp"

namespace perdure {

/// What somebody who does not own an object may do with it.
struct ObjectGrant {
  enum class Role { viewer, editor };
  Owner grantee;
  Role role = Role::viewer;
  bool operator==(const ObjectGrant&) const = default;
};

/// Fixed when the object is created, and shared by all versions of its life.
struct Origin {
  ObjectId object;
  Seq born_seq = 0;  ///< the first record of this life: a later life hides the earlier ones
  Owner owner;
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
  /// The object along with which it was deleted, as text; it comes back with that. Empty: none.
  std::string deleted_with = {};
  /// Sorted by grantee, each there once. Shared because it is immutable; null: there are none.
  std::shared_ptr<const std::vector<ObjectGrant>> grants = {};

  /// A crash may take it back, and turns before and after it may have the same seq: `seq` is no
  /// validator of it. So after each command that is not synced.
  bool is_provisional = false;

  /// What a client may hold the object against; none: nothing.
  [[nodiscard]] std::optional<Seq> validator() const {
    return is_provisional ? std::nullopt : std::optional{seq};
  }
  [[nodiscard]] bool exists() const { return seq > 0 && !deleted_at; }
  [[nodiscard]] const ObjectId& object() const { return origin->object; }
};

}  // namespace perdure
