// SPDX-License-Identifier: Apache-2.0
// TLS 1.2 and 1.3 from a certificate chain and a key, or a reason why not.
#pragma once

#include <boost/asio/ssl/context.hpp>
#include <memory>

#include "perdure/api/http/server.hpp"
#include "perdure/base/result.hpp"

namespace perdure::http {

/// Errors  invalid  a file cannot be read, or key and certificate do not belong together.
[[nodiscard]] Result<std::shared_ptr<boost::asio::ssl::context>> make_tls_context(
    const TlsFiles& files);

}  // namespace perdure::http
