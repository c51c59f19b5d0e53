// SPDX-License-Identifier: Apache-2.0
// The store: what the runtime asks of durable storage, and nothing else.
//
// A Store holds, for each object, its journal (records, one per committed turn, dense from seq 1)
// and its entries (keyed rows, each with a version per seq that changed it), and beside them the
// index, alarm, event, claim and pin rows that turns write. All that one turn changes is a
// `WriteSet`; a `Unit` is one to n write sets that become durable together or not at all.
// What objects send to each other and to the outside waits in the outbox until it is taken.
//
// The store orders, checks and keeps bytes; it never interprets a record, an entry or an event.
// This page is the contract: two implementations pass one suite (`tests/contract`), and a third
// can be written from these comments.
//
// Threads      `commit` is called by one thread at a time. Everything else may be called from any
//              thread at any time, also while a commit runs.
// Durability   what `commit` reports as committed survives a crash of the process and, with
//              `Durability::sync`, of the machine. Reads see committed units only.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "perdure/base/object_id.hpp"
#include "perdure/base/result.hpp"
#include "perdure/base/time.hpp"
#include "perdure/storage/gaps.hpp"

namespace perdure::storage {

// ---------------------------------------------------------------------------------- write sets

/// A new version of one entry, or (without a value) its tombstone.
struct EntryChange {
  std::string key;  ///< 1 to 512 bytes without NUL; keys of an object sort as bytes
  std::optional<std::string> value;
};

/// Puts or erases one index row of the write set's object. `key` is the ordered encoding of the
/// indexed fields; the keys of one index are prefix-free, so rows sort by key and then by id.
struct IndexChange {
  enum class Op { put, erase };
  Op op;
  std::string index;
  std::string key;
  std::string value = {};  ///< of a put: what the row says beside its key
};

/// Sets, moves or (without `due`) removes a named alarm of the write set's object.
struct AlarmChange {
  std::string name;
  std::optional<Timestamp> previous_due;  ///< the alarm's due time before this turn, if it had one
  std::optional<Timestamp> due;
  std::string body;
};

/// A key that must be absent when the unit commits, and is taken by it. A claim whose `expires`
/// is at or before the commit's `now` counts as absent.
struct Claim {
  std::string space;  ///< such as `once` or `user.email`; no NUL
  std::string key;    ///< any bytes
  std::string value;
  std::optional<Timestamp> expires = {};
};

struct ClaimKey {
  std::string space;
  std::string key;
  auto operator<=>(const ClaimKey&) const = default;
};

/// Adds to a count of the store; a count that nothing was added to is 0, and none falls below it.
struct CountChange {
  std::string name;
  std::int64_t by = 0;
  /// Refuses the unit when the count would rise above it.
  std::optional<std::uint64_t> most = {};
  /// Unless 0, the count is one of a period and starts anew with each later one: it is below 2³²,
  /// and `Store::count` gives it together with its period (PeriodCount).
  std::uint32_t period = 0;
  /// Refuses the unit when the count would fall below it.
  std::uint64_t least = 0;
};

/// How a count of a period is kept: the number of the period, then the count, in 32 bits each.
struct PeriodCount {
  std::uint32_t period = 0;
  std::uint32_t count = 0;

