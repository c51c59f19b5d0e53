// SPDX-License-Identifier: Apache-2.0
#include "http/compression.hpp"

#include <zlib.h>

#include <algorithm>
#include <optional>

#include "perdure/api/http/headers.hpp"
#include "perdure/base/check.hpp"

namespace perdure::http {

namespace {

std::string_view trim(std::string_view text) noexcept {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

/// The text before the next `separator`, trimmed; `rest` moves behind it.
std::string_view next_part(std::string_view& rest, char separator) noexcept {
  const auto end = rest.find(separator);
  const auto part = trim(rest.substr(0, end));
  rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  return part;
}

/// A weight is zero when it is written as 0, 0., 0.0 and so on.
bool is_zero_weight(std::string_view value) noexcept {
  return !value.empty() && value.front() == '0' &&
         value.find_first_not_of("0.") == std::string_view::npos;
}

bool is_refused(std::string_view parameters) noexcept {
  while (!parameters.empty()) {
    auto value = next_part(parameters, ';');
    const auto name = next_part(value, '=');
    if (equals_ignoring_case(name, "q")) return is_zero_weight(trim(value));
  }
  return false;
}

}  // namespace

bool accepts_gzip(std::string_view accept_encoding) noexcept {
  std::optional<bool> named;
  bool any = false;
  while (!accept_encoding.empty()) {
    auto item = next_part(accept_encoding, ',');
    const auto coding = next_part(item, ';');
    const auto wanted = !is_refused(item);
    if (equals_ignoring_case(coding, "gzip") || equals_ignoring_case(coding, "x-gzip")) {
      named = wanted;
    } else if (coding == "*") {
      any = wanted;
    }
  }
  return named.value_or(any);
}

bool is_compressible(std::string_view content_type) noexcept {
  const auto type = trim(content_type.substr(0, content_type.find(';')));
  if (type.ends_with("+json") || type.ends_with("+xml")) return true;
  // An event stream is delivered piece by piece.
  if (type.starts_with("text/")) return type != "text/event-stream";
  constexpr std::string_view others[] = {
      "application/json",     "application/javascript", "application/xml",
      "application/x-ndjson", "application/yaml",       "application/openmetrics-text",
      "application/wasm",
  };
  return std::ranges::find(others, type) != std::end(others);
}

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
