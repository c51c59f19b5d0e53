// SPDX-License-Identifier: Apache-2.0
// HttpPerformer: performs the effects named `http`, which are calls of HTTP servers elsewhere.
//
//   auto http = effects::HttpPerformer::start({}, clock).value();
//   runtime->set_performer("http", http->performer(), http->concurrency());
//
// An effect's payload:
//
//   method          GET (default), HEAD, POST, PUT, PATCH, DELETE or OPTIONS
//   url             http or https, without user and password
//   headers         {name: text}; those that belong to the connection are set here, and refused
//   body | json | body_base64   text, a JSON value, or bytes; at most one of them
//   timeout_ms      of one attempt, redirects included; 30 s, at most 10 min
//   follow          true: up to 5 redirects, each checked like the first address
//   any_status      true: every status is a result, so that the asker decides what to try again
//   response_bytes_max   of the body; `HttpOptions::response_bytes_max` is default and ceiling
//   truncate        true: a longer body is cut there; otherwise it is an error, too_large
//   not_after       date-time: an attempt that would begin later is refused (deadline_exceeded)
//
// and its result: {status, url, headers: {lower-case name: text}, body | body_base64, truncated?};
// `url` is the one that answered, a body that is no UTF-8 comes as base64.
//
// Errors  invalid            the payload breaks a rule; `fields` says which.
//         forbidden          the address is not public, and not allowed (AddressPolicy).
//         too_large          the response; not_after: deadline_exceeded.
//         unavailable        no connection, no certificate that is trusted, no answer in time, or
//                            (without any_status) status 429 or 5xx, with its Retry-After.
//         overloaded         HttpOptions::host_calls_max are under way, or too many names are
//                            being looked up; no attempt was made.
// Of these `unavailable` and `deadline_exceeded` are tried again, as the effect's policy says.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "perdure/base/result.hpp"
#include "perdure/base/time.hpp"
#include "perdure/runtime/outbox.hpp"

namespace perdure::effects {

struct HttpOptions {
  /// Networks that are not public and may be called all the same, such as `10.0.0.0/8`.
  std::vector<std::string> allow_networks = {};
  std::string ca_file = {};  ///< PEM; trusted beside the system's own roots
  std::string user_agent = "perdure";
  /// Name servers, HOST:PORT with addresses as hosts; none: those of the system.
  std::vector<std::string> resolver = {};
  std::size_t concurrency = 1'024;      ///< attempts at the same time, each with one connection
  std::size_t owner_concurrency = 256;  ///< of them, of one owner
  /// Of them, to one host and port, of one owner: others wait outside. Of all owners up to twice as
  /// many, of which each takes no more than are left free.
  std::size_t host_calls_max = 128;
  Milliseconds connect_timeout{10'000};
  std::size_t response_bytes_max = 1u << 20;
  /// Of all bodies that are being read; an owner holds no more of it than is left free.
  std::size_t bodies_bytes_max = 64u << 20;
};

/// Threads    one that runs all calls and looks up their names; no call has one of its own.
/// Lifecycle  start … stop, or the destructor. It outlives the runtime that it performs for.
/// Limits     a connection for each attempt; response headers 32 KiB; as HttpOptions says; names
///            that are looked up at once: effects/name_lookups.hpp.
class HttpPerformer {
 public:
  /// Errors  invalid  a network that cannot be read (`/allow_networks`), the file of certificates
  ///                  (`/ca_file`), or a name server (`/resolver`).
  [[nodiscard]] static Result<std::unique_ptr<HttpPerformer>> start(HttpOptions options,
                                                                    const Clock& clock);
  ~HttpPerformer();
  HttpPerformer(const HttpPerformer&) = delete;
  HttpPerformer& operator=(const HttpPerformer&) = delete;

  [[nodiscard]] const HttpOptions& options() const;
  /// For Runtime::set_performer.
  [[nodiscard]] Concurrency concurrency() const {
    return {.all = options().concurrency, .owner = options().owner_concurrency};
  }

  /// For Runtime::set_performer. Lifetime  of this object.
  [[nodiscard]] Performer performer();

  /// Whether a URL can be called as far as can be told without asking a name server.
  /// Errors   invalid (`/url`).
  /// Threads  any; it does not block.
  [[nodiscard]] Result<void> check_url(std::string_view url) const;

  /// Ends the attempts that are under way (`unavailable`), and waits for the thread.
  void stop();

  class Core;

 private:
  explicit HttpPerformer(std::shared_ptr<Core> core);
  const std::shared_ptr<Core> core_;  // shared with the attempts
};

}  // namespace perdure::effects