  [[nodiscard]] static PeriodCount of(std::uint64_t stored) {
    return {static_cast<std::uint32_t>(stored >> 32U), static_cast<std::uint32_t>(stored)};
  }
  [[nodiscard]] std::uint64_t stored() const { return std::uint64_t{period} << 32U | count; }
};

/// Names the record at `seq` so that retention keeps it (with the entries it saw), or lets it go.
struct PinChange {
  Seq seq;
  std::optional<std::string> body;  ///< without: the pin is removed
};

/// What becomes of an object's past when a write set commits.
enum class Past {
  kept,
  /// With the write set's record all older ones go, and all entries (but those that the write set
  /// puts), pins and alarms. The floor becomes the record's seq.
  erased,
};

/// Whether a write set may have the last of what a store has room for. Stores with a bound of their
/// own keep a reserve for those that end something, so that room can be made when there is none.
enum class Room { general, reserve };

struct WriteSet {
  ObjectId object;
  /// The store's epoch when the object was activated: an older one is refused as `stale_epoch`.
  std::uint64_t epoch = 0;
  /// The seq of the object's last record (0: none). Any other is refused as `stale_precondition`.
  Seq expected_seq = 0;
  /// The record that becomes `expected_seq + 1`. Without one the write set is housekeeping: it
  /// may hold alarms, pins, claims, counts, sends, takes and index rows, but no entries or events.
  std::optional<std::string> record = {};
  std::vector<EntryChange> entries = {};
  std::vector<IndexChange> indexes = {};
  std::vector<AlarmChange> alarms = {};
  std::vector<std::string> events = {};  ///< bodies; their log positions are filled at commit
  /// Bodies of outbox items; their positions are filled at commit.
  std::vector<std::string> sends = {};
  /// Positions of outbox items that must be there when the unit commits, and are removed by it. So
  /// of two units that take one item, the first commits and the other is refused.
  std::vector<std::uint64_t> takes = {};
  std::vector<Claim> claims = {};
  std::vector<ClaimKey> releases = {};  ///< applied before `claims`
  std::vector<PinChange> pins = {};
  std::vector<CountChange> counts = {};
  /// `erased` needs a record, and goes without pins. Erased rows can be read by nobody from the commit on; their bytes
  /// leave the disk's files as those are rewritten.
  Past past = Past::kept;
  Room room = Room::general;
};

enum class Sync {
  before_answer,  ///< `commit` returns once the disk has it
  later,  ///< the operating system has it then; the disk no later than the next unit that is synced
};

/// One to n write sets that commit as one. Several of one object build on one another, in order.
struct Unit {
  std::vector<WriteSet> write_sets;
  Sync sync = Sync::before_answer;  ///< a store may sync it all the same
};

struct Committed {
  std::uint64_t commit_number;          ///< of the batch: rises by one a batch, across restarts
  std::uint64_t first_event_position;   ///< of the unit's first event; 0 when it has none
  std::uint64_t first_outbox_position;  ///< of the unit's first send; 0 when it has none
};

/// The fate of one unit. Errors:
///   stale_epoch         the write set's epoch is not the store's: drop the activation.
///   stale_precondition  another seq is the last one. A later unit of the same object that was
///                       built upon a refused one is refused so, too; nobody else is touched.
///                       Also: a write set erases the past of an object that an earlier unit of the
///                       same commit names; it can go into the next commit.
///   conflict            a claim's key is taken; `detail` is the space, the field pointer its key.
///   quota_exceeded      a count would rise above its most, or fall below its least; `detail` is
///                       the count's name.
///   not_found           an item to take is not there: it was taken before, or never sent.
///   gone                a pin names a seq below the object's floor.
///   invalid             a pin names a seq above the object's last.
///   corrupt, unavailable  a row that the unit depends on cannot be read.
///   unavailable         the store has no room for the unit; others may still fit.
///   outcome_unknown     the write or its sync failed: all units of the batch, and every later
///                       commit, get this until the store is closed and opened again.
using Outcome = Result<Committed>;

// --------------------------------------------------------------------------------------- reads

struct RecordRow {
  Seq seq;
  std::string record;
};

struct EntryRow {
  std::string key;
  Seq seq;  ///< of the turn that wrote this version
  std::string value;
};

struct IndexRow {
  std::string key;
  std::string id;          ///< of the object
  std::string value = {};  ///< as it was put
  auto operator<=>(const IndexRow&) const = default;
};

/// What the reader of a walk says of it.
enum class Walk { go_on, end };
/// Is shown the parts of an IndexRow. They are there until it returns, and it calls no store.
using IndexReader =
    std::function<Walk(std::string_view key, std::string_view id, std::string_view value)>;

/// Where an alarm stands among all by due time.
struct AlarmPlace {
  Timestamp due;
  ObjectId object;
  std::string name;
  auto operator<=>(const AlarmPlace&) const = default;
};

struct AlarmRow {
  ObjectId object;
  std::string name;
  Timestamp due;
  std::string body;
};

struct EventRow {
  std::uint64_t position;
  std::string body;
  /// Of a gap: the first of the positions that it stands for, `position` being the last one. 0 for
  /// an event.
  std::uint64_t gap_first = 0;
};

/// A run of events that the log has let go of, and what is told in their place.
struct EventGap {
  std::uint64_t first;
  std::uint64_t last;
  /// Positions from `first` to `last` whose rows go now, those of gaps that this one takes the
  /// place of among them.
  std::vector<std::uint64_t> erased;
  std::string body;
};

/// The events that are kept: positions `first` to `last`, none when `first > last`. Positions mean
/// something only together with `history`: the id of one line of events, never reused.
struct EventRange {
  std::uint64_t first;
  std::uint64_t last;
  std::string history;
};

struct OutboxRow {
  std::uint64_t position;
  std::string body;
};

/// What a row counts towards KeyRange::bytes_max.
[[nodiscard]] inline std::size_t bytes_of(const EntryRow& row) {
  return row.key.size() + row.value.size();
}

struct PinRow {
  Seq seq;
  std::string body;
};

/// Rows that nobody reads or writes any more, by what they stand under.
struct RowGroup {
  enum class Sort {
    index,   ///< of an index of a kind
    claims,  ///< of a space
    counts,  ///< whose names begin with `name`
  };
  Sort sort = Sort::index;
  std::string kind = {};  ///< of an index
  std::string name;       ///< of the index or the space; without NUL, but for counts
};

enum class Direction { forward, backward };

inline constexpr Seq newest = ~Seq{0};

inline constexpr auto no_bound = std::numeric_limits<std::size_t>::max();

/// Keys `from <= key < until`; an empty `until` means "to the end".
struct KeyRange {
  std::string from = {};
  std::string until = {};
  Direction direction = Direction::forward;
  std::size_t limit = 100;
  /// A read of entries ends with the one that brings the keys and values that it found to this
  /// size, so that what it holds is bounded, too. The first one is found whatever its size.
  std::size_t bytes_max = no_bound;
  auto operator<=>(const KeyRange&) const = default;
};

/// The smallest key above all keys that start with `prefix` (empty when there is none).
[[nodiscard]] std::string prefix_end(std::string prefix);

/// Gives the keys of the entries that the turn of a record changed. Errors: corrupt.
using ChangedKeys =
    std::function<Result<std::vector<std::string>>(const ObjectId&, const RecordRow&)>;

/// What retention removed.
struct Trimmed {
  std::uint64_t records = 0;
  std::uint64_t entry_versions = 0;
};

struct StoreStats {
  std::uint64_t commits = 0;  ///< batches written by this process
  std::uint64_t syncs = 0;
  std::uint64_t bytes_on_disk = 0;  ///< estimate
  std::uint64_t memory_bytes = 0;   ///< caches and write buffers
};

enum class Health {
  writable,
  no_space,         ///< a write failed because the disk is full: opening again helps when it is not
  size_limit,       ///< a file would grow past the process's limit (RLIMIT_FSIZE)
  write_protected,  ///< the file system is mounted read-only
  damaged,          ///< a write met bytes that fail their checks
  displaced,        ///< the directory, or what is in it, was removed, moved or replaced
  read_only,        ///< a sync failed, or something else that only a new process may trust again
};

struct HealthTraits {
  std::string_view name;    ///< stable text, such as `disk_full`
  std::string_view detail;  ///< what it means, and what to do about it
};

[[nodiscard]] const HealthTraits& describe(Health health) noexcept;

// ------------------------------------------------------------------------------- batches of reads

// One read of a batch each, with the arguments of the method of StoreReader that it stands for. They can
// be compared, so that who has an answer knows what it is the answer of.

struct LastRecordRead {
  using Answer = std::optional<RecordRow>;
  ObjectId object;
  auto operator<=>(const LastRecordRead&) const = default;
};
struct RecordRead {
  using Answer = RecordRow;
  ObjectId object;
  Seq seq;
  auto operator<=>(const RecordRead&) const = default;
};
struct JournalRead {
  using Answer = std::vector<RecordRow>;
  ObjectId object;
  Seq from;
  Seq until;
  Direction direction;
  std::size_t limit;
  auto operator<=>(const JournalRead&) const = default;
};
struct FloorRead {
  using Answer = std::uint64_t;
  ObjectId object;
  auto operator<=>(const FloorRead&) const = default;
};
struct EntryRead {
  using Answer = std::optional<EntryRow>;
  ObjectId object;
  std::string key;
  Seq as_of = newest;
  auto operator<=>(const EntryRead&) const = default;
};
struct EntriesRead {
  using Answer = std::vector<EntryRow>;
  ObjectId object;
  KeyRange range;
  Seq as_of = newest;
  auto operator<=>(const EntriesRead&) const = default;
};
struct IndexRead {
  using Answer = std::vector<IndexRow>;
  std::string kind;
  std::string index;
  KeyRange range;
  std::optional<IndexRow> after = {};
  auto operator<=>(const IndexRead&) const = default;
};
struct ClaimRead {
  using Answer = std::optional<std::string>;
  ClaimKey key;
  Timestamp now;
  auto operator<=>(const ClaimRead&) const = default;
};
struct CountRead {
  using Answer = std::uint64_t;
  std::string name;
  auto operator<=>(const CountRead&) const = default;
};
struct AlarmRead {
  using Answer = std::optional<AlarmRow>;
  ObjectId object;
  std::string name;
  auto operator<=>(const AlarmRead&) const = default;
};
struct AlarmsRead {
  using Answer = std::vector<AlarmRow>;
  ObjectId object;
  std::string from = {};
  std::size_t limit = no_bound;
  auto operator<=>(const AlarmsRead&) const = default;
};
struct PinsRead {
  using Answer = std::vector<PinRow>;
  ObjectId object;
  Seq from = 0;
  std::size_t limit = no_bound;
  auto operator<=>(const PinsRead&) const = default;
};

using Read =
    std::variant<LastRecordRead, RecordRead, JournalRead, FloorRead, EntryRead, EntriesRead,
                 IndexRead, ClaimRead, CountRead, AlarmRead, AlarmsRead, PinsRead>;

/// The answer to a read R holds a Result<R::Answer>.
using ReadAnswer = std::variant<
    Result<std::optional<RecordRow>>, Result<RecordRow>, Result<std::vector<RecordRow>>,
    Result<std::uint64_t>, Result<std::optional<EntryRow>>, Result<std::vector<EntryRow>>,
    Result<std::vector<IndexRow>>, Result<std::optional<std::string>>,
    Result<std::optional<AlarmRow>>, Result<std::vector<AlarmRow>>, Result<std::vector<PinRow>>>;

/// How long a read that has to wait for the store keeps its thread.
enum class ReadCost {
  /// Microseconds, mostly: whoever runs a turn may read.
  memory,
  /// A round trip over a network: no thread that others wait for may read (docs/adr/0036).
  slow,
};

/// What can be read of objects, and of what they claim and count: all that a turn may read.
///
/// All reads can fail with `corrupt` (checksum) or `unavailable` (I/O error).
class StoreReader {
 public:
  virtual ~StoreReader() = default;

