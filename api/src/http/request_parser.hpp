// SPDX-License-Identifier: Apache-2.0
// Reads a request whose header the scanner has found complete: Beast's parser, which fills our
// Request directly, and the rules that it leaves open.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "http/refusal.hpp"
#include "perdure/api/http/server.hpp"

namespace perdure::http {

/// What the session must know about a request and the handler need not.
struct Framing {
  enum class Version { http_1_0, http_1_1 };
  enum class Connection { keep, close };
  enum class Expect { nothing, continue_100 };
  enum class BodyKind { none, sized, chunked };

  Version version = Version::http_1_1;
  Connection connection = Connection::close;
  Expect expect = Expect::nothing;
  BodyKind body = BodyKind::none;
  std::uint64_t content_length = 0;  ///< of a sized body
};

/// Threads  one at a time.
class RequestParser {
 public:
  RequestParser();
  ~RequestParser();
  RequestParser(const RequestParser&) = delete;
  RequestParser& operator=(const RequestParser&) = delete;

  /// Starts a new request. Fills `request` (not its peer, transport and generated id) and
  /// `framing`, as far as it came when it refuses.
  [[nodiscard]] std::optional<Refusal> parse_header(std::string_view block, const Limits& limits,
                                                    Request& request, Framing& framing);

  struct BodyStep {
    std::size_t consumed = 0;
    bool done = false;
    std::optional<Refusal> refusal = {};
  };
  /// Appends what `input` holds of the body to `body`, at most `bytes_max` in all. Bytes not
  /// consumed are to be given again, with more behind them.
  [[nodiscard]] BodyStep parse_body(std::string_view input, std::size_t bytes_max,
                                    std::string& body);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace perdure::http
