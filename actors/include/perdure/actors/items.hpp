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
//                                                     before then, at most 20 a turn; called by
//                                                     the runtime when it is time
//   build_pages   {goes_on?}                     → {more}; makes a part of the rows of lists, where
//                                                     they are not those of today
//   get_page      {id}            (query)           → the page
//   list_pages    limit, cursor … (query)           → {items: […], next_cursor: text or null,
//                                                     total?}; the items' ListRules say of what
//
// A page's body is complete: the resource's common members (common_members), `metadata`, and the
// id of what holds it (`notebook_id`). Errors of all: not_found (no such item, or a deleted one;
// for restore_page: one that is not deleted), invalid, too_large (past the number of items).
//
// Each change of an item publishes page.created, .updated, .deleted, .restored or .purged, with
// {id, seq, parent: {kind, id}, changed: [member, …]}. So does a restore of an earlier state, and
// an import or a clone, of the first 40 items; one page.many_changed tells how many more there are.
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
/// The same: the seqs of which it must have none.
inline constexpr std::string_view if_not_seqs = "$if_not_seqs";
/// The same of an update: it is a PUT. What reads as null because it names something deleted, and
/// is null in the changes, stays as it is.
inline constexpr std::string_view put = "$put";
}  // namespace item_member

namespace item_topic {
/// The verb of the event that tells of items that changed in one turn past the first
/// `told_items_max`, by a restore or an import: {seq, parent, created, updated, …: how many}.
inline constexpr std::string_view many_changed = "many_changed";
}  // namespace item_topic

/// Members of the payload of every list query. Filters stand beside them by their own names: a
/// value, or an array of values of which one is wanted, in which null is "has none". Those of a
/// range end in `_after` and `_before`.
namespace list {
inline constexpr std::string_view limit = "limit";      ///< 1 to `limit_max`, default 50
inline constexpr std::string_view cursor = "cursor";    ///< `next_cursor` of the page before
inline constexpr std::string_view sort = "sort";        ///< a field, `-` before it: descending
inline constexpr std::string_view deleted = "deleted";  ///< true: deleted items, newest deletion
                                                        ///< first unless a sort or filter is given
inline constexpr std::string_view count = "count";      ///< true: `total` is wanted

inline constexpr std::string_view items = "items";
inline constexpr std::string_view next_cursor = "next_cursor";
/// How many there are on all pages; null where that is not known exactly.
inline constexpr std::string_view total = "total";
inline constexpr std::string_view total_at_least = "total_at_least";

inline constexpr std::size_t limit_default = 50;
inline constexpr std::size_t limit_max = 500;
}  // namespace list

}  // namespace perdure::actors
