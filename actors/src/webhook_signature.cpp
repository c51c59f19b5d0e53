// SPDX-License-Identifier: Apache-2.0
#include "webhook_signature.hpp"

#include <fmt/format.h>

#include "errors.hpp"
#include "perdure/actors/webhook.hpp"
#include "perdure/base/crypto.hpp"

namespace perdure::actors {

namespace {

constexpr std::string_view secret_prefix = "whsec_";

std::string field_text(const std::string& id) {
  std::string text;
  for (const char c : id) {
    if (c > ' ' && c < '\x7f') {
      text += c;
    } else {
      text += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return text;
}

}  // namespace

std::string webhook::secret_from(std::string_view bits) {
  return std::string{secret_prefix} + to_base64(bits);
}

std::string webhook::secret_label(std::string_view secret) {
  return std::string{secret.substr(0, secret_prefix.size() + 6)};
}

Result<std::string> webhook_key(const std::string& secret) {
  auto key = secret.starts_with(secret_prefix) ? from_base64(secret.substr(secret_prefix.size()))
                                               : std::nullopt;
  if (!key || key->size() < 24 || key->size() > 64) {
    return fail(invalid_field("/secret", "format", "must be whsec_ and 24 to 64 bytes as base64"));
  }
  return std::move(*key);
}

Json sign_webhook(const std::vector<std::string>& secrets, const std::string& id, Timestamp now,
                  std::string_view body) {
  const auto name = field_text(id);
  const auto seconds =
      std::to_string(std::chrono::floor<std::chrono::seconds>(now).time_since_epoch().count());
  auto content = name + '.' + seconds + '.';
  content += body;
  std::string signatures;
  for (const auto& secret : secrets) {
    const auto key = webhook_key(secret);
    if (!key) continue;  // a state from outside
    if (!signatures.empty()) signatures += ' ';
    signatures += "v1," + to_base64(bytes_of(hmac_sha256(*key, content)));
  }
  return {{"webhook-id", name}, {"webhook-timestamp", seconds}, {"webhook-signature", signatures}};
}

}  // namespace perdure::actors
