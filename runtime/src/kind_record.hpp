// SPDX-License-Identifier: Apache-2.0
// KindRecord: what the store notes of a kind (docs/formats/keys.md): by which declarations its rows
// were made, under which names they are, and how far a build is.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "kind_rows.hpp"
#include "perdure/storage/store.hpp"

namespace perdure::runtime {

struct KindRecord {
  struct Part {
    std::string declared;     ///< what of the declaration its rows depend on, as text
    std::uint64_t build = 0;  ///< that makes or made its rows
    bool is_built = true;
    std::vector<std::uint64_t> earlier = {};  ///< builds whose claims count until it is built
    std::vector<std::string> indexes = {};    ///< of lists: names without the build
  };
  std::uint32_t schema_version = 1;  ///< of the last opening
  std::uint32_t newest_version = 1;  ///< of any opening
  std::uint64_t build = 0;           ///< the last one
  bool is_building = false;
  std::map<std::string, Part> parts = {};  ///< by sort and name, such as `index title`
  /// How far the build is, in the index by owner.
  std::optional<storage::IndexRow> at = {};
  std::uint64_t done = 0;
  std::uint64_t unreadable = 0;
  /// Rows that nobody needs any more.
  std::vector<storage::RowGroup> left = {};
  /// The same once the store has been opened again: turns that are under way may write some.
  std::vector<storage::RowGroup> left_at_opening = {};
};

/// None: no version that notes such things has opened the store with this kind.
/// Errors: those of the store; corrupt.
[[nodiscard]] Result<std::optional<KindRecord>> read_kind_record(const storage::Store& store,
                                                                 const std::string& kind);
[[nodiscard]] storage::WriteSet write_kind_record(const storage::Store& store,
                                                  const std::string& kind,
                                                  const KindRecord& record);

enum class HasObjects { no, yes };

/// What an opening with `kind` makes of the record before. `epoch` is the store's, which numbers a
/// build that begins.
[[nodiscard]] KindRecord opened_record(const KindDefinition& kind, std::optional<KindRecord> before,
                                       HasObjects objects, std::uint64_t epoch);
/// What the end of its build makes of a record.
[[nodiscard]] KindRecord built_record(const std::string& kind, KindRecord record);

/// Has `rows` be as the record says.
void apply(const KindRecord& record, const KindDefinition& kind, KindRows& rows);

/// The parts that the record's build makes.
[[nodiscard]] std::vector<std::string> parts_to_build(const KindRecord& record);

}  // namespace perdure::runtime
