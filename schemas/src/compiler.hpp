// SPDX-License-Identifier: Apache-2.0
// JSON Schema text to SchemaProgram.
//
// Subschemas wait in a list instead of on the stack, and are known by the address of their JSON, so
// that deep, shared and circular references cost nothing special.
#pragma once

#include <deque>
#include <string>
#include <unordered_map>

#include "perdure/schemas/pointer.hpp"
#include "perdure/schemas/schema.hpp"
#include "program.hpp"

namespace perdure {

/// Lifetime  borrows the schema, and what `lookup` returns, until `run` returns.
class SchemaCompiler {
 public:
  SchemaCompiler(const Json& schema, const Schema::Lookup& lookup)
      : root_(schema), lookup_(lookup) {}

  Result<SchemaProgram> run();

 private:
  /// A subschema that was referred to and still has to be read.
  struct Pending {
    NodeIndex index;
    const Json* schema;
    const Json* document;
    std::string pointer;
  };

  /// One keyword of the schema that is being read.
  struct Keyword {
    const std::string& name;
    const Json& value;
    const Pending& at;
  };

  using Handler = bool (SchemaCompiler::*)(const Keyword&, Node&);
  struct Entry {
    std::string_view name;
    Handler handler;
  };
  static const Entry entries[];

  bool read_schema(const Pending& at, Node& node);
  bool read_keyword(const Keyword& keyword, Node& node);

  bool types(const Keyword&, Node&);
  bool enumeration(const Keyword&, Node&);
  bool constant(const Keyword&, Node&);
  bool default_value(const Keyword&, Node&);
  bool read_only(const Keyword&, Node&);
  bool count(const Keyword&, Node&);
  bool bytes_max(const Keyword&, Node&);
  bool unique_items(const Keyword&, Node&);
  bool bound(const Keyword&, Node&);
  bool pattern(const Keyword&, Node&);
  bool format(const Keyword&, Node&);
  bool properties(const Keyword&, Node&);
  bool pattern_properties(const Keyword&, Node&);
  bool required(const Keyword&, Node&);
  bool dependent_required(const Keyword&, Node&);
  bool subschema(const Keyword&, Node&);
  bool subschema_list(const Keyword&, Node&);
  bool definitions(const Keyword&, Node&);
  bool reference(const Keyword&, Node&);
  bool identifier(const Keyword&, Node&);
  bool annotation(const Keyword&, Node&);
  bool title(const Keyword& keyword, Node& node);

  /// The node of a subschema, which is put on the list when it was not seen before.
  NodeIndex node_of(const Json& schema, const Json& document, std::string pointer);
  NodeIndex child_of(const Keyword& keyword, const Json& schema, std::string_view step);
  bool string_list(const Keyword& keyword, const Json& list, std::vector<std::string>& out);
  bool refuse(const Keyword& keyword, std::string message);
  bool refuse(std::string pointer, std::string message);

  /// Refuses references that lead back without going into the value, and chains that are too long.
  bool check_chains();
  std::size_t chain_length(NodeIndex index, std::size_t above);

  const Json& root_;
  const Schema::Lookup& lookup_;
  SchemaProgram program_;
  std::deque<Pending> pending_;
  std::unordered_map<const Json*, NodeIndex> known_;
  std::vector<std::size_t> chain_lengths_;
  bool too_many_nodes_ = false;
  Error error_;
};

}  // namespace perdure
