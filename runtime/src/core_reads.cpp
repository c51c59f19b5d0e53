// SPDX-License-Identifier: Apache-2.0
// What is answered without a turn: queries, from an object's durable version, and questions about
// the runtime.
#include "core.hpp"
#include "dead_letter.hpp"
#include "lent_thread.hpp"
#include "load_job.hpp"
#include "row_check.hpp"
#include "unique_keys.hpp"

namespace perdure {

using runtime::Envelope;

namespace {

Unexpected writes_have_stopped(storage::Health health) {
  const auto& traits = storage::describe(health);
  Error error{.code = ErrorCode::unavailable,
              .detail = std::string{traits.detail},
              .fields = {{"storage", std::string{traits.name}, std::string{traits.detail}}}};
  error.retry_after = std::chrono::seconds{5};
  return fail(std::move(error));
}

}  // namespace

Result<void> Runtime::Core::check_writable() const {
  PERDURE_TRY_VOID(foundation_.store->look());
  const auto health = foundation_.store->health();
  if (health == storage::Health::writable) return {};
  return writes_have_stopped(health);
}

Result<void> Runtime::Core::takes_writes() const {
  if (stopping_.load()) return fail(ErrorCode::unavailable, "the runtime is stopping");
  const auto health = foundation_.store->health();
  if (health == storage::Health::writable) return {};
  return writes_have_stopped(health);
}

void Runtime::Core::tell_of_letter(const runtime::Cell& cell, const runtime::Version& version) {
  const auto letter = cell.kind.state.encode(version.state.get());
  hooks_.dead_letter_made(cell.object, runtime::cause_of_letter(letter));
  letter_bound_.made(version.meta.origin->owner.text());
}

Result<Reply> Runtime::Core::answer_from(const runtime::Version& version,
                                         const Envelope& envelope) {
  PERDURE_TRY_VOID(admit(envelope, version, envelope.accepted_steady));
  PERDURE_TRY_VOID(check_readable(envelope, version));
  const runtime::QueryTimer timer{paces_, envelope, version};
  return run_query(envelope, version, *foundation_.store, nullptr);
}

bool Runtime::Core::may_answer_here(const Envelope& envelope,
                                    const runtime::Version& version) const {
  return !runtime::lends_only_for_quick() || (version.root_bytes <= runtime::quick_root_bytes_max &&
                                              paces_.is_quick_to_ask(*envelope.kind));
}

bool Runtime::Core::answer_at_once(Envelope& envelope) {
  const auto version = directory_.quiet_version(envelope.call.target, foundation_.store->epoch());
  if (!version || !may_answer_here(envelope, *version)) return false;
  envelope.done(answer_from(*version, envelope));
  return true;
}

bool Runtime::Core::answer_without_actor(const runtime::EnvelopePtr& envelope) {
  return runtime::looks_at_root(*envelope) &&
         (answer_at_once(*envelope) || load_and_answer(envelope));
}

bool Runtime::Core::load_and_answer(const runtime::EnvelopePtr& envelope) {
  if (!directory_.begin_loading(*envelope)) return false;
  runtime::LoadJob::schedule(system().scheduler(), envelope, envelope->cell->owner_key(),
                             [this](Envelope& loading) { load(loading); });
  return true;
}

void Runtime::Core::load(Envelope& envelope) {
  const auto cell = envelope.cell;
  const auto& store = *foundation_.store;
  const auto version = runtime::load_version(cell->kind, cell->object, store);
  Result<Reply> reply = runtime::opened_again();
  if (store.epoch() == cell->epoch) {
    if (version) directory_.loaded(*cell, *version);
    reply = version ? answer_from(**version, envelope) : fail(version.error());
  }
  // Counted down last: while a call is counted, the runtime around the loader stays.
  envelope.done(std::move(reply));
  directory_.finished(envelope);
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
  for (const auto& kind : kinds_) {
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
  return runtime::check_rows(*foundation_.store, kinds_, rules_.lists, row_names_, claims_at());
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
