// SPDX-License-Identifier: Apache-2.0
// Directory: which objects are active, and who is in the middle of what.
//
// A call is counted on its object's cell before it is handed over, under the same lock that
// removes cells; a cell is removed only when nothing is counted on it. So a message can never meet
// an activation that is leaving, and there is never a second activation beside a live one.
//
// An active object has an actor only while there is something for it to do: from the first call
// that has to wait for its turn until it has been idle for a while. What is quiet is read from the
// cell.
//
// Each shard keeps its cells in order of last use: hibernation by idle time and by memory both take
// from that end.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <boost/unordered/unordered_flat_set.hpp>
#include <functional>
#include <vector>

#include "cell.hpp"
#include "envelope.hpp"
#include "flights.hpp"
#include "perdure/base/watched_mutex.hpp"
#include "perdure/runtime/options.hpp"
#include "use_order.hpp"

namespace perdure::runtime {

struct FetchedRows;
struct FlowAnswer;
struct Submission;

/// Why what is ahead of the disk is to be stored.
enum class FlushWhy {
  awaited,  ///< turns wait to be answered, and nothing is on the way that they would have to follow
  due,      ///< it has been in memory for long enough
};

struct DirectoryLimits {
  std::size_t mailbox_max;
  /// Uses of an object that are closer than this are one: to note each costs a read as much as to
  /// find the object.
  Milliseconds use_interval{0};
};

class Directory {
 public:
  using Spawn = std::function<caf::actor(const CellPtr&)>;
  using Epoch = std::function<std::uint64_t()>;

  /// `spawn` makes the actor of a cell; `epoch` is the store's; `clock` says when a cell was used;
  /// `hooks` hear of objects that come and go. What is counted on cells has a seat in `flights`.
  Directory(DirectoryLimits limits, Flights& flights, const Clock& clock, EveryHook& hooks,
            Epoch epoch, Spawn spawn);
  ~Directory();
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;

  /// Counts the envelope on its object's cell (made if there is none) and sends it to the actor. If
  /// the object is active and small and its actor idle, it is handed to `unit` to be run; null: to
  /// the scheduler, as all others are.
  /// Errors: overloaded; not_found when the object is known to be out of the caller's reach: so
  /// strangers take no place in its mailbox. The envelope was not sent.
  Result<void> deliver(const EnvelopePtr& envelope, caf::execution_unit* unit = nullptr);

  /// The durable version of an active object that nothing is in flight for: a caller who has
  /// nothing outstanding there may read it without asking the actor. Null when there is none of
  /// the store's `epoch`: another store may hold turns that it knows nothing of.
  [[nodiscard]] VersionPtr quiet_version(const ObjectId& object, std::uint64_t epoch);
  /// The same for who only looks: it is not a use that puts hibernation off.
  [[nodiscard]] VersionPtr peek(const ObjectId& object, std::uint64_t epoch) const;

  /// Counts the envelope on a new cell, for who is going to load the object, to say `loaded` and to
  /// answer the envelope. False when the object is active already, or too much is in flight.
  [[nodiscard]] bool begin_loading(Envelope& envelope);

  /// Follows the durable seq of an active object, whatever is in flight for it. Silent when it is
  /// not active.
  [[nodiscard]] SeqWatch watch(const ObjectId& object);

  /// `version` is what the store has. Of several who have loaded it the first one counts: what it
  /// said may have moved on.
  void loaded(Cell& cell, VersionPtr version);
  /// The committer made `version` durable.
  void committed(Cell& cell, const VersionPtr& version);
  /// Keeps a cell, which something is counted on already.
  [[nodiscard]] InFlight keep(const CellPtr& cell);
  [[nodiscard]] VersionPtr committed_version(const Cell& cell) const;
  /// Takes the cell out of the map at once: its uncommitted turns are in doubt.
  void drop(Cell& cell);
  /// As `drop`, all cells of epochs before `epoch`.
  void drop_before(std::uint64_t epoch);
  /// Forgets all cells. Nothing may be in flight.
  void clear();
  /// Sends what could not be committed back to the activation that it came from.
  void send_back(const std::shared_ptr<Submission>& submission);
  /// Tells an activation that a transaction has ended, which holds it or was refused it.
  void release(const Cell& cell, std::uint64_t transaction);
  /// Tells an activation to go on with what it held.
  void go_on(const Cell& cell);
  /// Tells an activation to store what is ahead of the disk, if it is still there.
  void flush(const Cell& cell, FlushWhy why);
  /// How many cells are kept for no call, but for what is in memory alone.
  [[nodiscard]] std::atomic<std::size_t>& unhurried() { return unhurried_; }
  /// Tells an activation that the rows are there which its turn waits for.
  void tell_fetched(const Cell& cell, std::shared_ptr<FetchedRows> rows);
  /// Tells an activation what a flow that runs on it waits for.
  void answer_flow(const Cell& cell, FlowAnswer answer);
  /// Tells a recovering activation that another of its submissions has settled.
  void tell_settled(const Cell& cell);

