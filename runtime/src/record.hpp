// SPDX-License-Identifier: Apache-2.0
// The record: one committed turn, as bytes in the journal (docs/formats/journal.md).
//
// Every record holds the whole root, so each one is a snapshot, and activation is one read. It also
// holds the hash of the record before it: the journal is a chain, and changing one record breaks
// all that follow.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "meta_codec.hpp"
#include "perdure/base/crypto.hpp"
#include "perdure/runtime/object_meta.hpp"
#include "perdure/storage/store.hpp"

namespace perdure::runtime {

struct RecordEntry {
  std::string key;
  std::optional<std::string> digest;  ///< 16 bytes of the value's SHA-256; none: erased
};

struct Record {
  Sha256 previous_hash{};  ///< zeros in the first record
  ObjectMeta meta;         ///< after the turn
  std::string command;
  std::string request_id;
  std::string traceparent;
  std::vector<RecordEntry> entries;
  std::vector<std::string> topics;  ///< of the turn's events, in order
  std::string root;                 ///< the state, JSON text; empty: the object was purged
};

/// The newest; what has nothing of its own in it is written as format 1.
inline constexpr std::uint64_t record_format = meta_format_max;

[[nodiscard]] std::string encode_record(const Record& record);

/// Errors: newer_version (format), corrupt.
[[nodiscard]] Result<Record> decode_record(const ObjectId& object, const storage::RecordRow& row);

/// SHA-256 over the object's name, the seq and the encoded record (which holds the hash before).
[[nodiscard]] Sha256 hash_record(const ObjectId& object, Seq seq, std::string_view encoded);

/// The id of a turn's nth event.
[[nodiscard]] std::string event_id(const ObjectId& object, Seq seq, std::size_t index);
/// The seq in such an id; 0: it is none.
[[nodiscard]] Seq seq_of_event(std::string_view id);

/// First half of SHA-256: enough to tell versions apart, short enough for every record.
[[nodiscard]] std::string digest_value(std::string_view value);

}  // namespace perdure::runtime
