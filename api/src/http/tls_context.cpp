// SPDX-License-Identifier: Apache-2.0
#include "http/tls_context.hpp"

#include <openssl/ssl.h>

#include <cstring>

namespace perdure::http {

namespace ssl = boost::asio::ssl;

namespace {

constexpr unsigned char http_1_1[] = "\x08http/1.1";

/// Picks http/1.1 where the client offers it; a client that offers only others goes without ALPN.
int choose_protocol(SSL*, const unsigned char** out, unsigned char* out_size,
                    const unsigned char* offered, unsigned int offered_size, void*) {
  unsigned char* chosen = nullptr;
  if (SSL_select_next_proto(&chosen, out_size, http_1_1, sizeof http_1_1 - 1, offered,
                            offered_size) != OPENSSL_NPN_NEGOTIATED) {
    return SSL_TLSEXT_ERR_NOACK;
  }
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

}  // namespace

Result<std::shared_ptr<ssl::context>> make_tls_context(const TlsFiles& files) {
  auto context = std::make_shared<ssl::context>(ssl::context::tls_server);
  auto* native = context->native_handle();
  boost::system::error_code ec;
  context->use_certificate_chain_file(files.certificate_chain, ec);
  if (ec) {
    return fail(ErrorCode::invalid,
                "certificate chain " + files.certificate_chain + ": " + ec.message());
  }
  context->use_private_key_file(files.private_key, ssl::context::pem, ec);
  if (ec) return fail(ErrorCode::invalid, "private key " + files.private_key + ": " + ec.message());
  if (SSL_CTX_check_private_key(native) != 1) {
    return fail(ErrorCode::invalid, "private key and certificate do not belong together");
  }
  SSL_CTX_set_min_proto_version(native, TLS1_2_VERSION);
  // Forward secrecy and authenticated encryption only; TLS 1.3 knows nothing else.
  SSL_CTX_set_cipher_list(native, "ECDHE+AESGCM:ECDHE+CHACHA20");
  SSL_CTX_set_options(
      native, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  // Idle connections give their 32 KiB of record buffers back.
  SSL_CTX_set_mode(native, SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_alpn_select_cb(native, choose_protocol, nullptr);
  return context;
}

}  // namespace perdure::http
