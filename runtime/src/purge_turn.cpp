// SPDX-License-Identifier: Apache-2.0
// $purge: the end of a deleted object's past.
#include <fmt/format.h>

#include "change_events.hpp"
#include "index_keys.hpp"
#include "life_end.hpp"
#include "once.hpp"
#include "quota.hpp"
#include "stream_turns.hpp"
#include "turn_rows.hpp"

namespace perdure::runtime {

namespace {

Result<void> check_payload(const Envelope& envelope, const ObjectMeta& meta) {
  const auto& payload = envelope.call.payload;
  if (!payload.is_object() || !payload.contains("deleted_before")) return {};
  const auto& given = payload["deleted_before"];
  const auto limit = given.is_string() ? parse_rfc3339(given.get_ref<const std::string&>())
                                       : Result<Timestamp>{fail(ErrorCode::malformed, "")};
  if (!limit) {
    Error error{.code = ErrorCode::invalid, .detail = "deleted_before is a date-time"};
    error.fields.push_back({"/deleted_before", "format", error.detail});
    return fail(std::move(error));
  }
  if (*meta.deleted_at < *limit) return {};
  return fail(ErrorCode::conflict,
              fmt::format("{} was not deleted before then", to_string(meta.object())));
}

}  // namespace

Result<Decision> run_purge(const Envelope& envelope, const Version& newest,
                           const TurnSurroundings& around) {
  if (newest.meta.exists()) {
    return fail(ErrorCode::conflict, to_string(envelope.call.target) + " is not deleted");
  }
  PERDURE_TRY_VOID(check_payload(envelope, newest.meta));
  const auto now = std::max(envelope.accepted_at, newest.meta.updated_at);
  auto origin = std::make_shared<Origin>();
  origin->object = envelope.call.target;
  origin->born_seq = newest.meta.seq + 1;     // hides what was before
  origin->owner = newest.meta.origin->owner;  // the id still belongs to nobody else
  origin->created_at = now;
  origin->created_by = actor_name(envelope.call.principal);

  auto version = std::make_shared<Version>();
  version->meta = {.origin = std::move(origin),
                   .seq = newest.meta.seq + 1,
                   .schema_version = around.kind.schema_version,
                   .updated_at = now,
                   .updated_by = actor_name(envelope.call.principal),
                   .deleted_at = now};
  version->state = around.kind.state.make();
  Record record{.previous_hash = newest.hash,
                .meta = version->meta,
                .command = envelope.call.name,
                .request_id = envelope.call.request_id,
                .traceparent = envelope.call.traceparent,
                .entries = {},
                .topics = {},
                .root = {}};
  Decision decision;
  auto& write_set = decision.write_set;
  if (const auto event = purge_event(around.kind, version->meta)) {
    record.topics.push_back(event->topic);
    write_set.events.push_back(cloud_event(version->meta, envelope.call.traceparent, 0, *event));
  }
  write_set.object = envelope.call.target;
  write_set.expected_seq = newest.meta.seq;
  write_set.record = encode_record(record);
  write_set.past = storage::Past::erased;
  PERDURE_TRY(alarms,
              removed_alarms(around.store, write_set.object, around.alarms, decision.alarms));
  write_set.alarms = std::move(alarms);
  write_set.releases = released_claims(envelope, newest, around);
  write_set.counts = object_counts(owner_of(newest), {}, write_set.object.kind,
                                   envelope.call.principal, around.rules.quotas);
  PERDURE_TRY(entry_bytes, around.tally.entry_bytes(around.store, write_set.object));
  add_byte_counts(write_set,
                  {.owner = owner_of(newest), .root = newest.root_bytes, .entries = entry_bytes},
                  {}, envelope.call.principal, around.rules.quotas);
  PERDURE_TRY_VOID(
      drop_streams(write_set.object, newest.meta.origin->owner.text(), around, decision));
  const Json root = root_of(around.kind, newest);
  PERDURE_TRY_VOID(change_rows_of_turn(envelope, around, {newest, root}, nullptr, write_set));
  decision.reply = {.value = nullptr, .meta = version->meta};
  add_receipt(write_set, envelope, newest.meta, decision.reply.value);
  add_once(write_set, envelope, decision.reply, around.rules.idempotency_window);
  version->build = around.rules.rows->of(around.kind.name).build;
  version->hash = hash_record(write_set.object, version->meta.seq, *write_set.record);
  decision.version = std::move(version);
  return decision;
}

}  // namespace perdure::runtime
