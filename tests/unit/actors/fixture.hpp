// SPDX-License-Identifier: Apache-2.0
// A real runtime in a directory of its own, with every kind of the server.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>

#include "perdure/actors/items.hpp"
#include "perdure/actors/kinds.hpp"
#include "perdure/runtime/runtime.hpp"
#include "perdure/storage/rocksdb_store.hpp"

namespace perdure::actors {

class KindsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "perdure_actors_XXXXXX");
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
    open();
  }
  void TearDown() override {
    runtime_.reset();
    std::filesystem::remove_all(directory_);
  }

  [[nodiscard]] virtual DomainOptions options() const { return {}; }

  void open() {
    auto kinds = built_in_kinds();
    for (auto& kind : domain_kinds(options())) kinds.push_back(kind);
    for (auto& kind : more_kinds()) kinds.push_back(kind);
    auto made = Runtime::open({.data_dir = directory_,
                               .store = storage::rocksdb_factory({.directory = directory_,
                                                                  .block_cache_bytes = 8u << 20,
                                                                  .write_buffer_bytes = 8u << 20}),
                               .durability = DurabilityMode::buffered},
                              std::move(kinds));
    ASSERT_TRUE(made.has_value()) << to_string(made.error());
    runtime_ = std::move(made).value();
    opened();
  }
  void restart() {
    closing();
    runtime_->stop();
    runtime_.reset();
    open();
  }

  // What a test has beside the server's kinds.
  virtual std::vector<Kind> more_kinds() { return {}; }
  virtual void opened() {}
  virtual void closing() {}

  static Principal member(std::string id) {
    return {.role = Principal::Role::user, .user_id = std::move(id)};
  }

  Result<Reply> send(const ObjectId& target, std::string command, Json payload = nullptr,
                     Principal principal = {}) {
    return runtime_
        ->call({.target = target,
                .name = std::move(command),
                .payload = std::move(payload),
                .principal = std::move(principal)})
        .get();
  }
  Result<Reply> ask(const ObjectId& target, std::string query, Json payload = nullptr) {
    return runtime_
        ->call({.target = target,
                .type = CallType::query,
                .name = std::move(query),
                .payload = std::move(payload)})
        .get();
  }

  /// The value of a call that has to succeed.
  static Json value(Result<Reply> reply) {
    if (!reply) {
      ADD_FAILURE() << to_string(reply.error());
      return nullptr;
    }
    return reply->value;
  }
  Json command(const ObjectId& target, std::string name, Json payload = nullptr) {
    return value(send(target, std::move(name), std::move(payload)));
  }
  Json query(const ObjectId& target, std::string name, Json payload = nullptr) {
    return value(ask(target, std::move(name), std::move(payload)));
  }

  /// `<code> <pointer of the first field>` of a call that has to fail, with `invalid` for short.
  static std::string refusal(const Result<Reply>& reply) {
    if (reply) return "no error: " + reply->value.dump();
    const bool is_invalid = reply.error().code == ErrorCode::invalid;
    std::string text{is_invalid ? "invalid" : describe(reply.error().code).name};
    if (!reply.error().fields.empty()) text += ' ' + reply.error().fields.front().pointer;
    return text;
  }

  /// An item that is a reply by itself, without its validator, which it has to have.
  static Json alone(Json item) {
    EXPECT_EQ(item.erase(std::string{item_member::seq}), 1U) << item;
    return item;
  }
  /// The members `name` of all items of a list.
  static Json pluck(const Json& page, const std::string& name) {
    Json values = Json::array();
    for (const Json& item : page.at("items")) values.push_back(item.at(name));
    return values;
  }

  std::filesystem::path directory_;
  std::unique_ptr<Runtime> runtime_;
};

}  // namespace perdure::actors
