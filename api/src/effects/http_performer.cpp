// SPDX-License-Identifier: Apache-2.0
#include "perdure/api/effects/http_performer.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>

#include "effects/http_exchange.hpp"

namespace perdure::effects {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

Unexpected bad_option(std::string pointer, std::string message) {
  Error error{.code = ErrorCode::invalid, .detail = message};
  error.fields.push_back({std::move(pointer), "invalid", std::move(message)});
  return fail(std::move(error));
}

Result<std::shared_ptr<asio::ssl::context>> client_tls(const std::string& ca_file) {
  auto context = std::make_shared<asio::ssl::context>(asio::ssl::context::tls_client);
  SSL_CTX_set_min_proto_version(context->native_handle(), TLS1_2_VERSION);
  context->set_verify_mode(asio::ssl::verify_peer);
  error_code ec;
  // A machine without roots trusts nobody but `ca_file`.
  context->set_default_verify_paths(ec);
  if (!ca_file.empty()) {
    context->load_verify_file(ca_file, ec);
    if (ec) return bad_option("/ca_file", "certificates " + ca_file + ": " + ec.message());
  }
  return context;
}

}  // namespace

HttpPerformer::Core::Core(HttpOptions with, AddressPolicy addresses,
                          std::shared_ptr<asio::ssl::context> with_tls, const Clock& with_clock)
    : options(std::move(with)),
      policy(std::move(addresses)),
      tls(std::move(with_tls)),
      clock(with_clock),
      work_(asio::make_work_guard(io)),
      thread_([this] { io.run(); }) {}

HttpPerformer::Core::~Core() { stop(); }

void HttpPerformer::Core::begin(std::shared_ptr<Effect> effect) {
  auto call = read_http_call(effect->payload(), options.response_bytes_max);
  if (!call) return effect->finish(fail(std::move(call).error()));
  if (stopped()) return effect->finish(fail(ErrorCode::unavailable, "the server is stopping"));
  const auto exchange =
      std::make_shared<HttpExchange>(shared_from_this(), std::move(effect), std::move(*call));
  asio::post(io, [exchange] { exchange->start(); });
}

void HttpPerformer::Core::stop() {
  if (stopped_.exchange(true)) return;
  asio::post(io, [this] {
    for (const auto& exchange : running) {
      exchange->abort({.code = ErrorCode::unavailable, .detail = "the server is stopping"});
    }
    lookups.stop();
    work_.reset();
  });
  thread_.join();
}

HttpPerformer::HttpPerformer(std::shared_ptr<Core> core) : core_(std::move(core)) {}

HttpPerformer::~HttpPerformer() { stop(); }

Result<std::unique_ptr<HttpPerformer>> HttpPerformer::start(HttpOptions options,
                                                            const Clock& clock) {
  PERDURE_TRY(policy, AddressPolicy::parse(options.allow_networks));
  {
    asio::io_context loop;
    PERDURE_TRY_VOID(DnsChannel::open(loop, options.resolver));
  }
  PERDURE_TRY(tls, client_tls(options.ca_file));
  auto core = std::make_shared<Core>(std::move(options), std::move(policy), std::move(tls), clock);
  return std::unique_ptr<HttpPerformer>{new HttpPerformer{std::move(core)}};
}

const HttpOptions& HttpPerformer::options() const { return core_->options; }

Performer HttpPerformer::performer() {
  return [core = core_](std::shared_ptr<Effect> effect) { core->begin(std::move(effect)); };
}

Result<void> HttpPerformer::check_url(std::string_view text) const {
  PERDURE_TRY(url, parse_url(text));
  if (const auto address = literal_address(url.host)) {
    if (core_->policy.admits(*address)) return {};
    return bad_option("/url", "names an address that is not public, and in no allowed network");
  }
  if (!ends_in_number(url.host)) return {};
  return bad_option("/url", "names a host that ends in a number and is no IP address");
}

void HttpPerformer::stop() { core_->stop(); }

}  // namespace perdure::effects
