// SPDX-License-Identifier: Apache-2.0
// Fields: what of a JSON body clients set, how it starts, and how a change to it is applied.
// Resources and their items share these rules, and all of them come from the noun's schemas.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "perdure/schemas/registry.hpp"

namespace perdure::actors {

/// Members of a noun's schema that are other names of fields (`x-alias-of`), and those fields.
using Aliases = std::vector<std::pair<std::string, std::string>>;
[[nodiscard]] Aliases aliases_of(const std::string& noun);

/// The fields of one noun, such as `Notebook`: the members of `NotebookCreate` that are not
/// read-only, but for those in `without`. A field is set by its other names, too.
///
/// Lifetime  copies are cheap enough for handlers to hold one each.
class Fields {
 public:
  /// Shape  `<noun>Create` is a schema, and `<noun>Patch` if there are changes. The fields in
  ///        `without` are the kind's own business: `first` and `changed` refuse them.
  static Fields of(const std::string& noun, const std::vector<std::string>& without = {});

  /// The fields of a new body, with defaults (null where the schema has none) for what is left
  /// out. Members that the server sets are ignored. Errors: invalid, with all that is wrong.
  [[nodiscard]] Result<Json> first(Json sent) const;

  /// `before`, which may hold other members too, with `changes` merged in (RFC 7396); what they
  /// clear has its default again. Errors: invalid, with all that is wrong.
  [[nodiscard]] Result<Json> changed(const Json& before, Json changes) const;

  /// What is wrong with the fields of `body`.
  [[nodiscard]] std::vector<FieldError> check(const Json& body) const;

  /// Each field with its default.
  [[nodiscard]] const Json& defaults() const { return defaults_; }

 private:
  Fields(const Schema& patch, Schema whole, Json defaults, Aliases aliases)
      : patch_(patch),
        whole_(std::move(whole)),
        defaults_(std::move(defaults)),
        aliases_(std::move(aliases)) {}

  /// A member of a create is what was sent (nulls inside it stay); one of a change is merged.
  enum class Apply { assign, merge };
  [[nodiscard]] Result<Json> apply(Json next, Json sent, Apply how) const;

  Schema patch_;
  Schema whole_;  // of the fields alone; none may be null
  Json defaults_;
  Aliases aliases_;
};

/// The schema of one member of a named schema. Shape: both exist.
[[nodiscard]] Schema schema_of_member(const std::string& name, const std::string& member);

}  // namespace perdure::actors
