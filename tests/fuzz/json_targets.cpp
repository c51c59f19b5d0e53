// SPDX-License-Identifier: Apache-2.0
// JSON: texts, and schemas.
#include <optional>

#include "perdure/base/utf8.hpp"
#include "perdure/schemas/json.hpp"
#include "perdure/schemas/schema.hpp"
#include "schemas/src/quick_reader.hpp"
#include "target.hpp"
#include "targets.hpp"

namespace perdure::fuzz {

namespace {

void check_text(const Json& value) {
  const auto text = dump_json(value);
  PERDURE_CHECK(is_valid_utf8(text), "JSON is UTF-8");
  PERDURE_CHECK(serialized_size(value) == text.size(), "the size is that of the text");
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
  schema->prepare(value);
  const auto stripped = dump_json(value);
  schema->prepare(value);
  PERDURE_CHECK(dump_json(value) == stripped, "stripping works once");
  schema->fill_defaults(value);
  const auto filled = dump_json(value);
  schema->fill_defaults(value);
  PERDURE_CHECK(dump_json(value) == filled, "filling works once");
}

}  // namespace perdure::fuzz
