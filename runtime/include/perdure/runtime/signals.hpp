// SPDX-License-Identifier: Apache-2.0
// Signals: words to those who listen to an object just now: who is there, who types, where a cursor
// stands. They are not stored, wake nobody, and reach each listener at most once.
//
//   auto listener = runtime.signals().listen(conversation, who, {.capacity = 64}, wake).value();
//   runtime.signals().send(conversation, "typing", R"({"user": "ann"})", who);
//   for (const auto& signal : listener->take().signals) show(*signal);
//
// What waits for a listener has a bound. Past it the oldest goes, or, where only the newest of each
// key counts, the older one of its key; how many went, `take` tells. So a slow listener costs its
// bound, and nobody waits for it.
//
// Threads  any, for Signals; one at a time for `take` of a listener.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "perdure/base/object_id.hpp"
#include "perdure/base/result.hpp"
#include "perdure/runtime/principal.hpp"

namespace perdure {

struct Signal {
  std::string name;
  std::string key;   ///< of what it tells the newest of: a user's cursor, say
  std::string data;  ///< as it was sent
};
using SignalPtr = std::shared_ptr<const Signal>;  // shared by all who hear it; immutable

struct ListenOptions {
  enum class Keep {
    newest,        ///< of all: past the bound the oldest goes
    latest_value,  ///< of each name and key: what waits is replaced by what comes
  } keep = Keep::newest;
  std::size_t capacity = 256;  ///< signals that wait; 1 to limits::signals_waiting_max
};

struct SignalBatch {
  std::vector<SignalPtr> signals;  ///< in the order in which they were sent
  std::uint64_t dropped = 0;       ///< since the last batch, past the bound; not those replaced
};

/// While it lives, it hears what is sent to its object.
class Listener {
 public:
  virtual ~Listener() = default;
  /// What waits. Empty: `wake` is called when there is something, once for each empty answer.
  /// Errors  not_found, forbidden: the object was deleted, or may not be read any more; for good.
  [[nodiscard]] virtual Result<SignalBatch> take() = 0;
};

class Signals {
 public:
  virtual ~Signals() = default;
  /// Needs the right to read the object. `wake` as in Streams::follow.
  /// Errors  not_found, forbidden; invalid (`/capacity`); overloaded
  ///         (limits::object_listeners_max, limits::listeners_max); those of the store.
  [[nodiscard]] virtual Result<std::unique_ptr<Listener>> listen(const ObjectId& object,
                                                                 Principal principal,
                                                                 ListenOptions options,
                                                                 std::function<void()> wake) = 0;
  /// Gives how many listeners it was put before. Needs the right to read the object: who is in a
  /// conversation may say so. Where nobody listens nothing is looked at.
  /// Errors  too_large (limits::signal_bytes_max); not_found, forbidden; those of the store.
  virtual Result<std::size_t> send(const ObjectId& object, Signal signal,
                                   const Principal& principal) = 0;
};

namespace limits {
inline constexpr std::size_t signal_bytes_max = 4u << 10;
inline constexpr std::size_t signals_waiting_max = 4'096;
inline constexpr std::size_t object_listeners_max = 10'000;
inline constexpr std::size_t listeners_max = 65'536;
}  // namespace limits

}  // namespace perdure