  /// The object's newest record, or none. One read, whatever the object's age.
  [[nodiscard]] virtual Result<std::optional<RecordRow>> last_record(const ObjectId&) const = 0;

  /// The record at exactly `seq`, pinned ones below the floor included. Errors: not_found (above
  /// the last), gone (trimmed).
  [[nodiscard]] virtual Result<RecordRow> record(const ObjectId&, Seq seq) const = 0;

  /// Records with `from <= seq <= until`, at most `limit`, in `direction`. Trimmed ones are
  /// left out.
  [[nodiscard]] virtual Result<std::vector<RecordRow>> journal(const ObjectId&, Seq from, Seq until,
                                                               Direction direction,
                                                               std::size_t limit) const = 0;

  /// The lowest seq that retention has kept without a pin: everything from it on is complete.
  /// 1 for an untrimmed object.
  [[nodiscard]] virtual Result<Seq> floor(const ObjectId&) const = 0;

  /// The newest version of an entry with seq <= `as_of`, or none when there is none or it is a
  /// tombstone.
  [[nodiscard]] virtual Result<std::optional<EntryRow>> entry(const ObjectId&, std::string_view key,
                                                              Seq as_of = newest) const = 0;

  /// The entries of an object in key order, each in its newest version with seq <= `as_of`;
  /// tombstones are left out. Forward, the walk leaps over `gaps` and notes those it finds; they
  /// are the writer's, so `as_of` is then `newest`.
  [[nodiscard]] virtual Result<std::vector<EntryRow>> entries(const ObjectId&,
                                                              const KeyRange& range,
                                                              Seq as_of = newest,
                                                              Gaps* gaps = nullptr) const = 0;

