// SPDX-License-Identifier: Apache-2.0
#include "unique_keys.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "index_keys.hpp"
#include "perdure/base/utf8.hpp"

namespace perdure::runtime {

std::vector<ClaimName> unique_keys(const KindDefinition& kind, const ObjectMeta& meta,
                                   const Json& root) {
  std::vector<ClaimName> names;
  if (meta.seq == 0) return names;
  for (const auto& unique : kind.uniques) {
    const Json value = field_value(unique.field, meta, root);
    if (!value.is_string() || value.get_ref<const std::string&>().empty()) continue;
    const auto& text = value.get_ref<const std::string&>();
    const bool exact = unique.compare == UniqueDefinition::Compare::exact;
    names.push_back({unique.space, exact ? text : fold_ascii_case(text)});
  }
  std::ranges::sort(names);
  return names;
}

void move_claims(const std::vector<ClaimName>& before, const std::vector<ClaimName>& after,
                 TurnRequests& requests) {
  std::ranges::set_difference(before, after, std::back_inserter(requests.releases));
  std::ranges::set_difference(after, before, std::back_inserter(requests.claims));
}

Error explain_taken(const KindDefinition& kind, Error error) {
  if (error.code != ErrorCode::conflict) return error;
  const auto unique = std::ranges::find(kind.uniques, error.detail, &UniqueDefinition::space);
  if (unique == kind.uniques.end()) return error;
  auto pointer = "/" + unique->field;
  std::ranges::replace(pointer, '.', '/');
  error.detail = fmt::format("this {} is taken", unique->field);
  error.fields = {{std::move(pointer), "taken", "is taken"}};
  return error;
}

}  // namespace perdure::runtime
