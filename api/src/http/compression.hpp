// SPDX-License-Identifier: Apache-2.0
// gzip of response bodies. Whether a body is compressed is said by coding.hpp.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "perdure/api/http/coding.hpp"

namespace perdure::http {

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