  /// Rows of one index in key order. `range` bounds `IndexRow::key`, by whole keys or by beginnings
  /// of keys (or their prefix_end); to go on after a row, pass it as `after`.
  [[nodiscard]] Result<std::vector<IndexRow>> index(
      std::string_view kind, std::string_view index, const KeyRange& range,
      const std::optional<IndexRow>& after = {}) const;
  /// Shows the same rows to `read`, until it has seen enough. Nothing is copied, so a row that the
  /// reader does not want costs a step of the walk. Lifetime: see IndexReader.
  [[nodiscard]] virtual Result<void> walk_index(std::string_view kind, std::string_view index,
                                                const KeyRange& range,
                                                const std::optional<IndexRow>& after,
                                                const IndexReader& read) const = 0;

  /// The value of a claim that has not expired at `now`.
  [[nodiscard]] virtual Result<std::optional<std::string>> claim(const ClaimKey& key,
                                                                 Timestamp now) const = 0;

  /// A count, see CountChange.
  [[nodiscard]] virtual Result<std::uint64_t> count(std::string_view name) const = 0;

  /// One alarm of an object, or none.
  [[nodiscard]] virtual Result<std::optional<AlarmRow>> alarm(const ObjectId&,
                                                              std::string_view name) const = 0;
  /// Alarms of one object by name, from a name on, at most `limit`.
  [[nodiscard]] virtual Result<std::vector<AlarmRow>> alarms(
      const ObjectId&, std::string_view from = {}, std::size_t limit = no_bound) const = 0;

