// SPDX-License-Identifier: Apache-2.0
// The schemas of the product's own nouns, by name: `Notebook`, `NotebookCreate`, `Problem` …
//
// They come from schemas/json and are part of the library: nothing is read at run time, and the set
// never changes. They refer to one another by name alone (`{"$ref": "Notebook"}`), which whoever
// publishes them rewrites to the place where it puts them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "perdure/schemas/schema.hpp"

namespace perdure {

/// Threads   all three may be called from any thread; the first call compiles every schema (some
///           milliseconds).
/// Lifetime  what they return stays in place until the program ends.

/// Null when there is none.
[[nodiscard]] const Schema* find_schema(std::string_view name);

/// The text that `find_schema(name)` was compiled from; null when there is none.
[[nodiscard]] const Json* schema_json(std::string_view name);

/// In byte order.
[[nodiscard]] const std::vector<std::string>& schema_names();

}  // namespace perdure
