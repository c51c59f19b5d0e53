// SPDX-License-Identifier: Apache-2.0
#include "http/compression.hpp"

#include <zlib.h>

#include <algorithm>

#include "perdure/base/check.hpp"

namespace perdure::http {

struct GzipEncoder::Stream {
  z_stream z{};

  Stream() {
    // Level 1: the io thread pays for it, and text shrinks to within a few percent of level 6.
    constexpr int window_bits_gzip = 15 + 16;
    constexpr int memory_level = 8;
    const auto status =
        deflateInit2(&z, 1, Z_DEFLATED, window_bits_gzip, memory_level, Z_DEFAULT_STRATEGY);
    PERDURE_CHECK(status == Z_OK, "zlib has no memory");
  }
  ~Stream() { deflateEnd(&z); }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
};

GzipEncoder::GzipEncoder() = default;
GzipEncoder::~GzipEncoder() = default;

std::string GzipEncoder::encode(std::string_view body) {
  if (!stream_) stream_ = std::make_unique<Stream>();
  auto& z = stream_->z;
  deflateReset(&z);
  // Text shrinks to a fourth and less: what it could be at most is neither cleared nor kept.
  const auto bytes_max = deflateBound(&z, body.size());
  std::string out(std::min(bytes_max, body.size() / 4 + compression_bytes_min), '\0');
  // zlib's interface is not const-correct; it does not write to its input.
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(body.data()));
  z.avail_in = static_cast<uInt>(body.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  auto status = deflate(&z, Z_FINISH);
  while (status == Z_OK || status == Z_BUF_ERROR) {
    const auto written = out.size() - z.avail_out;
    PERDURE_CHECK(out.size() < bytes_max, "deflateBound was too small");
    out.resize(std::min(bytes_max, out.size() * 2));
    z.next_out = reinterpret_cast<Bytef*>(out.data() + written);
    z.avail_out = static_cast<uInt>(out.size() - written);
    status = deflate(&z, Z_FINISH);
  }
  PERDURE_CHECK(status == Z_STREAM_END, "zlib met an error");
  out.resize(out.size() - z.avail_out);
  // A slow reader holds it for long.
  if (out.capacity() - out.size() > out.size() / 4) out.shrink_to_fit();
  return out;
}

}  // namespace perdure::http
