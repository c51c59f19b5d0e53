// SPDX-License-Identifier: Apache-2.0
// Questions about the runtime, which no object answers; and what follows from a commit.
#include "core.hpp"
#include "dead_letter.hpp"
#include "refusals.hpp"
#include "row_check.hpp"
#include "unique_keys.hpp"

namespace perdure {

Result<void> Runtime::Core::check_writable() const {
  PERDURE_TRY_VOID(foundation_.store->look());
  return runtime::check_health(*foundation_.store);
}

void Runtime::Core::committed(runtime::Cell& cell, const runtime::Version& version) {
  housekeeper_.committed(cell, version);
  streams_.changed(version.meta, cell.kind.reach);
  signals_.changed(version.meta, cell.kind.reach);
  if (kinds_.is_subscription(cell.kind)) agenda_.subscriptions().changed(cell.object, version);
  if (!kinds_.is_dead_letter(cell.kind) || version.meta.seq != 1) return;
  const auto letter = cell.kind.state.encode(version.state.get());
  hooks_.dead_letter_made(cell.object, runtime::cause_of_letter(letter));
  letter_bound_.made(version.meta.origin->owner.text());
}

void Runtime::Core::store_unstored() {
  const auto age = stopped_.load() ? Milliseconds{0} : Milliseconds{limits::unstored_max};
  for (const auto& cell : unstored_.take_since(age)) {
    directory_.flush(*cell, runtime::FlushWhy::due);
  }
}

Result<std::unique_ptr<Subscriber>> Runtime::Core::subscribe(SubscriberOptions options,
                                                             EventHandler handler) {
  runtime::EventConsumer::Surroundings around{.feed = agenda_.events(),
                                              .clock = *foundation_.clock,
                                              .random = *foundation_.random,
                                              .call = sender()};
  if (foundation_.threads == runtime::Threads::none) {
    return stepped_subscribers_.subscribe(std::move(around), std::move(options),
                                          std::move(handler));
  }
  return runtime::subscribe(std::move(around), subscribers_, std::move(options),
                            std::move(handler));
}

// All of the host's own objects would share one rate else.
Result<std::optional<std::string>> Runtime::Core::alarm_owner(const ObjectId& object) const {
  auto version = directory_.peek(object, foundation_.store->epoch());
  auto origin = version ? version->meta.origin : nullptr;
  if (!origin) {
    const auto row = foundation_.store->last_record(object);
    if (!row && row.error().code != ErrorCode::corrupt) return fail(row.error());
    if (!row || !*row) return std::optional<std::string>{};
    const auto record = runtime::decode_record(object, **row);
    if (!record) return std::optional<std::string>{};  // it is damaged: it counts for itself
    origin = record->meta.origin;
  }
  return origin->owner.text().empty() ? std::nullopt : std::optional{origin->owner.text()};
}

Result<std::optional<ObjectId>> Runtime::Core::holder(const std::string& space,
                                                      const std::string& key) const {
  const auto now = times_.wall();
  const auto field = row_names_.find_unique(space);
  if (field.kind != nullptr) {
    return runtime::find_holder(*foundation_.store, field, key, now);
  }
  PERDURE_TRY(value, foundation_.store->claim({space, key}, now));
  if (!value) return std::optional<ObjectId>{};
  const auto colon = value->find(':');
  return std::optional{ObjectId{value->substr(0, colon), value->substr(colon + 1)}};
}

Result<std::vector<Duplicate>> Runtime::Core::duplicates(std::size_t limit) const {
  std::vector<Duplicate> found;
  const storage::Store& store = *foundation_.store;
  for (const auto& kind : kinds_.all()) {
    if (kind.definition().uniques.empty() || found.size() >= limit) continue;
    PERDURE_TRY(rows, store.index(kind.name(), runtime::index_names::duplicate,
                                  {.limit = limit - found.size()}));
    for (const auto& row : rows) {
      auto duplicate = runtime::read_duplicate(store, kind.definition(), row);
      if (duplicate) found.push_back(std::move(*duplicate));
    }
  }
  return found;
}

Result<RowReport> Runtime::Core::check_rows() const {
  return runtime::check_rows(*foundation_.store, kinds_.all(), rules_.lists, row_names_,
                             intake_.claims_at());
}

RuntimeStats Runtime::Core::stats() const {
  const auto stored = foundation_.store->stats();
  RuntimeStats stats{.active_objects = directory_.active_count(),
                     .active_bytes = directory_.bytes(),
                     .in_flight_calls = directory_.in_flight(),
                     .activations = directory_.activations(),
                     .hibernations = directory_.activations() - directory_.active_count(),
                     .commits = stored.commits,
                     .turns = committer_.turns(),
                     .syncs = stored.syncs,
                     .bytes_on_disk = stored.bytes_on_disk,
                     .store_memory_bytes = stored.memory_bytes,
                     .writable = foundation_.store->health() == storage::Health::writable};
  for (const auto& build : builder_.builds()) {
    ++stats.builds;
    stats.build_objects += build.objects;
    stats.build_done += build.done;
    stats.build_unreadable += build.unreadable;
  }
  stats.build_duplicates = builder_.duplicates_found();
  return stats;
}

}  // namespace perdure
