// SPDX-License-Identifier: Apache-2.0
#include "http/request_parser.hpp"

#include <algorithm>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>

#include "http/request_checks.hpp"

namespace perdure::http {

namespace {

namespace beast = boost::beast;
using beast::error_code;
using beast::string_view;
using beast::http::field;

constexpr Refusal body_too_large{413, "too_large", "The request body is too large."};

std::string_view view_of(string_view text) { return {text.data(), text.size()}; }

/// How often the fields that decide over framing and routing appeared, and their first values.
struct Seen {
  int host = 0, content_length = 0, transfer_encoding = 0, expect = 0;
  std::string_view host_value, content_length_value, transfer_encoding_value, expect_value;
  std::string_view upgrade_value, request_id;
};

class FillingParser final : public beast::http::basic_parser<true> {
 public:
  FillingParser(std::string_view block, Request& request) : block_(block), request_(request) {
    header_limit(static_cast<std::uint32_t>(block.size() + 1));
    body_limit(boost::none);  // counted here: the bound is known only after the header
  }

  Seen seen;
  std::string_view method_name;
  int version = 0;
  std::string* body = nullptr;
  std::size_t bytes_max = 0;

 private:
  void on_request_impl(beast::http::verb, string_view method_text, string_view target,
                       int http_version, error_code&) override {
    method_name = view_of(method_text);
    request_.target.assign(target.data(), target.size());
    version = http_version;
  }

  void on_field_impl(field known, string_view name_text, string_view value_text,
                     error_code&) override {
    if (is_header_done()) return;  // a trailer: framed by Beast, of no use to us
    const auto name = view_of(name_text);
    const auto value = view_of(value_text);
    const auto offset = [this](std::string_view part) {
      return static_cast<std::size_t>(part.data() - block_.data());
    };
    request_.headers.index_field(offset(name), name.size(), offset(value), value.size());
    switch (known) {
      case field::host: note(seen.host, seen.host_value, value); break;
      case field::content_length:
        note(seen.content_length, seen.content_length_value, value);
        break;
      case field::transfer_encoding:
        note(seen.transfer_encoding, seen.transfer_encoding_value, value);
        break;
      case field::expect: note(seen.expect, seen.expect_value, value); break;
      case field::upgrade: seen.upgrade_value = value; break;
      case field::unknown:
        if (name.size() == 12 && equals_ignoring_case(name, "X-Request-ID")) {
          seen.request_id = value;
        }
        break;
      default: break;
    }
  }

  static void note(int& times, std::string_view& first, std::string_view value) {
    if (times++ == 0) first = value;
  }

  void on_response_impl(int, string_view, int, error_code&) override {}
  void on_header_impl(error_code&) override {}
  void on_finish_impl(error_code&) override {}

  void on_body_init_impl(const boost::optional<std::uint64_t>& length, error_code&) override {
    // A sized body is bounded before this; what is announced is what is allocated, up to a point.
    constexpr std::uint64_t reserve_max = 64 * 1024;
    if (length) body->reserve(static_cast<std::size_t>(std::min(*length, reserve_max)));
  }

  std::size_t on_body_impl(string_view part, error_code&) override {
    body->append(part.data(), part.size());
    return part.size();
  }

  void on_chunk_header_impl(std::uint64_t size, string_view, error_code& ec) override {
    if (size > bytes_max - body->size()) ec = beast::http::error::body_limit;
  }

  std::size_t on_chunk_body_impl(std::uint64_t, string_view part, error_code&) override {
    body->append(part.data(), part.size());
    return part.size();
  }

