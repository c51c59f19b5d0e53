// SPDX-License-Identifier: Apache-2.0
// Unique and secret fields, which follow from the state; and turns that change nothing.
#include <future>

#include "fixture.hpp"
#include "perdure/base/crypto.hpp"

namespace perdure {
namespace {

class UniqueFields : public RuntimeTest {
 protected:
  Result<Reply> set(const std::string& id, const std::string& email) {
    return call("account", id, "set", Json{{"email", email}});
  }
  std::string holder(const std::string& email) {
    const auto found = runtime_->holder("account.email", email);
    EXPECT_TRUE(found);
    return found && *found ? (*found)->id : "";
  }
  static std::string pointer(const Result<Reply>& reply) {
    EXPECT_EQ(code(reply), ErrorCode::conflict);
    return reply || reply.error().fields.empty() ? "" : reply.error().fields.front().pointer;
  }
};

TEST_F(UniqueFields, are_taken_by_the_first_and_refused_to_the_second_by_name) {
  value(set("a", "Ann@x.org"));
  EXPECT_EQ(pointer(set("b", "aNN@x.org")), "/email");
  EXPECT_EQ(holder("ann@x.org"), "a");
  restart();
  EXPECT_EQ(pointer(set("b", "ann@X.org")), "/email");
  value(set("a", "ANN@x.org"));  // its own, in another case
}

TEST_F(UniqueFields, are_one_whatever_the_case_of_their_letters_in_all_scripts) {
  value(set("a", "\xC3\x84nne@x.org"));
  EXPECT_EQ(pointer(set("b", "\xC3\xA4nne@x.org")), "/email");
  EXPECT_EQ(pointer(set("b", "a\xCC\x88NNE@x.org")), "/email");
  EXPECT_EQ(holder("\xC3\xA4nne@x.org"), "a");
}

TEST_F(UniqueFields, follow_every_way_of_changing_a_state) {
  value(set("a", "1@x.org"));
  value(call("account", "a", "$patch", Json{{"email", "2@x.org"}}));
  value(call("account", "a", "$replace", Json{{"email", "3@x.org"}}));
  EXPECT_EQ(holder("1@x.org") + holder("2@x.org") + holder("3@x.org"), "a");
  value(set("b", "1@x.org"));
  EXPECT_EQ(pointer(call("account", "a", "$restore", Json{{"seq", 1}})), "/email");
  EXPECT_EQ(pointer(call("account", "c", "$create", Json{{"state", {{"email", "3@x.org"}}}})),
            "/email");
  EXPECT_EQ(pointer(call("account", "c", "$import", Json{{"state", {{"email", "3@x.org"}}}})),
            "/email");
  value(call("account", "a", "$restore", Json{{"seq", 2}}));
  EXPECT_EQ(holder("2@x.org"), "a");
  EXPECT_EQ(holder("3@x.org"), "");
}

TEST_F(UniqueFields, stay_with_a_deleted_object_until_its_next_life) {
  value(set("a", "1@x.org"));
  value(call("account", "a", "$remove"));
  EXPECT_EQ(pointer(set("b", "1@x.org")), "/email");
  value(call("account", "a", "$undelete"));
  value(call("account", "a", "$remove"));
  value(call("account", "a", "$create"));
  EXPECT_EQ(holder("1@x.org"), "");
  value(set("b", "1@x.org"));
}

TEST_F(UniqueFields, that_are_no_text_or_empty_are_nobodys) {
  for (const auto& none : {Json(nullptr), Json(""), Json(5), Json::array({"1@x.org"})}) {
    value(call("account", "a", "set", Json{{"email", none}}));
    value(call("account", "b", "set", Json{{"email", none}}));
  }
}

TEST_F(UniqueFields, of_one_space_stand_once_in_a_kind) {
  runtime_.reset();
  const Kind twice =
      kind<Json>("twice").unique({.space = "s", .field = "a"}).unique({.space = "s", .field = "b"});
  const auto opened = Runtime::open(options(), {twice});
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::invalid);
}

using SecretFields = UniqueFields;

TEST_F(SecretFields, are_kept_by_a_state_that_comes_without_them) {
  value(call("account", "a", "set", Json{{"inside", {{"pin", "1234"}, {"n", 1}}}}));
  const auto& kind = *runtime_->find_kind("account");
  Json seen = without_secrets(kind, runtime_->inspect({"account", "a"})->state);
  EXPECT_EQ(seen, Json({{"inside", {{"n", 1}}}}));
  seen["inside"]["n"] = 2;
  value(call("account", "a", "$replace", seen));
  EXPECT_EQ(runtime_->inspect({"account", "a"})->state["inside"]["pin"], "1234");
  seen["inside"]["pin"] = "5678";
  value(call("account", "a", "$replace", seen));
  EXPECT_EQ(runtime_->inspect({"account", "a"})->state["inside"]["pin"], "5678");
  value(call("account", "a", "$replace", Json::object()));
  EXPECT_EQ(runtime_->inspect({"account", "a"})->state, Json::object());
}

struct SealedExports : RuntimeTest {
  std::string export_account() {
    value(call("account", "a", "set", Json{{"inside", {{"pin", "1234"}, {"n", 1}}}}));
    std::string file;
    EXPECT_TRUE(runtime_->export_object({"account", "a"}, {},
                                        [&](std::string_view line) { file += line; }));
    return file;
  }
  Result<Reply> import(const std::string& id, const std::string& file) {
    std::promise<Result<Reply>> done;
    runtime_->import_object({.target = {"account", id}}, file,
                            [&](Result<Reply> reply) { done.set_value(std::move(reply)); });
    return done.get_future().get();
  }
  /// The file with another header, and a digest that fits it.
  static std::string with_header(const Json& header) {
    const auto line = dump_json(header) + '\n';
    const auto digest = to_hex(bytes_of(sha256(line)));
    return line + dump_json(Json{{"entries", 0}, {"sha256", digest}}) + '\n';
  }
};

TEST_F(SealedExports, give_secrets_back_to_their_own_directory_also_after_a_restart) {
  const auto file = export_account();
  EXPECT_EQ(file.find("1234"), std::string::npos);
  restart();
  value(import("back", file));
  EXPECT_EQ(runtime_->inspect({"account", "back"})->state,
            (Json{{"inside", {{"pin", "1234"}, {"n", 1}}}}));
}

TEST_F(SealedExports, are_refused_where_the_key_is_another_one) {
  const auto file = export_account();
  runtime_.reset();
  std::filesystem::remove(directory_ / "export.key");
  open();
  const auto refused = import("back", file);
  EXPECT_EQ(code(refused), ErrorCode::invalid);
  EXPECT_EQ(refused.error().fields.at(0).code, "sealed_elsewhere");
}

TEST_F(SealedExports, are_refused_when_their_secrets_are_put_beside_something_else) {
  const auto file = export_account();
  auto header = *parse_stored_json(file.substr(0, file.find('\n')));
  EXPECT_TRUE(import("same", with_header(header)));
  header["state"]["inside"]["n"] = 2;
  EXPECT_EQ(code(import("other", with_header(header))), ErrorCode::invalid);
  header.erase("sealed");
  header["state"]["inside"]["pin"] = "in the open";  // as earlier versions wrote them
  EXPECT_TRUE(import("open", with_header(header)));
}

TEST_F(SealedExports, have_a_key_that_only_the_owner_of_the_directory_reads) {
  export_account();
  using std::filesystem::perms;
  EXPECT_EQ(std::filesystem::status(directory_ / "export.key").permissions(),
            perms::owner_read | perms::owner_write);
}

TEST_F(SealedExports, say_what_is_wrong_with_their_key) {
  export_account();
  runtime_.reset();
  std::filesystem::resize_file(directory_ / "export.key", 10);
  open();
  const auto file = runtime_->begin_export({"account", "a"});
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().code, ErrorCode::unavailable);
}

