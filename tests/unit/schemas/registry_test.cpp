// SPDX-License-Identifier: Apache-2.0
// The product's own schemas: that each is there, and the limits that the API promises.
#include "perdure/schemas/registry.hpp"

#include <algorithm>

#include "schema_text.hpp"

namespace perdure {
namespace {

std::string check(std::string_view name, const Json& value) {
  const Schema* found = find_schema(name);
  return found != nullptr ? verdict(*found, value) : "no such schema";
}

std::string check(std::string_view name, const char* text) { return check(name, json(text)); }

/// What a route does with a body.
std::string check_body(std::string_view name, std::string_view text) {
  Json body = json(text);
  find_schema(name)->prepare(body);
  return check(name, body);
}

TEST(Registry, has_every_noun_with_its_variants) {
  for (const auto* name : {"AiOverview",
                           "ApiKey",
                           "ApiKeyCreate",
                           "ApiKeyCreated",
                           "ApiKeyList",
                           "ApiKeyPatch",
                           "Conversation",
                           "ConversationCreate",
                           "ConversationList",
                           "ConversationPatch",
                           "Health",
                           "Info",
                           "JournalRecord",
                           "JournalRecordList",
                           "KindViewList",
                           "Message",
                           "MessageCreate",
                           "MessageList",
                           "Notebook",
                           "NotebookCreate",
                           "NotebookList",
                           "NotebookPatch",
                           "ObjectClone",
                           "ObjectCreate",
                           "ObjectEntryList",
                           "ObjectImport",
                           "ObjectPatch",
                           "ObjectRequest",
                           "ObjectView",
                           "ObjectViewList",
                           "Page",
                           "PageCreate",
                           "PageList",
                           "PageMove",
                           "PagePatch",
                           "PageRevision",
                           "PageRevisionList",
                           "Preferences",
                           "PreferencesPatch",
                           "Problem",
                           "Section",
                           "SectionCreate",
                           "SectionList",
                           "SectionMove",
                           "SectionPatch",
                           "Snapshot",
                           "SnapshotCreate",
                           "SnapshotList",
                           "User",
                           "UserCreate",
                           "UserList",
                           "UserPatch",
                           "UserSelfPatch",
                           "Webhook",
                           "WebhookCreate",
                           "WebhookCreated",
                           "WebhookDelivery",
                           "WebhookDeliveryList",
                           "WebhookList",
                           "WebhookPatch",
                           "Welcome"}) {
    EXPECT_NE(find_schema(name), nullptr) << name;
    ASSERT_NE(schema_json(name), nullptr) << name;
    EXPECT_EQ((*schema_json(name))["title"], name);
  }
  EXPECT_EQ(find_schema("Resource"), nullptr);
  EXPECT_EQ(find_schema("notebook"), nullptr);
  EXPECT_EQ(schema_json(""), nullptr);
}

TEST(Registry, names_are_sorted_and_lead_to_schemas) {
  const auto& names = schema_names();
  EXPECT_TRUE(std::ranges::is_sorted(names));
  for (const auto& name : names) EXPECT_NE(find_schema(name), nullptr);
}

void expect_known_references(const Json& value) {
  if (value.is_object() && value.contains("$ref")) {
    EXPECT_NE(find_schema(value["$ref"].get<std::string>()), nullptr) << value;
  }
  if (value.is_structured()) {
    for (const auto& child : value) expect_known_references(child);
  }
}

TEST(Registry, schemas_refer_to_one_another_by_name_alone) {
  for (const auto& name : schema_names()) expect_known_references(*schema_json(name));
}

TEST(Registry, a_server_set_member_sent_back_is_ignored_and_an_unknown_one_is_not) {
  EXPECT_EQ(check_body("NotebookCreate", R"({"title": "t", "id": 5, "created_at": null})"),
            "valid");
  EXPECT_EQ(check_body("NotebookPatch", R"({"updated_at": "x", "colour": 1})"),
            "/colour unknown_member");
  EXPECT_EQ(check_body("NotebookCreate", R"({})"), "/title required");
}

TEST(Registry, a_whole_notebook_fits_its_schema) {
  EXPECT_EQ(check("Notebook", R"({
    "id": "017f22e2-79b0-7cc3-98c4-dc0c0c07398f", "user_id": "017f22e2-79b0-7cc3-98c4-dc0c0c07398f",
    "organization_id": null, "created_at": "2026-11-21T03:30:31.000Z",
    "updated_at": "2026-11-21T03:30:31.000Z", "created_by": "system", "updated_by": "system",
    "metadata": {"any": [1]}, "title": "t", "description": null, "tags": ["a"]})"),
            "valid");
  EXPECT_EQ(check("NotebookList", R"({"items": [], "next_cursor": null})"), "valid");
  EXPECT_EQ(check("NotebookList", R"({"items": [{}]})").substr(0, 12), "/next_cursor");
}

Json with_text(const char* member, std::size_t length) {
  Json body{{"title", "t"}};
  body[member] = std::string(length, 'x');
  return body;
}

TEST(Registry, texts_have_the_stated_limits) {
  EXPECT_EQ(check("NotebookCreate", with_text("title", 500)), "valid");
  EXPECT_EQ(check("NotebookCreate", with_text("title", 501)), "/title too_long");
  EXPECT_EQ(check("NotebookCreate", R"({"title": ""})"), "/title too_short");
  EXPECT_EQ(check("NotebookCreate", with_text("description", 10'000)), "valid");
  EXPECT_EQ(check("NotebookCreate", with_text("description", 10'001)), "/description too_long");
  EXPECT_EQ(check("PageCreate", with_text("content", 200'000)), "valid");
  EXPECT_EQ(check("PageCreate", with_text("content", 200'001)), "/content too_long");
  EXPECT_EQ(check("MessageCreate", {{"content", std::string(100'000, 'x')}}), "valid");
  EXPECT_EQ(check("MessageCreate", {{"content", std::string(100'001, 'x')}}), "/content too_long");
}

TEST(Registry, tags_are_few_short_and_unique) {
  Json tags = Json::array();
  for (int i = 0; i < 50; ++i) tags.push_back(std::to_string(i));
  EXPECT_EQ(check("NotebookCreate", {{"title", "t"}, {"tags", tags}}), "valid");
  tags.push_back("50");
  EXPECT_EQ(check("NotebookCreate", {{"title", "t"}, {"tags", tags}}), "/tags too_many");
  EXPECT_EQ(check("NotebookPatch", R"({"tags": ["a", "a"]})"), "/tags duplicate");
  EXPECT_EQ(check("NotebookPatch", {{"tags", {std::string(101, 'x'), ""}}}),
            "/tags/0 too_long, /tags/1 too_short");
}

TEST(Registry, metadata_has_at_most_16_kib) {
  // {"k":"…"} adds 8 bytes.
  const auto body = [](std::size_t bytes) {
    return Json{{"metadata", {{"k", std::string(bytes - 8, 'x')}}}};
  };
  EXPECT_EQ(check("NotebookPatch", body(16'384)), "valid");
  EXPECT_EQ(check("NotebookPatch", body(16'385)), "/metadata too_large");
  EXPECT_EQ(check("NotebookPatch", R"({"metadata": []})"), "/metadata type");
}

TEST(Registry, null_clears_what_may_be_absent) {
  EXPECT_EQ(check("NotebookPatch", R"({"description": null, "tags": null})"), "valid");
  EXPECT_EQ(check("NotebookPatch", R"({"title": null})"), "/title type");
  EXPECT_EQ(check("PagePatch", R"({"section_id": null})"), "valid");
}

TEST(Registry, defaults_make_a_short_body_whole) {
  Json body = json(R"({"title": "t"})");
  find_schema("NotebookCreate")->fill_defaults(body);
  EXPECT_EQ(body, json(R"({"title": "t", "description": null, "tags": [], "metadata": {}})"));
  Json patch = Json::object();
  find_schema("NotebookPatch")->fill_defaults(patch);
  EXPECT_EQ(patch, Json::object());
}

TEST(Registry, users_are_checked) {
  EXPECT_EQ(check("UserCreate", R"({"email": "a@b.example", "password": "12345678",
                                    "role": "admin", "preferences": {"time_zone": "Europe/Berlin",
                                    "theme": "dark"}})"),
            "valid");
  EXPECT_EQ(check("UserCreate", R"({"email": "a@b", "password": "1234567"})"),
            "/password too_short");
  EXPECT_EQ(check("UserCreate", R"({"email": "a", "username": "a b", "role": "root"})"),
            "/email format, /role enum, /username pattern");
  EXPECT_EQ(check("UserCreate", R"({"email": "a@b", "password": "12345678", "hashed_password":
                   "$2b$12$abcdefghijklmnopqrstuuABCDEFGHIJKLMNOPQRSTUVWXYZ01234"})"),
            "/hashed_password not_allowed");
  EXPECT_EQ(check("UserCreate", R"({"email": "a@b", "hashed_password":
                   "$argon2id$v=19$m=65536,t=3,p=4$c2FsdHNhbHQ$aGFzaGhhc2g"})"),
            "valid");
  EXPECT_EQ(check("UserCreate", R"({"email": "a@b", "hashed_password": "plain text"})"),
            "/hashed_password pattern");
  EXPECT_EQ(check("UserPatch", R"({"password": "12345678"})"), "/password unknown_member");
  EXPECT_EQ(check("UserPatch", R"({"preferences": {"time_zone": 5}})"),
            "/preferences/time_zone type");
}

TEST(Registry, users_cannot_promote_themselves) {
  Json body = json(R"({"role": "admin", "is_active": true, "is_superuser": true,
                       "full_name": "n"})");
  find_schema("UserSelfPatch")->prepare(body);
  EXPECT_EQ(body, json(R"({"full_name": "n"})"));
}

TEST(Registry, no_reply_holds_a_password_and_only_those_of_creates_a_secret) {
  for (const auto& name : schema_names()) {
    const std::string text = dump_json(*schema_json(name));
    EXPECT_EQ(text.find("\"password\"") != std::string::npos, name == "UserCreate") << name;
    const bool shows_once = name == "ApiKeyCreated" || name == "WebhookCreated";
    EXPECT_EQ(text.find("\"secret\"") != std::string::npos, shows_once) << name;
  }
}

TEST(Registry, api_keys_are_checked) {
  EXPECT_EQ(check("ApiKeyCreate", R"({"name": "n", "scopes": ["notebooks:read", "api-keys:write"],
                                      "expires_at": "2030-01-01T00:00:00Z",
                                      "rate_limit": {"requests": 10, "window_s": 1}})"),
            "valid");
  EXPECT_EQ(check("ApiKeyCreate", R"({"name": "n", "rate_limit": null})"), "valid");
  EXPECT_EQ(check("ApiKeyCreate", R"({"name": "n", "scopes": []})"), "/scopes too_few");
  EXPECT_EQ(check("ApiKeyCreate", R"({"name": "n", "scopes": [""]})"), "/scopes/0 too_short");
  EXPECT_EQ(check("ApiKeyCreate", R"({"name": "n", "rate_limit": {"requests": 0}})"),
            "/rate_limit/window_s required, /rate_limit/requests minimum");
}

TEST(Registry, object_requests_are_a_command_or_a_query) {
  EXPECT_EQ(check("ObjectRequest", R"({"command": "add", "payload": {"by": 2}})"), "valid");
  EXPECT_EQ(check("ObjectRequest", R"({"query": "value"})"), "valid");
  EXPECT_EQ(check("ObjectRequest", R"({"query": "value", "command": "add"})"), " one_of");
  EXPECT_EQ(check("ObjectRequest", R"({"payload": 1})"), " one_of");
  EXPECT_EQ(check("ObjectCreate", R"({"kind": "counter", "id": "a b/ü:1", "state": [1]})"),
            "valid");
  EXPECT_EQ(check("ObjectCreate", R"({"kind": "Counter", "id": "a\nb"})"),
            "/id pattern, /kind pattern");
  EXPECT_EQ(check("ObjectClone", R"({"as_of": 3})"), "valid");
  EXPECT_EQ(check("ObjectClone", R"({"as_of": 0})"), "/as_of minimum");
  EXPECT_EQ(check("ObjectClone", R"({"as_of": "2026-01-01T00:00:00Z"})"), "valid");
  EXPECT_EQ(check("ObjectClone", R"({"as_of": "yesterday"})"), "/as_of format");
}

TEST(Registry, a_problem_fits_its_schema) {
  EXPECT_EQ(check("Problem", R"({"type": "about:blank", "title": "Unprocessable Content",
    "status": 422, "detail": "d", "error": "d", "code": "validation_failed", "instance": "/x",
    "details": {"a.b": "is required"}, "request_id": "r",
    "errors": [{"pointer": "/a/b", "code": "required", "message": "is required"}]})"),
            "valid");
}

}  // namespace
}  // namespace perdure
