// SPDX-License-Identifier: Apache-2.0
// What clients send and are shown: frames of a conversation, order in lists, texts, signatures.
#include <optional>

#include "actors/src/webhook_signature.hpp"
#include "app/chat/frames.hpp"
#include "http/control_bytes.hpp"
#include "perdure/base/crypto.hpp"
#include "perdure/base/unicode.hpp"
#include "perdure/base/utf8.hpp"
#include "perdure/runtime/sortable.hpp"
#include "perdure/schemas/write_json.hpp"
#include "runtime/src/index_keys.hpp"
#include "target.hpp"
#include "targets.hpp"

namespace perdure::fuzz {

namespace {

int sign(int number) { return (number > 0) - (number < 0); }

/// The order that lists promise: null, false, true, numbers, strings; none for what has no order.
std::optional<int> order_of(const Json& a, const Json& b) {
  const auto rank = [](const Json& value) {
    if (value.is_null()) return 0;
    if (value.is_boolean()) return value.get<bool>() ? 2 : 1;
    if (value.is_number()) return 3;
    return value.is_string() ? 4 : 5;
  };
  if (rank(a) == 5 || rank(b) == 5) return {};
  if (rank(a) != rank(b)) return rank(a) < rank(b) ? -1 : 1;
  if (a.is_number()) {
    const auto x = a.get<double>();
    const auto y = b.get<double>();
    return (x > y) - (x < y);
  }
  if (!a.is_string()) return 0;
  const auto x = to_nfc(a.get_ref<const std::string&>());
  const auto y = to_nfc(b.get_ref<const std::string&>());
  return sign(cut_utf8(x, runtime::index_string_bytes_max)
                  .compare(cut_utf8(y, runtime::index_string_bytes_max)));
}

void check_no_prefix(const std::string& a, const std::string& b) {
  PERDURE_CHECK(a == b || (!a.starts_with(b) && !b.starts_with(a)), "a key begins another one");
}

}  // namespace

void run_chat_frame(std::string_view input) {
  std::string client_id;
  const auto frame = api::chat::read_frame(input, client_id);
  if (!frame) {
    const auto text = *api::chat::error_frame(frame.error(), client_id);
    PERDURE_CHECK(parse_json(text).has_value(), "a refusal is JSON");
    return;
  }
  PERDURE_CHECK(frame->body.is_object() && !frame->body.contains("type"), "a frame's body");
  PERDURE_CHECK(frame->client_id == client_id, "a frame's client_id");
}

/// Two values, a line each: their keys sort as they do.
void run_index_order(std::string_view input) {
  const auto a = parse_json(take_part(input, '\n'));
  const auto b = parse_json(input);
  if (!a || !b) return;
  std::string key_a;
  std::string key_b;
  runtime::put_index_value(key_a, *a);
  runtime::put_index_value(key_b, *b);
  check_no_prefix(key_a, key_b);
  const auto order = order_of(*a, *b);
  if (!order) return;
  PERDURE_CHECK(sign(key_a.compare(key_b)) == *order, "index keys sort otherwise");
  const auto row_a = sortable(*a);
  const auto row_b = sortable(*b);
  check_no_prefix(row_a, row_b);
  PERDURE_CHECK(sign(row_a.compare(row_b)) == *order, "rows of lists sort otherwise");
  PERDURE_CHECK((row_a + row_b).find('\0') == std::string::npos, "rows of lists hold no NUL");
}

void run_json_text(std::string_view input) {
  const auto value = parse_json(input);
  if (!value) return;
  std::string text = "before ";
  write_json(text, *value);
  PERDURE_CHECK(text == "before " + dump_json(*value), "both writers write alike");
}

void run_webhook_secret(std::string_view input) {
  const std::string text{input};
  if (const auto key = actors::webhook_key(text)) {
    PERDURE_CHECK("whsec_" + to_base64(*key) == text, "a secret has one form");
    PERDURE_CHECK(key->size() >= 24 && key->size() <= 64, "a secret's size");
  }
  const auto secret = "whsec_" + to_base64(std::string(32, 'k'));
  const auto fields =
      actors::sign_webhook({secret, text}, text, from_unix_ms(1'700'000'000'000), input);
  for (const auto& [name, value] : fields.items()) {
    PERDURE_CHECK(!http::has_control(value.get_ref<const std::string&>()), "a field is one line");
  }
}

}  // namespace perdure::fuzz
