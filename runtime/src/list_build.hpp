// SPDX-License-Identifier: Apache-2.0
// What an opening does for lists whose rules are not those that the store's rows were made by.
#pragma once

#include "list_rows.hpp"

namespace perdure::runtime {

/// Brings the rows and counts of all kinds' lists to what their rules ask for: those of rules that
/// are no more go, those of new ones come, and the rows of indexes that such kinds declare no more
/// go. Once for a store and the rules of a kind, in commits of about a MiB, each of which says how
/// far it is; what interrupts it is gone on with by the next opening. It reads each object of the
/// kind once.
/// Objects that cannot be read keep their rows.
///
/// Threads  nobody else reads or commits meanwhile.
/// Errors   those of reading and committing; the next call goes on.
[[nodiscard]] Result<void> bring_lists_up_to_date(storage::Store& store,
                                                  const std::vector<Kind>& kinds, Timestamp now);

}  // namespace perdure::runtime
