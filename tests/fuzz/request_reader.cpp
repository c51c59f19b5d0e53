// SPDX-License-Identifier: Apache-2.0
#include "request_reader.hpp"

#include <algorithm>

namespace perdure::fuzz {

namespace {

constexpr std::size_t body_bytes_max = 64 * 1024;

/// Bytes that arrive `step` at a time.
class Arrivals {
 public:
  Arrivals(std::string_view all, std::size_t step)
      : all_(all), step_(std::max<std::size_t>(step, 1)) {}
  [[nodiscard]] std::string_view view() const { return all_.substr(from_, there_ - from_); }
  bool more() {
    if (there_ == all_.size()) return false;
    there_ = std::min(there_ + step_, all_.size());
    return true;
  }
  void consume(std::size_t count) { from_ += count; }
  [[nodiscard]] std::size_t consumed() const { return from_; }

 private:
  std::string_view all_;
  std::size_t step_;
  std::size_t from_ = 0;
  std::size_t there_ = 0;
};

}  // namespace

ReadRequest read_request(std::string_view input, std::size_t step) {
  using State = ReadRequest::State;
  static const http::Limits limits{};
  ReadRequest read;
  Arrivals bytes{input, step};
  http::HeaderScanner scanner{limits};
  while (!scanner.complete()) {
    if (!bytes.more()) return read;
    if (scanner.advance(bytes.view())) {
      read.state = State::refused;
      return read;
    }
  }
  http::RequestParser parser;
  const auto block = bytes.view().substr(scanner.begin(), scanner.end() - scanner.begin());
  if (parser.parse_header(block, limits, read.request, read.framing)) {
    read.state = State::refused;
    return read;
  }
  bytes.consume(scanner.end());
  if (read.framing.body == http::Framing::BodyKind::sized &&
      read.framing.content_length > body_bytes_max) {
    read.state = State::refused;
    return read;
  }
  bool done = read.framing.body == http::Framing::BodyKind::none;
  while (!done) {
    const auto part = parser.parse_body(bytes.view(), body_bytes_max, read.request.body);
    bytes.consume(part.consumed);
    if (part.refusal) {
      read.state = State::refused;
      return read;
    }
    done = part.done;
    if (!done && !bytes.more()) return read;
  }
  read.state = State::complete;
  read.consumed = bytes.consumed();
  return read;
}

}  // namespace perdure::fuzz
