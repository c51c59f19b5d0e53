// SPDX-License-Identifier: Apache-2.0
// notebook: a resource (resource.hpp) with two sorts of items (items.hpp), `section`s and `page`s.
//
// Fields: those of the schemas Notebook, Section and Page.
//
// Sections  list_sections sorts by position (default) or updated_at.
// Pages     list_pages does, too; filters `section_id` and `tag`. A page's `section_id` must name a
//           live section of the same notebook, else invalid at /section_id. `move_page` takes
//           `section_id` beside `position`; null takes the page out of its section.
// Deleting a section touches none of its pages: their `section_id` reads as null from then on, as
// the section is looked up on every read, and no list by `section_id` shows them. Restoring the
// section puts them back into it.
//
// Revisions  each change of a page's title or content keeps the version before it, the newest
//            `revisions_max` of them. Query `list_revisions {id, limit?, cursor?}` gives them,
//            newest first, as the schema PageRevision.
//
// Activation reads the root only, which holds counts; no list reads more than its range.
#pragma once

#include <cstddef>

namespace perdure::actors::notebook {

inline constexpr std::size_t sections_max = 1'000;
inline constexpr std::size_t pages_max = 100'000;
inline constexpr std::size_t revisions_max = 200;

}  // namespace perdure::actors::notebook
