// SPDX-License-Identifier: Apache-2.0
// Content codings of answers: which one a client gets, and what tells apart the entity tags of the
// same thing under each (RFC 9110, section 8.8.3.3).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace perdure::http {

/// Bodies up to this size are sent as they are: the saving is below one packet.
inline constexpr std::size_t compression_bytes_min = 1024;

/// Stands at the end of the entity tag of a body under gzip.
inline constexpr std::string_view gzip_tag_suffix = "-gzip";

enum class Coding { as_is, gzip };

/// Whether an Accept-Encoding value lets gzip through (RFC 9110, section 12.5.3): by name with
/// q > 0, or by `*` when gzip is not named.
[[nodiscard]] bool accepts_gzip(std::string_view accept_encoding) noexcept;

/// Text formats by Content-Type; images, archives and the like are compressed already.
[[nodiscard]] bool is_compressible(std::string_view content_type) noexcept;

/// The entity tag, in its quotes, of a body under a coding; `tag` is that of the plain body.
[[nodiscard]] std::string tag_under(Coding coding, std::string_view tag);

}  // namespace perdure::http