  /// The pins of one object by seq, from a seq on, at most `limit`.
  [[nodiscard]] virtual Result<std::vector<PinRow>> pins(const ObjectId&, Seq from = 0,
                                                         std::size_t limit = no_bound) const = 0;

  /// Several reads at once, whatever they are of: one round trip where the store is elsewhere.
  ///
  /// Shape    they are of no single moment: a commit may come between two of them.
  /// Returns  one answer for each, in their order: that of the method that the read stands for.
  /// Limits   none of its own: what the reads may bring is bounded by who asks.
  [[nodiscard]] virtual std::vector<ReadAnswer> read(std::span<const Read> reads) const;
};

/// Answers one read of a batch by the method that it stands for.
[[nodiscard]] ReadAnswer read_one(const StoreReader& reader, const Read& read);

class Store : public StoreReader {
 public:
  /// What its reads cost, as long as it is open.
  [[nodiscard]] virtual ReadCost read_cost() const { return ReadCost::memory; }

  /// A number that rises each time the store is opened.
  [[nodiscard]] virtual std::uint64_t epoch() const = 0;

  /// Which line of history the seqs and positions of this store belong to. 0 as long as it has one;
  /// another number, never the same, after its end was lost, or it was copied: what has the same
  /// seq in two lines need not be the same. The event log's history id changes with it.
  [[nodiscard]] virtual std::uint32_t line() const { return 0; }

