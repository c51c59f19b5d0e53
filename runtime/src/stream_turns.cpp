// SPDX-License-Identifier: Apache-2.0
#include "stream_turns.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "perdure/runtime/access.hpp"
#include "quota.hpp"
#include "stream_memory.hpp"

namespace perdure::runtime {

namespace {

using Op = storage::IndexChange::Op;

StreamDecision& streams_of(Decision& decision) {
  if (!decision.streams) decision.streams = std::make_unique<StreamDecision>();
  return *decision.streams;
}

/// Adds to the bytes of the owner and of the object's streams.
Result<void> count(const ObjectId& object, const std::string& owner, std::int64_t bytes,
                   std::optional<std::uint64_t> most, const TurnSurroundings& around,
                   Decision& decision) {
  if (bytes == 0) return {};
  PERDURE_TRY_VOID(around.streams->counted(around.store, object));
  decision.write_set.counts.push_back({byte_count(owner), bytes, bytes > 0 ? most : std::nullopt});
  decision.write_set.counts.push_back({stream_count(object), bytes});
  streams_of(decision).counted += bytes;
  return {};
}

/// Erases the rows with a prefix, wherever they are: in the store, on their way, in this turn.
/// Those that say when a stream ended go along. Errors: those of the store.
Result<void> erase_rows(const ObjectId& object, const std::string& prefix,
                        const StreamMemory& memory, const storage::StoreReader& store,
                        storage::WriteSet& write_set) {
  std::vector<std::string> keys = memory.keys_on_their_way(prefix);
  for (const auto& change : write_set.indexes) {
    if (change.index != index_names::stream || change.op != Op::put) continue;
    if (change.key.starts_with(prefix)) keys.push_back(change.key);
  }
  PERDURE_TRY_VOID(
      walk_stream(store, object, {.from = prefix, .until = storage::prefix_end(prefix)},
                  [&](std::string_view key, const StreamRow& row) -> Result<storage::Walk> {
                    keys.emplace_back(key);
                    PERDURE_TRY(ended, ended_in(row));
                    if (ended) {
                      write_set.indexes.push_back(ended_row(Op::erase, row.name, *ended));
                    }
                    return storage::Walk::go_on;
                  }));
  for (const auto& [name, tail] : memory.tails()) {
    if (!tail.ended_at || !stream_prefix(object, name).starts_with(prefix)) continue;
    write_set.indexes.push_back(ended_row(Op::erase, name, *tail.ended_at));
  }
  for (auto& key : keys) {
    write_set.indexes.push_back(
        {.op = Op::erase, .index = std::string{index_names::stream}, .key = std::move(key)});
  }
  return {};
}

class StreamChanger {
 public:
  StreamChanger(const StreamGround& ground, Decision& decision)
      : ground_(ground), decision_(decision), mark_(mark_of(ground.envelope)) {}

  Result<void> run(const StreamChange& change) {
    PERDURE_TRY_VOID(check_stream_name(change.name));
    PERDURE_TRY(tail, tail_of(change.name));
    if (change.drops) return drop(change, tail);
    if (tail.status == StreamTail::Status::none) PERDURE_TRY_VOID(check_room(change.name));
    const auto before = tail.closed_bytes;
    PERDURE_TRY(step, write_stream(object(), std::move(tail), change,
                                   {.now = ground_.envelope.accepted_at, .mark = mark_}));
    const auto& quotas = ground_.around.rules.quotas;
    PERDURE_TRY_VOID(count(
        object(), owner(), static_cast<std::int64_t>(step.tail.closed_bytes - before),
        is_privileged(ground_.envelope.call.principal) ? std::nullopt : std::optional{quotas.bytes},
        ground_.around, decision_));
    auto& rows = decision_.write_set.indexes;
    std::ranges::move(step.rows, std::back_inserter(rows));
    auto& streams = streams_of(decision_);
    streams.news.push_back({.stream = change.name, .items = std::move(step.items)});
    streams.tails.insert_or_assign(change.name, std::move(step.tail));
    return {};
  }

 private:
  /// By chance, and never 0; the same in each run of the turn.
  static std::uint32_t mark_of(const Envelope& envelope) {
    return static_cast<std::uint32_t>(envelope.random_seed >> 32U) | 1U;
  }
  const ObjectId& object() const { return ground_.meta.object(); }
  const std::string& owner() const { return ground_.meta.origin->owner.text(); }

