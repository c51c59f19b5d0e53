// SPDX-License-Identifier: Apache-2.0
// Finds the end of a header, and refuses what a lenient parser would let through.
//
// Two servers in a row that read one header differently can be made to disagree on where a request
// ends (request smuggling). So everything that RFC 9112 leaves to taste is refused here, line by
// line as bytes arrive: line ends other than CRLF, folded lines, control bytes, and sizes.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "http/refusal.hpp"
#include "perdure/api/http/server.hpp"

namespace perdure::http {

class HeaderScanner {
 public:
  explicit HeaderScanner(const Limits& limits) : limits_(limits) {}

  /// `input` begins with the first byte of the message and only grows between calls. Afterwards
  /// `complete()` says whether the header is all there.
  [[nodiscard]] std::optional<Refusal> advance(std::string_view input);

  [[nodiscard]] bool complete() const noexcept { return end_ != 0; }
  /// Where the request line begins (one empty line before it is skipped) and the body begins.
  [[nodiscard]] std::size_t begin() const noexcept { return begin_; }
  [[nodiscard]] std::size_t end() const noexcept { return end_; }

  void restart() noexcept;

 private:
  [[nodiscard]] std::optional<Refusal> take_line(std::string_view line, std::size_t next);
  [[nodiscard]] std::optional<Refusal> check_partial(std::string_view line) const;

  const Limits& limits_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::size_t line_at_ = 0;
  std::size_t seen_ = 0;
  std::size_t lines_ = 0;
};

}  // namespace perdure::http
