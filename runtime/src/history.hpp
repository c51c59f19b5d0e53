// SPDX-License-Identifier: Apache-2.0
// History: looking at durable objects, now and in the past, without waking them.
#pragma once

#include "directory.hpp"
#include "kind_rows.hpp"
#include "perdure/runtime/inspect.hpp"
#include "version.hpp"

namespace perdure::runtime {

/// The seq that `as_of` names, within the object's present life.
///
/// Errors  not_found  no such object, or it did not exist at that moment (or was deleted).
///         gone       below retained history.
[[nodiscard]] Result<Seq> resolve_as_of(const storage::Store& store, const ObjectId& object,
                                        const AsOf& as_of);

/// The record that `as_of` names. Errors: as resolve_as_of.
[[nodiscard]] Result<Record> record_as_of(const storage::Store& store, const ObjectId& object,
                                          const AsOf& as_of);

/// See Runtime::inspect_at.
[[nodiscard]] Result<ObjectView> view_at(const storage::Store& store, const Directory& directory,
                                         const KindDefinition& kind, const ObjectId& object,
                                         Seq seq);

/// What the row of a snapshot says. Errors: corrupt.
[[nodiscard]] Result<SnapshotInfo> decode_snapshot(const ObjectId& object,
                                                   const storage::PinRow& row);

/// Shows the objects of a list to `read`, from the request's cursor on. Errors: also
/// index_building.
[[nodiscard]] Result<ListEnd> list_objects(const storage::Store& store, const Directory& directory,
                                           const KindDefinition& kind, const ListLayouts& lists,
                                           const KindRows& rows, const ListRequest& request,
                                           const ListReader& read);

/// A read that finds out whether an object exists, and what its answer says.
[[nodiscard]] storage::IndexRead existence_of(const ObjectId& object);
[[nodiscard]] bool is_existing(const ObjectId& object, const storage::ReadAnswer& answer);

/// See Runtime::exists.
[[nodiscard]] bool object_exists(const storage::Store& store, const Directory& directory,
                                 const ObjectId& object);

/// See Runtime::membership. A reference is compared as the view has it: with null for a dead one if
/// the view is as clients see it.
[[nodiscard]] Result<ListMembership> membership(const KindDefinition& kind,
                                                const ListLayouts& lists,
                                                const ListRequest& request);

/// What a record holds, as the kind's code of today writes it: an object looks the same whether it
/// is active or not. A state that the kind cannot read is shown as it is stored.
///
/// Errors  corrupt, newer_version: no step leads from the stored state to today's.
[[nodiscard]] Result<ObjectView> view_record(const KindDefinition& kind, const Record& record);

}  // namespace perdure::runtime
