// SPDX-License-Identifier: Apache-2.0
// What operators see of objects: lists, the journal, the past.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "perdure/runtime/entries.hpp"
#include "perdure/runtime/list_rules.hpp"
#include "perdure/runtime/object_meta.hpp"
#include "perdure/schemas/json.hpp"

namespace perdure {

struct ObjectView {
  ObjectMeta meta;
  Json state;  ///< as the kind's code of today writes it; as stored where that cannot read it
};

/// A moment in an object's history: now, a seq, or a time (the newest record at or before it).
using AsOf = std::variant<std::monostate, Seq, Timestamp>;

enum class Activity { active, hibernated };

struct ListRequest {
  std::string kind;
  /// `$id`: all objects of the kind, by id, for any owner. `$owner`: all of `owner`, by id.
  std::string index = "$id";
  std::string owner = {};          ///< for indexes grouped by owner
  std::vector<Json> equals = {};   ///< values of the index's first fields
  std::optional<Json> from = {};   ///< inclusive bound on the field after those
  std::optional<Json> until = {};  ///< exclusive bound on it
  Order order = Order::ascending;
  std::size_t limit = 50;
  std::string cursor = {};  ///< `next_cursor` of the page before
  enum class Lives {
    live,
    deleted,  ///< by time of deletion; `index` and `equals` are not used
    all,      ///< both; only for the index `$owner`
  } lives = Lives::live;
  std::optional<Activity> activity = {};
  /// With a `sort` of the kind's ListRules the list is one of those, and `index`, `equals`, `from`
  /// and `until` are not used.
  std::string sort = {};
  std::vector<ListCondition> where = {};
  enum class Whose {
    owner,      ///< what `owner` has
    shared,     ///< what others share with `owner`
    readable,   ///< both of these
    everybody,  ///< where the ListRules have such lists
  } whose = Whose::owner;
  bool count = false;  ///< whether ListEnd::total is wanted
  enum class References {
    as_stored,
    dead_as_null,  ///< as Runtime::without_dead_references: those of a page are looked for at once
  } references = References::as_stored;
};

/// How many objects a list has on all its pages.
struct ListTotal {
  std::uint64_t count = 0;
  enum class Precision { exact, at_least } precision = Precision::exact;
};

/// One that belongs to a list, if only its state could be read. Errors: is_of_one_object.
struct UnreadableObject {
  ObjectId object;
  Error error;
};

struct ListPage {
  std::vector<ObjectView> items;
  std::vector<UnreadableObject> unreadable;  ///< those that had their place among the items
  std::string next_cursor;                   ///< empty at the end
  std::optional<ListTotal> total = {};       ///< if it was asked for
};

/// Says whether an object as it is in a view belongs to a list, on whichever page.
/// Threads  any: it is immutable, and outlives what it was made by.
using ListMembership = std::function<bool(const ObjectView&)>;

/// What becomes of an object that a reader of a list is shown.
enum class Shown {
  taken,        ///< it counts towards the request's limit
  passed_over,  ///< it does not
  refused,      ///< it is not on this page: there is no room for it
};

/// Gets the objects of a list one by one; one whose state cannot be read comes as an error.
using ListReader = std::function<Shown(const ObjectId& object, Result<ObjectView> view)>;

/// Where a page of a list ended.
struct ListEnd {
  bool at_end = true;
  /// Where the next page begins: at the list's own beginning if it is empty and this is no end.
  std::string next_cursor = {};
  std::optional<ListTotal> total = {};  ///< if it was asked for
};

struct JournalEntryChange {
  std::string key;
  enum class Op { put, erase } op;
  std::string digest;  ///< first 16 bytes of the value's SHA-256, as hex; empty for erase
};

struct JournalEvent {
  std::string id;
  std::string topic;
};

/// One record, as operators see it.
struct JournalRecord {
  Seq seq = 0;
  Timestamp at;
  std::string command;
  std::string principal;
  std::string request_id;
  std::string traceparent;
  std::uint32_t schema_version = 1;
  Seq born_seq = 0;
  bool deleted = false;
  Json state;
  std::vector<JournalEntryChange> entries;
  std::vector<JournalEvent> events;
  std::string previous_hash;  ///< hex
  std::string hash;           ///< hex; SHA-256 chained over the journal
};

struct SnapshotInfo {
  Seq seq = 0;
  std::string name;
  Timestamp created_at;
  std::string created_by;
};

struct RuntimeStats {
  std::uint64_t active_objects = 0;
  std::uint64_t active_bytes = 0;  ///< estimate
  std::uint64_t in_flight_calls = 0;
  std::uint64_t activations = 0;
  std::uint64_t hibernations = 0;
  std::uint64_t commits = 0;
  std::uint64_t turns = 0;
  std::uint64_t syncs = 0;               ///< of the log
  std::uint64_t bytes_on_disk = 0;       ///< estimate
  std::uint64_t store_memory_bytes = 0;  ///< the store's caches and write buffers
  bool writable = true;
  std::uint64_t builds = 0;            ///< kinds whose rows are being made again, or wait for that
  std::uint64_t build_objects = 0;     ///< of them, as far as they are counted
  std::uint64_t build_done = 0;        ///< of these objects
  std::uint64_t build_unreadable = 0;  ///< of those done
  std::uint64_t build_duplicates = 0;  ///< found by builds since the start
};

}  // namespace perdure