  Result<StreamTail> tail_of(const std::string& name) const {
    if (decision_.streams) {
      const auto& tails = decision_.streams->tails;
      if (const auto found = tails.find(name); found != tails.end()) return found->second;
      if (decision_.streams->drops_all) return StreamTail{};
    }
    return ground_.around.streams->tail(ground_.around.store, object(), name);
  }

  /// Whether the object may have another stream. Some that are on their way may not be counted.
  Result<void> check_room(const std::string& name) const {
    PERDURE_TRY(names, stream_names(ground_.around.store, object()));
    if (names.size() < limits::object_streams_max) return {};
    Error error{.code = ErrorCode::conflict,
                .detail = fmt::format("{} has {} streams, as many as it may; {} is one more",
                                      to_string(object()), names.size(), name)};
    error.fields.push_back({"/stream", "streams", error.detail});
    return fail(std::move(error));
  }

  Result<void> drop(const StreamChange& change, const StreamTail& tail) {
    auto& rows = decision_.write_set.indexes;
    if (change.ended_at) rows.push_back(ended_row(Op::erase, change.name, *change.ended_at));
    const bool is_meant = !change.ended_at || change.ended_at == tail.ended_at;
    if (tail.status == StreamTail::Status::none || !is_meant) return {};
    if (tail.ended_at) rows.push_back(ended_row(Op::erase, change.name, *tail.ended_at));
    PERDURE_TRY_VOID(erase_rows(object(), stream_prefix(object(), change.name),
                                *ground_.around.streams, ground_.around.store,
                                decision_.write_set));
    PERDURE_TRY_VOID(count(object(), owner(), -static_cast<std::int64_t>(tail.closed_bytes), {},
                           ground_.around, decision_));
    auto& streams = streams_of(decision_);
    streams.tails.insert_or_assign(change.name, StreamTail{});
    streams.news.push_back({.stream = change.name, .is_dropped = true});
    return {};
  }

  const StreamGround& ground_;
  Decision& decision_;
  const std::uint32_t mark_;
};

}  // namespace

Result<void> change_streams(const StreamGround& ground, const std::vector<StreamChange>& changes,
                            Decision& decision) {
  if (changes.empty()) return {};
  if (ground.around.streams == nullptr) {
    return fail(ErrorCode::invalid, "a step of a transaction writes no streams");
  }
  StreamChanger changer{ground, decision};
  for (const auto& change : changes) PERDURE_TRY_VOID(changer.run(change));
  return {};
}

Result<void> drop_streams(const ObjectId& object, const std::string& owner,
                          const TurnSurroundings& around, Decision& decision) {
  StreamMemory none;  // a transaction holds its objects: nothing is on its way
  auto& memory = around.streams != nullptr ? *around.streams : none;
  PERDURE_TRY(bytes, memory.counted(around.store, object));
  auto& write_set = decision.write_set;
  const auto rows = write_set.indexes.size();
  PERDURE_TRY_VOID(erase_rows(object, stream_prefix(object), memory, around.store, write_set));
  if (rows == write_set.indexes.size() && bytes == 0) return {};
  auto& streams = streams_of(decision);
  streams.drops_all = true;
  if (bytes == 0) return {};
  const auto less = -static_cast<std::int64_t>(bytes);
  write_set.counts.push_back({byte_count(owner), less});
  write_set.counts.push_back({stream_count(object), less});
  streams.counted += less;
  return {};
}

Result<Decision> run_stream(const Envelope& envelope, const Version& newest,
                            const TurnSurroundings& around) {
  // One that ended is dropped in time whatever became of its object.
  const auto& change = *envelope.stream;
  const auto life = envelope.call.life;
  const bool is_meant = life == 0 || life == newest.meta.origin->born_seq;
  if (!change.ended_at && (!newest.meta.exists() || !is_meant)) return not_found(envelope);
  auto decision = decide_nothing(envelope, newest, around, Json(nullptr));
  PERDURE_TRY_VOID(change_streams({.envelope = envelope, .meta = newest.meta, .around = around},
                                  {change}, decision));
  return decision;
}

}  // namespace perdure::runtime
