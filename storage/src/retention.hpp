// SPDX-License-Identifier: Apache-2.0
// Which versions of one entry nobody can see any more.
#pragma once

#include <span>
#include <vector>

#include "perdure/base/object_id.hpp"

namespace perdure::storage {

struct EntryVersion {
  Seq seq;
  bool tombstone;
};

/// The versions that can go once history is kept from `floor` on and at `pins` below it.
///
/// A version stays when it is above the floor or the newest one at or below the floor or a pin. A
/// tombstone with nothing older left to hide goes, too.
///
/// Shape  `newest_first` are all versions of one key; `pins` in ascending order.
[[nodiscard]] std::vector<Seq> unseen_versions(std::span<const EntryVersion> newest_first,
                                               Seq floor, std::span<const Seq> pins);

}  // namespace perdure::storage