  std::string_view block_;
  Request& request_;
};

Refusal refusal_of(const error_code& ec, std::string_view block) {
  using E = beast::http::error;
  if (ec == E::bad_version) {
    const auto line = block.substr(0, block.find('\r'));
    const auto version = line.substr(line.size() < 8 ? 0 : line.size() - 8);
    if (version.starts_with("HTTP/") && version[6] == '.' && std::ranges::count(line, ' ') == 2) {
      return {505, "version_not_supported", "Only HTTP/1.1 and HTTP/1.0 are spoken here."};
    }
    return malformed("The request line names no HTTP version.");
  }
  if (ec == E::bad_content_length || ec == E::multiple_content_length ||
      ec == E::bad_transfer_encoding) {
    return malformed("Content-Length and Transfer-Encoding leave the end of the body in doubt.");
  }
  if (ec == E::bad_field) return malformed("A header field has no valid name.");
  if (ec == E::bad_value) return malformed("A header field has no valid value.");
  if (ec == E::bad_method || ec == E::bad_target) {
    return malformed("The request line is malformed.");
  }
  if (ec == E::body_limit) return body_too_large;
  if (ec == E::bad_chunk || ec == E::bad_chunk_extension) {
    return malformed("The chunked body is malformed.");
  }
  return malformed("The request is malformed.");
}

std::optional<Refusal> check_framing(const Seen& seen, int version) {
  if (seen.transfer_encoding > 0) {
    if (seen.content_length > 0 || seen.transfer_encoding > 1 || version < 11) {
      return malformed("Content-Length and Transfer-Encoding leave the end of the body in doubt.");
    }
    if (!equals_ignoring_case(seen.transfer_encoding_value, "chunked")) {
      return Refusal{501, "not_implemented", "Of transfer codings only chunked is known here."};
    }
  }
  if (seen.content_length > 1 ||
      (seen.content_length == 1 && !is_valid_content_length(seen.content_length_value))) {
    return malformed("Content-Length must be one number.");
  }
  if (seen.host > 1 || (version >= 11 && seen.host == 0)) {
    return malformed("The Host field must appear once.");
  }
  if (seen.host == 1 && !is_valid_host(seen.host_value)) {
    return malformed("The Host field names no valid host.");
  }
  return {};
}

}  // namespace

struct RequestParser::Impl {
  std::optional<FillingParser> parser;  // Beast's parsers serve for one message each
};

RequestParser::RequestParser() : impl_(std::make_unique<Impl>()) {}
RequestParser::~RequestParser() = default;

std::optional<Refusal> RequestParser::parse_header(std::string_view block, const Limits& limits,
                                                   Request& request, Framing& framing) {
  request.headers.assign_block(block);
  auto& parser = impl_->parser.emplace(block, request);
  error_code ec;
  parser.put(boost::asio::const_buffer{block.data(), block.size()}, ec);
  const auto& seen = parser.seen;
  if (is_valid_request_id(seen.request_id)) request.request_id = seen.request_id;
  const auto method = method_from(parser.method_name);
  if (method) request.method = *method;
  if (ec) return refusal_of(ec, block);
  if (!parser.is_header_done()) return malformed("The request is malformed.");

  if (auto refusal = check_framing(seen, parser.version)) return refusal;
  if (request.target.size() > limits.url_bytes_max) {
    return Refusal{414, "uri_too_long", "The request target is too long."};
  }
  if (!method) {
    return Refusal{501, "not_implemented", "The request method is not implemented."};
  }
  if (auto refusal = normalise_target(*method, seen.host_value, request.target)) return refusal;

  framing = {};
  if (parser.version < 11) framing.version = Framing::Version::http_1_0;
  if (parser.keep_alive()) framing.connection = Framing::Connection::keep;
  if (parser.chunked()) framing.body = Framing::BodyKind::chunked;
  if (const auto length = parser.content_length(); length && *length > 0) {
    framing.body = Framing::BodyKind::sized;
    framing.content_length = *length;
  }
  if (seen.expect > 0 && parser.version >= 11) {
    if (seen.expect > 1 || !equals_ignoring_case(seen.expect_value, "100-continue")) {
      return Refusal{417, "expectation_failed", "The only expectation met here is 100-continue."};
    }
    framing.expect = Framing::Expect::continue_100;
  }
  if (*method == Method::get && parser.version >= 11 && parser.upgrade() &&
      framing.body == Framing::BodyKind::none &&
      equals_ignoring_case(seen.upgrade_value, "websocket")) {
    request.upgrade = Upgrade::websocket;
  }
  return {};
}

RequestParser::BodyStep RequestParser::parse_body(std::string_view input, std::size_t bytes_max,
                                                  std::string& body) {
  // A chunk's size line with its extensions, or all trailers, must fit into this.
  constexpr std::size_t unconsumed_max = 8 * 1024;
  auto& parser = *impl_->parser;
  parser.body = &body;
  parser.bytes_max = bytes_max;
  BodyStep step;
  while (!parser.is_done()) {
    const auto rest = input.substr(step.consumed);
    if (rest.empty()) break;
    error_code ec;
    step.consumed += parser.put(boost::asio::const_buffer{rest.data(), rest.size()}, ec);
    if (ec == beast::http::error::need_more) {
      if (input.size() - step.consumed > unconsumed_max) {
        step.refusal = malformed("The chunked body is malformed.");
      }
      break;
    }
    if (ec) {
      step.refusal = refusal_of(ec, {});
      break;
    }
  }
  step.done = parser.is_done();
  return step;
}

}  // namespace perdure::http
