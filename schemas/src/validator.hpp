// SPDX-License-Identifier: Apache-2.0
// Walks a value along a SchemaProgram.
//
// There are two ways to walk: collecting, which reports every broken rule, and trying, which stops
// at the first one and reports nothing. A branch of `anyOf`, `oneOf`, `not`, `if` or `contains` is
// tried: that it does not fit is an answer, not an error.
#pragma once

#include <string>
#include <vector>

#include "perdure/schemas/pointer.hpp"
#include "perdure/schemas/schema.hpp"
#include "program.hpp"

namespace perdure {

/// Where the walk is: the steps from the root, kept on the stack and written out only for an error.
struct Place {
  const Place* parent = nullptr;
  const std::string* name = nullptr;  // null: an array's index
  std::size_t index = 0;
};

class Validator {
 public:
  explicit Validator(const SchemaProgram& program) : nodes_(program.nodes) {}

  std::vector<FieldError> run(const Json& value) &&;

 private:
  enum class Mode { collecting, trying };

  bool visit(NodeIndex index, const Json& value, const Place& at);
  bool try_visit(NodeIndex index, const Json& value, const Place& at);
  bool check_all(const Node& node, const Json& value, const Place& at);

  bool check_values(const Node& node, const Json& value, const Place& at);
  bool check_number(const Node& node, const Json& value, const Place& at);
  bool check_string(const Node& node, const std::string& text, const Place& at);
  bool check_array(const Node& node, const Json& value, const Place& at);
  bool check_contains(const Node& node, const Json& value, const Place& at);
  bool check_object(const Node& node, const Json& value, const Place& at);
  bool check_members(const Node& node, const Json& value, const Place& at);
  bool check_dependents(const Node& node, const Json& value, const Place& at);
  bool check_combined(const Node& node, const Json& value, const Place& at);
  bool check_choices(const Node& node, const Json& value, const Place& at);

  /// The types that a schema takes, as far as `type` and `$ref` say.
  [[nodiscard]] std::uint8_t types_of(NodeIndex index) const;

  /// Runs the checks in order, all of them when collecting.
  template <class... Check>
  bool all_of(Check&&... check);

  /// Notes an error when collecting. Returns false. `message` is called only when it is needed.
  template <class Message>
  bool report(const Place& at, std::string_view code, Message&& message);

  [[nodiscard]] bool done() const { return mode_ == Mode::trying || full_; }
  /// Counts work, so that a schema whose branches multiply cannot run for ever.
  bool charge(std::size_t steps);

  const std::vector<Node>& nodes_;
  Mode mode_ = Mode::collecting;
  bool full_ = false;
  bool too_complex_ = false;
  std::size_t steps_ = 0;
  std::size_t depth_ = 0;
  std::vector<FieldError> errors_;
};

}  // namespace perdure
