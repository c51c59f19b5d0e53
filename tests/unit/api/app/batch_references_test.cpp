// SPDX-License-Identifier: Apache-2.0
// References of a batch's requests to results of earlier ones.
#include <gtest/gtest.h>

#include "app/batch/references.hpp"

namespace perdure::api {
namespace {

struct BatchReferences : testing::Test {
  BatchReferences() {
    results.add({.body = {{"id", "a b/c"},
                          {"n", 7},
                          {"on", true},
                          {"tags", {"x", "y"}},
                          {"deep", {{"er", {{"est", 1.5}}}}},
                          {"none", nullptr}}});
    results.add({.fate = BatchResult::Fate::failed});
  }

  Json completed(Json body) {
    const auto problem = results.complete_body(body);
    EXPECT_FALSE(problem) << problem->detail;
    return body;
  }
  std::string completed_path(std::string path) {
    const auto problem = results.complete_path(path);
    EXPECT_FALSE(problem) << problem->detail;
    return path;
  }
  // Code of the problem, pointer and rule.
  std::string refusal(Json body) {
    const auto problem = results.complete_body(body);
    if (!problem) return "none: " + dump_json(body);
    return std::string{problem->code} + ' ' + problem->fields.front().pointer + ' ' +
           problem->fields.front().code;
  }
  std::string refusal_of_path(std::string path) {
    const auto problem = results.complete_path(path);
    if (!problem) return "none: " + path;
    EXPECT_EQ(problem->fields.front().pointer, "path");
    return problem->fields.front().code;
  }

  BatchResults results{{"goal", "", "later", "3", "a.b"}};
};

TEST_F(BatchReferences, become_the_value_whatever_its_type) {
  EXPECT_EQ(completed({{"a", "$1.id"}, {"b", {"$1.n", "$1.on"}}, {"c", "$1.none"}}),
            Json({{"a", "a b/c"}, {"b", {7, true}}, {"c", nullptr}}));
  EXPECT_EQ(completed("$1.tags"), Json({"x", "y"}));
  EXPECT_EQ(completed("$1.tags.1"), "y");
  EXPECT_EQ(completed("$1.deep.er.est"), 1.5);
  EXPECT_EQ(completed("$goal.id"), "a b/c");
}

TEST_F(BatchReferences, leave_all_other_texts_alone) {
  for (const auto* text : {"$", "$$", "$1", "$goal", "$3.50", "$1.5m", "$1.", "$.id", "x $1.id",
                           "$nobody.id", "$a.b", "$1..id", "US$1.id", "$3.2.id"}) {
    EXPECT_EQ(completed(text), text);
  }
  EXPECT_EQ(completed({{"$1.id", 1}}), Json({{"$1.id", 1}}));
}

TEST_F(BatchReferences, are_texts_with_one_more_mark) {
  EXPECT_EQ(completed("$$1.id"), "$1.id");
  EXPECT_EQ(completed("$$$1.id"), "$$1.id");
  EXPECT_EQ(completed("$$goal.id"), "$goal.id");
  EXPECT_EQ(completed("$$nobody.id"), "$$nobody.id");
  EXPECT_EQ(completed_path("/x/$$1.id"), "/x/$1.id");
}

TEST_F(BatchReferences, to_nothing_earlier_are_refused) {
  EXPECT_EQ(refusal({{"a", {0, "$3.id"}}}), "validation_failed /a/1 unknown_result");
  EXPECT_EQ(refusal("$0.id"), "validation_failed  unknown_result");
  EXPECT_EQ(refusal("$99999999999999999999.id"), "none: \"$99999999999999999999.id\"");
  EXPECT_EQ(refusal("$later.id"), "validation_failed  unknown_result");
  EXPECT_EQ(refusal({{"a~/", "$1.nothing"}}), "validation_failed /a~0~1 no_member");
  EXPECT_EQ(refusal("$1.tags.2"), "validation_failed  no_member");
  EXPECT_EQ(refusal("$1.n.x"), "validation_failed  no_member");
}

TEST_F(BatchReferences, to_a_failed_one_depend_on_it) {
  EXPECT_EQ(refusal("$2.id"), "failed_dependency  failed_dependency");
}

TEST_F(BatchReferences, in_paths_are_whole_segments_and_values) {
  EXPECT_EQ(completed_path("/tasks/$1.id/x"), "/tasks/a%20b%2Fc/x");
  EXPECT_EQ(completed_path("/tasks?goal_id=$1.id&limit=$1.n&on=$1.on"),
            "/tasks?goal_id=a%20b%2Fc&limit=7&on=true");
  EXPECT_EQ(completed_path("/tasks/x$1.id"), "/tasks/x$1.id");
  EXPECT_EQ(completed_path("/tasks/"), "/tasks/");
  EXPECT_EQ(refusal_of_path("/tasks/$1.tags"), "type");
  EXPECT_EQ(refusal_of_path("/tasks/$1.none"), "type");
  EXPECT_EQ(refusal_of_path("/tasks/$3.id"), "unknown_result");
}

TEST_F(BatchReferences, stand_for_a_bounded_number_of_bytes_in_all) {
  results.add({.body = {{"long", std::string(1'000, 'x')}}});
  auto half = Json::array();
  for (std::size_t i = 0; i < limits::batch_values_bytes_max / 2 / 1'002; ++i) {
    half.push_back("$3.long");
  }
  EXPECT_EQ(completed({{"a", half}})["a"].back(), std::string(1'000, 'x'));
  EXPECT_EQ(completed({{"a", half}})["a"].size(), half.size());
  EXPECT_EQ(refusal({{"a", {1, "$3.long"}}}), "too_large /a/1 bytes");
  EXPECT_EQ(refusal_of_path("/tasks/$3.long"), "bytes");
  EXPECT_EQ(completed("$1.n"), 7);
}

TEST_F(BatchReferences, tell_whose_results_are_needed) {
  const Json body{{"a", {"$1.id", "$$3.id"}}};
  EXPECT_EQ(results.referred({"/x", "/y/$later.id"}, {&body, nullptr}),
            (std::vector<bool>{true, false, true, false, false}));
}

}  // namespace
}  // namespace perdure::api
