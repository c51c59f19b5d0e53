// SPDX-License-Identifier: Apache-2.0
// Takes a chunked body apart: Beast's parser behind a header of our own making, since ours has been
// read by then. Chunk extensions are read over; trailers, too.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "http/refusal.hpp"

namespace perdure::http {

/// What a step of reading a body came to.
struct BodyStep {
  std::size_t consumed = 0;
  bool done = false;
  std::optional<Refusal> refusal = {};
};

/// Lifecycle  one for each chunked body.
/// Threads    one at a time.
class ChunkedBody {
 public:
  ChunkedBody();
  ~ChunkedBody();
  ChunkedBody(const ChunkedBody&) = delete;
  ChunkedBody& operator=(const ChunkedBody&) = delete;

  /// Appends what `input` holds of the body to `body`, at most `bytes_max` in all. Bytes not
  /// consumed are to be given again, with more behind them.
  [[nodiscard]] BodyStep read(std::string_view input, std::size_t bytes_max, std::string& body);

 private:
  class Parser;
  std::unique_ptr<Parser> parser_;
};

}  // namespace perdure::http
