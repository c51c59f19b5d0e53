// SPDX-License-Identifier: Apache-2.0
// Requests and responses as the rest of the room sees them. No network library appears here.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "perdure/api/http/headers.hpp"
#include "perdure/base/memory_budget.hpp"

namespace perdure::http {

/// The methods that this server implements; any other is answered 501 before a handler sees it.
enum class Method { get, head, post, put, patch, del, options };

[[nodiscard]] std::string_view to_string(Method method) noexcept;
/// Whether a request of this method only looks (RFC 9110, section 9.2.1).
[[nodiscard]] constexpr bool is_safe(Method method) noexcept {
  return method == Method::get || method == Method::head || method == Method::options;
}

enum class Transport { plain, tls };

/// Whether the client asks to leave HTTP (`Responder::accept_websocket`).
enum class Upgrade { none, websocket };

/// Whether a request's body was read with its head. Small ones mostly arrive together and are. All
/// others are read when the handler, which has judged the head, asks for it
/// (`Responder::read_body`).
enum class BodyState { whole, unread };

struct Request {
  Method method = Method::get;
  /// Origin form (`/path?query`) or `*`; an absolute form was reduced to it. Not decoded.
  std::string target;
  /// The authority of a target in absolute form; empty: the Host field has it.
  std::string authority;
  Headers headers;
  std::string body;  ///< empty while it is unread
  BodyState body_state = BodyState::whole;
  /// Counts what is kept for this request beside its small parts.
  Hold hold = {};
  /// The address of the peer, without its port.
  std::string peer;
  Transport transport = Transport::plain;
  Upgrade upgrade = Upgrade::none;
  /// The client's X-Request-ID if it was well formed, else a new UUIDv7.
  std::string request_id;

  /// The target up to `?`, not decoded. Borrows from `target`.
  [[nodiscard]] std::string_view path() const noexcept;
  /// What follows `?`, not decoded; empty when there is none. Borrows from `target`.
  [[nodiscard]] std::string_view query() const noexcept;
  /// The host, with its port if it was named, that the client asked. Borrows from the request.
  [[nodiscard]] std::string_view host() const noexcept {
    return authority.empty() ? headers.find("Host").value_or("") : std::string_view{authority};
  }
  [[nodiscard]] bool has_body() const noexcept {
    return body_state == BodyState::unread || !body.empty();
  }
};

/// Bytes of a response: owned, or shared and immutable (static assets are not copied).
class Body {
 public:
  Body() = default;
  Body(std::string text) : held_(std::move(text)) {}    // NOLINT: a body is written as a string
  Body(const char* text) : held_(std::string{text}) {}  // NOLINT
  Body(std::shared_ptr<const std::string> shared) : held_(std::move(shared)) {}  // NOLINT

  [[nodiscard]] std::string_view view() const noexcept;
  [[nodiscard]] std::size_t size() const noexcept { return view().size(); }
  /// Bytes that go with this body; none of a shared one.
  [[nodiscard]] std::size_t owned_bytes() const noexcept {
    const auto* text = std::get_if<std::string>(&held_);
    return text == nullptr ? 0 : text->size();
  }

 private:
  std::variant<std::string, std::shared_ptr<const std::string>> held_;
};

/// The session itself writes Content-Length, Date, Connection, X-Request-ID, and Content-Encoding
/// and Vary where it compresses; a handler's own fields of the first four are left out.
///
/// Bodies over 1 KiB of a compressible Content-Type are sent with gzip to clients that accept it.
/// Their ETag then gets the suffix that says so (`tag_under`): another representation has another
/// validator.
struct Response {
  int status = 200;
  Headers headers;
  Body body;
  /// The same body under gzip, for assets compressed beforehand; null when there is none.
  std::shared_ptr<const std::string> gzip_body;
  /// For `Finished`, and never sent: the template of the request's route, which must outlive the
  /// server, and why the request failed.
  std::string_view route;
  std::string cause;
  /// For whom the body is kept until the client has read it; nobody: the client's address.
  std::optional<OwnerKey> owner = {};
};

}  // namespace perdure::http
