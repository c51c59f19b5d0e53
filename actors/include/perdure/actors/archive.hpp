// SPDX-License-Identifier: Apache-2.0
// The archive of a user: everything that is the user's, for the user to keep.
#pragma once

#include <functional>
#include <string>

#include "perdure/runtime/runtime.hpp"

namespace perdure::actors {

/// Calls `visit` with every object of an owner, live or deleted, the user itself included, in the
/// order of kinds and ids. Errors: those of `visit`, and of Runtime::list.
[[nodiscard]] Result<void> visit_owned(const Runtime& runtime, const std::string& owner,
                                       const std::function<Result<void>(const ObjectView&)>& visit);

/// One object of an archive, as JSON: `{kind, resource, entries: [{key, value}]}`; entries that are
/// no JSON as base64url. A deleted one comes without its entries.
/// Errors  too_large  it has more than `bytes_max`; and those of Runtime::entries.
[[nodiscard]] Result<std::string> archived_object(const Runtime& runtime, const ObjectView& view,
                                                  std::size_t bytes_max);

/// What an archive begins with: `{format, version, exported_at, user}`.
[[nodiscard]] Json archive_header(const ObjectView& user, Timestamp now);

}  // namespace perdure::actors
