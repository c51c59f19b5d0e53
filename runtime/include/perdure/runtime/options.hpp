// SPDX-License-Identifier: Apache-2.0
// What a host can set, with defaults that suit a small server.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "perdure/base/error.hpp"
#include "perdure/base/object_id.hpp"

namespace caf {
class actor_system;
}

namespace perdure::storage {
class StoreFactory;
}

namespace perdure {

enum class DurabilityMode {
  sync,      ///< acknowledged after the disk has it: survives power loss
  buffered,  ///< acknowledged after the operating system has it: survives a crash of the process
};

enum class AcceptLostCommits { no, yes };

/// Old versions go when all three bounds allow it: the newest `records` are kept at least, nothing
/// younger than `age` goes, and neither bound holds beyond `records_max`.
struct Retention {
  std::uint64_t records = 1'000;
  std::uint64_t records_max = 10'000;
  std::chrono::seconds age = std::chrono::hours{24 * 30};
};

/// How much of the event log is kept: what is older, or more, goes. Of those that are too many, the
/// oldest of owners with more than their share go first; one that is alone may have them all.
struct EventRetention {
  std::uint64_t events_max = 1'000'000;
  std::chrono::seconds age = std::chrono::hours{24 * 7};
  std::uint32_t owner_share_percent = 25;  ///< of events_max
};

/// How often alarms may go off. What is due beyond a rate goes off later, in order of its time, and
/// owners take turns.
struct AlarmLimits {
  /// The least `every` of a schedule: a shorter one is `invalid`. Alarms that were set with one
  /// before it was a rule go on with this.
  std::chrono::milliseconds period_min{100};
  std::uint32_t object_rate = 100;   ///< of one object, in any second
  std::uint32_t owner_rate = 1'000;  ///< of all objects of one owner, in any second
};

/// What one owner may have. Objects count from their creation until they are purged, so deleted
/// ones do as long as they can be brought back. Only creations by users are refused: admins and
/// the host know what they do.
struct Quotas {
  std::uint64_t objects = 1'000'000;  ///< of all kinds together
  std::map<std::string, std::uint64_t, std::less<>> objects_of_kind = {};
  /// States and entries of all objects, as they are now: their pasts are bounded by Retention.
  std::uint64_t bytes = std::uint64_t{64} << 30U;
  /// Of a principal, within the window; a stored reply of more than 1 KiB counts as several.
  std::uint64_t idempotency_keys = 1'000'000;
  /// Of an owner, whoever makes them: the oldest go, so no turn is refused for them.
  std::uint64_t dead_letters = 10'000;
};

struct KindBuild;
struct Duplicate;
struct UnknownKind;
class Executor;

/// All that the runtime tells of itself. Who passes it on derives from this class, which a hook
/// that is forgotten keeps abstract; who wants some of it derives from Hooks.
/// Threads  the runtime's; must not block.
class EveryHook {
 public:
  virtual ~EveryHook() = default;
  virtual void turn_finished(std::string_view kind, std::chrono::nanoseconds handler) = 0;
  virtual void batch_committed(std::size_t turns, std::chrono::nanoseconds write_and_sync) = 0;
  virtual void activated(std::string_view kind) = 0;
  virtual void hibernated(std::string_view kind) = 0;
  /// An alarm was handed to its object, so long after its time.
  virtual void alarm_fired(const ObjectId& object, std::chrono::milliseconds late) = 0;
  /// So many items of the outbox are known to wait or to be carried out.
  virtual void outbox_changed(std::size_t items) = 0;
  /// A message, an effect or an alarm was given up; the object `letter` holds it.
  virtual void dead_letter_made(const ObjectId& letter, const Error& cause) = 0;
  /// A call failed, and nobody had asked for its outcome when its future was dropped.
  /// Threads  any.
  virtual void call_unheard(const ObjectId& object, std::string_view name, const Error& error) = 0;
  /// Once; `fields` has what stopped them by a stable name, and what to do.
  virtual void writes_stopped(const Error& cause) = 0;
  /// A file of the store is damaged; what is sound is served, and written, as before. Once; but for
  /// each thing that a runtime that is opened read-only finds lost or damaged.
  virtual void damage_found(const Error& cause) = 0;
  /// The store goes on in another line of history: its directory is a copy, or commits were lost
  /// and that was accepted. While the runtime opens.
  virtual void line_broken(const Error& cause) = 0;
  /// The disk had been full, and the store was opened again.
  virtual void writes_resumed() = 0;
  /// The disk has room again, but the store cannot be opened: it is tried again and again.
  virtual void reopening_failed(const Error& cause) = 0;
  /// What a kind declares is not what the store's rows were made by: they are being made again.
  virtual void build_started(const KindBuild& build) = 0;
  virtual void build_finished(const KindBuild& build) = 0;
  /// An object has a value of a unique field that another one had first.
  virtual void duplicate_found(const Duplicate& duplicate) = 0;
  /// The store holds a kind, or a version of one, that this code does not know. While the runtime
  /// opens.
  virtual void unknown_kind_found(const UnknownKind& unknown) = 0;
};

/// Hooks that do nothing until they are overridden.
class Hooks : public EveryHook {
 public:
  void turn_finished(std::string_view /*kind*/, std::chrono::nanoseconds /*handler*/) override {}
  void batch_committed(std::size_t /*turns*/,
                       std::chrono::nanoseconds /*write_and_sync*/) override {}
  void activated(std::string_view /*kind*/) override {}
  void hibernated(std::string_view /*kind*/) override {}
  void alarm_fired(const ObjectId& /*object*/, std::chrono::milliseconds /*late*/) override {}
  void outbox_changed(std::size_t /*items*/) override {}
  void dead_letter_made(const ObjectId& /*letter*/, const Error& /*cause*/) override {}
  void call_unheard(const ObjectId& /*object*/, std::string_view /*name*/,
                    const Error& /*error*/) override {}
  void writes_stopped(const Error& /*cause*/) override {}
  void damage_found(const Error& /*cause*/) override {}
  void line_broken(const Error& /*cause*/) override {}
  void writes_resumed() override {}
  void reopening_failed(const Error& /*cause*/) override {}
  void build_started(const KindBuild& /*build*/) override {}
  void build_finished(const KindBuild& /*build*/) override {}
  void duplicate_found(const Duplicate& /*duplicate*/) override {}
  void unknown_kind_found(const UnknownKind& /*unknown*/) override {}
};

enum class AccessMode {
  read_write,
  /// Looks at a stopped data directory and leaves no trace: commands are `unavailable`. What of it
  /// is lost or damaged the hooks are told (damage_found); the rest is shown.
  read_only,
};

struct RuntimeOptions {
  /// Where objects are kept if `store` is empty, and what the runtime makes beside its store.
  std::filesystem::path data_dir;
  /// Where objects are kept (perdure/storage/store_factory.hpp); empty: in files in `data_dir`.
  std::shared_ptr<storage::StoreFactory> store = nullptr;
  AccessMode access = AccessMode::read_write;
  DurabilityMode durability = DurabilityMode::sync;
  AcceptLostCommits accept_lost_commits = AcceptLostCommits::no;

