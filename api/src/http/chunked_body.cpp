// SPDX-License-Identifier: Apache-2.0
#include "http/chunked_body.hpp"

#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>

#include "http/control_bytes.hpp"
#include "perdure/base/check.hpp"

namespace perdure::http {

namespace {

namespace beast = boost::beast;
using beast::error_code;
using beast::string_view;
using beast::http::field;

// A chunk's size line with its extensions, or all trailers, must fit into this.
constexpr std::size_t unconsumed_max = 8 * 1024;

// What is left of a body between two chunks has at least these. Beast asserts that it never sees
// less of a last chunk, though it gives what comes of a first one back when it is cut short.
constexpr std::size_t left_min = std::string_view{"0\r\n\r\n"}.size();

constexpr std::string_view header = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";

Refusal refusal_of(const error_code& ec) {
  if (ec == beast::http::error::body_limit) {
    return {413, "too_large", "The request body is too large."};
  }
  return malformed("The chunked body is malformed.");
}

/// Whether a size line ends within quotes: Beast would look for theirs in the lines behind it.
bool ends_within_quotes(std::string_view rest) {
  if (rest.starts_with("\r\n")) rest.remove_prefix(2);  // the end of the chunk before
  const auto end = rest.find('\n');
  if (end == std::string_view::npos) return false;
  bool quoted = false;
  for (std::size_t at = 0; at < end; ++at) {
    if (rest[at] == '"') quoted = !quoted;
    if (rest[at] == '\\' && quoted) ++at;
  }
  return quoted;
}

}  // namespace

class ChunkedBody::Parser final : public beast::http::basic_parser<true> {
 public:
  Parser() {
    body_limit(boost::none);  // counted here: the bound is given with each step
    error_code ec;
    put(boost::asio::const_buffer{header.data(), header.size()}, ec);
    PERDURE_CHECK(is_header_done() && chunked(), "Beast reads its own dialect");
  }

  std::string_view input = header;  ///< what the parser is given
  std::string* body = nullptr;
  std::size_t bytes_max = 0;
  std::uint64_t chunk_left = 0;  ///< bytes of the chunk that is being read

 private:
  void on_request_impl(beast::http::verb, string_view, string_view, int, error_code&) override {}
  void on_response_impl(int, string_view, int, error_code&) override {}
  /// A trailer, which is read over. Beast puts one together that is folded over lines.
  void on_field_impl(field, string_view name, string_view, error_code& ec) override {
    const auto rest = input.substr(static_cast<std::size_t>(name.data() - input.data()));
    const auto next = rest.find('\n') + 1;
    if (next < rest.size() && (rest[next] == ' ' || rest[next] == '\t')) {
      ec = beast::http::error::bad_obs_fold;
    }
  }
  void on_header_impl(error_code&) override {}
  void on_finish_impl(error_code&) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>&, error_code&) override {}
  std::size_t on_body_impl(string_view part, error_code&) override { return part.size(); }

  void on_chunk_header_impl(std::uint64_t size, string_view extensions, error_code& ec) override {
    // Beast takes any byte within quotes, line ends too.
    if (has_control({extensions.data(), extensions.size()})) {
      ec = beast::http::error::bad_chunk_extension;
      return;
    }
    if (size > bytes_max - body->size()) ec = beast::http::error::body_limit;
    chunk_left = size;
  }

  std::size_t on_chunk_body_impl(std::uint64_t, string_view part, error_code&) override {
    body->append(part.data(), part.size());
    chunk_left -= part.size();
    return part.size();
  }
};

ChunkedBody::ChunkedBody() : parser_(std::make_unique<Parser>()) {}
ChunkedBody::~ChunkedBody() = default;

BodyStep ChunkedBody::read(std::string_view input, std::size_t bytes_max, std::string& body) {
  auto& parser = *parser_;
  parser.body = &body;
  parser.bytes_max = bytes_max;
  BodyStep step;
  while (!parser.is_done()) {
    const auto rest = input.substr(step.consumed);
    if (rest.empty() || (parser.chunk_left == 0 && rest.size() < left_min)) break;
    error_code ec;
    parser.input = rest;
    step.consumed += parser.put(boost::asio::const_buffer{rest.data(), rest.size()}, ec);
    if (ec == beast::http::error::need_more) {
      const auto waiting = input.substr(step.consumed);
      if (waiting.size() > unconsumed_max || ends_within_quotes(waiting)) {
        step.refusal = refusal_of(ec);
      }
      break;
    }
    if (ec) {
      step.refusal = refusal_of(ec);
      break;
    }
  }
  step.done = parser.is_done();
  return step;
}

}  // namespace perdure::http
