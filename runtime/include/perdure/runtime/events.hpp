// SPDX-License-Identifier: Apache-2.0
// The event log as its readers see it: what turns published (Turn::publish), as CloudEvents 1.0, in
// the order of their commits, without a gap, from a cursor on.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "perdure/base/object_id.hpp"
#include "perdure/base/result.hpp"
#include "perdure/runtime/principal.hpp"

namespace perdure {

/// One event. Immutable and shared by all its readers.
struct Event {
  std::uint64_t position;
  std::string cursor;  ///< of the place right after it
  std::string id;
  std::string topic;
  ObjectId source;
  std::string owner;  ///< of the object; empty: the host's
  std::string body;   ///< the CloudEvent, JSON text
};
using EventPtr = std::shared_ptr<const Event>;

/// Whether a topic matches a pattern: dotted, `*` stands for one part, `**` for any rest (at least
/// one part), `*` alone for every topic.
[[nodiscard]] bool topic_matches(std::string_view pattern, std::string_view topic);
/// Errors: invalid when a pattern's part is neither a name nor a wildcard, or `**` is not the last.
[[nodiscard]] Result<void> validate_topic_pattern(std::string_view pattern);

struct EventQuery {
  /// From where: a cursor, "0" for the oldest event that is kept, or empty for what comes from now.
  std::string after = "0";
  std::vector<std::string> topics = {};  ///< patterns; none: every topic
  Principal principal = {};              ///< sees events of objects that it reaches
  std::size_t limit = 100;
};

struct EventPage {
  std::vector<EventPtr> events;
  /// Where to go on; events that did not match are behind it.
  std::string next;
  /// Events between `after` and the first that is kept are gone: the reader missed some.
  bool lost = false;
  bool at_end = false;  ///< nothing more is there for now
};

/// While it lives, its callback is called after each commit that published something.
class EventWatch {
 public:
  virtual ~EventWatch() = default;
};

}  // namespace perdure
