// SPDX-License-Identifier: Apache-2.0
// Items: the things of which a resource holds many (pages of a notebook), each with an id and a
// body of its own, kept in the resource's entries.
//
// For items called `page`, in the plural `pages`, a kind has
//
//   create_page   {field: value, …}                 → the page
//   update_page   {id, changes: {field: value, …}}  → the page; JSON Merge Patch
//   move_page     {id, position?, <reference>?}     → the page; position left out: to the end
//   remove_page   {id}                              → null; soft: `restore_page` brings it back
//   restore_page  {id}                              → the page
//   purge_pages   {before: date-time}               → {purged, more}; erases what was deleted
//                                                     before then, at most 30 a turn; called by
//                                                     the runtime when it is time
//   get_page      {id}            (query)           → the page
//   list_pages    limit, cursor … (query)           → {items: […], next_cursor: text or null}
//
// A page's body is complete: the resource's common members (common_members), `metadata`, and the
// id of what holds it (`notebook_id`). Errors of all: not_found (no such item, or a deleted one;
// for restore_page: one that is not deleted), invalid, too_large (past the number of items).
//
// Each change of an item publishes page.created, .updated, .deleted, .restored or .purged, with
// {id, seq, parent: {kind, id}, changed: [member, …]}.
//
// Positions are numbers and need not be dense or distinct. Of items at one position the one that
// was moved there last stands first; the others follow in the order of their creation.
#pragma once

#include <cstddef>
#include <string_view>

namespace perdure::actors {

namespace item_member {
/// Of a reply that is one item: the seq of its last change, its validator.
inline constexpr std::string_view seq = "$seq";
/// Of the payload of a change: the seqs of which the item must have one, else stale_precondition.
inline constexpr std::string_view if_seqs = "$if_seqs";
}  // namespace item_member

/// Members of the payload of every list query; filters stand beside them by their own names.
namespace list {
inline constexpr std::string_view limit = "limit";      ///< 1 to `limit_max`, default 50
inline constexpr std::string_view cursor = "cursor";    ///< `next_cursor` of the page before
inline constexpr std::string_view sort = "sort";        ///< a field, `-` before it: descending
inline constexpr std::string_view deleted = "deleted";  ///< true: deleted items, newest first

inline constexpr std::string_view items = "items";
inline constexpr std::string_view next_cursor = "next_cursor";

inline constexpr std::size_t limit_default = 50;
inline constexpr std::size_t limit_max = 500;
/// Index rows that one list query reads at most. With two filters at once a page may so hold fewer
/// items than `limit`, even none, and still have a `next_cursor`.
inline constexpr std::size_t rows_scanned_max = 20'000;
}  // namespace list

}  // namespace perdure::actors
