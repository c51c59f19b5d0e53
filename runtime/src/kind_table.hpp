// SPDX-License-Identifier: Apache-2.0
// KindTable: the kinds of a runtime, the host's and its own, by their names.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "envelope.hpp"
#include "perdure/runtime/kind.hpp"

namespace perdure::runtime {

/// Threads  any. Lifetime: definitions stay where they are until its end.
class KindTable {
 public:
  /// `kinds` are the host's. Shape: they have been validated, with the runtime's own.
  explicit KindTable(std::vector<Kind> kinds);

  [[nodiscard]] const std::vector<Kind>& all() const { return kinds_; }
  /// Null: there is none.
  [[nodiscard]] const KindDefinition* find(std::string_view name) const;
  /// Finds what the envelope's call names: its kind, and the command or query of it.
  /// Errors: invalid, not_found.
  [[nodiscard]] Result<void> resolve(Envelope& envelope) const;

  [[nodiscard]] bool is_subscription(const KindDefinition& kind) const {
    return &kind == subscription_;
  }
  [[nodiscard]] bool is_dead_letter(const KindDefinition& kind) const {
    return &kind == dead_letter_;
  }

 private:
  /// The call's name is not the kind's own.
  [[nodiscard]] static bool names_builtin(Envelope& envelope);

  const std::vector<Kind> kinds_;
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view name) const noexcept {
      return std::hash<std::string_view>{}(name);
    }
  };

  std::unordered_map<std::string, const KindDefinition*, Hash, std::equal_to<>> by_name_;
  const KindDefinition* subscription_;
  const KindDefinition* dead_letter_;
};

[[nodiscard]] Result<void> validate_kinds(const std::vector<Kind>& kinds);
/// The host's kinds, and those that every runtime has.
[[nodiscard]] std::vector<Kind> with_own_kinds(std::vector<Kind> kinds);

}  // namespace perdure::runtime
