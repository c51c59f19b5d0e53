// SPDX-License-Identifier: Apache-2.0
// Files that are part of the program: embedded at build time, with a gzip variant each.
#pragma once

#include <span>
#include <string_view>

#include "perdure/api/http/message.hpp"

namespace perdure::api {

struct StaticFile {
  std::string_view path;  ///< `/docs/swagger-ui.css`
  std::string_view content_type;
  std::string_view bytes;
  std::string_view gzip;
};

/// All of them. Lifetime  that of the program.
[[nodiscard]] std::span<const StaticFile> static_files();

}  // namespace perdure::api
