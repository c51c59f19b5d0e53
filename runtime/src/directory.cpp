// SPDX-License-Identifier: Apache-2.0
#include "directory.hpp"

#include <algorithm>

#include "handover.hpp"
#include "messages.hpp"
#include "pace.hpp"
#include "turn_runner.hpp"

namespace perdure::runtime {

namespace {

// What an active object takes beside its root: the cell, its places in the shard, the version; and
// an actor with its mailbox while it has one. Measured by bench/runtime.
constexpr std::size_t cell_bytes = 1'024;
constexpr std::size_t actor_bytes = 1'536;
// A root in memory as typed state against its JSON text: strings and nodes cost more than bytes.
constexpr std::size_t root_expansion = 3;

Unexpected overloaded(std::string detail) {
  Error error{.code = ErrorCode::overloaded, .detail = std::move(detail)};
  error.retry_after = std::chrono::seconds{1};
  return fail(std::move(error));
}

}  // namespace

Directory::Directory(DirectoryLimits limits, Flights& flights, const Clock& clock, EveryHook& hooks,
                     Epoch epoch, Spawn spawn)
    : limits_(limits),
      flights_(flights),
      clock_(clock),
      hooks_(hooks),
      epoch_(std::move(epoch)),
      spawn_(std::move(spawn)) {}

Directory::~Directory() { clear(); }

void Directory::clear() {
  for (auto& shard : shards_) {
    std::vector<std::pair<CellPtr, caf::actor>> removed;  // destroyed outside the lock
    const std::scoped_lock lock{shard.mutex};
    while (!shard.by_use.empty()) {
      auto owned = remove(shard, shard.by_use.front());
      owned->directory_ = nullptr;
      auto actor = std::exchange(owned->actor_, nullptr);
      removed.emplace_back(std::move(owned), std::move(actor));
    }
    for (auto& cell : std::exchange(shard.leaving, {})) {
      cell->directory_ = nullptr;
      auto actor = std::exchange(cell->actor_, nullptr);
      removed.emplace_back(std::move(cell), std::move(actor));
    }
  }
}

caf::actor Directory::actor_of(const Cell& cell) const {
  const std::scoped_lock lock{shard_of(cell).mutex};
  PERDURE_CHECK(cell.actor_ != nullptr, to_string(cell.object));  // something is counted on it
  return cell.actor_;
}

void Directory::send_back(const std::shared_ptr<Submission>& submission) {
  Cell& cell = *submission->envelope->in_flight.cell();
  cell.recovering.store(true, std::memory_order_release);
  send_to(actor_of(cell), ToObject{Returned{submission}});
}

void Directory::go_on(const Cell& cell) { send_to(actor_of(cell), ToObject{Onward{}}); }

void Directory::tell_fetched(const Cell& cell, std::shared_ptr<FetchedRows> rows) {
  send_to(actor_of(cell), ToObject{Fetched{std::move(rows)}});
}

void Directory::answer_flow(const Cell& cell, FlowAnswer answer) {
  send_to(actor_of(cell), ToObject{std::move(answer)});
}

void Directory::tell_settled(const Cell& cell) { send_to(actor_of(cell), ToObject{Settled{}}); }

void Directory::flush(const Cell& cell, FlushWhy why) {
  caf::actor actor;
  {
    const std::scoped_lock lock{shard_of(cell).mutex};
    actor = cell.actor_;
  }
  if (actor)
    send_to(actor, ToObject{Flush{why}});  // what is ahead keeps its cell, and that its actor
}

void Directory::release(const Cell& cell, std::uint64_t transaction) {
  caf::actor actor;
  {
    const std::scoped_lock lock{shard_of(cell).mutex};
    actor = cell.actor_;
  }
  // None: holding it was refused (it could not be read), and it has left since. One that holds is
  // counted, so it stays.
  if (actor) send_to(actor, ToObject{Released{transaction}});
}

void Directory::touch(Shard& shard, Cell& cell) {
  const auto now = clock_.monotonic();
  if (now - cell.last_used_ < limits_.use_interval) return;
  cell.last_used_ = now;
  shard.by_use.use(cell.place_);
}

std::size_t Directory::estimate_bytes(const Cell& cell) {
  return cell_bytes + (cell.actor_ ? actor_bytes : 0) + cell.members.bytes() +
         (cell.committed_ ? cell.committed_->root_bytes * root_expansion : 0);
}

void Directory::resize(Shard& shard, Cell& cell, std::size_t bytes) {
  shard.bytes += bytes - cell.bytes_;
  bytes_ += bytes - cell.bytes_;
  cell.bytes_ = bytes;
}

CellPtr Directory::remove(Shard& shard, Cell& cell) {
  const auto found = shard.cells.find(Sought{cell.object});
  PERDURE_CHECK(found != shard.cells.end() && found->get() == &cell, to_string(cell.object));
  CellPtr owned = *found;
  resize(shard, cell, 0);
  shard.by_use.remove(cell.place_);
  shard.cells.erase(found);
  cell.dropped_ = true;
  cell.show_watchers(SeqWatch::silent);
  if (cell.committed_) hooks_.hibernated(cell.kind.name);
  --count_;
  return owned;
}

const CellPtr& Directory::enter(Shard& shard, const ObjectId& object, const KindDefinition& kind) {
  auto cell = std::make_shared<Cell>(object, kind, epoch_());
  cell->directory_ = this;
  cell->place_ = shard.by_use.add(*cell);
  cell->last_used_ = clock_.monotonic();
  const auto& entered = *shard.cells.insert(std::move(cell)).first;
  ++count_;
  activations_.fetch_add(1, std::memory_order_relaxed);
  resize(shard, *entered);
  return entered;
}

bool Directory::is_out_of_reach(const Envelope& envelope, const Cell& cell) const {
  if (!cell.committed_ || !is_hidden(envelope, *cell.committed_)) return false;
  return cell.epoch == epoch_();  // of another one nothing is answered from memory
}

void Directory::count(Shard& shard, const CellPtr& cell, Envelope& envelope, Seat&& seat) {
  cell->wake_for(seat.caller());
  ++cell->in_flight_;
  touch(shard, *cell);
  envelope.in_flight = {cell, std::move(seat)};
}

Result<void> Directory::deliver(const EnvelopePtr& envelope, caf::execution_unit* unit) {
  const auto& object = envelope->call.target;
  PERDURE_TRY(seat, flights_.take_seat(caller_key(envelope->call.principal)));
  const Sought sought{object};
  auto& shard = shard_of(sought);
  const std::scoped_lock lock{shard.mutex};
  const auto found = shard.cells.find(sought);
  const CellPtr& cell = found != shard.cells.end() ? *found : enter(shard, object, *envelope->kind);
  // A stored reply is replayed whatever has become of the object.
  const bool is_to_look = !envelope->key_sought_at;
  if (is_to_look && is_out_of_reach(*envelope, *cell)) return not_found(*envelope);
  if (cell->in_flight_ >= limits_.mailbox_max) {
    return overloaded(to_string(object) + " has as many calls waiting as it may");
  }
  count(shard, cell, *envelope, std::move(seat));
  if (!cell->actor_) {
    cell->actor_ = spawn_(cell);
    resize(shard, *cell);
  }
  // Under the lock, so that arrival order is the order in which callers got here.
  const bool is_small = cell->committed_ && cell->committed_->root_bytes <= quick_root_bytes_max;
  send_to(cell->actor_, ToObject{Delivery{envelope}}, is_small ? unit : nullptr);
  return {};
}

Cell* Directory::quiet_cell(const Shard& shard, const Sought& sought, std::uint64_t epoch) {
  const auto found = shard.cells.find(sought);
  if (found == shard.cells.end() || (*found)->in_flight_ > 0) return nullptr;
  return (*found)->epoch == epoch ? found->get() : nullptr;
}

VersionPtr Directory::quiet_version(const ObjectId& object, std::uint64_t epoch) {
  const Sought sought{object};
  auto& shard = shard_of(sought);
  const std::scoped_lock lock{shard.mutex};
  Cell* const cell = quiet_cell(shard, sought, epoch);
  if (cell == nullptr) return nullptr;
  touch(shard, *cell);
  return cell->committed_;
}

VersionPtr Directory::peek(const ObjectId& object, std::uint64_t epoch) const {
  const Sought sought{object};
  const auto& shard = shard_of(sought);
  const std::scoped_lock lock{shard.mutex};
  const Cell* const cell = quiet_cell(shard, sought, epoch);
  return cell == nullptr ? nullptr : cell->committed_;
}

bool Directory::begin_loading(Envelope& envelope) {
  const Sought sought{envelope.call.target};
  auto& shard = shard_of(sought);
  const std::scoped_lock lock{shard.mutex};
  if (shard.cells.contains(sought)) return false;
  auto seat = flights_.take_seat(caller_key(envelope.call.principal));
  if (!seat) return false;
  const CellPtr& cell = enter(shard, envelope.call.target, *envelope.kind);
  count(shard, cell, envelope, std::move(*seat));
  return true;
}

SeqWatch Directory::watch(const ObjectId& object) {
  const Sought sought{object};
  auto& shard = shard_of(sought);
  const std::scoped_lock lock{shard.mutex};
  const auto found = shard.cells.find(sought);
  if (found == shard.cells.end()) return {};
  auto& cell = **found;
  if (!cell.watched_seq_) {
    cell.watched_seq_ = std::make_shared<std::atomic<Seq>>(
        cell.committed_ ? cell.committed_->meta.seq : SeqWatch::silent);
  }
  return SeqWatch{cell.watched_seq_};
}

void Directory::loaded(Cell& cell, VersionPtr version) {
  auto& shard = shard_of(cell);
  const std::scoped_lock lock{shard.mutex};
  if (cell.committed_) return;
  cell.committed_seq.store(version->meta.seq, std::memory_order_release);
  cell.committed_ = std::move(version);
  cell.learn_owner();
  if (cell.dropped_) return;
  cell.show_watchers(cell.committed_->meta.seq);
  resize(shard, cell);
  hooks_.activated(cell.kind.name);
}

void Directory::committed(Cell& cell, const VersionPtr& version) {
  VersionPtr old = version;  // swapped in, and the old one destroyed outside the lock
  auto& shard = shard_of(cell);
  const std::scoped_lock lock{shard.mutex};
  cell.committed_.swap(old);
  cell.committed_seq.store(version->meta.seq, std::memory_order_release);
  cell.learn_owner();
  if (cell.dropped_) return;
  cell.show_watchers(version->meta.seq);
  resize(shard, cell);
}

InFlight Directory::keep(const CellPtr& cell) {
  const std::scoped_lock lock{shard_of(*cell).mutex};
  PERDURE_CHECK(cell->in_flight_ > 0, to_string(cell->object));
  ++cell->in_flight_;
  return {cell, flights_.take_extra_seat()};
}

void Directory::leave(Cell& cell) {
  CellPtr gone;  // destroyed outside the lock, and so is the actor
  caf::actor actor;
  auto& shard = shard_of(cell);
  const std::scoped_lock lock{shard.mutex};
  PERDURE_CHECK(cell.in_flight_ > 0, to_string(cell.object));
  if (--cell.in_flight_ > 0 || !cell.dropped_) return;
  const auto found = std::ranges::find(shard.leaving, &cell, &CellPtr::get);
  PERDURE_CHECK(found != shard.leaving.end(), to_string(cell.object));
  gone = std::move(*found);
  shard.leaving.erase(found);
  actor = std::exchange(cell.actor_, nullptr);
}

VersionPtr Directory::committed_version(const Cell& cell) const {
  const std::scoped_lock lock{shard_of(cell).mutex};
  return cell.committed_;
}

void Directory::drop(Cell& cell) {
  auto& shard = shard_of(cell);
  const std::scoped_lock lock{shard.mutex};
  if (cell.dropped_) return;
  // The actor stays until what is counted on the cell has been answered.
  shard.leaving.push_back(remove(shard, cell));
}

void Directory::drop_before(std::uint64_t epoch) {
  for (auto& shard : shards_) {
    std::vector<std::pair<CellPtr, caf::actor>> removed;  // destroyed outside the lock
    const std::scoped_lock lock{shard.mutex};
    for (auto at = shard.by_use.begin(); at != shard.by_use.end();) {
      Cell& cell = **at++;
      if (cell.epoch >= epoch) continue;
      auto owned = remove(shard, cell);
      if (cell.in_flight_ > 0) {
        shard.leaving.push_back(std::move(owned));
      } else {
        auto actor = std::exchange(cell.actor_, nullptr);
        removed.emplace_back(std::move(owned), std::move(actor));
      }
    }
  }
}

Result<void> Directory::hibernate(const ObjectId& object) {
  CellPtr removed;
  caf::actor actor;
  const Sought sought{object};
  auto& shard = shard_of(sought);
  const std::scoped_lock lock{shard.mutex};
  const auto found = shard.cells.find(sought);
  if (found == shard.cells.end()) return {};
  if ((*found)->in_flight_ > 0) {
    return fail(ErrorCode::conflict, to_string(object) + " has calls in flight");
  }
  removed = remove(shard, **found);
  actor = std::exchange(removed->actor_, nullptr);
  return {};
}

void Directory::sweep(Milliseconds before, std::size_t bytes_max) {
  const std::size_t shard_bytes_max = bytes_max / shard_count;
  const bool over_budget = bytes_.load() > bytes_max;
  for (auto& shard : shards_) {
    std::vector<std::pair<CellPtr, caf::actor>> removed;  // destroyed outside the lock
    {
      const std::scoped_lock lock{shard.mutex};
      for (auto at = shard.by_use.begin(); at != shard.by_use.end();) {
        Cell& cell = **at++;
        const bool idle = cell.last_used_ <= before;
        if (!idle && !(over_budget && shard.bytes > shard_bytes_max)) break;
        if (cell.in_flight_ > 0) continue;
        auto owned = remove(shard, cell);
        auto actor = std::exchange(cell.actor_, nullptr);
        removed.emplace_back(std::move(owned), std::move(actor));
      }
    }
  }
}

void Directory::rest(Milliseconds before) {
  for (auto& shard : shards_) {
    std::vector<caf::actor> leaving;  // destroyed outside the lock
    const std::scoped_lock lock{shard.mutex};
    for (Cell* cell = shard.by_use.next_to_rest(); cell != nullptr && cell->last_used_ <= before;
         cell = shard.by_use.next_to_rest()) {
      shard.by_use.pass();
      if (!cell->actor_ || cell->in_flight_ > 0) continue;
      leaving.push_back(std::exchange(cell->actor_, nullptr));
      resize(shard, *cell);
    }
  }
}

bool Directory::active(const ObjectId& object) const {
  const Sought sought{object};
  const auto& shard = shard_of(sought);
  const std::scoped_lock lock{shard.mutex};
  return shard.cells.contains(sought);
}

std::optional<Milliseconds> Directory::last_used(const ObjectId& object) const {
  const Sought sought{object};
  const auto& shard = shard_of(sought);
  const std::scoped_lock lock{shard.mutex};
  const auto found = shard.cells.find(sought);
  if (found == shard.cells.end()) return {};
  return (*found)->last_used_;
}

std::vector<std::string> Directory::active_ids(std::string_view kind, const std::string& after,
                                               std::size_t limit) const {
  std::vector<std::string> ids;
  for (const auto& shard : shards_) {
    const std::scoped_lock lock{shard.mutex};
    for (const auto& cell : shard.cells) {
      if (cell->object.kind == kind && cell->object.id > after) ids.push_back(cell->object.id);
    }
  }
  const auto count = static_cast<std::ptrdiff_t>(std::min(limit, ids.size()));
  std::ranges::partial_sort(ids, ids.begin() + count);
  ids.resize(static_cast<std::size_t>(count));
  return ids;
}

bool Directory::queue_trim(Cell& cell) {
  const std::scoped_lock lock{shard_of(cell).mutex};
  return !std::exchange(cell.trim_queued_, true);
}

void Directory::trimmed(const ObjectId& object) {
  const Sought sought{object};
  auto& shard = shard_of(sought);
  const std::scoped_lock lock{shard.mutex};
  const auto found = shard.cells.find(sought);
  if (found != shard.cells.end()) (*found)->trim_queued_ = false;
}

void Directory::check_invariants() const {
  std::size_t count = 0;
  std::size_t bytes = 0;
  std::size_t in_flight = 0;
  for (const auto& shard : shards_) {
    const std::scoped_lock lock{shard.mutex};
    std::size_t shard_bytes = 0;
    for (const auto& cell : shard.leaving) {
      PERDURE_CHECK(cell->dropped_ && cell->in_flight_ > 0, to_string(cell->object));
      in_flight += cell->in_flight_;
    }
    for (const auto& cell : shard.cells) {
      in_flight += cell->in_flight_;
      PERDURE_CHECK(!cell->dropped_, to_string(cell->object));
      const bool is_loading = !cell->committed_;
      PERDURE_CHECK(cell->actor_ != nullptr || cell->in_flight_ == 0 || is_loading,
                    to_string(cell->object));
      PERDURE_CHECK(&shard_of(*cell) == &shard, to_string(cell->object));
      PERDURE_CHECK(!cell->committed_ || cell->committed_->meta.seq == cell->committed_seq.load(),
                    to_string(cell->object));
      shard_bytes += cell->bytes_;
    }
    PERDURE_CHECK(shard.by_use.size() == shard.cells.size(), "the LRU list misses a cell");
    PERDURE_CHECK(shard.bytes == shard_bytes, "the shard's size estimate is off");
    count += shard.cells.size();
    bytes += shard_bytes;
  }
  PERDURE_CHECK(count == count_.load() && bytes == bytes_.load(), "totals are off");
  PERDURE_CHECK(in_flight == flights_.in_flight(), "the count of calls in flight is off");
  flights_.check_invariants();
}

std::vector<VersionPtr> Directory::committed_versions() const {
  std::vector<VersionPtr> versions;
  for (const auto& shard : shards_) {
    const std::scoped_lock lock{shard.mutex};
    for (const auto& cell : shard.cells) {
      if (cell->committed_) versions.push_back(cell->committed_);
    }
  }
  return versions;
}

}  // namespace perdure::runtime
