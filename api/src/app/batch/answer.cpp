// SPDX-License-Identifier: Apache-2.0
#include "app/batch/answer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "app/secrets.hpp"
#include "app/services.hpp"
#include "perdure/schemas/write_json.hpp"

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

bool is_json(const http::Response& response) {
  const auto type = response.headers.find("Content-Type").value_or("");
  const auto name = type.substr(0, type.find(';'));
  return name == "application/json" || name.ends_with("+json");
}

/// The body of a response as a JSON text.
std::string body_text_of(const http::Response& response) {
  const auto text = response.body.view();
  if (text.empty()) return "null";
  return is_json(response) ? std::string{text} : dump_json(std::string{text});
}

std::string item_of(const std::string& name, const http::Response& response,
                    std::string_view body) {
  auto text =
      fmt::format(R"({{"body":{},"headers":{})", body, dump_json(headers_of(response.headers)));
  if (!name.empty()) text += R"(,"id":)" + dump_json(name);
  return text + fmt::format(R"(,"status":{}}})", response.status);
}

/// The item with the secret that it shows.
std::string with_secret(std::string_view item, std::string secret) {
  auto json = parse_stored_json(item);
  if (!json) return std::string{item};
  (*json)["body"]["secret"] = std::move(secret);
  return dump_json(*json);
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

std::string text_of_items(const std::vector<std::string>& items) {
  return fmt::format(R"({{"items":[{}]}})", fmt::join(items, ","));
}

}  // namespace

Json body_of(const http::Response& response) {
  auto json = parse_stored_json(body_text_of(response));
  return json ? std::move(*json) : Json(nullptr);
}

void BatchAnswer::clear() {
  items_.clear();
  secrets_.clear();
  bytes_ = 0;
}

Result<void> BatchAnswer::add(const std::string& name, const RunningRequest& request) {
  const auto& response = request.exchange->response();
  if (bytes_ + response.body.size() > limits::batch_answer_bytes_max) {
    return fail(ErrorCode::too_large, fmt::format("the answer of a batch has at most {} bytes",
                                                  limits::batch_answer_bytes_max));
  }
  bytes_ += response.body.size();
  if (!request.part->secret.empty()) secrets_.emplace_back(items_.size(), request.part->secret);
  items_.push_back(item_of(name, response, body_text_of(response)));
  return {};
}

void BatchAnswer::add_problem(const std::string& name, const Problem& problem, const Context& whole,
                              const std::string& path) {
  const auto response = render(problem, path, whole.request.request_id);
  items_.push_back(item_of(name, response, body_text_of(response)));
}

void BatchAnswer::add_without_body(const std::string& name, const RunningRequest& request) {
  bytes_ = limits::batch_answer_bytes_max;
  items_.push_back(item_of(name, request.exchange->response(), "null"));
}

std::string BatchAnswer::text() const {
  if (secrets_.empty()) return text_of_items(items_);
  auto items = items_;
  for (const auto& [item, secret] : secrets_) items[item] = with_secret(items[item], secret);
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
  std::vector<std::string> items;
  for (auto& item : stored["items"]) items.push_back(std::move(item.get_ref<std::string&>()));
  for (const auto& one : stored["sealed"]) {
    auto secret = unseal(whole.secret, one.at(1).get_ref<const std::string&>());
    auto& item = items[one.at(0).get<std::size_t>()];
    if (secret) item = with_secret(item, std::move(*secret));
  }
  return text_of_items(items);
}

}  // namespace perdure::api
