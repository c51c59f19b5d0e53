// SPDX-License-Identifier: Apache-2.0
// Durability: when a command is answered, and so what a crash may take back of what its caller was
// told. A kind says it for its commands, and a command for itself (docs/durability.md).
#pragma once

#include <chrono>
#include <string_view>

namespace perdure {

enum class Durability {
  sync,      ///< when the disk has it: nothing
  buffered,  ///< when the operating system has it: power loss the last of them, kill -9 nothing
  memory,    ///< at once: all since the object was stored last, limits::unstored_max ago at most
};
[[nodiscard]] std::string_view name_of(Durability durability);

struct KindDefinition;
/// Of a command of the kind, or one that every kind has (those are synced).
[[nodiscard]] Durability durability_of(const KindDefinition& kind, std::string_view command);

namespace limits {
/// So long what a command of Durability::memory leaves is in memory alone, and the time of a look
/// (a tenth of a second) and of a commit.
inline constexpr std::chrono::milliseconds unstored_max{1'000};
}  // namespace limits

}  // namespace perdure
