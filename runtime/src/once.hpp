// SPDX-License-Identifier: Apache-2.0
// Once: idempotency keys. A call with a key either runs, waits for the one that runs, or gets the
// stored reply of the one that ran.
//
// The stored reply is a claim in the same unit as the change, keyed by principal and key, so it is
// there exactly when the change is. The table holds only calls in flight.
#pragma once

#include <array>
#include <unordered_map>
#include <vector>

#include "envelope.hpp"
#include "once_bound.hpp"
#include "perdure/base/watched_mutex.hpp"
#include "perdure/storage/store.hpp"

namespace perdure::runtime {

inline constexpr std::string_view once_space = "once";

/// A reply as it is kept for retries, with what tells another request under the same key apart.
struct StoredReply {
  std::string fingerprint;
  Reply reply;
};
[[nodiscard]] std::string encode_stored_reply(const StoredReply& stored);
/// The reply is marked as replayed. Errors: corrupt.
[[nodiscard]] Result<StoredReply> decode_stored_reply(std::string_view bytes);

/// The key of the claim that keeps a call's reply.
[[nodiscard]] std::string once_key(const Call& call);

/// Takes the idempotency key of a call for a flow from which something leaves before its end: until
/// that has its reply, calls with the key are refused as outcome_unknown.
void add_once_begun(storage::WriteSet& write_set, const Envelope& envelope);

/// Adds to the unit of a call that has an idempotency key what goes there beside the change: the
/// reply, for as long as `window`, and that it counts.
void add_once(storage::WriteSet& write_set, const Envelope& envelope, const Reply& reply,
              std::chrono::seconds window);

/// Threads  any.
class Once {
 public:
  Once(std::uint64_t keys_max, std::chrono::seconds window) : bound_(keys_max, window) {}

  /// What becomes of a call with an idempotency key.
  enum class Begun {
    runs,     ///< its handler, which is wrapped now, tells those who wait
    waits,    ///< for the reply of the one that runs, which its handler gets
    answered  ///< with the stored reply, idempotency_key_reused, rate_limited, or the store's error
  };
  /// Enters a call into the table, and looks it up if it is the first with its key.
  [[nodiscard]] Begun begin(Envelope& envelope, const storage::StoreReader& rows, Timestamp now);

  // The same in two parts, where rows are not there at once.

  /// Answers a call whose key is in use. `runs`: it is to be looked up.
  [[nodiscard]] Begun enter(Envelope& envelope);
  /// What the caller gets of what is stored; none: the handler runs. Reads nothing else when it is
  /// called again.
  [[nodiscard]] std::optional<Result<Reply>> look(Envelope& envelope,
                                                  const storage::StoreReader& rows, Timestamp now);

  /// What is kept under a call's key, if anything is.
  /// Errors  idempotency_key_reused; outcome_unknown while a flow has it; those of the store.
  [[nodiscard]] static Result<std::optional<Reply>> find(const Call& call,
                                                         const storage::StoreReader& rows,
                                                         Timestamp now);

  /// Calls with a key that run now.
  [[nodiscard]] std::size_t in_flight() const;
  /// Each call that runs is in its key's shard, with a fingerprint. Aborts otherwise.
  void check_invariants() const;

 private:
  struct Running {
    std::string fingerprint;
    std::vector<ReplyHandler> waiting;
  };
  struct Shard {
    mutable WatchedMutex mutex;
    std::unordered_map<std::string, Running> calls;
  };
  Shard& shard_of(const std::string& key) {
    return shards_[std::hash<std::string>{}(key) % shards_.size()];
  }
  /// How a call stands to the one that runs under its key.
  enum class Standing { first, repeated, other };
  /// Takes the handler of one that is repeated.
  [[nodiscard]] Standing stand(const std::string& key, Envelope& envelope);
  void finish(const std::string& key, const Result<Reply>& result);

  OnceBound bound_;
  std::array<Shard, 16> shards_;
};

}  // namespace perdure::runtime
