// SPDX-License-Identifier: Apache-2.0
// Reads a request whose header the scanner has found complete and free of control bytes: the
// request line, the fields, and what both say about framing. Stricter than RFC 9112 asks where it
// leaves a choice (api/README.md).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "http/chunked_body.hpp"
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
  std::string_view origin;           ///< the Origin field; borrows from the block
};

/// Threads  one at a time.
class RequestParser {
 public:
  /// Starts a new request. Fills `request` (not its peer, transport and generated id) and
  /// `framing`, as far as it came when it refuses.
  ///
  /// Shape  `block` is what the scanner found: lines that end with CRLF, the last one empty.
  [[nodiscard]] std::optional<Refusal> parse_header(std::string_view block, const Limits& limits,
                                                    Request& request, Framing& framing);

  /// Appends what `input` holds of the body to `body`: of a chunked one at most `bytes_max` in all,
  /// of a sized one what was announced. Bytes not consumed are to be given again, with more behind
  /// them.
  [[nodiscard]] BodyStep parse_body(std::string_view input, std::size_t bytes_max,
                                    std::string& body);

 private:
  std::optional<ChunkedBody> chunks_;
  std::uint64_t content_length_ = 0;
};

}  // namespace perdure::http