using QuietTurns = RuntimeTest;

TEST_F(QuietTurns, give_a_reply_and_leave_neither_record_nor_trace) {
  value(call("account", "a", "set", Json{{"n", 1}}));
  const auto reply = call("account", "a", "touch");
  EXPECT_EQ(value(reply), "as it was");
  EXPECT_EQ(reply->meta.seq, 1U);
  EXPECT_EQ(runtime_->inspect({"account", "a"})->state, Json({{"n", 1}}));
  EXPECT_TRUE(runtime_->entries({"account", "a"}, {})->empty());
  EXPECT_EQ(value(call("account", "a", "set", Json{{"m", 2}})), nullptr);
  EXPECT_EQ(runtime_->inspect({"account", "a"})->meta.seq, 2U);
}

TEST_F(QuietTurns, keep_their_idempotency_key_over_a_restart) {
  value(call("account", "a", "set", Json{{"n", 1}}));
  const Call touch{.target = {"account", "a"}, .name = "touch", .idempotency_key = "k"};
  EXPECT_FALSE(runtime_->call(touch).get()->replayed);
  restart();
  const auto again = runtime_->call(touch).get();
  ASSERT_TRUE(again);
  EXPECT_TRUE(again->replayed);
  EXPECT_EQ(again->value, "as it was");
}

TEST_F(QuietTurns, cannot_begin_a_life) {
  EXPECT_EQ(code(call("account", "new", "touch")), ErrorCode::internal);
  EXPECT_FALSE(runtime_->inspect({"account", "new"}));
}

}  // namespace
}  // namespace perdure
