// SPDX-License-Identifier: Apache-2.0
#include "errors.hpp"
#include "own_kinds.hpp"

namespace perdure::actors {

namespace {

/// The whole state is the client's own JSON object.
struct Document {
  Json json = Json::object();
};
void to_json(Json& json, const Document& document) { json = document.json; }
void from_json(const Json& json, Document& document) { document.json = json; }

Result<Json> put(Turn&, Document& self, const Json& payload) {
  PERDURE_TRY_VOID(require_object(payload));
  self.json = payload;
  return self.json;
}

Result<Json> patch(Turn&, Document& self, const Json& payload) {
  PERDURE_TRY_VOID(require_object(payload));  // anything else would replace the object by it
  merge_patch(self.json, payload);
  return self.json;
}

std::vector<FieldError> check(const Json& state) {
  if (state.is_object()) return {};
  return {{"", "type", "must be an object"}};
}

}  // namespace

Kind document_kind() {
  return kind<Document>("document")
      .command("put", [](Turn& turn, Document& self,
                         const Json& payload) { return put(turn, self, payload); })
      .command("patch", [](Turn& turn, Document& self,
                           const Json& payload) { return patch(turn, self, payload); })
      .query("get", [](const Document& self) { return self.json; })
      .check_state(check);
}

}  // namespace perdure::actors
