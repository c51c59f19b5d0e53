// SPDX-License-Identifier: Apache-2.0
// What becomes of stored objects when the kinds that a host brings are not those of the last time.
//
// Rows follow from states by what a kind declares: its schema version, indexes, lists, purges,
// references, unique fields, quorums and derived entries. An opening with other declarations has
// them made again while the runtime serves; lists that need them are `index_building` until then,
// and Runtime::holder is when it finds nobody.
//
//   Runtime::builds         rows that are being made, or wait for that
//   Runtime::duplicates     objects that have a value of a unique field which is another's
//   Runtime::unknown_kinds  what the store holds that the code does not know
//   Runtime::check_rows     compares rows with states. It reads every object; nothing may change
//                           meanwhile. Errors: those of reading
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "perdure/base/object_id.hpp"

namespace perdure {

/// The making of the rows of a kind.
struct KindBuild {
  std::string kind;
  /// What they are of: `index title`, `lists`, `unique account.email`, and so on.
  std::vector<std::string> parts = {};
  std::uint64_t objects = 0;     ///< of the kind; those that were counted so far
  std::uint64_t done = 0;        ///< of them
  std::uint64_t unreadable = 0;  ///< of those done: damaged, so without rows
  std::uint64_t duplicates = 0;  ///< see Duplicate; of those done
};

/// An object whose value of a unique field another object had first. It keeps the value, and the
/// other one keeps the claim.
struct Duplicate {
  ObjectId object;
  std::string field;
  ObjectId holder;
  std::optional<std::string> value;  ///< none: the field is a secret
};

/// A kind, or a version of one, in the store that this code does not know. Its objects stay as they
/// are.
struct UnknownKind {
  std::string kind;
  std::uint32_t stored_version = 0;  ///< the newest that ever opened the store; 0: not known
  std::uint32_t known_version = 0;   ///< this code's; 0: the kind is unknown
};

/// Rows compared with the states that they follow from.
struct RowReport {
  std::uint64_t objects = 0;
  std::uint64_t rows = 0;
  std::vector<std::string> findings = {};  ///< what is missing, too many or off; the first ones
  std::uint64_t left_out = 0;              ///< findings beyond those
  /// No damage: builds to come, duplicates, what cannot be read.
  std::vector<std::string> notes = {};
};

}  // namespace perdure
