// SPDX-License-Identifier: Apache-2.0
// Lists of objects by what their nouns declare (perdure/runtime/list_rules.hpp): the query
// parameters that a list has, and the request that they make.
#pragma once

#include <vector>

#include "app/context.hpp"
#include "perdure/runtime/inspect.hpp"

namespace perdure::api {

/// A parameter for each filter, two for a range, and `sort`. `schema` says what types fields have.
/// Aborts for a filter of a field whose type cannot be asked for.
[[nodiscard]] std::vector<Parameter> list_parameters(const ListRules& rules,
                                                     const std::string& schema);

/// Whose objects a list is of: `scope`, `shared` and `organization_id`, at most one of them.
[[nodiscard]] std::vector<Parameter> whose_parameters();

/// What the request, whose query was checked, asks for. Errors: invalid (`combination`), not_found
/// (an organization that the caller may not read).
[[nodiscard]] Result<ListRequest> list_request(const Context& context, const ObjectList& list);

/// An object as its lists show it; the view has null for dead references. Errors: those of what is
/// rolled up.
[[nodiscard]] Result<Json> listed_body(const Runtime& runtime, const KindDefinition& kind,
                                       const ObjectView& view);

/// Answers with a page.
void answer_list(const ContextPtr& context, const ObjectList& list);

}  // namespace perdure::api
