// SPDX-License-Identifier: Apache-2.0
// Revisions: the earlier versions of a page, in the notebook's entries.
//
//   revisions/<page id>/<number>   a version; numbers are dense and end at the page's count
//
// The page keeps in `internal` when and by whom its present title and content were written, and
// how many versions came before, so that a change writes one revision and erases at most one.
#pragma once

#include <optional>

#include "perdure/actors/noun.hpp"
#include "perdure/runtime/turn.hpp"

namespace perdure::actors {

/// Keeps `before` if `next` differs from it in title or content; marks `next` as this turn's then.
void keep_revision(Turn& turn, const std::optional<Json>& before, Json& next);

/// {items, next_cursor}, newest first. Errors: invalid.
[[nodiscard]] Result<Json> list_revisions(const EntryReader& entries, const Json& page,
                                          const Json& payload);

/// The same for readers of their past.
[[nodiscard]] NounLog revision_log();

void erase_revisions(Entries& entries, const Json& page);

}  // namespace perdure::actors
