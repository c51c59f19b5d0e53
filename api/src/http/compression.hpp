// SPDX-License-Identifier: Apache-2.0
// gzip of response bodies: whether to, and how.
#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace perdure::http {

/// Bodies up to this size are sent as they are: the saving is below one packet.
inline constexpr std::size_t compression_bytes_min = 1024;

/// Whether an Accept-Encoding value lets gzip through (RFC 9110, section 12.5.3): by name with
/// q > 0, or by `*` when gzip is not named.
[[nodiscard]] bool accepts_gzip(std::string_view accept_encoding) noexcept;

/// Text formats by Content-Type; images, archives and the like are compressed already.
[[nodiscard]] bool is_compressible(std::string_view content_type) noexcept;

/// Holds zlib's tables (256 KiB), made at first use and used again for each body.
/// Threads  one at a time.
class GzipEncoder {
 public:
  GzipEncoder();
  ~GzipEncoder();
  GzipEncoder(const GzipEncoder&) = delete;
  GzipEncoder& operator=(const GzipEncoder&) = delete;

  [[nodiscard]] std::string encode(std::string_view body);

 private:
  struct Stream;
  std::unique_ptr<Stream> stream_;
};

}  // namespace perdure::http
