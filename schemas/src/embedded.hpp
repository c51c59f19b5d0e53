// SPDX-License-Identifier: Apache-2.0
// The files of schemas/json, as the build has put them into the library.
#pragma once

#include <span>
#include <string_view>

namespace perdure {

struct EmbeddedFile {
  std::string_view name;
  std::span<const std::string_view> pieces;  // to be joined
};

[[nodiscard]] std::span<const EmbeddedFile> embedded_files();

}  // namespace perdure