  std::chrono::milliseconds hibernate_after{60'000};
  std::size_t active_bytes_max = std::size_t{1} << 30;  ///< estimate over all activations
  std::size_t mailbox_max = 4'096;                      ///< calls waiting for one object
  std::size_t in_flight_max = 65'536;                   ///< calls waiting, all objects
  /// Calls of one principal that are waiting; 0: an eighth of in_flight_max. The host itself may
  /// have as many as there may be.
  std::size_t owner_in_flight_max = 0;
  std::chrono::seconds idempotency_window = std::chrono::hours{24};
  Retention retention = {};
  EventRetention event_retention = {};
  AlarmLimits alarms = {};
  Quotas quotas = {};
  /// So long a deleted object (or what was deleted within one) can be brought back; then it is
  /// purged.
  std::chrono::seconds purge_after = std::chrono::hours{24 * 30};

  /// How long whoever has a future waits for its answer, unless the call says otherwise
  /// (future.hpp); no_deadline: for ever.
  std::chrono::milliseconds call_deadline{30'000};
  /// Resumes coroutines that wait for a call, unless the call names another. Must outlive the
  /// runtime. Null: threads of the runtime's own, `call_threads` of them, from the first one on.
  Executor* executor = nullptr;
  std::size_t call_threads = 1;

  std::size_t worker_threads = 1;  ///< of the actor system, when it is ours
  /// Threads that wait for a store whose reads are slow, with a batch of reads each. Others have
  /// none: their reads are done by who needs them.
  std::size_t read_threads = 4;
  /// A LentThread runs turns of kinds whose commands take no more than this on average. Waking a
  /// worker costs as much: a longer turn gains little from the caller's thread, and keeps it from
  /// others.
  std::chrono::microseconds quick_turn_max{20};
  /// Runs `serve`, the life of the thread that commits turns and gives their replies, on that
  /// thread; null = it just runs.
  std::function<void(const std::function<void()>& serve)> around_committer = {};
  /// A host's own, which must outlive the runtime. It keeps its scheduler: objects give its threads
  /// back after a slice, as ours, but that owners take turns is only so with a system of ours.
  caf::actor_system* actor_system = nullptr;
  EveryHook* hooks = nullptr;  ///< must outlive the runtime
};

inline constexpr auto no_deadline = std::chrono::milliseconds::max();

namespace limits {
inline constexpr std::size_t root_bytes_max = 256u << 10;
inline constexpr std::size_t entry_key_bytes_max = 3u << 10;
inline constexpr std::size_t entry_value_bytes_max = 1u << 20;
inline constexpr std::size_t turn_entries_max = 10'000;
inline constexpr std::size_t turn_bytes_max = 16u << 20;
inline constexpr std::size_t turn_events_max = 100;
inline constexpr std::size_t turn_alarms_max = 100;
inline constexpr std::size_t turn_sends_max = 1'000;
inline constexpr std::size_t alarm_name_bytes_max = 200;
inline constexpr std::size_t object_alarms_max = 1'000;
inline constexpr std::size_t alarm_payload_bytes_max = 16u << 10;
inline constexpr std::size_t object_pins_max = 100;
inline constexpr std::size_t object_grants_max = 100;
/// Of messages and effects; with its context one must fit into a dead letter.
inline constexpr std::size_t sent_payload_bytes_max = 192u << 10;
inline constexpr std::size_t sent_context_bytes_max = 32u << 10;
/// Of states, replies, events and what is carried: `[1]` is nested once.
inline constexpr std::size_t nesting_max = 128;
inline constexpr std::size_t event_bytes_max = 64u << 10;
/// Of keys and values of an object that is cloned, which its turn holds whole.
inline constexpr std::size_t clone_bytes_max = 64u << 20;
inline constexpr std::size_t idempotency_key_bytes_max = 255;
/// Of one page of a list: its text, what of it its items may have (the rest is for what stands
/// around them, the cursor above all), and the rows that are looked at for it.
inline constexpr std::size_t page_bytes_max = 1u << 20;
inline constexpr std::size_t page_items_bytes_max = page_bytes_max - (8u << 10);
inline constexpr std::size_t page_rows_max = 20'000;
}  // namespace limits

}  // namespace perdure
