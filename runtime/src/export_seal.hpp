// SPDX-License-Identifier: Apache-2.0
// ExportSeal: the secrets of exported objects (KindDefinition::secrets), which only the data
// directory that they come from can open again.
//
// The header of such an export has its state without them, and in `sealed` an object of them by
// their dotted names. They are sealed beside the rest of the header: nobody can put them into the
// export of another object, or change what they belong to.
#pragma once

#include <filesystem>
#include <mutex>
#include <optional>

#include "perdure/base/result.hpp"
#include "perdure/base/seal.hpp"
#include "perdure/runtime/kind_definition.hpp"
#include "perdure/runtime/options.hpp"

namespace perdure::runtime {

/// Threads  any. Reads, and makes, a file.
class ExportSeal {
 public:
  /// The key is in `export.key` in the directory, for its owner's eyes alone; it is made when it is
  /// first needed. With an empty directory (a store in memory) it is as long-lived as this is.
  ExportSeal(std::filesystem::path directory, AccessMode access, Random& random)
      : file_(directory.empty() ? directory : directory / "export.key"),
        access_(access),
        random_(random) {}

  /// Moves the secrets of the header's `state` into its `sealed`. Where there is no key yet and
  /// none may be made (AccessMode::read_only), they are left out. Errors: unavailable (the key's
  /// file).
  [[nodiscard]] Result<void> close(const KindDefinition& kind, Json& header);
  /// Puts them back, and erases `sealed`. What has none is left as it is.
  /// Errors  invalid (`/sealed`, rule `sealed_elsewhere`), unavailable.
  [[nodiscard]] Result<void> open(Json& header);

 private:
  Result<const SealKey*> key();
  Result<SealKey> read_or_make() const;

  const std::filesystem::path file_;
  const AccessMode access_;
  Random& random_;
  std::mutex mutex_;  // guards key_, and is held while its file is read: once
  std::optional<SealKey> key_;
};

}  // namespace perdure::runtime
