// SPDX-License-Identifier: Apache-2.0
// Entries: the keyed rows of an object's own storage, loaded on demand.
//
// The root state of an object is always in memory and small; what grows (pages, messages) goes
// into entries. A turn sees its own writes, those of earlier turns that are not durable yet, and
// the durable ones below them, as one ordered map.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "perdure/base/object_id.hpp"
#include "perdure/schemas/json.hpp"

namespace perdure {

struct Entry {
  std::string key;
  std::string value;
  Seq seq = 0;  ///< of the turn that wrote it

  /// The value as JSON. Throws Failure (corrupt) when it is not.
  [[nodiscard]] Json json() const;
};

enum class Order { ascending, descending };

/// Keys `from <= key < until`; an empty `until` means "to the end".
struct EntryRange {
  std::string from = {};
  std::string until = {};
  Order order = Order::ascending;
  std::size_t limit = 100;
  /// What is found ends with the entry that brings it to so many bytes of keys and values, so that
  /// a reader of large ones holds few of them.
  std::size_t bytes_max = std::numeric_limits<std::size_t>::max();

  /// All keys that start with `prefix`.
  static EntryRange prefix(std::string prefix, Order order = Order::ascending,
                           std::size_t limit = 100);

  /// Whether there may be more than `found`, which a read of this range gave.
  [[nodiscard]] bool may_go_on(const std::vector<Entry>& found) const;
  /// The range after `found`, which is not empty.
  [[nodiscard]] EntryRange after(const std::vector<Entry>& found) const;
};

/// Reading. A range in ascending order within a command costs what it finds: the turns of an object
/// remember where erased entries lie, so an object may keep a queue and take from its front.
///
/// A failing store ends the handler with an exception that the runtime turns into the
/// call's error, so handlers need no error paths of their own.
///
/// Threads  only within the handler call that it was given to.
class EntryReader {
 public:
  virtual ~EntryReader() = default;
  [[nodiscard]] virtual std::optional<Entry> get(std::string_view key) const = 0;
  /// In key order, at most `range.limit`, and no more once there are `range.bytes_max`.
  [[nodiscard]] virtual std::vector<Entry> range(const EntryRange& range) const = 0;
};

/// Reading and writing, in a command.
///
/// Limits  keys: 1 to 3,072 bytes without NUL; a value: 1 MiB; a turn: 10,000 changes and
///         16 MiB. Past a limit the turn fails with `too_large`, and leaves no trace.
class Entries : public EntryReader {
 public:
  virtual void put(std::string key, std::string value) = 0;
  void put_json(std::string key, const Json& value) { put(std::move(key), dump_json(value)); }
  virtual void erase(std::string key) = 0;
};

/// Is shown an entry that a turn has changed; none: there was or is none. Called with what differs.
using ChangedEntryReader =
    std::function<void(std::string_view key, const std::optional<std::string>& before,
                       const std::optional<std::string>& after)>;

/// A number as 16 hex digits, so that keys made of it sort by value.
[[nodiscard]] std::string ordered_key(std::uint64_t number);

}  // namespace perdure
