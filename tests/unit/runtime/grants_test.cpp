// SPDX-License-Identifier: Apache-2.0
// Owners: somebody else's object does not exist.
#include "fixture.hpp"

namespace perdure {
namespace {

class Grants : public RuntimeTest {
 protected:
  Result<Reply> as(const Principal& principal, CallType type, const std::string& name,
                   std::optional<std::string> owner = {}) {
    return runtime_
        ->call({.target = {"counter", "a"},
                .type = type,
                .name = name,
                .payload = Add{1},
                .principal = principal,
                .owner = std::move(owner)})
        .get();
  }
};

TEST_F(Grants, the_creator_owns_and_a_stranger_sees_nothing) {
  value(as(ann, CallType::command, "add"));
  EXPECT_EQ(runtime_->inspect({"counter", "a"})->meta.origin->owner.text(), "ann");
  EXPECT_EQ(code(as(bob, CallType::command, "add")), ErrorCode::not_found);
  EXPECT_EQ(code(as(bob, CallType::query, "value")), ErrorCode::not_found);
  EXPECT_EQ(code(as(bob, CallType::command, std::string{builtin::remove})), ErrorCode::not_found);
  EXPECT_EQ(value(as(root, CallType::query, "value")), 1);
  EXPECT_EQ(value(as(ann, CallType::query, "value")), 1);
}

TEST_F(Grants, only_an_admin_creates_for_somebody_else) {
  EXPECT_EQ(code(as(bob, CallType::command, "add", "ann")), ErrorCode::forbidden);
  value(as(root, CallType::command, "add", "ann"));
  EXPECT_EQ(value(as(ann, CallType::query, "value")), 1);
}

}  // namespace
}  // namespace perdure
