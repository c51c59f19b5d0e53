// SPDX-License-Identifier: Apache-2.0
#include "app/batch/answer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "app/json_text.hpp"
#include "app/secrets.hpp"
#include "app/services.hpp"

namespace perdure::api {

namespace {

constexpr std::size_t nonce_bytes = 16;
constexpr std::size_t check_bytes = 16;

/// Fields of a response that say something of the resource. The others are of the connection, or
/// for caches.
bool is_told(std::string_view name) {
  constexpr std::array left_out{std::string_view{"Cache-Control"}, std::string_view{"Vary"}};
  return std::ranges::none_of(
      left_out, [&](std::string_view other) { return http::equals_ignoring_case(name, other); });
}

Json headers_of(const http::Headers& headers) {
  auto told = Json::object();
  for (std::size_t i = 0; i < headers.size(); ++i) {
    const auto field = headers.at(i);
    if (!is_told(field.name)) continue;
    auto& value = told[std::string{field.name}];
    value = value.is_null() ? std::string{field.value}
                            : value.get<std::string>() + ", " + std::string{field.value};
  }
  return told;
}

Json body_of(const http::Response& response) {
  const auto text = response.body.view();
  if (text.empty()) return nullptr;
  auto json = parse_stored_json(text);
  return json ? std::move(*json) : Json(std::string{text});
}

Json item_of(const std::string& name, const http::Response& response, Json body) {
  Json item{{"status", response.status},
            {"headers", headers_of(response.headers)},
            {"body", std::move(body)}};
  if (!name.empty()) item["id"] = name;
  return item;
}

/// The text with the pad of a nonce over it: the same again undoes it.
std::string padded(std::string_view key, std::string_view nonce, std::string_view text) {
  std::string out{text};
  for (std::size_t at = 0; at < out.size(); at += Sha256{}.size()) {
    const auto pad = keyed_digest(key, {"batch secret", nonce, std::to_string(at)});
    for (std::size_t i = 0; i < pad.size() && at + i < out.size(); ++i) {
      out[at + i] = static_cast<char>(static_cast<unsigned char>(out[at + i]) ^ pad[i]);
    }
  }
  return out;
}

std::string check_of(std::string_view key, std::string_view nonce, std::string_view text) {
  const auto digest = keyed_digest(key, {"batch secret check", nonce, text});
  return std::string{bytes_of(digest).substr(0, check_bytes)};
}

std::string seal(Random& random, std::string_view key, std::string_view text) {
  std::array<std::uint8_t, nonce_bytes> bytes{};
  random.fill(bytes);
  const std::string nonce{reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  return to_base64url(nonce + check_of(key, nonce, text) + padded(key, nonce, text));
}

/// Nothing when it was sealed under another key.
std::optional<std::string> unseal(std::string_view key, std::string_view sealed) {
  const auto bytes = from_base64url(sealed);
  if (!bytes || bytes->size() < nonce_bytes + check_bytes) return {};
  const auto nonce = std::string_view{*bytes}.substr(0, nonce_bytes);
  auto text = padded(key, nonce, std::string_view{*bytes}.substr(nonce_bytes + check_bytes));
  const auto check = std::string_view{*bytes}.substr(nonce_bytes, check_bytes);
  if (!equal_in_constant_time(check_of(key, nonce, text), check)) return {};
  return text;
}

std::string text_of_items(const Json& items) {
  std::string text = R"({"items":)";
  append_json(text, items);
  return text += '}';
}

}  // namespace

void BatchAnswer::clear() {
  items_ = Json::array();
  secrets_.clear();
  bytes_ = 0;
}

Result<Json> BatchAnswer::add(const std::string& name, RunningRequest& request) {
  const auto& response = request.exchange->response();
  if (bytes_ + response.body.size() > limits::batch_answer_bytes_max) {
    return fail(ErrorCode::too_large, fmt::format("the answer of a batch has at most {} bytes",
                                                  limits::batch_answer_bytes_max));
  }
  auto body = body_of(response);
  bytes_ += response.body.size();
  if (!request.part->secret.empty()) secrets_.emplace_back(items_.size(), request.part->secret);
  items_.push_back(item_of(name, response, body));
  return body;
}

void BatchAnswer::add_problem(const std::string& name, const Problem& problem, const Context& whole,
                              const std::string& path) {
  const auto response = render(problem, path, whole.request.request_id);
  items_.push_back(item_of(name, response, body_of(response)));
}

void BatchAnswer::add_without_body(const std::string& name, const RunningRequest& request) {
  bytes_ = limits::batch_answer_bytes_max;
  items_.push_back(item_of(name, request.exchange->response(), nullptr));
}

std::string BatchAnswer::text() const {
  if (secrets_.empty()) return text_of_items(items_);
  auto items = items_;
  for (const auto& [item, secret] : secrets_) items[item]["body"]["secret"] = secret;
  return text_of_items(items);
}

Json BatchAnswer::stored(Context& whole) const {
  auto sealed = Json::array();
  for (const auto& [item, secret] : secrets_) {
    sealed.push_back({item, seal(whole.services.random, whole.secret, secret)});
  }
  return {{"items", items_}, {"sealed", std::move(sealed)}};
}

std::string BatchAnswer::text_of(const Context& whole, Json stored) {
  auto& items = stored["items"];
  for (const auto& one : stored["sealed"]) {
    auto secret = unseal(whole.secret, one.at(1).get_ref<const std::string&>());
    if (secret) items[one.at(0).get<std::size_t>()]["body"]["secret"] = std::move(*secret);
  }
  return text_of_items(items);
}

}  // namespace perdure::api
