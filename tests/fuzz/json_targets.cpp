// SPDX-License-Identifier: Apache-2.0
// JSON: texts, schemas, the frames of clients, what is sorted by value.
#include <algorithm>
#include <optional>

#include "actors/src/ordered_text.hpp"
#include "app/chat/frames.hpp"
#include "app/json_text.hpp"
#include "perdure/base/utf8.hpp"
#include "perdure/schemas/json.hpp"
#include "perdure/schemas/schema.hpp"
#include "runtime/src/index_keys.hpp"
#include "schemas/src/quick_reader.hpp"
#include "target.hpp"
#include "targets.hpp"

namespace perdure::fuzz {

namespace {

void check_text(const Json& value) {
  const auto text = dump_json(value);
  PERDURE_CHECK(is_valid_utf8(text), "JSON is UTF-8");
  PERDURE_CHECK(serialized_size(value) == text.size(), "the size is that of the text");
  std::string appended;
  api::append_json(appended, value);
  PERDURE_CHECK(appended == text, "both writers write alike");
  const auto again = parse_json(text);
  PERDURE_CHECK(again && dump_json(*again) == text, "what is written is read as it was");
}

/// Whether the library takes the text, too, and what it makes of it. It has no bound of depth, and
/// takes a NUL for the end.
std::optional<Json> read_by_library(std::string_view text) {
  if (text.find('\0') != std::string_view::npos) return {};
  auto value = Json::parse(text.begin(), text.end(), nullptr, false);
  if (value.is_discarded()) return {};
  return value;
}

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
  const auto& x = a.get_ref<const std::string&>();
  const auto& y = b.get_ref<const std::string&>();
  return sign(x.substr(0, runtime::index_string_bytes_max)
                  .compare(y.substr(0, runtime::index_string_bytes_max)));
}

void check_no_prefix(const std::string& a, const std::string& b) {
  PERDURE_CHECK(a == b || (!a.starts_with(b) && !b.starts_with(a)), "a key begins another one");
}

}  // namespace

/// The first line is a text, the second (if any) a patch of it.
void run_json(std::string_view input) {
  const auto library = read_by_library(input);
  const auto value = parse_json(input);
  Json quick;
  if (read_quickly(input, limits::json_depth_max, quick)) {
    PERDURE_CHECK(value && library, "the quick reader takes what nobody else takes");
    PERDURE_CHECK(dump_json(quick) == dump_json(*library), "the readers differ");
  }
  if (value) {
    PERDURE_CHECK(library && is_valid_utf8(input), "what is no JSON was taken");
    check_text(*value);
  }
  auto target = parse_json(take_part(input, '\n'));
  const auto patch = parse_json(input);
  if (!target || !patch) return;
  merge_patch(*target, *patch);
  const auto once = dump_json(*target);
  merge_patch(*target, *patch);
  PERDURE_CHECK(dump_json(*target) == once, "a merge patch works once");
}

/// {"schema": …, "value": …}
void run_schema(std::string_view input) {
  const auto both = parse_json(input);
  if (!both || !both->is_object() || !both->contains("schema")) return;
  const auto schema = Schema::compile(both->at("schema"));
  if (!schema) {
    PERDURE_CHECK(!schema.error().fields.empty(), "a refused schema is told where");
    return;
  }
  auto value = both->value("value", Json{});
  const auto wrong = schema->validate(value);
  PERDURE_CHECK(wrong.size() <= limits::schema_errors_max, "errors are bounded");
  for (const auto& field : wrong) PERDURE_CHECK(!field.code.empty(), "an error has a code");
  PERDURE_CHECK(schema->validate(value).size() == wrong.size(), "the same answer again");
  schema->strip_read_only(value);
  const auto stripped = dump_json(value);
  schema->strip_read_only(value);
  PERDURE_CHECK(dump_json(value) == stripped, "stripping works once");
  schema->fill_defaults(value);
  const auto filled = dump_json(value);
  schema->fill_defaults(value);
  PERDURE_CHECK(dump_json(value) == filled, "filling works once");
}

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
  if (a->is_boolean() || b->is_boolean()) return;  // no field that items sort by is one
  const auto text_a = actors::ordered_text(*a);
  const auto text_b = actors::ordered_text(*b);
  check_no_prefix(text_a, text_b);
  if (a->is_string() && b->is_string()) return;  // control characters sort as one
  PERDURE_CHECK(sign(text_a.compare(text_b)) == *order, "rows of items sort otherwise");
}

}  // namespace perdure::fuzz
