// SPDX-License-Identifier: Apache-2.0
// KeyCache: from a secret to the api_key object that it belongs to.
//
// That mapping never changes while a secret is valid, so it may be remembered. What the key grants
// is remembered with the seqs of the objects that it follows from, and believed only while these
// are their newest.
//
// Secrets themselves are not kept, and no digest is computed for one that is known: the table is
// keyed by 128-bit tags (SipHash) under a key that this process draws and nobody sees. To be taken
// for somebody else's, a secret would have to hit one of its tags by luck.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "app/rate_limit.hpp"
#include "perdure/actors/api_key.hpp"
#include "perdure/base/fair_queue.hpp"
#include "perdure/base/object_id.hpp"
#include "perdure/base/random.hpp"
#include "perdure/base/siphash.hpp"
#include "perdure/runtime/principal.hpp"
#include "perdure/runtime/seq_watch.hpp"

namespace perdure::api {

/// What a key granted when its object and its user's were at these seqs.
struct Standing {
  Seq key_seq = 0;
  Seq user_seq = 0;
  ObjectId user;
  SeqWatch key_watch;
  SeqWatch user_watch;
  Principal principal;
  OwnerKey owner = 0;  ///< of the user: whose turns and memory a request takes
  actors::api_key::Grant grant;

  /// Both objects are as they were: neither has been revoked, rotated, deactivated or deleted. Also
  /// false when one of them has been hibernated since.
  [[nodiscard]] bool holds() const {
    return key_watch.seq() == key_seq && user_watch.seq() == user_seq;
  }
};

/// What is remembered of one key.
struct KeyRecord {
  ObjectId object;
  std::string hash_hex;
  [[nodiscard]] std::shared_ptr<const Standing> standing() const {
    return std::atomic_load(&standing_);
  }
  void set_standing(std::shared_ptr<const Standing> standing) {
    std::atomic_store(&standing_, std::move(standing));
    ended = false;  // a user may have been activated again
  }
  /// Rewritten only when the key's own limit changes.
  std::shared_ptr<RateBucket> bucket() const { return std::atomic_load(&bucket_); }
  void set_bucket(std::shared_ptr<RateBucket> bucket) {
    std::atomic_store(&bucket_, std::move(bucket));
  }
  /// Of those who look again and again (LiveGrant): one asks for all, and the end is told to all.
  std::atomic<bool> asking{false};
  std::atomic<bool> ended{false};
  std::atomic<std::int64_t> touched_ms{0};  ///< when last use was last written down; monotonic

 private:
  std::shared_ptr<const Standing> standing_;  // shared: immutable, and a request may still use it
  std::shared_ptr<RateBucket> bucket_;        // shared: a request may still use the one before
};

/// Threads  any.
/// Limits   `size_max` keys; past it an arbitrary one is forgotten, and looked up again when used.
class KeyCache {
 public:
  KeyCache(std::size_t size_max, Random& random)
      : size_max_(size_max), tag_key_{random.next(), random.next()} {}

  [[nodiscard]] std::shared_ptr<KeyRecord> find(std::string_view secret) const;
  /// Returns the record that is kept: the first one, when two threads add the same key.
  std::shared_ptr<KeyRecord> add(std::string_view secret, std::shared_ptr<KeyRecord> record);
  void forget(std::string_view secret);

 private:
  struct Hasher {
    // Any part of a tag is as good as a hash.
    std::size_t operator()(const SipTag& tag) const noexcept { return tag[0]; }
  };

  const std::size_t size_max_;
  const SipKey tag_key_;
  mutable std::mutex mutex_;  // guards records_
  std::unordered_map<SipTag, std::shared_ptr<KeyRecord>, Hasher> records_;
};

}  // namespace perdure::api
