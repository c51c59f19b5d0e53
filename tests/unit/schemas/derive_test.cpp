// SPDX-License-Identifier: Apache-2.0
#include "derive.hpp"

#include "schema_text.hpp"

namespace perdure {
namespace {

Json resource() {
  return json(R"({
    "title": "Note",
    "description": "A note.",
    "x-variants": ["create", "created", "patch", "self", "list"],
    "type": "object",
    "properties": {
      "title": {"type": "string", "minLength": 1},
      "color": {"type": "string", "default": "red"},
      "kind": {"enum": ["a", "b"]},
      "place": {"$ref": "#/$defs/x"},
      "seq": {"type": "integer", "readOnly": true},
      "role": {"type": "string", "x-admin": true},
      "secret": {"type": "string", "readOnly": true, "x-in": ["created"]},
      "password": {"type": "string", "writeOnly": true}
    },
    "required": ["title", "seq"],
    "dependentRequired": {"color": ["kind"]}
  })");
}

Json common() {
  return json(R"({
    "properties": {"id": {"type": "string", "readOnly": true}, "metadata": {"type": "object"}},
    "required": ["id"]
  })");
}

std::string members(const Json& schema) {
  std::string names;
  for (const auto& [name, member] : schema["properties"].items()) names += name + ' ';
  return names;
}

TEST(Derive, a_reply_has_all_members_but_those_that_are_only_written) {
  const Json full = derive(resource(), common(), Variant::full);
  EXPECT_EQ(full["title"], "Note");
  EXPECT_EQ(full["description"], "A note.");
  EXPECT_EQ(members(full), "color id kind metadata place role seq title ");
  EXPECT_EQ(full["required"], json(R"(["id", "seq", "title"])"));
  EXPECT_EQ(full["additionalProperties"], false);
  EXPECT_FALSE(full.contains("dependentRequired"));
}

TEST(Derive, what_is_shown_once_is_in_the_reply_to_a_create_alone) {
  EXPECT_EQ(members(derive(resource(), common(), Variant::created)),
            "color id kind metadata place role secret seq title ");
  EXPECT_EQ(members(derive(resource(), common(), Variant::patch)).find("secret"),
            std::string::npos);
}

TEST(Derive, a_create_demands_only_what_the_client_sets) {
  const Json create = derive(resource(), common(), Variant::create);
  EXPECT_EQ(create["title"], "NoteCreate");
  EXPECT_EQ(create["required"], json(R"(["title"])"));
  EXPECT_EQ(create["properties"]["color"]["default"], "red");
  EXPECT_TRUE(create.contains("dependentRequired"));
  EXPECT_EQ(members(create), "color id kind metadata password place role seq title ");
}

TEST(Derive, a_patch_demands_nothing_and_clears_by_null_what_may_be_absent) {
  Json text = derive(resource(), common(), Variant::patch);
  EXPECT_FALSE(text.contains("required"));
  EXPECT_FALSE(text["properties"]["color"].contains("default"));
  text["$defs"] = {{"x", {{"type", "object"}, {"required", {"lat"}}}}};
  const auto patch = Schema::compile(text).value();
  EXPECT_EQ(verdict(patch, json("{}")), "valid");
  EXPECT_EQ(verdict(patch, json(R"({"color": null, "kind": null, "metadata": null,
                                    "place": null})")),
            "valid");
  EXPECT_EQ(verdict(patch, json(R"({"title": null})")), "/title type");
  EXPECT_EQ(verdict(patch, json(R"({"color": 1, "kind": "c", "place": {}, "x": 1})")),
            "/color type, /kind enum, /place/lat required, /x unknown_member");
}

TEST(Derive, a_patch_of_oneself_takes_and_drops_what_only_admins_set) {
  Json text = derive(resource(), common(), Variant::self_patch);
  EXPECT_EQ(text["title"], "NoteSelfPatch");
  text["$defs"] = {{"x", true}};
  Json body = json(R"({"role": "admin", "id": "1", "title": "t"})");
  Schema::compile(text).value().prepare(body);
  EXPECT_EQ(body, json(R"({"title": "t"})"));
  EXPECT_FALSE(
      derive(resource(), common(), Variant::patch)["properties"]["role"].value("readOnly", false));
}

TEST(Derive, all_gives_each_variant_that_is_asked_for) {
  std::string names;
  for (const auto& [name, text] : derive_all(resource(), common())) names += name + ' ';
  EXPECT_EQ(names, "Note NoteCreated NoteCreate NotePatch NoteSelfPatch NoteList ");
  Json plain = resource();
  plain["x-variants"] = Json::array();
  EXPECT_EQ(derive_all(plain, common()).size(), 1U);
}

TEST(Derive, a_list_holds_items_and_a_cursor) {
  const Json list = derive_list("Note");
  EXPECT_EQ(list["title"], "NoteList");
  EXPECT_EQ(list["properties"]["items"]["items"]["$ref"], "Note");
}

}  // namespace
}  // namespace perdure
