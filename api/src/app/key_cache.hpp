// SPDX-License-Identifier: Apache-2.0
// KeyCache: from the hash of a secret to the api_key object that it belongs to.
//
// That mapping never changes while a secret is valid, so it may be remembered. What the key grants
// is remembered with the seqs of the objects that it follows from, and believed only while these
// are their newest. Secrets themselves are not kept.
#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "app/rate_limit.hpp"
#include "perdure/actors/api_key.hpp"
#include "perdure/base/crypto.hpp"
#include "perdure/base/object_id.hpp"
#include "perdure/runtime/principal.hpp"

namespace perdure::api {

/// What a key granted when its object and its user's were at these seqs.
struct Standing {
  Seq key_seq = 0;
  Seq user_seq = 0;
  ObjectId user;
  Principal principal;
  actors::api_key::Grant grant;
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
  }
  /// Rewritten only when the key's own limit changes.
  std::shared_ptr<RateBucket> bucket() const { return std::atomic_load(&bucket_); }
  void set_bucket(std::shared_ptr<RateBucket> bucket) {
    std::atomic_store(&bucket_, std::move(bucket));
  }
  std::atomic<std::int64_t> touched_ms{0};  ///< when last use was last written down; monotonic

 private:
  std::shared_ptr<const Standing> standing_;  // shared: immutable, and a request may still use it
  std::shared_ptr<RateBucket> bucket_;        // shared: a request may still use the one before
};

/// Threads  any.
/// Limits   `size_max` keys; past it an arbitrary one is forgotten, and looked up again when used.
class KeyCache {
 public:
  explicit KeyCache(std::size_t size_max) : size_max_(size_max) {}

  [[nodiscard]] std::shared_ptr<KeyRecord> find(const Sha256& hash) const;
  /// Returns the record that is kept: the first one, when two threads add the same key.
  std::shared_ptr<KeyRecord> add(const Sha256& hash, std::shared_ptr<KeyRecord> record);
  void forget(const Sha256& hash);

 private:
  struct Hasher {
    std::size_t operator()(const Sha256& hash) const noexcept;
  };

  std::size_t size_max_;
  mutable std::mutex mutex_;  // guards records_
  std::unordered_map<Sha256, std::shared_ptr<KeyRecord>, Hasher> records_;
};

}  // namespace perdure::api
