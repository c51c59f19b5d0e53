// SPDX-License-Identifier: Apache-2.0
#include "http/request_parser.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "http/request_checks.hpp"

namespace perdure::http {

namespace {

constexpr auto make_token_table() {
  std::array<bool, 256> table{};
  for (unsigned c = '0'; c <= '9'; ++c) table[c] = true;
  for (unsigned c = 'a'; c <= 'z'; ++c) table[c] = table[c - 'a' + 'A'] = true;
  for (const char c : std::string_view{"!#$%&'*+-.^_`|~"})
    table[static_cast<unsigned char>(c)] = true;
  return table;
}
/// The characters of a token (RFC 9110, section 5.6.2): method names, field names, options.
constexpr auto token_table = make_token_table();

/// Where the token that `text` begins with ends.
std::size_t token_end(std::string_view text) noexcept {
  std::size_t end = 0;
  while (end < text.size() && token_table[static_cast<unsigned char>(text[end])]) ++end;
  return end;
}

std::string_view trimmed(std::string_view text) noexcept {
  const auto is_space = [](char c) { return c == ' ' || c == '\t'; };
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

/// A field that may stand once: how often it does, and its first value.
struct Single {
  int times = 0;
  std::string_view value;

  void note(std::string_view text) {
    if (times++ == 0) value = text;
  }
};

/// What the fields say about framing, routing and the connection.
struct Seen {
  Single host, content_length, content_type, transfer_encoding, expect;
  std::string_view upgrade, request_id, origin;
  bool closes = false, keeps_alive = false, upgrades = false;

  std::optional<Refusal> note(std::string_view name, std::string_view value);

 private:
  std::optional<Refusal> note_connection(std::string_view value);
};

std::optional<Refusal> Seen::note(std::string_view name, std::string_view value) {
  const auto is = [&](std::string_view known) { return equals_ignoring_case(name, known); };
  switch (name.size()) {
    case 4:
      if (is("Host")) host.note(value);
      break;
    case 6:
      if (is("Expect")) expect.note(value);
      if (origin.empty() && is("Origin")) origin = value;
      break;
    case 7:
      if (is("Upgrade")) upgrade = value;
      break;
    case 10:
      if (is("Connection")) return note_connection(value);
      break;
    case 12:
      if (is("X-Request-ID")) request_id = value;
      if (is("Content-Type")) content_type.note(value);
      break;
    case 14:
      if (is("Content-Length")) content_length.note(value);
      break;
    case 17:
      if (is("Transfer-Encoding")) transfer_encoding.note(value);
      break;
    default: break;
  }
  return {};
}

/// Takes the next element off a comma-separated list.
std::string_view take_element(std::string_view& list) {
  const auto comma = std::min(list.find(','), list.size());
  const auto element = trimmed(list.substr(0, comma));
  list.remove_prefix(std::min(comma + 1, list.size()));
  return element;
}

std::optional<Refusal> Seen::note_connection(std::string_view value) {
  while (!value.empty()) {
    const auto option = take_element(value);
    if (token_end(option) != option.size()) {
      return malformed("A header field has no valid value.");
    }
    closes |= equals_ignoring_case(option, "close");
    keeps_alive |= equals_ignoring_case(option, "keep-alive");
    upgrades |= equals_ignoring_case(option, "upgrade");
  }
  return {};
}

struct RequestLine {
  std::string_view method, target;
  Framing::Version version = Framing::Version::http_1_1;
};

/// Fills `line` as far as it comes.
std::optional<Refusal> parse_request_line(std::string_view text, RequestLine& line) {
  const auto method_size = token_end(text);
  line.method = text.substr(0, method_size);
  if (method_size == 0 || method_size == text.size() || text[method_size] != ' ') {
    return malformed("The request line is malformed.");
  }
  text.remove_prefix(method_size + 1);
  line.target = text.substr(0, text.find(' '));
  if (line.target.empty()) return malformed("The request line is malformed.");
  text.remove_prefix(std::min(line.target.size() + 1, text.size()));
  if (text == "HTTP/1.1") return {};
  if (text == "HTTP/1.0") {
    line.version = Framing::Version::http_1_0;
    return {};
  }
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  const auto names_version = text.size() == 8 && text.starts_with("HTTP/") && text[6] == '.' &&
                             is_digit(text[5]) && is_digit(text[7]);
  if (!names_version) return malformed("The request line names no HTTP version.");
  if (text[5] == '1') return {};  // a later minor version is served as 1.1 (RFC 9110, section 2.5)
  return Refusal{505, "version_not_supported", "Only HTTP/1.1 and HTTP/1.0 are spoken here."};
}

/// Takes the line up to CRLF off the front. The scanner has seen to it that there is one.
std::string_view take_line(std::string_view& rest) {
  const auto line = rest.substr(0, rest.find('\r'));
  rest.remove_prefix(line.size() + 2);
  return line;
}

std::optional<Refusal> parse_fields(std::string_view block, std::string_view fields,
                                    Headers& headers, Seen& seen) {
  const auto offset = [&](std::string_view part) {
    return static_cast<std::size_t>(part.data() - block.data());
  };
  for (auto line = take_line(fields); !line.empty(); line = take_line(fields)) {
    const auto name = line.substr(0, token_end(line));
    if (name.empty() || name.size() == line.size() || line[name.size()] != ':') {
      return malformed("A header field has no valid name.");
    }
    const auto value = trimmed(line.substr(name.size() + 1));
    headers.index_field(offset(name), name.size(), offset(value), value.size());
    if (auto refusal = seen.note(name, value)) return refusal;
  }
  return {};
}

constexpr Refusal doubtful_end{
    400, "malformed", "Content-Length and Transfer-Encoding leave the end of the body in doubt."};

/// The end of a body is known where chunked is its last transfer coding, and its only one
/// (RFC 9112, section 6.3). Empty elements, which a list may have, are refused here: not every
/// reader reads over them.
std::optional<Refusal> check_codings(std::string_view codings) {
  std::size_t chunked_times = 0;
  std::size_t others = 0;
  std::string_view last;
  while (!codings.empty()) {
    if (codings.ends_with(',')) return malformed("Transfer-Encoding has an empty element.");
    const auto coding = take_element(codings);
    if (coding.empty()) return malformed("Transfer-Encoding has an empty element.");
    last = coding;
    ++(equals_ignoring_case(coding, "chunked") ? chunked_times : others);
  }
  if (chunked_times != 1 || !equals_ignoring_case(last, "chunked")) {
    return malformed("Transfer-Encoding must end in chunked, and name it once.");
  }
  if (others > 0) {
    return Refusal{501, "not_implemented", "Of transfer codings only chunked is known here."};
  }
  return {};
}

std::optional<Refusal> check_framing(const Seen& seen, Framing& framing) {
  const auto is_1_1 = framing.version == Framing::Version::http_1_1;
  if (seen.transfer_encoding.times > 0) {
    if (seen.content_length.times > 0 || seen.transfer_encoding.times > 1 || !is_1_1) {
      return doubtful_end;
    }
    if (auto refusal = check_codings(seen.transfer_encoding.value)) return refusal;
    framing.body = Framing::BodyKind::chunked;
  }
  if (seen.content_length.times > 0) {
    const auto text = seen.content_length.value;
    if (seen.content_length.times > 1 || !is_valid_content_length(text)) {
      return malformed("Content-Length must be one number.");
    }
    const auto [at, error] =
        std::from_chars(text.data(), text.data() + text.size(), framing.content_length);
    if (error != std::errc{}) return doubtful_end;
    if (framing.content_length > 0) framing.body = Framing::BodyKind::sized;
  }
  if (seen.host.times > 1 || (is_1_1 && seen.host.times == 0)) {
    return malformed("The Host field must appear once.");
  }
  if (seen.content_type.times > 1) return malformed("The Content-Type field must appear once.");
  if (seen.host.times == 1 && !is_valid_host(seen.host.value)) {
    return malformed("The Host field names no valid host.");
  }
  return {};
}

}  // namespace

std::optional<Refusal> RequestParser::parse_header(std::string_view block, const Limits& limits,
                                                   Request& request, Framing& framing) {
  framing = {};
  chunks_.reset();
  request.headers.assign_block(block);
  request.target.clear();
  auto fields = block;
  RequestLine line;
  Seen seen;
  auto refusal = parse_request_line(take_line(fields), line);
  const auto method = method_from(line.method);
  if (method) request.method = *method;
  if (refusal) return refusal;
  request.target.assign(line.target);
  framing.version = line.version;
  refusal = parse_fields(block, fields, request.headers, seen);
  if (is_valid_request_id(seen.request_id)) request.request_id = seen.request_id;
  framing.origin = seen.origin;
  if (refusal) return refusal;

  if ((refusal = check_framing(seen, framing))) return refusal;
  if (request.target.size() > limits.url_bytes_max) {
    return Refusal{414, "uri_too_long", "The request target is too long."};
  }
  if (!method) {
    return Refusal{501, "not_implemented", "The request method is not implemented."};
  }
  request.authority.clear();
  if ((refusal = normalise_target(*method, request.target, request.authority))) return refusal;

  const auto is_1_1 = framing.version == Framing::Version::http_1_1;
  if (!seen.closes && (is_1_1 || seen.keeps_alive)) framing.connection = Framing::Connection::keep;
  if (framing.body == Framing::BodyKind::chunked) chunks_.emplace();
  content_length_ = framing.content_length;
  if (seen.expect.times > 0 && is_1_1) {
    if (seen.expect.times > 1 || !equals_ignoring_case(seen.expect.value, "100-continue")) {
      return Refusal{417, "expectation_failed", "The only expectation met here is 100-continue."};
    }
    framing.expect = Framing::Expect::continue_100;
  }
  if (*method == Method::get && is_1_1 && seen.upgrades &&
      framing.body == Framing::BodyKind::none && equals_ignoring_case(seen.upgrade, "websocket")) {
    request.upgrade = Upgrade::websocket;
  }
  return {};
}

BodyStep RequestParser::parse_body(std::string_view input, std::size_t bytes_max,
                                   std::string& body) {
  if (chunks_) return chunks_->read(input, bytes_max, body);
  // What is announced is what is allocated, up to a point.
  constexpr std::uint64_t reserve_max = 64 * 1024;
  if (body.empty()) body.reserve(static_cast<std::size_t>(std::min(content_length_, reserve_max)));
  const auto missing = content_length_ - body.size();
  const auto taken = static_cast<std::size_t>(std::min<std::uint64_t>(missing, input.size()));
  body.append(input.substr(0, taken));
  return {.consumed = taken, .done = taken == missing};
}

}  // namespace perdure::http
