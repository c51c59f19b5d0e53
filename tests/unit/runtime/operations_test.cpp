// SPDX-License-Identifier: Apache-2.0
// The table of all that a call can name.
#include "operations.hpp"

#include <gtest/gtest.h>

#include <set>

#include "going_along.hpp"

namespace perdure::runtime {
namespace {

std::vector<const OperationRow*> all_rows() {
  std::vector<const OperationRow*> rows;
  for (int i = 0; i <= static_cast<int>(Operation::transaction); ++i) {
    rows.push_back(&row_of(static_cast<Operation>(i)));
  }
  return rows;
}

TEST(Operations, find_each_builtin_by_a_name_of_its_own) {
  std::set<std::string_view> names;
  for (const auto* row : all_rows()) {
    if (row->name.empty()) continue;
    EXPECT_TRUE(names.insert(row->name).second) << row->name;
    EXPECT_TRUE(row->name.starts_with('$')) << row->name;
    EXPECT_EQ(find_builtin(row->name), row);
  }
  EXPECT_EQ(names.size(), 19U);
  EXPECT_EQ(find_builtin(""), nullptr) << "the kind's own commands are no builtin";
  EXPECT_EQ(find_builtin("$none"), nullptr);
}

/// The activation carries it out itself: a flow is its object's.
bool is_of_activation(const OperationRow& row) { return &row == &row_of(Operation::give_up_flow); }

TEST(Operations, can_carry_out_each_builtin_command) {
  for (const auto* row : all_rows()) {
    if (row->name.empty() || row->action == Action::read || is_of_activation(*row)) continue;
    EXPECT_TRUE(row->change != nullptr || row->decide != nullptr) << row->name;
  }
}

TEST(Operations, decide_at_once_what_runs_whatever_became_of_the_object) {
  for (const auto* row : all_rows()) {
    if (row->life != Life::any || is_of_activation(*row)) continue;
    EXPECT_NE(row->decide, nullptr) << row->name;
  }
}

TEST(Operations, keep_the_runtimes_own_out_of_transactions) {
  EXPECT_EQ(row_of(Operation::take).step, Step::no);
  EXPECT_EQ(row_of(Operation::purge).step, Step::no);
  EXPECT_EQ(row_of(Operation::command).step, Step::yes);
}

}  // namespace
}  // namespace perdure::runtime
