// SPDX-License-Identifier: Apache-2.0
#include "http/response_head.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>

namespace perdure::http {

namespace {

bool is_own(std::string_view name) noexcept {
  const auto is = [&](std::string_view own) { return equals_ignoring_case(name, own); };
  switch (name.size()) {
    case 4: return is("Date");
    case 10: return is("Connection") || is("Keep-Alive");
    case 12: return is("X-Request-ID");
    case 14: return is("Content-Length");
    case 17: return is("Transfer-Encoding");
    default: return false;
  }
}

void append_number(std::string& out, std::uint64_t number) {
  std::array<char, 20> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  out.append(digits.data(), end);
}

void append_status_line(std::string& out, int status) {
  if (status == 200) {
    out.append("HTTP/1.1 200 OK\r\n");
    return;
  }
  out.append("HTTP/1.1 ");
  append_number(out, static_cast<std::size_t>(status));
  out.append(" ").append(reason_phrase(status)).append("\r\n");
}

void append_fields(std::string& out, const Headers& headers) {
  bool clean = true;
  for (std::size_t i = 0; i < headers.size(); ++i) clean = clean && !is_own(headers.at(i).name);
  if (clean) {
    out.append(headers.wire_text());
    return;
  }
  for (std::size_t i = 0; i < headers.size(); ++i) {
    const auto field = headers.at(i);
    if (is_own(field.name)) continue;
    out.append(field.name).append(": ").append(field.value).append("\r\n");
  }
}

void append_body_form(std::string& out, const HeadContext& context) {
  switch (context.form) {
    case BodyForm::sized:
      out.append("Content-Length: ");
      append_number(out, context.body_bytes);
      out.append("\r\n");
      return;
    case BodyForm::chunked: out.append("Transfer-Encoding: chunked\r\n"); return;
    case BodyForm::until_close: return;
  }
}

}  // namespace

std::string_view reason_phrase(int status) noexcept {
  switch (status) {
    case 100: return "Continue";
    case 101: return "Switching Protocols";
    case 200: return "OK";
    case 201: return "Created";
    case 202: return "Accepted";
    case 204: return "No Content";
    case 206: return "Partial Content";
    case 301: return "Moved Permanently";
    case 302: return "Found";
    case 303: return "See Other";
    case 304: return "Not Modified";
    case 307: return "Temporary Redirect";
    case 308: return "Permanent Redirect";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 406: return "Not Acceptable";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 410: return "Gone";
    case 411: return "Length Required";
    case 412: return "Precondition Failed";
    case 413: return "Content Too Large";
    case 414: return "URI Too Long";
    case 415: return "Unsupported Media Type";
    case 416: return "Range Not Satisfiable";
    case 417: return "Expectation Failed";
    case 421: return "Misdirected Request";
    case 422: return "Unprocessable Content";
    case 426: return "Upgrade Required";
    case 428: return "Precondition Required";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 502: return "Bad Gateway";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    case 505: return "HTTP Version Not Supported";
    case 507: return "Insufficient Storage";
    default: return "Unknown";
  }
}

bool has_body(int status) noexcept { return status >= 200 && status != 204 && status != 304; }

void append_head(std::string& out, const Response& response, const HeadContext& context) {
  append_status_line(out, response.status);
  append_fields(out, response.headers);
  out.append(context.extra_lines);
  out.append(context.date_line);
  if (has_body(response.status)) append_body_form(out, context);
  if (!context.request_id.empty()) {
    out.append("X-Request-ID: ").append(context.request_id).append("\r\n");
  }
  if (context.connection == Framing::Connection::close) {
    out.append("Connection: close\r\n");
  } else if (context.version == Framing::Version::http_1_0) {
    out.append("Connection: keep-alive\r\n");
  }
  out.append("\r\n");
}

}  // namespace perdure::http
