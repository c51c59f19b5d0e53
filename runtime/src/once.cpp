// SPDX-License-Identifier: Apache-2.0
#include "once.hpp"

#include "flow_state.hpp"
#include "meta_codec.hpp"
#include "perdure/base/crypto.hpp"

namespace perdure::runtime {

namespace {

std::string fingerprint(const Call& call) {
  if (!call.idempotency_fingerprint.empty()) return call.idempotency_fingerprint;
  return std::string{bytes_of(sha256({call.target.kind,
                                      {"\0", 1},
                                      call.target.id,
                                      {"\0", 1},
                                      call.name,
                                      {"\0", 1},
                                      dump_json(call.payload)}))};
}

Unexpected reused() {
  Error error{.code = ErrorCode::idempotency_key_reused,
              .detail = "the idempotency key was used before with another request"};
  error.fields.push_back({"Idempotency-Key", "reused", error.detail});
  return fail(std::move(error));
}

/// The format of what stands in the place of a reply until a flow has it.
constexpr std::uint64_t begun_format = 0;

/// The fingerprint of a call whose flow goes on; none: it is a reply.
std::optional<std::string> fingerprint_of_begun(std::string_view bytes) {
  Reader in{bytes};
  if (!in.bytes().empty() || in.varint() != begun_format) return {};
  return std::string{in.bytes()};
}

Unexpected goes_on() {
  Error error{
      .code = ErrorCode::outcome_unknown,
      .detail = "what the call began goes on; repeated, it gets the reply once it is there"};
  error.retry_after = std::chrono::seconds{1};
  return fail(std::move(error));
}

}  // namespace

std::string once_key(const Call& call) {
  std::string key;
  put_bytes(key, actor_name(call.principal));
  put_bytes(key, call.idempotency_key);
  return key;
}

void add_once_begun(storage::WriteSet& write_set, const Envelope& envelope) {
  const auto& call = envelope.call;
  std::string begun;
  put_bytes(begun, {});
  put_varint(begun, begun_format);
  put_bytes(begun, fingerprint(call));
  if (envelope.once_room.period != 0) {
    write_set.counts.push_back(once_count(call.principal, envelope.once_room, begun.size()));
  }
  write_set.claims.push_back({std::string{once_space}, once_key(call), std::move(begun)});
}

// A fingerprint is never empty: an empty one stands before a format, which the first form had not.
std::string encode_stored_reply(const StoredReply& stored) {
  const auto& reply = stored.reply;
  const auto& meta = reply.meta;
  std::string out;
  if (const auto format = meta_format(meta); format > 1) {
    put_bytes(out, {});
    put_varint(out, format);
  }
  put_bytes(out, stored.fingerprint);
  put_bytes(out, meta.object().kind);
  put_bytes(out, meta.object().id);
  put_varint(out, meta.seq);
  put_meta(out, meta);
  put_bytes(out, dump_json(reply.value));
  return out;
}

Result<StoredReply> decode_stored_reply(std::string_view bytes) {
  const auto corrupt = [] { return fail(ErrorCode::corrupt, "a stored reply cannot be read"); };
  Reader in{bytes};
  StoredReply stored;
  auto& meta = stored.reply.meta;
  std::uint64_t format = 1;
  stored.fingerprint = in.bytes();
  if (stored.fingerprint.empty()) {
    format = in.varint();
    stored.fingerprint = in.bytes();
    if (format < 2 || format > meta_format_max) return corrupt();
  }
  ObjectId object;
  object.kind = in.bytes();
  object.id = in.bytes();
  meta.seq = in.varint();
  const bool is_meta = read_meta(in, format, std::move(object), meta);
  auto value = parse_stored_json(in.bytes());
  if (!in.done() || !value || !is_meta) return corrupt();
  stored.reply.value = std::move(*value);
  stored.reply.replayed = true;
  return stored;
}

void add_once(storage::WriteSet& write_set, const Envelope& envelope, const Reply& reply,
              std::chrono::seconds window) {
  const auto& call = envelope.call;
  if (call.idempotency_key.empty()) return;
  auto stored = encode_stored_reply({fingerprint(call), reply});
  if (envelope.flow && envelope.flow->keeps_key) {
    const auto& kept = envelope.flow->kept;
    const auto ended_at = kept.empty() ? envelope.accepted_at : kept.back().at;
    write_set.releases.push_back({std::string{once_space}, once_key(call)});
    write_set.claims.push_back(
        {std::string{once_space}, once_key(call), std::move(stored), ended_at + window});
    return;
  }
  if (envelope.once_room.period != 0) {
    write_set.counts.push_back(once_count(call.principal, envelope.once_room, stored.size()));
  }
  write_set.claims.push_back(
      {std::string{once_space}, once_key(call), std::move(stored), envelope.accepted_at + window});
}

Once::Standing Once::stand(const std::string& key, Envelope& envelope) {
  const auto print = fingerprint(envelope.call);
  auto& shard = shard_of(key);
  const std::scoped_lock lock{shard.mutex};
  const auto [found, inserted] = shard.calls.try_emplace(key, Running{print, {}});
  if (inserted) return Standing::first;
  if (found->second.fingerprint != print) return Standing::other;
  found->second.waiting.push_back(std::move(envelope.done));
  return Standing::repeated;
}

Once::Begun Once::enter(Envelope& envelope) {
  auto key = once_key(envelope.call);
  switch (stand(key, envelope)) {
    case Standing::repeated: return Begun::waits;
    case Standing::other: envelope.answer(reused()); return Begun::answered;
    case Standing::first: break;
  }
  envelope.done = [this, key = std::move(key),
                   done = std::move(envelope.done)](Result<Reply> result) {
    finish(key, result);
    done(std::move(result));
  };
  return Begun::runs;
}

Once::Begun Once::begin(Envelope& envelope, const storage::StoreReader& rows, Timestamp now) {
  if (const auto begun = enter(envelope); begun != Begun::runs) return begun;
  // In the table first, then the store: whoever finished before this has its claim there.
  auto known = look(envelope, rows, now);
  if (!known) return Begun::runs;
  envelope.answer(std::move(*known));
  return Begun::answered;
}

std::optional<Result<Reply>> Once::look(Envelope& envelope, const storage::StoreReader& rows,
                                        Timestamp now) {
  auto stored = find(envelope.call, rows, now);
  if (stored && *stored) return std::move(**stored);
  // Also after an error: rows that are not there yet are all asked for at once.
  auto room = bound_.room(envelope.call.principal, rows, envelope.accepted_at);
  if (!stored) return fail(std::move(stored).error());
  if (!room) return fail(std::move(room).error());
  envelope.once_room = *room;
  return {};
}

Result<std::optional<Reply>> Once::find(const Call& call, const storage::StoreReader& rows,
                                        Timestamp now) {
  PERDURE_TRY(stored, rows.claim({std::string{once_space}, once_key(call)}, now));
  if (!stored) return std::optional<Reply>{};
  if (const auto begun = fingerprint_of_begun(*stored)) {
    return *begun == fingerprint(call) ? goes_on() : reused();
  }
  PERDURE_TRY(decoded, decode_stored_reply(*stored));
  if (decoded.fingerprint != fingerprint(call)) return reused();
  return std::optional{std::move(decoded.reply)};
}

std::size_t Once::in_flight() const {
  std::size_t count = 0;
  for (const auto& shard : shards_) {
    const std::scoped_lock lock{shard.mutex};
    count += shard.calls.size();
  }
  return count;
}

void Once::check_invariants() const {
  bound_.check_invariants();
  for (const auto& shard : shards_) {
    const std::scoped_lock lock{shard.mutex};
    for (const auto& [key, call] : shard.calls) {
      PERDURE_CHECK(&shards_[std::hash<std::string>{}(key) % shards_.size()] == &shard,
                    "an idempotency key is in the wrong shard");
      PERDURE_CHECK(!call.fingerprint.empty(), "a call with a key has no fingerprint");
    }
  }
}

void Once::finish(const std::string& key, const Result<Reply>& result) {
  std::vector<ReplyHandler> waiting;
  {
    auto& shard = shard_of(key);
    const std::scoped_lock lock{shard.mutex};
    const auto found = shard.calls.find(key);
    PERDURE_CHECK(found != shard.calls.end(), "an idempotent call finished twice");
    waiting = std::move(found->second.waiting);
    shard.calls.erase(found);
  }
  for (const auto& done : waiting) {
    auto copy = result;
    if (copy) copy->replayed = true;
    done(std::move(copy));
  }
}

}  // namespace perdure::runtime