  /// Writes the units in order as one batch, with one sync unless none of them needs it, and returns
  /// one outcome for each.
  ///
  /// Shape     several units, and several write sets of a unit, may name the same object, and each
  ///           then sees what those before it did.
  /// Returns   after the sync: all committed units are visible to reads, and durable.
  /// Errors    per unit, see Outcome. A refused unit changes nothing.
  /// Lifetime  borrows `units` until it returns.
  [[nodiscard]] virtual std::vector<Outcome> commit(std::span<const Unit> units, Timestamp now) = 0;

  /// Whether commits can still succeed. After a failed write or sync never again: the store has
  /// to be opened again.
  [[nodiscard]] virtual Health health() const = 0;

  /// Looks whether what the store stands on is still where it was opened, and stops writes if it is
  /// not. A few system calls.
  /// Errors   unavailable  `detail` says what is wrong and what to do.
  /// Threads  any.
  virtual Result<void> look() { return {}; }

  /// Where alarms with due <= `until` stand, earliest first, at most `limit`; only those that stand
  /// behind `after`, which costs nothing for those before it.
  [[nodiscard]] virtual Result<std::vector<AlarmPlace>> alarms_due(
      Timestamp until, std::size_t limit, const std::optional<AlarmPlace>& after = {}) const = 0;
  /// Events of the log with position >= `from`, in order, and gaps whose last position is.
  [[nodiscard]] virtual Result<std::vector<EventRow>> events(std::uint64_t from,
                                                             std::size_t limit) const = 0;

  /// Which positions of the log `events` can still give.
  [[nodiscard]] virtual Result<EventRange> event_range() const = 0;
  /// Lets go of the events below `first`; never of the newest position. Safe beside commits.
  /// Errors: unavailable when writes have stopped.
  [[nodiscard]] virtual Result<void> trim_events(std::uint64_t first) = 0;
  /// Lets go of events, or of gaps, and puts a gap in their place, at its last position. Not of the
  /// newest event. Safe beside commits; one that is lost in a crash may be repeated.
  /// Errors: unavailable when writes have stopped.
  [[nodiscard]] virtual Result<void> drop_events(const EventGap& gap) = 0;

  /// Outbox items with position >= `from` that have not been taken, in order.
  [[nodiscard]] virtual Result<std::vector<OutboxRow>> outbox(std::uint64_t from,
                                                              std::size_t limit) const = 0;

  /// Raises the object's floor to `floor`, and removes the records below it and the entry
  /// versions that neither the floor nor a pinned seq nor a later one can see. Safe beside
  /// commits; crash-safe (may be repeated). A floor below the present one does nothing.
  ///
  /// Only `changed_keys` can read a record. With it the cost is that of what is removed; without,
  /// or after a pin below the floor was removed, all entry versions of the object are read.
  ///
  /// Errors  invalid  `floor` is above the last record's seq; those of `changed_keys`.
  [[nodiscard]] virtual Result<Trimmed> trim(const ObjectId&, Seq floor,
                                             const ChangedKeys& changed_keys) = 0;

  /// The kinds that have index rows, in order. A few reads for each.
  [[nodiscard]] virtual Result<std::vector<std::string>> kinds() const = 0;

  /// Erases at most `limit` rows of a group, for good. Safe beside commits that leave the group
  /// alone; crash-safe (what a crash brings back is erased by the next call).
  ///
  /// Returns  how many were erased; fewer than `limit`: none is left.
  /// Errors   unavailable when writes have stopped.
  [[nodiscard]] virtual Result<std::size_t> erase_rows(const RowGroup& group,
                                                       std::size_t limit) = 0;

  [[nodiscard]] virtual StoreStats stats() const = 0;
};

}  // namespace perdure::storage