  /// Errors: conflict when something is in flight. Nothing happens when it is not active.
  Result<void> hibernate(const ObjectId& object);
  /// Hibernates cells not used since `before`, then the least recently used ones of each shard
  /// until the estimate is at most `bytes_max`.
  void sweep(Milliseconds before, std::size_t bytes_max);
  /// Lets the actors go of cells not used since `before` for which nothing is in flight. Each is
  /// looked at once after it was used.
  void rest(Milliseconds before);

  [[nodiscard]] bool active(const ObjectId& object) const;
  [[nodiscard]] std::optional<Milliseconds> last_used(const ObjectId& object) const;
  /// Ids of active objects of a kind after `after`, in order, at most `limit`.
  [[nodiscard]] std::vector<std::string> active_ids(std::string_view kind, const std::string& after,
                                                    std::size_t limit) const;
  [[nodiscard]] std::size_t active_count() const { return count_.load(); }
  [[nodiscard]] std::uint64_t activations() const { return activations_.load(); }
  [[nodiscard]] std::size_t bytes() const { return bytes_.load(); }
  /// Calls under way, and those of them that wait for no others, as flows do and who waits for one.
  [[nodiscard]] std::size_t in_flight() const { return without_unhurried(flights_.in_flight()); }
  [[nodiscard]] std::size_t moving() const { return without_unhurried(flights_.moving()); }

  /// True once per cell until `trimmed`: at most one trim of an object waits.
  [[nodiscard]] bool queue_trim(Cell& cell);
  void trimmed(const ObjectId& object);

  /// Totals, lists and places agree. Aborts otherwise. Not while calls come and go.
  void check_invariants() const;
  /// Of all active objects that have been loaded; for checks.
  [[nodiscard]] std::vector<VersionPtr> committed_versions() const;

 private:
  /// A name with its hash, which picks the shard and the place in its map: computed once.
  struct Sought {
    explicit Sought(const ObjectId& name) : object(name), hash(std::hash<ObjectId>{}(name)) {}
    const ObjectId& object;
    std::size_t hash;
  };
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(const Sought& sought) const { return sought.hash; }
    std::size_t operator()(const CellPtr& cell) const { return cell->hash; }
  };
  struct Equal {
    using is_transparent = void;
    static const ObjectId& id(const Sought& sought) { return sought.object; }
    static const ObjectId& id(const CellPtr& cell) { return cell->object; }
    bool operator()(const auto& a, const auto& b) const { return id(a) == id(b); }
  };
  struct Shard {
    mutable WatchedMutex mutex;
    boost::unordered_flat_set<CellPtr, Hash, Equal> cells;
    UseOrder by_use;
    std::size_t bytes = 0;
    std::vector<CellPtr> leaving;  ///< dropped, but something is still counted on them
  };
  static constexpr std::size_t shard_count = 64;

  [[nodiscard]] std::size_t without_unhurried(std::size_t all) const {
    return all - std::min(all, unhurried_.load(std::memory_order_relaxed));
  }

  // The map uses the low bits of the same hash, so the shard takes others.
  Shard& shard_of(std::size_t hash) const { return shards_[(hash >> 32) % shard_count]; }
  Shard& shard_of(const Sought& sought) const { return shard_of(sought.hash); }
  Shard& shard_of(const Cell& cell) const { return shard_of(cell.hash); }
  /// The object's cell if it is quiet and of `epoch`, or null; under the lock.
  [[nodiscard]] static Cell* quiet_cell(const Shard& shard, const Sought& sought,
                                        std::uint64_t epoch);
  /// Whether the durable version says that the caller may not know of the object; under the lock.
  [[nodiscard]] bool is_out_of_reach(const Envelope& envelope, const Cell& cell) const;
  [[nodiscard]] caf::actor actor_of(const Cell& cell) const;
  /// Counts a call on its cell, under the lock.
  void count(Shard& shard, const CellPtr& cell, Envelope& envelope, Seat&& seat);
  /// Counts one less on the cell.
  friend class InFlight;
  void leave(Cell& cell);
  /// A new cell, under the lock.
  [[nodiscard]] const CellPtr& enter(Shard& shard, const ObjectId& object,
                                     const KindDefinition& kind);
  /// Its size without the actor, and with it if it has one.
  [[nodiscard]] static std::size_t estimate_bytes(const Cell& cell);
  void touch(Shard& shard, Cell& cell);
  void resize(Shard& shard, Cell& cell, std::size_t bytes);
  void resize(Shard& shard, Cell& cell) { resize(shard, cell, estimate_bytes(cell)); }
  /// Under the lock; what it returns must be destroyed outside of it.
  CellPtr remove(Shard& shard, Cell& cell);

  const DirectoryLimits limits_;
  Flights& flights_;
  const Clock& clock_;
  EveryHook& hooks_;
  const Epoch epoch_;
  const Spawn spawn_;
  mutable std::array<Shard, shard_count> shards_;
  std::atomic<std::size_t> count_{0};
  std::atomic<std::uint64_t> activations_{0};
  std::atomic<std::size_t> unhurried_{0};
  std::atomic<std::size_t> bytes_{0};
};

}  // namespace perdure::runtime
