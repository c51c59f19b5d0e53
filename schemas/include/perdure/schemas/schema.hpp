// SPDX-License-Identifier: Apache-2.0
// A JSON Schema (2020-12), compiled once and then asked many times.
//
// The dialect is a subset: what is in it means what the standard says, and what is not in it is
// refused by name when the schema is compiled, never ignored. schemas/README.md lists the keywords.
// Schemas may come from users: compiling and validating are bounded in time, memory and stack.
#pragma once

#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "perdure/schemas/json.hpp"

namespace perdure {

namespace limits {
inline constexpr std::size_t schema_errors_max = 100;
inline constexpr std::size_t schema_nodes_max = 10'000;
/// Schemas that apply to one and the same value, one inside or behind another.
inline constexpr std::size_t schema_chain_max = 64;
/// Schemas and values visited by one validation.
inline constexpr std::size_t schema_steps_max = 2'000'000;
}  // namespace limits

struct SchemaProgram;

/// Lifecycle  cheap to copy: copies share one immutable program.
/// Threads    every method may be called from any thread.
class Schema {
 public:
  /// Finds the schema that `$ref: "<name>"` means; null when there is none. What it returns must
  /// stay in place until `compile` returns.
  using Lookup = std::function<const Json*(std::string_view name)>;

  /// Shape   `$ref` is `#`, `#/<pointer>`, `<name>` or `<name>#/<pointer>`.
  /// Errors  invalid  `fields` names the keyword by its JSON Pointer into `schema`: a keyword or
  ///                  format that is not supported, a value of the wrong form, a reference to
  ///                  nothing or only to itself, or a schema past a limit.
  [[nodiscard]] static Result<Schema> compile(const Json& schema, const Lookup& lookup = {});

  /// Returns every broken rule, at most `limits::schema_errors_max`; empty when `value` is valid,
  /// and then, for values of ordinary size, without allocating. README.md lists the codes.
  [[nodiscard]] std::vector<FieldError> validate(const Json& value) const;

  /// Prepares what a client sent for `validate` and for whoever reads it afterwards. It removes the
  /// members that the schema declares `readOnly`: what a client sends back of what the server has
  /// set. It makes integers of numbers such as 60000.0 where the schema says `integer`, so that
  /// one number has one form behind this. Looks through `properties`, `items`,
  /// `prefixItems`, `additionalProperties`, `allOf` and `$ref`.
  void prepare(Json& value) const;

  /// Gives each absent member that has a `default` that value; looks through the same keywords.
  /// (To the standard a default is a mere annotation: nothing else here acts on it.)
  void fill_defaults(Json& value) const;

 private:
  explicit Schema(std::shared_ptr<const SchemaProgram> program) : program_(std::move(program)) {}

  std::shared_ptr<const SchemaProgram> program_;
};

/// One `invalid` error out of what `validate` returned, for `fail`.
/// Shape  `fields` is not empty.
[[nodiscard]] Error invalid_value(std::vector<FieldError> fields);

/// The error of a part, which is at `place` (a JSON Pointer), as one of the whole: in its pointers,
/// and where its detail begins with one.
[[nodiscard]] Error within(Error error, std::string_view place);

}  // namespace perdure
